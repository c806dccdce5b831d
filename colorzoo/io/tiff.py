"""TIFF of any number of pages, grey or RGB, with alpha, of 8 and 16 bits and floats; Pillow writes no 16-bit RGB.

TIFF 6.0, Adobe 1992. Pillow encodes the directories. Levels are stored as they are, which every program reads.
"""

import struct
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorzoo.io.icc import fits
from colorzoo.io.metadata import Metadata

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES = 273, 274, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PLANAR, _EXTRA, _FORMAT = 282, 283, 296, 284, 338, 339
_PROFILE = 34675
_STRIP = 1 << 20
"""Bytes a strip: readers that take one at a time need little memory."""
_LARGEST = 1 << 32


def write_tiff_pages(stream: IO[bytes], pages: Iterable[tuple[NDArray[Any], Metadata]]) -> None:
    """Write a TIFF, a page at a time.

    Args:
        stream: Where to; it must seek.
        pages: Pixels of each page, of uint8, uint16 or float32, and what it says beside them.

    Shape:
        ``(H, W, 1 to 4)``: grey, grey with alpha, RGB, RGBA.

    Raises:
        ValueError: If the file would be larger than a TIFF can be, 4 GiB.
    """
    stream.write(struct.pack("<2sHI", b"II", 42, 0))
    link = 4
    for pixels, metadata in pages:
        directory = _directory(pixels, metadata)
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


def _directory(pixels: NDArray[Any], metadata: Metadata) -> ImageFileDirectory_v2:
    height, width, samples = pixels.shape
    row = pixels[0].nbytes
    rows = min(height, max(1, _STRIP // row))
    tops = range(0, height, rows)
    directory = ImageFileDirectory_v2(prefix=b"II")
    tags = metadata.tags()
    for tag in tags:
        directory[tag] = tags.get_ifd(tag) if tag in (IFD.Exif, IFD.GPSInfo) else tags[tag]
    if fits(metadata.profile, "L" if samples < 3 else "RGB"):
        directory[_PROFILE] = metadata.profile
    if metadata.dpi:
        directory[_X_RESOLUTION], directory[_Y_RESOLUTION] = metadata.dpi
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
