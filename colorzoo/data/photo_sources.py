"""Weighted sources of training photographs: random squares of decoded images, drawn anew every time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from colorzoo.data.batches import ImageBatch
from colorzoo.data.crop import Crop
from colorzoo.data.datasets import ImageDataset
from colorzoo.data.image_cache import ImageCache
from colorzoo.errors import DataError

_GREY = 3.0
"""Mean chroma, in units of CIELAB, below which an image counts as grey."""
_ENLARGED = 4
"""How many times larger than an image a training square may be."""


@dataclass(frozen=True)
class PhotoSource:
    """Photographs of one kind, and how they train and validate.

    Args:
        kind: ``"imagenette"``, ``"bsds"`` and ``"tiny_imagenet"`` (class folders) are split as by their DataModules.
            All others are images anywhere below a folder, or in its folders ``train`` and ``val``.
        path: The folder; None for the kind's own in ``$COLORZOO_DATA``. The kind ``"folder"`` needs one.
        name: What figures and errors call it; None for the kind, or the name of a ``"folder"``.
        weight: Share of the training squares, relative to the other sources.
        decoded_size: Shorter side, in pixels, to which larger images are reduced when they are decoded.
        max_zoom: First enlarge each training image by a random factor up to this one.
        tiles: Put each training square together of so many images by so many: for small ones.
        grey_share: Share of its training squares that are of its grey images, shown wholly grey: they must stay so.
        val_images: How many validate; 0 for none. Where some do, the official test images of the kind test.
        eval_size: Edge of the middle squares that validate, in pixels.

    Raises:
        ValueError: If a number is out of its range, or a folder has no path.

    Example:
        >>> PhotoSource("folder", path="/home/me/holidays", weight=0.5).title
        'holidays'
    """

    kind: Literal["photos", "kodachrome", "imagenette", "bsds", "tiny_imagenet", "folder"] = "folder"
    path: str | None = None
    name: str | None = None
    weight: float = 1.0
    decoded_size: int = 224
    max_zoom: float = 1.5
    tiles: int = 1
    grey_share: float = 0.0
    val_images: int = 0
    eval_size: int = 160

    def __post_init__(self) -> None:
        if self.kind == "folder" and self.path is None:
            raise ValueError("a source of the kind 'folder' needs a path")
        if not 0 < self.weight < math.inf:
            raise ValueError(
                f"the weight of source {self.title!r} is {self.weight}; give a positive number, or leave the source out"
            )
        whole = min(self.decoded_size, self.tiles, self.eval_size) >= 1 and self.val_images >= 0
        if not (whole and self.max_zoom >= 1 and 0 <= self.grey_share <= 1):
            raise ValueError(
                f"{self}: decoded_size, max_zoom, tiles and eval_size must be at least 1, val_images at least 0, "
                "grey_share from 0 to 1"
            )

    @property
    def title(self) -> str:
        """What figures and errors call it."""
        return self.name or (Path(self.path).name if self.kind == "folder" and self.path else self.kind)


class WeightedCrops(ImageDataset):
    """Squares of several sources: each is of a source drawn by weight, of one of its images, from anywhere in it.

    Args:
        parts: The sources, and the decoded images of each that train.
        size: Edge of the squares in pixels.
        count: Squares in an epoch.

    Raises:
        DataError: If a source is grey throughout, has no grey image although it should, or an image is too small.
    """

    random = True

    def __init__(self, parts: Sequence[tuple[PhotoSource, ImageCache]], size: int, count: int) -> None:
        super().__init__([f"{source.title}/{name}" for source, cache in parts for name in cache.names])
        self.parts = parts
        self.size = size
        self.count = count
        self._weights = torch.tensor([source.weight for source, _ in parts], dtype=torch.float64)
        self._grey = [[index for index, one in enumerate(cache.chroma) if one < _GREY] for _, cache in parts]
        for (source, cache), grey in zip(parts, self._grey, strict=True):
            _check(source, cache, len(grey), size)

    def __len__(self) -> int:
        return self.count

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        """Return as many squares as there are indices."""
        chosen = torch.multinomial(self._weights, len(indices), replacement=True).tolist()
        names, squares = zip(*(self._square(place) for place in chosen), strict=True)
        return {"rgb": torch.stack(squares), "name": list(names)}

    def _square(self, place: int) -> tuple[str, Tensor]:
        source, cache = self.parts[place]
        grey_only = float(torch.rand(())) < source.grey_share
        among = self._grey[place] if grey_only else range(len(cache))
        crop = Crop(self.size // source.tiles, random=True, max_zoom=source.max_zoom)
        drawn = [among[int(torch.randint(len(among), ()))] for _ in range(source.tiles**2)]
        images = [cache.image(index) for index in drawn]
        tiles = [crop(image.convert("L") if grey_only else image) for image in images]
        rows = [torch.cat(tiles[first : first + source.tiles], dim=2) for first in range(0, len(tiles), source.tiles)]
        return f"{source.title}/{cache.names[drawn[0]]}", torch.cat(rows, dim=1)


def _check(source: PhotoSource, cache: ImageCache, grey: int, size: int) -> None:
    if size % source.tiles:
        raise DataError(
            f"squares of {size} pixels do not hold {source.tiles} by {source.tiles} tiles of {source.title!r}"
        )
    if grey == len(cache) and source.grey_share < 1:
        raise DataError(
            f"all {grey} images of source {source.title!r} are grey, which teaches no colours; leave it out, or set "
            "grey_share to 1 if grey images are to stay grey"
        )
    if source.grey_share > 0 and not grey:
        raise DataError(f"no image of source {source.title!r} is grey; set grey_share to 0")
    smallest = min(range(len(cache)), key=lambda index: min(cache.shapes[index]))
    height, width = cache.shapes[smallest]
    least = -(-size // (source.tiles * _ENLARGED))
    if min(height, width) < least:
        raise DataError(
            f"source {source.title!r}: {cache.names[smallest]} has {width}x{height} pixels, and squares of {size} need "
            f"{least}; remove such images, lower size, or set tiles"
        )
