"""Converts between the kinds of image that users give and what models see: integer levels, or batches of floats."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.errors import PictureWarning
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster

Array = NDArray[Any]
Picture = str | Path | PIL.Image.Image
"""A photograph: a file's path, or what Pillow made of it."""
Image = Picture | Array | Tensor | RasterImage
"""The kinds of image that the zoo takes; what it gives back is of the same kind, a PIL image for a path."""
Kind = TypeVar("Kind", Array, Tensor, RasterImage)
"""A kind of image that comes back as that kind."""

_BAND = 256
"""Rows that are rounded at a time: a large image need not be in memory once more."""


def decode_srgb(image: Image) -> Array | Tensor | RasterImage:
    """Decode a path or a PIL image, and convert its levels, and those of a `RasterImage`, to sRGB.

    Args:
        image: What `Colorizer.colorize` takes.

    Returns:
        A `RasterImage` for all but arrays and tensors, which come back as they are.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        TypeError: If the image is of no kind listed in `Image`.
    """
    return image if isinstance(image, Tensor | np.ndarray) else to_raster(image).in_srgb()


def to_gray(source: Array | Tensor | RasterImage) -> Array | Tensor:
    """Return what a colouriser looks at: the integer levels of 8- and 16-bit images, else a grey batch of floats.

    Args:
        source: What `decode_srgb` returns.

    Returns:
        uint8 or uint16 levels ``(H, W)`` or ``(H, W, 3)``, else ``(B, 1, H, W)`` in [0, 1].

    Raises:
        ValueError: If the image has a wrong shape, is empty, or holds values that are no grey levels.
    """
    if isinstance(source, Tensor):
        return _checked(source)
    array = _native(source.levels if isinstance(source, RasterImage) else source)
    if array.dtype in (np.uint8, np.uint16):
        return _checked_levels(array)
    batch = _array_to_batch(array)
    return batch if batch.shape[1] == 1 else _checked(_gray_of(batch))


def restore_kind(
    image: Image, source: Array | Tensor | RasterImage, rgb: Array | Tensor
) -> PIL.Image.Image | Array | Tensor | RasterImage:
    """Return a coloured image as the kind of the one that was given.

    Args:
        image: What was given.
        source: What `decode_srgb` made of it.
        rgb: Its colours: integer levels ``(H, W, 3)``, or floats ``(B, 3, H, W)`` in [0, 1].

    Returns:
        A tensor for a tensor, an array for an array, a `RasterImage` of the same depth for one, else a PIL image. The
        last two are sRGB, whatever profile the input has, and keep its alpha channel and its metadata.
    """
    if isinstance(source, Tensor):
        return rgb
    levels = source.levels if isinstance(source, RasterImage) else source
    array = _to_array(rgb, levels.dtype) if isinstance(rgb, Tensor) else rgb
    if not isinstance(source, RasterImage):
        return array
    coloured = source.with_color(array)
    return coloured if isinstance(image, RasterImage) else to_pil(coloured)


@overload
def apply_to_channels(image: Picture, restore: Callable[[Tensor], Tensor]) -> PIL.Image.Image: ...
@overload
def apply_to_channels(image: Kind, restore: Callable[[Tensor], Tensor]) -> Kind: ...
def apply_to_channels(
    image: Image, restore: Callable[[Tensor], Tensor]
) -> PIL.Image.Image | Array | Tensor | RasterImage:
    """Run what keeps the channels of an image on any kind of image, and return the result as that kind.

    Args:
        image: What `Denoiser.denoise` takes.
        restore: Maps ``(B, C, H, W)`` in [0, 1] to the same shape in [0, 1].

    Returns:
        A tensor for a tensor, an array of the same shape and type (uint8 for bool) for an array, a scan of the same
        depth for a scan, else a PIL image: 8- or 16-bit grey or RGB as the input was. Scans and PIL images keep alpha
        channel, metadata and profile, and the meaning of their levels.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If the image has a wrong shape, is empty, or holds values that are no levels.
        TypeError: If it is of no kind listed in `Image`.
    """
    if isinstance(image, Tensor):
        return restore(_checked(image, 1, 3))
    if isinstance(image, np.ndarray):
        return _to_array(restore(_array_to_batch(image)), image.dtype).reshape(image.shape)
    if isinstance(image, RasterImage):
        return replace(image, levels=apply_to_channels(image.levels, restore))
    return to_pil(apply_to_channels(to_raster(image), restore))


def to_batch(image: Image) -> Tensor:
    """Return any kind of image as a batch, grey or RGB as it is; an alpha channel is set aside.

    Args:
        image: A path, a PIL image, a scan, an array ``(H, W)`` or ``(H, W, 1 or 3)``, or a tensor
            ``(B, 1 or 3, H, W)`` in [0, 1].

    Returns:
        ``(B, 1, H, W)`` or ``(B, 3, H, W)`` in [0, 1]; B is 1 for all but tensors.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If the image has a wrong shape, is empty, or holds values that are no levels.
        TypeError: If it is of no kind listed in `Image`.

    Example:
        >>> to_batch(PIL.Image.new("RGBA", (40, 30))).shape
        torch.Size([1, 3, 30, 40])
    """
    if isinstance(image, Tensor):
        return _checked(image, 1, 3)
    if isinstance(image, np.ndarray):
        return _array_to_batch(image)
    return _array_to_batch(to_raster(image).levels)


def to_raster(image: str | Path | PIL.Image.Image | RasterImage) -> RasterImage:
    """Return a path, a PIL image or a scan as a scan, and refuse what is none of them."""
    if isinstance(image, RasterImage):
        return image
    if isinstance(image, str | Path):
        return read_raster(image)
    if isinstance(image, PIL.Image.Image):
        return RasterImage.of(image)
    kind = type(image).__name__
    raise TypeError(f"cannot read an image from a {kind}; give a path, a PIL image, an array or a tensor")


def to_pil(scan: RasterImage) -> PIL.Image.Image:
    """Return it as a PIL image; its remarks become warnings."""
    for remark in scan.remarks:
        warnings.warn(remark, PictureWarning, stacklevel=4)
    return scan.to_pil()


def _native(array: Array) -> Array:
    """Return an array in this machine's order of bytes."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _checked_levels(array: Array) -> Array:
    """Refuse what is no image; return grey as ``(H, W)`` and RGB as ``(H, W, 3)``."""
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,)):
        raise ValueError(f"the array has shape {array.shape}; give (H, W), (H, W, 1) or (H, W, 3)")
    if array.size == 0:
        raise ValueError(f"the image is empty: its shape is {array.shape}")
    return array[:, :, 0] if array.shape[2:] == (1,) else array


def _array_to_batch(array: Array) -> Tensor:
    """Return an array ``(H, W)`` or ``(H, W, 1 or 3)`` as a tensor ``(1, 1 or 3, H, W)`` in [0, 1]."""
    array = np.atleast_3d(_checked_levels(_native(array)))
    if array.dtype == np.bool_:
        scaled = array.astype(np.float32)
    elif array.dtype in (np.uint8, np.uint16):
        scaled = array.astype(np.float32)
        scaled /= np.float32(np.iinfo(array.dtype).max)
    elif np.issubdtype(array.dtype, np.floating):
        scaled = array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)
    else:
        raise ValueError(f"the array is of {array.dtype}; give uint8, uint16, bool, or float in [0, 1]")
    return _checked(torch.from_numpy(scaled).movedim(2, 0)[None], 1, 3)


def _gray_of(rgb: Tensor) -> Tensor:
    """Return the grey image with the L* of a coloured one; grey stored as RGB comes back exactly."""
    if bool((rgb[:, :1] == rgb).all()):
        return rgb[:, :1]
    return lightness_to_grey(rgb_to_lab(rgb)[:, :1])


def _checked(tensor: Tensor, *channels: int) -> Tensor:
    """Refuse what is not a batch ``(B, C, H, W)`` of floats in [0, 1], with one of these numbers of channels (or 1)."""
    wanted = " or ".join(str(count) for count in channels or (1,))
    if tensor.ndim != 4:
        raise ValueError(f"the tensor has shape {tuple(tensor.shape)}; give a batch (B, {wanted}, H, W)")
    if tensor.shape[1] not in (channels or (1,)):
        raise ValueError(
            f"the tensor has {tensor.shape[1]} channels; give {wanted}"
            + ("" if channels else ", for instance colorzoo.color.conversions.rgb_to_luma(rgb)")
        )
    if tensor.numel() == 0:
        raise ValueError(f"the image is empty: its shape is {tuple(tensor.shape)}")
    if not tensor.is_floating_point():
        raise ValueError(f"the tensor is of {tensor.dtype}; give floats in [0, 1], for instance tensor.float() / 255")
    if bool(torch.isnan(tensor).any()):
        raise ValueError("the image holds NaN; replace it first")
    low, high = (float(value) for value in tensor.detach().aminmax())
    if low < 0 or high > 1:
        raise ValueError(f"the values lie in [{low:g}, {high:g}]; scale them to [0, 1]")
    return tensor


def _to_array(picture: Tensor, like: np.dtype[Any]) -> Array:
    """Return ``(1, C, H, W)`` in [0, 1] as ``(H, W, C)``: floats for floats, else unsigned integers."""
    array = picture[0].movedim(0, 2).cpu().numpy()
    if np.issubdtype(like, np.floating):
        return array.astype(like)
    integer = np.dtype(np.uint8) if like == np.bool_ else like
    levels = np.empty(array.shape, dtype=integer)
    for top in range(0, len(array), _BAND):
        levels[top : top + _BAND] = np.rint(array[top : top + _BAND] * np.iinfo(integer).max)
    return levels
