"""Opens JPEG 2000, and reads what has more than 8 bits with imagecodecs: Pillow keeps 8, and makes white black.

ISO 15444-1. Grey of 10 bits or more, and all of up to 8 bits, are decoded by Pillow.
"""

import struct

import numpy as np
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from colorzoo.errors import UnreadableImageError
from colorzoo.io.depth import stretch_bits
from colorzoo.io.tiff_read import Samples

_SIZES = b"\xff\x4f\xff\x51"
"""The markers before the sizes of an image and its planes."""
_PROFILED, _NAMED = b"colr\2", b"colr\1"
"""How the box of the colours begins."""
_HEAD = 1 << 20
"""Bytes of a file in which they stand, behind the profile."""


class Jpeg2000Image(Jpeg2KImageFile):
    """An image as Pillow opens it; `read_samples` decodes one that it would not get right."""

    def _open(self) -> None:
        assert self.fp is not None  # it is what it was opened with
        boxes, found, sizes = self.fp.read(_HEAD).partition(_SIZES)
        self.fp.seek(0)
        super()._open()
        if not found:
            raise UnreadableImageError("it does not begin with the sizes of its planes; it is damaged, or unusual")
        if (start := boxes.find(_PROFILED)) >= 4:
            self.info["icc_profile"] = boxes[start + 7 : start - 4 + int.from_bytes(boxes[start - 4 : start])]
        width, height, count = struct.unpack_from(">4xII24xH", sizes)
        planes = list(struct.iter_unpack("3B", sizes[38 : 38 + 3 * count]))
        self._is_signed: bool = planes[0][0] > 0x7F
        self.bits: int = 1 + (planes[0][0] & 0x7F)
        self.is_exact = self.bits <= 8 or self.mode == "I;16"
        is_ycc = boxes.partition(b"colr\1")[2][2:6] == b"\0\0\0\x12"
        steps = {(across, down) for _, across, down in planes}
        is_whole = all(width % across == 0 == height % down for across, down in steps)
        if not is_whole or (len(steps) > 1 and not is_ycc):
            kind = "its planes have other sizes than the image"
        elif len({depth for depth, _, _ in planes}) > 1:
            kind = "its planes have different depths"
        elif _is_shuffled(boxes):
            kind = "its colours are stored in an unusual order"
        elif not self.is_exact and (is_ycc or self.mode not in ("L", "LA", "RGB", "RGBA")):
            kind = f"it has {'YCbCr' if is_ycc else self.mode} pixels of {self.bits} bits"
        elif b"pclr" in boxes and self.bits != 8:
            kind = f"its palette is asked by {self.bits} bits"
        else:
            return
        raise UnreadableImageError(f"{kind}; save it as a TIFF in a program that shows it")

    def read_samples(self) -> Samples:
        """Decode it.

        Raises:
            UnreadableImageError: If imagecodecs is missing.
        """
        try:
            from imagecodecs import jpeg2k_decode
        except ImportError as error:
            raise UnreadableImageError(
                f"to read its {self.bits} bits takes imagecodecs: pip install 'colorzoo[formats]'"
            ) from error
        assert self.fp is not None
        self.fp.seek(0)
        # Without its profile, for which imagecodecs would convert the levels.
        plain = self.fp.read().replace(_PROFILED, _NAMED, 1)
        levels = jpeg2k_decode(plain).astype(np.int32) + (self._is_signed << self.bits - 1)
        levels = stretch_bits(self.bits)[levels]
        if self.mode in ("L", "RGB"):
            return Samples(levels, None, ())
        return Samples(levels[..., 0] if self.mode == "LA" else levels[..., :3], levels[..., -1], ())


def _is_shuffled(boxes: bytes) -> bool:
    """Tell whether a channel definition gives planes in another order than red, green and blue."""
    definition = boxes.partition(b"cdef")[2]
    entries = struct.iter_unpack(">3H", definition[2:26][: 6 * min(4, int.from_bytes(definition[:2], "big"))])
    return any(kind == 0 and place in (1, 2, 3) and place != channel + 1 for channel, kind, place in entries)
