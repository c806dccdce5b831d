"""Tiny ImageNet (Le and Yang, 2015): 110,000 small images of 200 classes of ImageNet, with their labels."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
import torch

from colorzoo.data.datasets import InMemoryDataset
from colorzoo.datamodules._official_split import OfficialSplitDataModule
from colorzoo.errors import DataError
from colorzoo.io.pil_file import read_image, to_rgb

_THREADS = 4


class TinyImageNetDataModule(OfficialSplitDataModule):
    """Tiny ImageNet from folders; the official ``val`` tests, part of ``train`` validates.

    The folders are ``{train,val}/<wnid>/**/*.JPEG``, or those of the original archive, whose ``val`` is one folder and
    a table of classes; an image has the same name in both. All are decoded into memory: 300 MB at 32 pixels. A label
    is the place of the ``<wnid>`` among those of ``train``, sorted.

    Args:
        root: The folder; None for ``tinyimagenet32``, or else ``tiny-imagenet-200``, in ``$COLORZOO_DATA``, by default
            ``~/.cache/colorzoo/data``.
        size: Edge in pixels to which images of another size are scaled; the original ones have 64.
        train_images: Train on this many images, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many of the official training images.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
        UnreadableImageError: In ``setup``, if a file is missing or no image.
    """

    folders = ("tinyimagenet32", "tiny-imagenet-200")

    def __init__(
        self,
        root: str | None = None,
        size: int = 32,
        train_images: int | None = None,
        val_images: int = 2000,
        **base: Any,
    ) -> None:
        super().__init__(root, train_images, val_images, **base)
        if size < 1:
            raise ValueError(f"size ({size}) must be at least 1")
        self.size = size
        self._files: dict[str, Path] = {}
        self._classes: dict[str, int] = {}

    def describe(self, split: str) -> str:
        count = len(self.split_names()[split])
        return f"{count:,} {split} images of Tiny ImageNet, JPEG, {self.size}x{self.size} pixels"

    def official_names(self, split: str) -> list[str]:
        files = self._official_files("val" if split == "test" else split)
        self._files |= files
        classes = sorted({_class(name) for name in files})
        if split == "train":
            self._classes = {wnid: label for label, wnid in enumerate(classes)}
        elif unknown := [wnid for wnid in classes if wnid not in self._classes]:
            raise DataError(f"{self.root / 'val'} has the class {unknown[0]}, which has no training image")
        return list(files)

    def load_split(self, split: str) -> InMemoryDataset:
        names = self.split_names()[split]
        rgb = torch.empty((len(names), 3, self.size, self.size), dtype=torch.uint8)

        def decode(index: int) -> None:
            rgb[index] = torch.from_numpy(np.array(self._picture(self._files[names[index]]))).movedim(-1, 0)

        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(decode, range(len(names))):
                pass
        return InMemoryDataset(names, rgb, torch.tensor([self._classes[_class(name)] for name in names]))

    def _picture(self, path: Path) -> PIL.Image.Image:
        return PIL.ImageOps.fit(to_rgb(read_image(path)), (self.size, self.size), PIL.Image.Resampling.BICUBIC)

    def _official_files(self, split: str) -> dict[str, Path]:
        """Return the file of each image by its name, which is the same for both layouts."""
        folder = self.root / split
        table = folder / "val_annotations.txt"
        if table.is_file():
            rows = [line.split("\t")[:2] for line in table.read_text().splitlines() if "\t" in line]
            files = {f"{split}/{wnid}/{file}": folder / "images" / file for file, wnid in rows}
        else:
            paths = folder.glob("*/**/*.JPEG")
            files = {f"{split}/{path.relative_to(folder).parts[0]}/{path.name}": path for path in paths}
        if not files:
            raise DataError(
                f"no images of Tiny ImageNet in {folder}; torchvision cannot fetch them: take tiny-imagenet-200.zip "
                "from the web pages of Stanford's course CS231n, unpack it and set root to its folder"
            )
        return files


def _class(name: str) -> str:
    return name.split("/")[1]
