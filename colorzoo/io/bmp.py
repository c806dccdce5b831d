"""BMP with an alpha channel, in a header of version 4; Pillow writes an older one, in which alpha has no meaning."""

import struct
from typing import IO

import PIL.Image

_INCHES_A_METRE = 39.3701
_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def write_bmp32(stream: IO[bytes], image: PIL.Image.Image, dpi: tuple[float, float] | None) -> None:
    """Write a BMP of 32 bits a pixel.

    Args:
        stream: Where to.
        image: Of a mode with transparency.
        dpi: Pixels per inch, horizontally and vertically.
    """
    image = image.convert("RGBA")
    size = 4 * image.width * image.height
    metre = (round(value * _INCHES_A_METRE) for value in dpi or (96, 96))
    stream.write(struct.pack("<2sIII", b"BM", 122 + size, 0, 122))
    stream.write(struct.pack("<IiiHHIIiiII", 108, image.width, image.height, 1, 32, 3, size, *metre, 0, 0))
    stream.write(struct.pack("<4I4s48x", *_MASKS, b"BGRs"))  # "sRGB", as a number
    stream.write(image.transpose(PIL.Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA"))
