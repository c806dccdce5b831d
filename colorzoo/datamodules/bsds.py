"""The Berkeley segmentation photographs (Arbelaez et al., 2011): 400 of 481x321 pixels, landscape or portrait."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorzoo.data.batches import ImageBatch
from colorzoo.data.datasets import ImageDataset, InMemoryDataset
from colorzoo.data.root import data_root
from colorzoo.data.splits import hash_order
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError
from colorzoo.io.pil_file import read_image

_TEST_IMAGES = 20


class RandomCropDataset(ImageDataset):
    """Random square crops, several of each image per epoch, of images in memory: ``(N, 3, H, W)``, uint8."""

    random = True

    def __init__(self, names: list[str], rgb: Tensor, size: int, crops_per_image: int) -> None:
        super().__init__(names)
        self.rgb = rgb
        self.size = size
        self.crops_per_image = crops_per_image

    def __len__(self) -> int:
        return len(self.names) * self.crops_per_image

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        pictures = [index // self.crops_per_image for index in indices]
        height, width = self.rgb.shape[-2:]
        tops = torch.randint(height - self.size + 1, (len(indices),)).tolist()
        lefts = torch.randint(width - self.size + 1, (len(indices),)).tolist()
        # One copy of views: four times as fast as one indexing operation over the whole batch.
        crops = [
            self.rgb[picture, :, top : top + self.size, left : left + self.size]
            for picture, top, left in zip(pictures, tops, lefts, strict=True)
        ]
        return {"rgb": torch.stack(crops), "name": [self.names[picture] for picture in pictures]}


class BSDSDataModule(ImageDataModule):
    """The 400 photographs of BSDS500's folders ``{train,test}/*.jpg``: 20 test, a few validate, all others train.

    Test images and then validation images are drawn from the folder ``test``. Training takes random crops; validation
    and test take whole images, one at a time. Portrait images are rotated by 90 degrees counter-clockwise, so that all
    fit into one tensor. The files are JPEG: clean images have the artefacts of its compression.

    Args:
        root: The folder; None for ``bsds400`` in ``$COLORZOO_DATA``, by default ``~/.cache/colorzoo/data``.
        size: Edge of the training crops in pixels.
        crops_per_image: Crops of each training image per epoch.
        val_images: Validate on this many.
        rot90: Rotate the training crops by 0, 90, 180 or 270 degrees.
        eval_batch_size: Whole images per batch outside training.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data or too little, or the images are not of one size.
    """

    def __init__(
        self,
        root: str | None = None,
        size: int = 64,
        crops_per_image: int = 64,
        val_images: int = 12,
        rot90: bool = True,
        eval_batch_size: int = 1,
        **base: Any,
    ) -> None:
        super().__init__(rot90=rot90, eval_batch_size=eval_batch_size, **base)
        if min(size, crops_per_image, val_images) < 1:
            raise ValueError(
                f"size ({size}), crops_per_image ({crops_per_image}), val_images ({val_images}): at least 1 each"
            )
        self.root = Path(root) if root is not None else data_root() / "bsds400"
        self.size = size
        self.crops_per_image = crops_per_image
        self.val_images = val_images
        self._names: dict[str, list[str]] = {}

    def describe(self, split: str) -> str:
        cut = f"{self.crops_per_image} crops of {self.size}x{self.size} pixels each" if split == "train" else "whole"
        return f"{len(self.split_names()[split]):,} {split} photographs of BSDS400 (JPEG), {cut}, seed {self.seed}"

    def split_names(self) -> dict[str, list[str]]:
        if not self._names:
            official = {split: self._official_names(split) for split in ("train", "test")}
            order = hash_order(official["test"], self.seed)
            held_out = _TEST_IMAGES + self.val_images
            if len(order) < held_out:
                raise DataError(
                    f"{self.root / 'test'} holds {len(order)} images: too few for {_TEST_IMAGES} to test and "
                    f"{self.val_images} to validate"
                )
            self._names = {
                "train": sorted(official["train"] + order[held_out:]),
                "val": sorted(order[_TEST_IMAGES:held_out]),
                "test": sorted(order[:_TEST_IMAGES]),
            }
        return self._names

    def load_split(self, split: str) -> ImageDataset:
        names = self.split_names()[split]
        rgb = self._decode(names)
        if split != "train":
            return InMemoryDataset(names, rgb)
        if self.size > min(rgb.shape[-2:]):
            raise DataError(f"size is {self.size}, but the images have {rgb.shape[-1]}x{rgb.shape[-2]} pixels")
        return RandomCropDataset(names, rgb, self.size, self.crops_per_image)

    def _official_names(self, split: str) -> list[str]:
        names = [path.relative_to(self.root).as_posix() for path in (self.root / split).glob("*.jpg")]
        if not names:
            raise DataError(f"no photographs in {self.root / split}; unpack BSDS500 there, or set root")
        return names

    def _decode(self, names: list[str]) -> Tensor:
        first = _landscape(self.root / names[0])
        pictures = np.empty((len(names), *first.shape), dtype=np.uint8)
        for index, name in enumerate(names):
            picture = _landscape(self.root / name)
            if picture.shape != first.shape:
                raise DataError(
                    f"{self.root / name} has {picture.shape[1]}x{picture.shape[0]} pixels, not {first.shape[1]}x"
                    f"{first.shape[0]}: no image of BSDS"
                )
            pictures[index] = picture
        return torch.from_numpy(pictures).movedim(-1, 1).contiguous()


def _landscape(path: Path) -> NDArray[np.uint8]:
    """Decode an image and rotate it to landscape."""
    picture = np.asarray(read_image(path).convert("RGB"))
    return np.rot90(picture) if picture.shape[0] > picture.shape[1] else picture
