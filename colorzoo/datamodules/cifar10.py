"""CIFAR-10 (Krizhevsky, 2009): 60,000 images of 32x32 pixels in ten classes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from colorzoo.data.datasets import InMemoryDataset
from colorzoo.datamodules._official_split import OfficialSplitDataModule
from colorzoo.errors import DataError
from colorzoo.io.pil_file import read_image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_EDGE = 32


class CIFAR10DataModule(OfficialSplitDataModule):
    """CIFAR-10, from torchvision's files or from folders ``{train,test}/<class>/*.{png,jpg}``.

    Validation images are drawn from the losslessly stored ones of ``train``, so that models are chosen on images of
    the same kind as the test images.

    Args:
        root: The folder; None for ``cifar10`` in ``$COLORZOO_DATA``, by default ``~/.cache/colorzoo/data``.
        download: Fetch torchvision's files where there are none (170 MB).
        classes: Only these classes, for instance ``["ship"]``; None for all ten. Labels stay those of all ten.
        train_images: Train on this many images, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a class is unknown or a number out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
    """

    folders = ("cifar10",)
    torchvision_name = "CIFAR10"
    validates = ".png"

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        classes: list[str] | None = None,
        train_images: int | None = None,
        val_images: int = 1000,
        **base: Any,
    ) -> None:
        super().__init__(root, train_images, val_images, **base)
        unknown = sorted(set(classes or ()) - set(CLASSES))
        if unknown:
            raise ValueError(f"CIFAR-10 has no class {unknown[0]!r}; it has {', '.join(CLASSES)}")
        self.download = download
        self.classes = tuple(classes) if classes else CLASSES

    def prepare_data(self) -> None:
        if self.download and not self._has_folders():
            self.open_torchvision("train", download=True)

    def describe(self, split: str) -> str:
        names = self.split_names()[split]
        lossy = sum(not name.endswith(".png") for name in names)
        of = "" if self.classes == CLASSES else f" ({', '.join(self.classes)})"
        return (
            f"{len(names):,} {split} images of CIFAR-10{of}, {'lossless' if not lossy else f'{lossy:,} of them JPEG'}"
        )

    def load_split(self, split: str) -> InMemoryDataset:
        names = self.split_names()[split]
        label = torch.tensor([CLASSES.index(name.split("/")[1]) for name in names])
        rgb = self._decode_folders(names) if self._has_folders() else self._take_torchvision(names)
        return InMemoryDataset(names, rgb, label)

    def _has_folders(self) -> bool:
        return (self.root / "train").is_dir() and (self.root / "test").is_dir()

    def official_names(self, split: str) -> list[str]:
        """Return names such as ``train/ship/batch1_00029.png``, the same for folders and for torchvision's files."""
        if self._has_folders():
            paths = (path for name in self.classes for path in (self.root / split / name).glob("*.*"))
            names = [path.relative_to(self.root).as_posix() for path in paths if path.suffix in (".png", ".jpg")]
        else:
            wanted = {CLASSES.index(name) for name in self.classes}
            targets = self.open_torchvision(split).targets
            names = [_name(split, i, target) for i, target in enumerate(targets) if target in wanted]
        if not names:
            raise DataError(f"no CIFAR-10 images in {self.root / split}; set root, or download=True to fetch them")
        return names

    def _decode_folders(self, names: list[str]) -> Tensor:
        pictures = np.empty((len(names), _EDGE, _EDGE, 3), dtype=np.uint8)
        for index, name in enumerate(names):
            picture = read_image(self.root / name)
            if picture.size != (_EDGE, _EDGE):
                raise DataError(f"{self.root / name} is {picture.size}, not {_EDGE}x{_EDGE}: no image of CIFAR-10")
            pictures[index] = np.asarray(picture.convert("RGB"))
        return torch.from_numpy(pictures).movedim(-1, 1).contiguous()

    def _take_torchvision(self, names: list[str]) -> Tensor:
        split = names[0].split("/")[0]
        images = self.open_torchvision(split)
        where = {_name(split, index, target): index for index, target in enumerate(images.targets)}
        return torch.from_numpy(images.data[[where[name] for name in names]]).movedim(-1, 1).contiguous()


def _name(split: str, index: int, target: int) -> str:
    """Name an image by its place in the original files, the same for both layouts."""
    batch = f"batch{index // 10_000 + 1}_{index % 10_000:05d}" if split == "train" else f"test_{index:05d}"
    return f"{split}/{CLASSES[target]}/{batch}.png"
