"""ICC colour profiles: conversion to sRGB, which the models were trained on.

LittleCMS, as Pillow brings it, converts 8-bit images and curves of 16 bits; the matrix between the curves of a
16-bit RGB image is applied here. Intent: relative colorimetric with black point compensation, as is usual.
"""

import io
import struct
from functools import cache
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from PIL import ImageCms

from colorzoo.color.srgb import LINE_END, LINE_SLOPE, decode_srgb_curve
from colorzoo.io.depth import rescale_levels

Array = NDArray[Any]
Curve = NDArray[np.uint16]

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_COMPENSATED = ImageCms.Flags.BLACKPOINTCOMPENSATION
_D50 = (0.9642, 1.0, 0.8249)
_BAND = 256
"""Rows that are converted at a time."""


class ProfileError(ValueError):
    """A profile is damaged, or not for images of this kind."""


def color_space(profile: bytes) -> str:
    """Return the colour space that a profile is for: ``"GRAY"``, ``"RGB"``, ``"CMYK"`` ..., as its header says."""
    return profile[16:20].decode("ascii", "replace").strip()


def fits(profile: bytes, mode: str) -> bool:
    """Tell whether a profile is for images of one of Pillow's modes."""
    grey = mode in ("1", "L", "LA", "F") or mode.startswith("I")
    return bool(profile) and color_space(profile) == ("GRAY" if grey else "CMYK" if mode == "CMYK" else "RGB")


@cache
def srgb_profile() -> bytes:
    """Return the profile of sRGB, always the same bytes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # LittleCMS writes the time of day into the header.
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def image_to_srgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    """Convert an image that is neither grey nor RGB.

    Args:
        image: Of mode CMYK or LAB.
        profile: Its profile; LAB needs none.

    Returns:
        The image in RGB.

    Raises:
        ProfileError: If the profile is damaged or for other images.
    """
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif color_space(profile) == image.mode:
        source = _parse_profile(profile)
    else:
        raise ProfileError(f"it is for {color_space(profile)}, the image {image.mode}")
    return _convert_image(image, source)


def levels_to_srgb(levels: Array, profile: bytes) -> Array:
    """Convert grey or RGB levels; those that a profile of sRGB describes come back as they are.

    Args:
        levels: Of uint8 or uint16, or floats in [0, 1].
        profile: Says what they mean.

    Shape:
        ``(H, W)`` or ``(H, W, 3)`` -> the same.

    Returns:
        Levels of the same type.

    Raises:
        ProfileError: If the profile is damaged or for other images.
    """
    kind = color_space(profile)
    if kind not in ("GRAY", "RGB") or (levels.ndim == 3 and kind == "GRAY"):
        raise ProfileError(f"it is for {kind}, the image {'grey' if levels.ndim == 2 else 'RGB'}")
    opened = _parse_profile(profile)
    if levels.ndim == 2:
        # Grey images often have the profile of the RGB image that they were.
        curve = _curve(profile if kind == "GRAY" else _grey_profile(_tag(profile, b"gTRC")))
        same = np.abs(curve.astype(int) - np.arange(65536)).max() <= 257
        return levels if same else _look_up(curve, levels)
    if _is_srgb(opened):
        return levels
    if levels.dtype == np.uint8:
        return np.asarray(_convert_image(PIL.Image.fromarray(levels), opened))
    if levels.dtype != np.uint16:
        converted = _rgb16_to_srgb(rescale_levels(levels, np.uint16), profile, opened)
        return np.asarray(converted / np.float32(65535), levels.dtype)
    return _rgb16_to_srgb(levels, profile, opened)


def _parse_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ImageCms.PyCMSError) as error:
        raise ProfileError(str(error)) from error


def _convert_image(image: PIL.Image.Image, source: ImageCms.ImageCmsProfile) -> PIL.Image.Image:
    try:
        converted = ImageCms.profileToProfile(
            image, source, _parse_profile(srgb_profile()), _INTENT, outputMode="RGB", flags=_COMPENSATED
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ProfileError(str(error)) from error
    assert converted is not None  # only a conversion in place returns None
    return converted


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Tell by what a profile does whether it is one of the many of sRGB."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(9, 81, 3)
    converted = np.asarray(_convert_image(PIL.Image.fromarray(grid), profile))
    return bool(np.abs(converted.astype(int) - grid).max() <= 1)


def _curve(grey_profile: bytes) -> Curve:
    """Return the sRGB-encoded grey of each 16-bit level."""
    ramp = PIL.Image.fromarray(np.arange(65536, dtype=np.uint16).reshape(256, 256))
    try:
        # Unasked, LittleCMS would interpolate between few samples of the curves.
        flags = _COMPENSATED | ImageCms.Flags.NOOPTIMIZE
        transform = ImageCms.buildTransform(
            _parse_profile(grey_profile), _parse_profile(_srgb_grey_profile()), "I;16", "I;16", _INTENT, flags
        )
        return np.asarray(ImageCms.applyTransform(ramp, transform)).ravel()
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ProfileError(str(error)) from error


def _look_up(curve: Curve, levels: Array) -> Array:
    if levels.dtype == np.uint8:
        return np.rint(curve[::257] / 257).astype(np.uint8)[levels]
    if levels.dtype == np.uint16:
        return curve[levels]
    return np.interp(levels, np.linspace(0, 1, 65536), curve / 65535).astype(levels.dtype)


def _rgb16_to_srgb(levels: Array, profile: bytes, opened: ImageCms.ImageCmsProfile) -> Array:
    """Convert 16-bit RGB: each channel's curve, then the matrix of the primaries, then the curve of sRGB."""
    if not opened.profile.is_matrix_shaper:
        raise ProfileError("it has tables in place of curves and a matrix, with which 16-bit images are not converted")
    encoded = [_curve(_grey_profile(_tag(profile, name))) / 65535 for name in (b"rTRC", b"gTRC", b"bTRC")]
    curves = [decode_srgb_curve(torch.from_numpy(curve)).float().numpy() for curve in encoded]
    matrix = np.linalg.solve(_primaries(_parse_profile(srgb_profile())), _primaries(opened)).astype(np.float32)
    converted = np.empty_like(levels)
    for top in range(0, len(levels), _BAND):
        band = levels[top : top + _BAND]
        linear = np.stack([curve[band[..., channel]] for channel, curve in enumerate(curves)], axis=-1)
        converted[top : top + _BAND] = np.rint(_encode_levels(np.clip(linear @ matrix.T, 0, 1)) * 65535)
    return converted


def _primaries(profile: ImageCms.ImageCmsProfile) -> NDArray[np.float64]:
    """Return the XYZ of red, green and blue as columns."""
    colorants = [getattr(profile.profile, f"{name}_colorant") for name in ("red", "green", "blue")]
    if None in colorants:
        raise ProfileError("it lacks its primaries")
    return np.array([xyz for xyz, _ in colorants]).T


def _encode_levels(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Do what `encode_srgb_curve` does, with NumPy's powers: published images have been rounded from these."""
    return np.where(linear <= LINE_END, linear * LINE_SLOPE, 1.055 * linear ** (1 / 2.4) - 0.055)


def _tag(profile: bytes, name: bytes) -> bytes:
    """Return the contents of one of a profile's tags."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        for index in range(min(count, 100)):
            signature, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
            if signature == name:
                return profile[offset : offset + size]
    except struct.error as error:
        raise ProfileError(str(error)) from error
    raise ProfileError(f"it lacks its curve {name.decode()}")


@cache
def _srgb_grey_profile() -> bytes:
    """Return the profile of grey with the curve of sRGB."""
    parameters = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return _grey_profile(b"para" + struct.pack(">4xHH", 3, 0) + b"".join(_fixed(value) for value in parameters))


def _grey_profile(curve: bytes) -> bytes:
    """Return a profile of grey, of version 4.2, around the contents of a curve's tag."""
    words = "grey".encode("utf-16-be")
    text = b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(words), 28) + words
    white = b"".join(_fixed(value) for value in _D50)
    tags = {b"desc": text, b"cprt": text, b"wtpt": b"XYZ " + bytes(4) + white, b"kTRC": curve}
    index, contents = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        index += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(contents), len(tag))
        contents += tag + bytes(-len(tag) % 4)
    header = struct.pack(">I4xI12s12x4s28x", 128 + len(index + contents), 0x04200000, b"mntrGRAYXYZ ", b"acsp") + white
    return header.ljust(128, b"\0") + index + contents


def _fixed(value: float) -> bytes:
    """Return a number as s15Fixed16Number."""
    return struct.pack(">i", round(value * 65536))
