"""Imagenette (Howard, 2019): photographs of ten classes of ImageNet that are easy to tell apart."""

from pathlib import Path
from typing import Any

import torch

from colorzoo.data.batches import ImageBatch
from colorzoo.data.root import data_root
from colorzoo.data.splits import split_off_validation
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.errors import DataError

CLASSES = (
    "n01440764",  # tench
    "n02102040",  # English springer
    "n02979186",  # cassette player
    "n03000684",  # chain saw
    "n03028079",  # church
    "n03394916",  # French horn
    "n03417042",  # garbage truck
    "n03425413",  # gas pump
    "n03445777",  # golf ball
    "n03888257",  # parachute
)
_DOWNLOADED = "imagenette2-320"


class LabelledFolderDataset(FolderDataset):
    """Picture files whose class is the folder they lie in."""

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        pictures = super().__getitems__(indices)
        pictures["label"] = torch.tensor([CLASSES.index(name.split("/")[1]) for name in pictures["name"]])
        return pictures


class ImagenetteDataModule(ImageDataModule):
    """Imagenette from folders ``{train,val}/<class>/*.JPEG``; the official ``val`` tests, part of ``train`` validates.

    Args:
        root: The folder; None for ``imagenette`` in ``$COLORZOO_DATA``, by default ``~/.cache/colorzoo/data``.
        download: Let torchvision fetch the pictures of 320 pixels if there are none (340 MB).
        size: Edge in pixels of the square crops: anywhere in training, else the middle.
        train_images: Train on this many pictures, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many.
        batch_size: Pictures a batch and a process.
        num_workers: Loader processes that decode.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        size: int = 128,
        train_images: int | None = None,
        val_images: int = 500,
        batch_size: int = 32,
        num_workers: int = 2,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, **base)
        if size < 1 or val_images < 1 or (train_images is not None and train_images < 1):
            raise ValueError(
                f"size ({size}), train_images ({train_images}), val_images ({val_images}): at least 1 each"
            )
        self.root = Path(root) if root is not None else data_root() / "imagenette"
        self.download = download
        self.size = size
        self.train_images = train_images
        self.val_images = val_images
        self._names: dict[str, list[str]] = {}

    def prepare_data(self) -> None:
        """Download if that was allowed and nothing is there."""
        if self.download and not (self.folder() / "train").is_dir():
            from torchvision.datasets import Imagenette

            Imagenette(str(self.root), size="320px", download=True)

    def describe(self, split: str) -> str:
        """Say which pictures a split holds, and at what size."""
        return f"{len(self.split_names()[split]):,} {split} photographs of Imagenette, {self.size}x{self.size} pixels"

    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all pictures by split, such as ``train/n01440764/n01440764_10026.JPEG``."""
        if not self._names:
            official = {split: self._official_names(split) for split in ("train", "val")}
            found = split_off_validation(
                official["train"], self.seed, self.train_images, self.val_images, str(self.folder())
            )
            self._names = found | {"test": sorted(official["val"])}
        return self._names

    def load_split(self, split: str) -> LabelledFolderDataset:
        """Return the pictures of a split; the files are decoded batch by batch."""
        return LabelledFolderDataset(self.folder(), self.split_names()[split], self.size, random_crop=split == "train")

    def folder(self) -> Path:
        """Return the folder that holds ``train`` and ``val``: the root, or what torchvision unpacked below it."""
        downloaded = self.root / _DOWNLOADED
        return downloaded if downloaded.is_dir() else self.root

    def _official_names(self, split: str) -> list[str]:
        folder = self.folder()
        paths = (path for name in CLASSES for path in (folder / split / name).glob("*.JPEG"))
        names = [path.relative_to(folder).as_posix() for path in paths]
        if not names:
            raise DataError(f"no Imagenette pictures in {folder / split}; set root, or download=True to fetch them")
        return names
