"""What the package knows of the tags of a TIFF, and how it writes pages; `tiff_read` reads them.

TIFF 6.0, Adobe 1992. Pages are written here because Pillow writes no 16-bit RGB: grey or RGB, with or without alpha, of
8 or 16 bits or floats, uncompressed, which every program reads. Pillow encodes the directories of tags.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorzoo.io.icc import fits

XMP_TAG = 700
IPTC_TAG = 33723
PHOTOSHOP_TAG = 34377
_PROFILE = 34675
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES = 273, 274, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PLANAR, _EXTRA, _FORMAT = 282, 283, 296, 284, 338, 339

_LAYOUT = frozenset((*range(254, 260), *range(262, 267), 273, 274, *range(277, 282), 284, *range(288, 294)))
"""Where pixels lie and how they are stored; the writer of another file sets its own."""
_MORE_LAYOUT = frozenset((301, 317, *range(318, 326), 330, 332, 338, 339, 340, 341, 347, *range(512, 533)))
NOT_COPIED = _LAYOUT | _MORE_LAYOUT | {XMP_TAG, PHOTOSHOP_TAG, _PROFILE}
"""Tags that another file does not inherit: the layout; XMP and the profile, which are carried by themselves; and
Photoshop's block, which holds a preview of the old image."""

_STRIP = 1 << 20
"""Bytes a strip: readers that take one at a time need little memory."""
_LARGEST = 1 << 32


def raw_iptc(image: Any) -> bytes:
    """Return the IPTC block of an open TIFF; where it is stored as 32-bit numbers, Pillow gives but one of them."""
    return bytes(getattr(getattr(image, "tag_v2", None), "_tagdata", {}).get(IPTC_TAG, b""))


@dataclass(frozen=True, eq=False)
class TiffPage:
    """A page to write.

    Args:
        pixels: uint8, uint16 or float32, ``(H, W, 1 to 4)``: grey, grey with alpha, RGB, RGBA.
        tags: EXIF, and other tags that say nothing of how the pixels are stored.
        profile: An ICC profile; one that is not for such pixels is left out.
        dpi: Pixels per inch, horizontally and vertically.
    """

    pixels: NDArray[Any]
    tags: PIL.Image.Exif
    profile: bytes = b""
    dpi: tuple[float, float] | None = None


def write_tiff_pages(stream: IO[bytes], pages: Iterable[TiffPage]) -> None:
    """Write a TIFF, each page as soon as it is there.

    Args:
        stream: Where to; it must seek.
        pages: The pages.

    Raises:
        ValueError: If the file would be larger than a TIFF can be, 4 GiB.
    """
    stream.write(struct.pack("<2sHI", b"II", 42, 0))
    link = 4
    for page in pages:
        pixels, directory = page.pixels, _directory(page)
        # A directory begins at an even place.
        place = stream.seek(0, 2)
        place += stream.write(bytes(place % 2))
        encoded = directory.tobytes(place)
        if place + len(encoded) + pixels.nbytes >= _LARGEST:
            raise ValueError("a TIFF holds at most 4 GiB; write a PNG, or the pages into several files")
        stream.write(encoded)
        rows = directory[_STRIP_ROWS]
        for top in range(0, len(pixels), rows):
            strip = pixels[top : top + rows]
            stream.write(strip.astype(strip.dtype.newbyteorder("<")).tobytes())
        stream.seek(link)
        stream.write(struct.pack("<I", place))
        link = place + 2 + 12 * len(directory)


def _directory(page: TiffPage) -> ImageFileDirectory_v2:
    pixels, tags = page.pixels, page.tags
    height, width, samples = pixels.shape
    row = pixels[0].nbytes
    rows = min(height, max(1, _STRIP // row))
    tops = range(0, height, rows)
    directory = ImageFileDirectory_v2(prefix=b"II")
    for tag in tags:
        directory[tag] = tags.get_ifd(tag) if tag in (IFD.Exif, IFD.GPSInfo) else tags[tag]
    if fits(page.profile, "L" if samples < 3 else "RGB"):
        directory[_PROFILE] = page.profile
    if page.dpi:
        directory[_X_RESOLUTION], directory[_Y_RESOLUTION] = page.dpi
        directory[_RESOLUTION_UNIT] = 2
    directory[_WIDTH], directory[_LENGTH] = width, height
    directory[_BITS] = (pixels.itemsize * 8,) * samples
    directory[_FORMAT] = (3 if np.issubdtype(pixels.dtype, np.floating) else 1,) * samples
    directory[_COMPRESSION], directory[_PLANAR], directory[_ORIENTATION] = 1, 1, 1
    directory[_PHOTOMETRIC] = 1 if samples < 3 else 2
    directory[_SAMPLES] = samples
    if samples in (2, 4):
        directory[_EXTRA] = 2  # alpha that the colours are not multiplied with
    directory[_STRIP_ROWS] = rows
    # Counted from the end of the directory; Pillow adds where that is.
    directory[_STRIP_OFFSETS] = tuple(top * row for top in tops)
    directory[_STRIP_BYTES] = tuple(min(rows, height - top) * row for top in tops)
    return directory
