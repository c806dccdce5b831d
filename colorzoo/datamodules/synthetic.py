"""Synthetic images for tests, documentation and first steps: no files, no network, always the same."""

from typing import Any

import torch
from torch import Tensor

from colorzoo.color.conversions import lab_to_rgb
from colorzoo.data.datasets import InMemoryDataset
from colorzoo.datamodules.base import ImageDataModule

_HUES = 10
_FIRST_INDEX = {"train": 0, "val": 1_000_000, "test": 2_000_000}


class SyntheticDataModule(ImageDataModule):
    """A disc on a gradient; the disc's lightness determines its colour, which is also its class.

    Each image is a function of its index alone, so that sets of different length share their beginning.

    Args:
        size: Height and width in pixels.
        train_images: Number of training images.
        val_images: Number of validation images.
        test_images: Number of test images.
        batch_size: Images per batch and process.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> data = SyntheticDataModule(size=16, train_images=4)
        >>> data.load_split("train").rgb.shape
        torch.Size([4, 3, 16, 16])
    """

    def __init__(
        self,
        size: int = 32,
        train_images: int = 256,
        val_images: int = 64,
        test_images: int = 64,
        batch_size: int = 32,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **base)
        if min(size, train_images, val_images, test_images) < 1:
            raise ValueError("size, train_images, val_images and test_images must all be at least 1")
        self.size = size
        self.counts = {"train": train_images, "val": val_images, "test": test_images}

    def split_names(self) -> dict[str, list[str]]:
        return {
            split: [f"synthetic-{self.size}-{self.seed}-{_FIRST_INDEX[split] + index}" for index in range(count)]
            for split, count in self.counts.items()
        }

    def load_split(self, split: str) -> InMemoryDataset:
        first, count = _FIRST_INDEX[split], self.counts[split]
        painted = [_paint(first + index, self.size, self.seed) for index in range(count)]
        rgb = torch.stack([picture for picture, _ in painted])
        label = torch.tensor([hue for _, hue in painted])
        return InMemoryDataset(self.split_names()[split], rgb, label)


def _paint(index: int, size: int, seed: int) -> tuple[Tensor, int]:
    """Paint one image ``(3, size, size)`` as uint8; return it with its class."""
    random = torch.Generator().manual_seed(seed * 10_000_019 + index)
    hue = int(torch.randint(_HUES, (), generator=random))
    row, column, radius, slope = torch.rand(4, generator=random).tolist()
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    inside = (y - row).square() + (x - column).square() < (0.15 + 0.3 * radius) ** 2
    angle = torch.tensor(2 * torch.pi * hue / _HUES)
    lightness = torch.where(inside, 35.0 + 4 * hue, 10 + 20 * (slope * x + (1 - slope) * y))
    a = torch.where(inside, 40 * angle.cos(), torch.zeros(()))
    b = torch.where(inside, 40 * angle.sin(), torch.full((), -15.0))
    rgb = lab_to_rgb(torch.stack([lightness, a, b])[None])[0]
    return (rgb * 255).round().to(torch.uint8), hue
