"""Photographs of many kinds in one set: Imagenette, mosaics of Tiny ImageNet, crops of BSDS400."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F

from colorzoo.data.batches import ImageBatch
from colorzoo.data.datasets import ImageDataset, InMemoryDataset, concatenate_batches
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.datamodules.imagenette import ImagenetteDataModule
from colorzoo.datamodules.tiny_imagenet import TinyImageNetDataModule


class MosaicDataset(ImageDataset):
    """Mosaics of two by two small images that are drawn at random, to mix small images with larger ones.

    Args:
        pictures: The small images.
        size: Edge of a mosaic in pixels, even.
        count: Mosaics per epoch.
    """

    random = True

    def __init__(self, pictures: InMemoryDataset, size: int, count: int) -> None:
        super().__init__(pictures.names)
        self.pictures = pictures
        self.size = size
        self.count = count

    def __len__(self) -> int:
        return self.count

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        """Return the images at these indices."""
        drawn = torch.randint(len(self.names), (len(indices), 4))
        tiles = self.pictures.rgb[drawn.flatten()].float()
        tiles = F.interpolate(tiles, size=(self.size // 2,) * 2, mode="bicubic", align_corners=False)
        rows = tiles.round().clamp(0, 255).byte().view(len(indices), 2, 2, *tiles.shape[1:])
        squares = rows.permute(0, 3, 1, 4, 2, 5).reshape(len(indices), 3, self.size, self.size)
        return {"rgb": squares, "name": [self.names[first] for first in drawn[:, 0].tolist()]}


class MixedDataset(ImageDataset):
    """Several data sets of images of one size, one after another.

    Args:
        sources: The data sets.
    """

    def __init__(self, sources: list[ImageDataset]) -> None:
        super().__init__([name for source in sources for name in source.names])
        self.sources = sources
        self.random = any(source.random for source in sources)

    def __len__(self) -> int:
        return sum(len(source) for source in self.sources)

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        """Return the images at these indices."""
        wanted: list[list[int]] = [[] for _ in self.sources]
        for index in indices:
            place = index
            for source, places in zip(self.sources, wanted, strict=True):
                if place < len(source):
                    places.append(place)
                    break
                place -= len(source)
        answers = [source.load_batch(places) for source, places in zip(self.sources, wanted, strict=True) if places]
        return concatenate_batches(answers)


class PhotosDataModule(ImageDataModule):
    """Photographs of many kinds to train on; those of Imagenette validate and test.

    An epoch has every training photograph of `ImagenetteDataModule` once, mosaics of two by two images of
    `TinyImageNetDataModule`, whose 200 classes bring variety, and crops of `BSDSDataModule`.

    Args:
        size: Edge of the training squares in pixels, even.
        eval_size: Edge of the validation and test squares.
        max_zoom: First enlarge the photographs of Imagenette by a random factor up to this one.
        mosaics: Mosaics per epoch.
        crops_per_image: Crops of each photograph of BSDS per epoch.
        train_images: Train on this many photographs of Imagenette; None for all that are left.
        val_images: Validate on this many.
        batch_size: Images per batch and process.
        eval_batch_size: Images per batch outside training.
        num_workers: Worker processes of each loader, which decode.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if there is no data, or less than was asked for.
    """

    def __init__(
        self,
        size: int = 128,
        eval_size: int = 224,
        max_zoom: float = 1.75,
        mosaics: int = 9000,
        crops_per_image: int = 8,
        train_images: int | None = None,
        val_images: int = 500,
        batch_size: int = 32,
        eval_batch_size: int = 16,
        num_workers: int = 2,
        **base: Any,
    ) -> None:
        super().__init__(
            batch_size=batch_size, eval_batch_size=eval_batch_size, num_workers=num_workers, rot90=False, **base
        )
        if size < 2 or size % 2 or min(eval_size, mosaics, crops_per_image) < 1 or max_zoom < 1:
            raise ValueError(
                f"size ({size}) must be even, eval_size ({eval_size}), mosaics ({mosaics}) and crops_per_image "
                f"({crops_per_image}) positive, max_zoom ({max_zoom}) at least 1"
            )
        self.size = size
        self.eval_size = eval_size
        self.max_zoom = max_zoom
        self.mosaics = mosaics
        self.imagenette = ImagenetteDataModule(train_images=train_images, val_images=val_images, seed=self.seed)
        # Its official validation pictures stay unseen; of the others as few as can be are kept from training.
        self.tiny = TinyImageNetDataModule(val_images=1, seed=self.seed)
        self.bsds = BSDSDataModule(size=size, crops_per_image=crops_per_image, seed=self.seed)

    def describe(self, split: str) -> str:
        """Say which pictures a split holds, and at what size."""
        if split != "train":
            count = len(self.split_names()[split])
            return f"{count:,} {split} photographs of Imagenette, {self.eval_size}x{self.eval_size} pixels"
        photographs, crops = (len(data.split_names()["train"]) for data in (self.imagenette, self.bsds))
        return (
            f"{photographs:,} photographs of Imagenette, {self.mosaics:,} mosaics of four pictures of Tiny ImageNet "
            f"and {self.bsds.crops_per_image * crops:,} crops of BSDS400 (JPEG) an epoch, "
            f"{self.size}x{self.size} pixels"
        )

    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all pictures by split; those of training images begin with their data set's."""
        mine = self.imagenette.split_names()
        others = {"tiny_imagenet": self.tiny.split_names(), "bsds": self.bsds.split_names()}
        added = [f"{source}/{name}" for source, names in others.items() for name in names["train"]]
        return {split: [f"imagenette/{name}" for name in names] for split, names in mine.items()} | {
            "train": [f"imagenette/{name}" for name in mine["train"]] + added
        }

    def load_split(self, split: str) -> ImageDataset:
        """Return the pictures of a split; Tiny ImageNet and BSDS are decoded into memory, a minute of one core."""
        root, names = self.imagenette.folder(), self.imagenette.split_names()[split]
        if split != "train":
            return FolderDataset(root, names, self.eval_size)
        return MixedDataset(
            [
                FolderDataset(root, names, self.size, random_crop=True, max_zoom=self.max_zoom),
                MosaicDataset(self.tiny.load_split("train"), self.size, self.mosaics),
                self.bsds.load_split("train"),
            ]
        )
