"""Reads the merged image of a Photoshop file, PSD or PSB; Pillow reads bitmaps as negatives, and 8 bits at most.

Adobe, "Photoshop File Formats Specification". Layers are left out, since the merged image shows what they make.
"""

import struct
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile, _safe_read

from colorzoo.errors import UnreadableImageError
from colorzoo.io.depth import rescale_levels
from colorzoo.io.photoshop import unpack_resources
from colorzoo.io.tiff_read import Samples, describe_planes

Array = NDArray[Any]

_BITMAP, _GREY, _INDEXED, _RGB, _CMYK, _DUOTONE = 0, 1, 2, 3, 4, 8
_BASE_CHANNELS = {_BITMAP: 1, _GREY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1}
_OTHER_MODES = {7: "multichannel", 9: "L*a*b*"}
_RESOLUTION, _CHANNEL_NAMES, _PROFILE, _TRANSPARENT_INDEX = 1005, 1006, 1039, 1047
_VERSION, _EXIF, _XMP = 1057, 1058, 1060
_TRANSPARENCY_KEYS, _LAYER_KEYS = (b"Mtrn", b"Mt16", b"Mt32"), (b"Layr", b"Lr16", b"Lr32")
_LONG_KEYS = (
    *(*_TRANSPARENCY_KEYS, *_LAYER_KEYS),
    *(b"LMsk", b"Alph", b"FMsk", b"lnk2", b"FEid", b"FXid", b"PxSD", b"cinf"),
)
"""Blocks whose lengths have eight bytes in a PSB."""


class PsdImage(ImageFile):
    """The merged image as Pillow opens others; `read_samples` decodes it."""

    format = "PSD"
    format_description = "Adobe Photoshop"
    is_exact = False

    def _open(self) -> None:
        assert self.fp is not None  # it is what it was opened with
        self._file = self.fp
        version, self._channels, height, width, self._bits, self._kind = struct.unpack(
            ">4xH6xHIIHH", _safe_read(self._file, 26)
        )
        self._size, self._mode = (width, height), "RGB" if self._kind in (_INDEXED, _RGB, _CMYK) else "L"
        self._is_big = version == 2
        self._palette = self._section("I")
        resources = unpack_resources(self._section("I"))
        self._resources = resources
        self.info["photoshop"] = resources
        named = (("icc_profile", _PROFILE, b""), ("exif", _EXIF, b"Exif\0\0"), ("xmp", _XMP, b""))
        self.info |= {name: prefix + resources[number] for name, number, prefix in named if number in resources}
        if len(resolution := resources.get(_RESOLUTION, b"")) >= 12:
            self.info["dpi"] = tuple(value / 65536 for value in struct.unpack_from(">I4xI", resolution))
        self._skip_layers()
        self._start = self._file.tell()

    def _section(self, code: str) -> bytes:
        return _safe_read(self._file, self._number(code))

    def _number(self, code: str) -> int:
        (number,) = struct.unpack(f">{code}", _safe_read(self._file, struct.calcsize(code)))
        return int(number)

    def _skip_layers(self) -> None:
        """Go past the layers, whose number, if negative, says that the first further channel is their transparency."""
        length = "Q" if self._is_big else "I"
        size = self._number(length)
        end = self._file.tell() + size
        count, is_transparent = 0, False
        if size:
            if layers := self._number(length):
                count = self._number("h")
                self._file.seek(layers - 2, 1)
            if self._file.tell() + 4 <= end:
                self._file.seek(self._number("I"), 1)
            while self._file.tell() + 12 <= end:
                key = _safe_read(self._file, 8)[4:]
                size = self._number("Q" if self._is_big and key in _LONG_KEYS else "I")
                following = self._file.tell() + size + -size % 4
                is_transparent |= key in _TRANSPARENCY_KEYS
                if key in _LAYER_KEYS and size:
                    count = self._number("h")
                self._file.seek(following)
        if count and self._resources.get(_VERSION, b"")[4:5] == b"\0":
            raise UnreadableImageError(
                "it holds layers without the image that they make; save it in Photoshop with 'Maximize Compatibility'"
            )
        is_saved = count > 0 or _CHANNEL_NAMES in self._resources  # a selection, or an ink of its own
        self._has_alpha = is_transparent or count < 0 or not is_saved
        self._file.seek(end)

    def read_samples(self) -> Samples:
        """Decode it.

        Raises:
            UnreadableImageError: If it has pixels of a kind that is not read.
        """
        base = _BASE_CHANNELS.get(self._kind, 99)
        if self._bits not in (1, 8, 16) or self._channels < base:
            kind = f"{_OTHER_MODES.get(self._kind, '')} pixels of {self._bits} bits".strip()
            raise UnreadableImageError(f"it has {kind}, which are not read; save it as grey or RGB of 8 or 16 bits")
        further = self._channels - base
        has_alpha = self._has_alpha and further > 0
        remarks = [describe_planes(count)] if (count := further - has_alpha) else []
        planes = self._planes(base + has_alpha)
        levels = planes[..., :base]
        alpha = planes[..., base] if has_alpha else None
        if self._kind == _BITMAP:
            levels = np.unpackbits(levels[..., 0], axis=1)[:, : self.width, None] * np.uint8(255) ^ 255
        elif self._kind == _INDEXED:
            indices = levels[..., 0]
            levels = np.frombuffer(self._palette, np.uint8, 768).reshape(3, 256).T[indices]
            if transparent := self._resources.get(_TRANSPARENT_INDEX):
                alpha = np.where(indices == int.from_bytes(transparent, "big"), 0, 255).astype(np.uint8)
        elif self._kind == _DUOTONE:
            remarks.append("as grey, without the inks of its duotone")
        elif alpha is not None:
            levels = _without_white(levels, alpha)
        if self._kind == _CMYK:
            levels = rescale_levels(~levels, np.uint8)  # stored as light, not as ink
            if self._bits == 16:
                alpha = None if alpha is None else rescale_levels(alpha, np.uint8)
                remarks.append("its 16 bits were read as 8")
        return Samples(levels[..., 0] if levels.shape[2] == 1 else levels, alpha, tuple(remarks))

    def _planes(self, count: int) -> Array:
        """Return the first channels, interleaved; those of a bitmap as bytes of eight pixels."""
        self._file.seek(self._start)
        row = -(-self.width * self._bits // 8)
        compression, rows = self._number("H"), self._channels * self.height
        if compression == 0:
            data = _safe_read(self._file, count * self.height * row)
        elif compression == 1:
            sizes = np.frombuffer(
                _safe_read(self._file, rows * (4 if self._is_big else 2)), ">u4" if self._is_big else ">u2"
            )
            # Row by row, since a run may be longer than what is left of its row.
            data = b"".join(
                PIL.Image.frombytes("L", (row, 1), _safe_read(self._file, size), "packbits", "L").tobytes()
                for size in sizes[: count * self.height].tolist()
            )
        else:
            raise UnreadableImageError("its merged image is compressed as ZIP, which is not read; save it once more")
        planes = np.frombuffer(data, ">u2" if self._bits == 16 else np.uint8).reshape(count, self.height, -1)
        return np.ascontiguousarray(np.moveaxis(planes, 0, 2), np.uint16 if self._bits == 16 else np.uint8)


def _without_white(levels: Array, alpha: Array) -> Array:
    """Return levels as they were before Photoshop laid them on white; under full transparency they stay white."""
    top = np.iinfo(levels.dtype).max
    result = levels.copy()
    for row, opacity, out in zip(levels, alpha, result, strict=True):
        seen = (opacity > 0) & (opacity < top)
        share = opacity[seen, None] / np.float32(top)
        out[seen] = np.rint(np.clip(top + (row[seen] - np.float32(top)) / share, 0, top))
    return result
