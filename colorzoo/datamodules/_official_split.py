"""The base of data sets whose official test images test, and part of whose official training images validates."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from colorzoo.data.root import data_root
from colorzoo.data.splits import split_off_validation
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError


class OfficialSplitDataModule(ImageDataModule):
    """Validates on a few of the official training images, drawn by ``seed``; the official test images test.

    Args:
        root: The folder; None for that of the data set in ``$COLORZOO_DATA``.
        train_images: Train on this many images, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many of the official training images.
        base: The other arguments of `ImageDataModule`.
    """

    folders: ClassVar[tuple[str, ...]]
    """Folders in ``$COLORZOO_DATA`` of which the first that exists, or else the last, is the default of ``root``."""
    torchvision_name: ClassVar[str] = ""
    """Name of the class in ``torchvision.datasets`` that reads and fetches the files, if one does."""
    validates: ClassVar[str] = ""
    """Only images whose names end so may validate."""

    def __init__(self, root: str | None, train_images: int | None, val_images: int, **base: Any) -> None:
        super().__init__(**base)
        if val_images < 1 or (train_images is not None and train_images < 1):
            raise ValueError(f"train_images ({train_images}) and val_images ({val_images}) must be at least 1")
        places = [data_root() / name for name in self.folders]
        default = next((place for place in places if place.is_dir()), places[-1])
        self.root = Path(root) if root is not None else default
        self.train_images = train_images
        self.val_images = val_images
        self._names: dict[str, list[str]] = {}

    def open_torchvision(self, split: str, download: bool = False) -> Any:
        """Return torchvision's data set of a split; raise a DataError if its files are not there."""
        from torchvision import datasets

        try:
            return getattr(datasets, self.torchvision_name)(str(self.root), train=split != "test", download=download)
        except RuntimeError as error:
            raise DataError(
                f"no {self.torchvision_name} in {self.root}; set root, or download=True to fetch it"
            ) from error

    @abstractmethod
    def official_names(self, split: str) -> list[str]:
        """Return the names of the official images of ``"train"`` or ``"test"``; raise a DataError if there are none."""

    def split_names(self) -> dict[str, list[str]]:
        if not self._names:
            train, test = self.official_names("train"), self.official_names("test")
            found = split_off_validation(
                train, self.seed, self.train_images, self.val_images, str(self.root), self.validates
            )
            self._names = found | {"test": sorted(test)}
        return self._names
