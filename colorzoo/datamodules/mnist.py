"""MNIST (LeCun, Cortes and Burges, 1998): 70,000 handwritten digits of 28x28 pixels."""

from pathlib import Path
from typing import Any

from colorzoo.data.datasets import InMemoryDataset
from colorzoo.data.root import data_root
from colorzoo.data.splits import split_off_validation
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError


class MNISTDataModule(ImageDataModule):
    """MNIST from torchvision's files; the three channels of its grey pictures are the same.

    Args:
        root: The folder; None for ``mnist`` in ``$COLORZOO_DATA``, by default ``~/.cache/colorzoo/data``.
        download: Fetch torchvision's files where there are none (12 MB).
        train_images: Train on this many digits, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many of the official training digits.
        batch_size: Pictures a batch and a process.
        base: The other arguments of `ImageDataModule`; digits are not mirrored unless ``flip`` is given.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        train_images: int | None = None,
        val_images: int = 5000,
        batch_size: int = 50,
        flip: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, flip=flip, **base)
        if val_images < 1 or (train_images is not None and train_images < 1):
            raise ValueError(f"train_images ({train_images}) and val_images ({val_images}) must be at least 1")
        self.root = Path(root) if root is not None else data_root() / "mnist"
        self.download = download
        self.train_images = train_images
        self.val_images = val_images
        self._names: dict[str, list[str]] = {}

    def prepare_data(self) -> None:
        """Download torchvision's files if that was allowed."""
        if self.download:
            from torchvision.datasets import MNIST

            MNIST(str(self.root), download=True)

    def describe(self, split: str) -> str:
        """Say which digits a split holds."""
        return f"{len(self.split_names()[split]):,} {split} digits of MNIST"

    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all digits by split, such as ``train/00042``."""
        if not self._names:
            official = {
                split: [f"{split}/{index:05}" for index in range(len(self._official(split)))]
                for split in ("train", "test")
            }
            found = split_off_validation(official["train"], self.seed, self.train_images, self.val_images, "MNIST")
            self._names = found | {"test": official["test"]}
        return self._names

    def load_split(self, split: str) -> InMemoryDataset:
        """Take one split into memory."""
        names = self.split_names()[split]
        digits = self._official("test" if split == "test" else "train")
        indices = [int(name.split("/")[1]) for name in names]
        grey = digits.data[indices][:, None]
        return InMemoryDataset(names, grey.expand(-1, 3, -1, -1), digits.targets[indices])

    def _official(self, split: str) -> Any:
        from torchvision.datasets import MNIST

        try:
            return MNIST(str(self.root), train=split == "train")
        except RuntimeError as error:
            raise DataError(f"no MNIST in {self.root}; set root, or download=True to fetch it") from error
