"""MNIST (LeCun, Cortes and Burges, 1998): 70,000 handwritten digits of 28x28 pixels."""

from typing import Any

from colorzoo.data.datasets import InMemoryDataset
from colorzoo.datamodules._official_split import OfficialSplitDataModule


class MNISTDataModule(OfficialSplitDataModule):
    """MNIST from torchvision's files; its grey images as three equal channels.

    Args:
        root: The folder; None for ``mnist`` in ``$COLORZOO_DATA``, by default ``~/.cache/colorzoo/data``.
        download: Fetch torchvision's files where there are none (12 MB).
        train_images: Train on this many digits, drawn by ``seed``; None for all that are left.
        val_images: Validate on this many of the official training digits.
        batch_size: Images per batch and process.
        base: The other arguments of `ImageDataModule`; ``hflip`` is off by default.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
    """

    folders = ("mnist",)
    torchvision_name = "MNIST"

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        train_images: int | None = None,
        val_images: int = 5000,
        batch_size: int = 50,
        hflip: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(root, train_images, val_images, batch_size=batch_size, hflip=hflip, **base)
        self.download = download

    def prepare_data(self) -> None:
        if self.download:
            self.open_torchvision("train", download=True)

    def describe(self, split: str) -> str:
        return f"{len(self.split_names()[split]):,} {split} digits of MNIST"

    def official_names(self, split: str) -> list[str]:
        return [f"{split}/{index:05}" for index in range(len(self.open_torchvision(split)))]

    def load_split(self, split: str) -> InMemoryDataset:
        names = self.split_names()[split]
        digits = self.open_torchvision(split)
        indices = [int(name.split("/")[1]) for name in names]
        grey = digits.data[indices][:, None]
        return InMemoryDataset(names, grey.expand(-1, 3, -1, -1), digits.targets[indices])
