"""Imagenette (Howard, 2019): photographs of ten classes of ImageNet that are easy to tell apart."""

from pathlib import Path
from typing import Any

from colorzoo.datamodules._official_split import OfficialSplitDataModule
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


class ImagenetteDataModule(OfficialSplitDataModule):
    """Imagenette from folders ``{train,val}/<class>/*.JPEG``; the official ``val`` tests, part of ``train`` validates.

    Args:
        root: The folder; None for ``imagenette`` in ``$COLORZOO_DATA``, by default ``~/.cache/colorzoo/data``.
        download: Let torchvision fetch the images of 320 pixels if there are none (340 MB).
        size: Edge in pixels of the square crops: random in training, else the centre.
        train_images: Train on this many images, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many.
        batch_size: Images per batch and process.
        num_workers: Worker processes of each loader, which decode.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
    """

    folders = ("imagenette",)

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
        super().__init__(root, train_images, val_images, batch_size=batch_size, num_workers=num_workers, **base)
        if size < 1:
            raise ValueError(f"size ({size}) must be at least 1")
        self.download = download
        self.size = size

    def prepare_data(self) -> None:
        if self.download and not (self.folder() / "train").is_dir():
            from torchvision.datasets import Imagenette

            Imagenette(str(self.root), size="320px", download=True)

    def describe(self, split: str) -> str:
        return f"{len(self.split_names()[split]):,} {split} photographs of Imagenette, {self.size}x{self.size} pixels"

    def load_split(self, split: str) -> FolderDataset:
        names = self.split_names()[split]
        labels = {name: CLASSES.index(name.split("/")[1]) for name in names}
        return FolderDataset(self.folder(), names, self.size, random_crop=split == "train", labels=labels)

    def folder(self) -> Path:
        """Return the folder that holds ``train`` and ``val``: the root, or what torchvision unpacked below it."""
        downloaded = self.root / _DOWNLOADED
        return downloaded if downloaded.is_dir() else self.root

    def official_names(self, split: str) -> list[str]:
        folder = self.folder()
        split = "val" if split == "test" else split
        paths = (path for name in CLASSES for path in (folder / split / name).glob("*.JPEG"))
        names = [path.relative_to(folder).as_posix() for path in paths]
        if not names:
            raise DataError(f"no Imagenette images in {folder / split}; set root, or download=True to fetch them")
        return names
