"""Masks as people make them: white on black in any mode, or painted on a transparent layer."""

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from torch import Tensor

from colorzoo.inpainting.patch_search import BoolArray
from colorzoo.io.convert import Image, to_batch, to_raster
from colorzoo.io.image_header import MAX_MEGAPIXELS, decoding_errors, open_stream, parse_header
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster


def as_hole(mask: Image, height: int, width: int) -> BoolArray:
    """Return a mask of any kind as ``(H, W)``, True in the hole.

    Args:
        mask: As for `inpaint`.
        height: Of the image that it is for, in pixels.
        width: Likewise.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If the mask has another size, marks nothing or everything, or does not say what it marks.
        TypeError: If the kind of mask is unknown.

    Example:
        >>> int(as_hole(np.eye(3, dtype=bool), 3, 3).sum())
        3
    """
    alpha = None
    if isinstance(mask, str | Path):
        _refuse_larger(mask, height, width)
        mask = read_raster(mask)
    if isinstance(mask, PIL.Image.Image | RasterImage):
        raster = to_raster(mask)
        mask, alpha = raster.levels, raster.alpha
    elif isinstance(mask, Tensor):
        mask = mask.detach().cpu().numpy()
        mask = mask.reshape(mask.shape[-2:]) if mask.size == np.prod(mask.shape[-2:]) else mask
    if isinstance(mask, np.ndarray) and np.issubdtype(mask.dtype, np.integer) and np.isin(mask, (0, 1)).all():
        mask = mask.astype(np.bool_)
    try:
        brightness = to_batch(mask).mean(1)[0].numpy()
    except ValueError as error:
        raise ValueError(f"the mask is of no use: {error}") from error
    if brightness.shape != (height, width):
        raise ValueError(
            f"the mask has {brightness.shape[0]} rows of {brightness.shape[1]} pixels, the image {height} of {width}; "
            "give one of the same size"
        )
    layered = alpha is not None and alpha.min() < alpha.max()
    hole = _painted(brightness, alpha) if layered else _bright(brightness)
    if hole.all():
        raise ValueError("the mask is all hole; leave some of the image to copy from (white is hole, black is known)")
    if not hole.any():
        raise ValueError(
            f"the mask marks nothing: its brightest pixel has {brightness.max():.0%} of white; paint the hole white "
            "on black"
        )
    return hole


def _refuse_larger(path: str | Path, height: int, width: int) -> None:
    """Refuse a mask that is larger than the image by what its header says, before it takes memory."""
    with open_stream(path) as stream, decoding_errors(path):
        header = parse_header(stream, path, MAX_MEGAPIXELS)
    if header.width * header.height > height * width:
        raise ValueError(
            f"the mask has {header.height} rows of {header.width} pixels, the image {height} of {width}; "
            "give one of the same size"
        )


def _bright(brightness: NDArray[Any]) -> BoolArray:
    """Return what is bright; of two levels, as of labels and of grey strokes, the brighter one is."""
    low, high = brightness.min(), brightness.max()
    if low < high and ((brightness == low) | (brightness == high)).all():
        return np.asarray(brightness == high)
    return np.asarray(brightness >= 0.5)


def _painted(brightness: NDArray[Any], alpha: Any) -> BoolArray:
    """Return what is painted on a transparent layer, in whatever colour."""
    painted = np.asarray(alpha > np.iinfo(alpha.dtype).max // 2)
    bright = brightness[painted] >= 0.5
    if bright.any() and not bright.all():
        raise ValueError(
            "the mask has bright and dark colours and transparency too, so that any of them may mark the hole; save it "
            "as white on black without transparency"
        )
    return painted
