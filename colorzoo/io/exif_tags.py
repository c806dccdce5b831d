"""EXIF by tags, as Pillow parses and encodes it: for TIFF, whose own tags it shares."""

from collections.abc import MutableMapping
from typing import Any

import PIL.Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorzoo.io.photoshop import IPTC, unpack_resources
from colorzoo.io.tiff import IPTC_TAG, NOT_COPIED, PHOTOSHOP_TAG, raw_iptc

_PARTS = (IFD.Exif, IFD.GPSInfo)
_LAYERS, _LAYER_INFO, _PREVIEW = 37724, 50784, 20507
_RAW_LAYOUT = frozenset((33421, 33422, *range(50706, 51200), *range(52525, 52600)))
"""How the pixels of a raw photograph (DNG, TIFF/EP) and of ImageJ are stored."""
LEFT_BEHIND = NOT_COPIED | _RAW_LAYOUT | {IPTC_TAG, _LAYERS, _LAYER_INFO, _PREVIEW}
"""Tags of a TIFF that another file does not inherit as they are: the layout, other copies of the old pixels, and blocks
that are carried by themselves."""
_OF_ARRAYS = ('{"shape":', "ImageJ=")
"""How descriptions begin that programs for arrays take for the layout of the file."""


def tags_to_exif(image: PIL.Image.Image) -> bytes:
    """Return the descriptive tags of a TIFF, or what a program has set, as an EXIF block; empty if there are none."""
    given = image.getexif()
    kept = PIL.Image.Exif()
    kept.update({tag: value for tag, value in given.items() if tag not in (*LEFT_BEHIND, *_PARTS)})
    if str(kept.get(Base.ImageDescription, "")).startswith(_OF_ARRAYS):
        del kept[Base.ImageDescription]
    _prepare(kept)
    for part in _PARTS:
        entries = dict(given.get_ifd(part))
        _prepare(entries, part)
        if entries:
            kept[part] = entries
    details = kept.get(IFD.Exif, {})
    if IFD.Interop in details:
        details[IFD.Interop] = given.get_ifd(IFD.Interop)
    return kept.tobytes() if len(kept) else b""


def exif_to_tags(exif: bytes) -> tuple[PIL.Image.Exif, list[int]]:
    """Return an EXIF block as the tags of a TIFF, and those that Pillow cannot encode."""
    tags = PIL.Image.Exif()
    if not exif:
        return tags, []
    tags.load(exif)
    dropped = _prepare(tags)
    for part in _PARTS:
        if part in tags:
            dropped += _prepare(tags.get_ifd(part), part)
    return tags, dropped


def shrink_exif(exif: bytes, room: int) -> tuple[bytes, list[int]]:
    """Return an EXIF block without the largest tags that a TIFF has added, and these; all of it goes if need be."""
    tags, dropped = exif_to_tags(exif)
    sizes = {tag: len(value) for tag, value in tags.items() if isinstance(value, bytes | str)}
    for tag in sorted(sizes, key=lambda tag: -sizes[tag]):
        if len(exif) <= room:
            break
        del tags[tag]
        dropped.append(tag)
        exif = tags.tobytes()
    return (exif, dropped) if len(exif) <= room else (b"", dropped)


def resources_of_tags(image: PIL.Image.Image) -> dict[int, bytes]:
    """Return what a TIFF says in IPTC and in Photoshop's block."""
    block = getattr(image, "tag_v2", {}).get(PHOTOSHOP_TAG)
    resources = unpack_resources(block) if isinstance(block, bytes) else {}
    iptc = raw_iptc(image)
    return {**resources, IPTC: iptc} if iptc else resources


def _prepare(entries: MutableMapping[int, Any], part: int | None = None) -> list[int]:
    """Make entries such that Pillow encodes them as they were, and return those that it cannot encode."""
    dropped = []
    for tag, value in list(entries.items()):
        if tag in (*_PARTS, IFD.Interop):
            continue
        if isinstance(value, str) and not value.isascii():
            # Pillow reads texts as Latin-1, but writes question marks.
            entries[tag] = value.encode("latin-1", "replace")
        try:
            directory = ImageFileDirectory_v2(group=part)
            directory[tag] = entries[tag]
            directory.tobytes()
        except Exception:  # of a type that the tag should not have
            del entries[tag]
            dropped.append(tag)
    return dropped
