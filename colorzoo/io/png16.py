"""PNG with 16 bits a sample, in colour and with transparency, which Pillow reads but does not write.

PNG (third edition), W3C 2025: filtering in section 9, chunks in section 11.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.PngImagePlugin import putchunk

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Grey, grey with alpha, RGB, RGBA: by the number of samples a pixel."""
_BAND = 64
"""Rows that are compressed at a time."""
_SUB, _UP = 1, 2
_LEVEL = 2
"""Of zlib. The default takes twice as long, and makes files that are a tenth smaller."""


def write_png16(stream: IO[bytes], pixels: NDArray[np.uint16], options: dict[str, Any]) -> None:
    """Write a PNG.

    Args:
        stream: Where to.
        pixels: Grey, grey with alpha, RGB or RGBA.
        options: What `PIL.Image.Image.save` takes for a PNG, such as ``dpi``.

    Shape:
        ``(H, W, 1 to 4)``.
    """
    height, width, samples = pixels.shape
    stream.write(_SIGNATURE)
    putchunk(stream, b"IHDR", struct.pack(">2I5B", width, height, 16, _COLOUR_TYPES[samples], 0, 0, 0))
    for name, content in _chunks_of(options):
        putchunk(stream, name, content)
    compressor = zlib.compressobj(_LEVEL)
    for band in _filtered(pixels):
        if packed := compressor.compress(band):
            putchunk(stream, b"IDAT", packed)
    putchunk(stream, b"IDAT", compressor.flush())
    putchunk(stream, b"IEND")


def _chunks_of(options: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks that say something beside the pixels: those that Pillow writes for an image of one pixel."""
    stand_in = io.BytesIO()
    PIL.Image.new("L", (1, 1)).save(stand_in, format="PNG", **options)
    data, position = stand_in.getvalue(), len(_SIGNATURE)
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if name not in (b"IHDR", b"IDAT", b"IEND"):
            yield name, data[position + 8 : position + 8 + length]
        position += length + 12


def _filtered(pixels: NDArray[np.uint16]) -> Iterator[bytes]:
    """Yield the rows in bands, each as differences to the left or to the row above, whichever are smaller."""
    height, width, samples = pixels.shape
    step = 2 * samples
    above = np.zeros((1, width * step), np.uint8)
    for top in range(0, height, _BAND):
        rows = pixels[top : top + _BAND].astype(">u2").reshape(-1, width * samples).view(np.uint8)
        left = np.pad(rows[:, :-step], ((0, 0), (step, 0)))
        to_left, to_above = rows - left, rows - np.concatenate([above, rows[:-1]])
        is_left = _size(to_left) < _size(to_above)
        kinds = np.where(is_left, _SUB, _UP).astype(np.uint8)
        yield np.concatenate([kinds[:, None], np.where(is_left[:, None], to_left, to_above)], axis=1).tobytes()
        above = rows[-1:]


def _size(differences: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return for each row how far its differences, as signed numbers, are from 0."""
    return np.asarray(np.abs(differences.view(np.int8).astype(np.int16)).sum(axis=1))
