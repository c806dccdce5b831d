"""Finds the blocks of metadata in an open image, and corrects in them what being turned upright makes false."""

from collections.abc import Callable, Mapping
from typing import Any

import PIL.Image
from PIL.ExifTags import Base

from colorzoo.io.exif import Value, edit_exif
from colorzoo.io.exif_tags import LEFT_BEHIND, resources_of_tags, tags_to_exif
from colorzoo.io.photoshop import unpack_resources
from colorzoo.io.tiff_read import QUARTER_TURNS
from colorzoo.io.xmp import edit_xmp
from colorzoo.io.xmp_corrections import PLACES, upright_changes

PNG_XMP = "XML:com.adobe.xmp"
RAW_PROFILE = "Raw profile type "
"""How the texts of a PNG are called in which ImageMagick, and others after it, keep binary blocks."""
XMP_PREFIX, APP13_PREFIX = b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_KNOWN_SEGMENTS = (
    *(b"JFIF", b"JFXX", b"Exif\0", b"ICC_PROFILE\0", b"MPF\0", b"Adobe", b"Ducky"),
    *(XMP_PREFIX, _EXTENDED_XMP, APP13_PREFIX),
)
"""How segments of a JPEG begin that are carried, say how its pixels are stored, or hold copies of them."""
_SUBJECT_AREA = 0x9214
_SWAPPED = ((Base.XResolution, Base.YResolution), (Base.FocalPlaneXResolution, Base.FocalPlaneYResolution))
_EXIF_PLACES = {"the place of its subject": dict.fromkeys((Base.SubjectLocation, _SUBJECT_AREA))}
_MOST_DPI = 65535
_GAMMA, _PRIMARIES = 1 / 2.2, (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""Of sRGB."""


def read_orientation(image: PIL.Image.Image) -> int:
    """Return the EXIF orientation of an open image, whatever type of whole number it is stored in; 1 is upright.

    What Pillow makes of the image obeys it from then on.
    """
    try:
        value = image.getexif().get(Base.Orientation, 1)
        if isinstance(value, bytes | tuple):
            (value,) = value[:1]
            image.getexif()[Base.Orientation] = value
        return int(value)
    except Exception:  # a damaged block makes Pillow's parser stumble over anything
        damaged: Any = image
        damaged._exif = PIL.Image.Exif()
        damaged._exif._loaded = True
        return 1


def list_unknown_parts(image: Any) -> list[str]:
    """Return the names of what stands in an open image beside the pixels and is not carried."""
    segments = getattr(image, "applist", ())
    names = ["its extended XMP"] if any(data.startswith(_EXTENDED_XMP) for _, data in segments) else []
    names += [
        f"its segment {name}" for name, data in segments if name != "COM" and not data.startswith(_KNOWN_SEGMENTS)
    ]
    names += [f"its chunk {chunk[0].decode('latin-1')}" for chunk in getattr(image, "private_chunks", ())]
    return list(dict.fromkeys([*names, *image.info.get("unread", ()), *_list_colors(image.info)]))


def _list_colors(info: dict[Any, Any]) -> list[str]:
    """Return the names of what a PNG says of its colours where it has no profile, unless it is that of sRGB."""
    if info.get("icc_profile") or "srgb" in info:
        return []
    gamma, primaries = info.get("gamma", _GAMMA), info.get("chromaticity", _PRIMARIES)
    return [f"its gamma of {gamma:g}"] * (abs(gamma - _GAMMA) > 0.01) + ["its primaries"] * any(
        abs(value - usual) > 0.01 for value, usual in zip(primaries, _PRIMARIES, strict=False)
    )


def _raw_profile(texts: dict[str, str], name: str) -> bytes:
    lines = texts.get(RAW_PROFILE + name, "").split("\n")
    return bytes.fromhex("".join(lines[3:]))


def read_xmp(image: PIL.Image.Image, texts: dict[str, str], orientation: int) -> tuple[bytes, list[str]]:
    """Return the XMP packet of an image turned upright, without what no longer holds, and what of that is a loss."""
    given = image.info.get("xmp") or image.info.get(PNG_XMP) or _raw_profile(texts, "xmp")
    packet = given.encode() if isinstance(given, str) else bytes(given)
    if not packet.strip(b"\0 \t\r\n"):
        return b"", []
    packet = edit_xmp(packet, upright_changes(image.width, image.height))
    return _drop_places(packet, edit_xmp, PLACES, orientation)


def read_exif(image: PIL.Image.Image, texts: dict[str, str], orientation: int) -> tuple[bytes, list[str]]:
    """Return the EXIF block of an image turned upright, without what no longer holds, and what of that is a loss."""
    block = image.info.get("exif") or _raw_profile(texts, "exif") or tags_to_exif(image)
    if not block:
        return b"", []
    sizes: dict[int, Value] = {Base.ExifImageWidth: image.width, Base.ExifImageHeight: image.height}
    changes = dict.fromkeys(LEFT_BEHIND) | {Base.Orientation: 1}
    block = edit_exif(block, changes, sizes, swapped=_SWAPPED if orientation in QUARTER_TURNS else ())
    return _drop_places(block, lambda block, places: edit_exif(block, {}, places), _EXIF_PLACES, orientation)


def _drop_places(
    block: bytes, edit: Callable[[bytes, Any], bytes], places: Mapping[str, object], orientation: int
) -> tuple[bytes, list[str]]:
    """Return a block without what tells of places in an image that has been turned, and the names of that."""
    dropped = []
    for name, changes in places.items() if orientation != 1 else ():
        before, block = block, edit(block, changes)
        dropped += [name] * (block != before)
    return block, dropped


def read_resources(image: Any, texts: dict[str, str]) -> dict[int, bytes]:
    """Return Photoshop's resources, wherever an image keeps them, by their numbers."""
    block = b"".join(data[len(APP13_PREFIX) :] for name, data in getattr(image, "applist", ()) if name == "APP13")
    try:
        block = block or _raw_profile(texts, "iptc") or _raw_profile(texts, "8bim")
    except ValueError:
        block = b""
    given = image.info.get("photoshop") or {}
    return (
        unpack_resources(block) or resources_of_tags(image) or {k: v for k, v in given.items() if isinstance(v, bytes)}
    )


def parse_resolution(dpi: Any) -> tuple[float, float] | None:
    """Return a sensible resolution, or None; rounding restores the whole number that PNG stores as pixels per metre."""
    try:
        horizontal, vertical = (round(float(value), 2) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (horizontal, vertical) if min(horizontal, vertical) > 0 and max(horizontal, vertical) <= _MOST_DPI else None
