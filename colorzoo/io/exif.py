"""Changes an EXIF block where it lies.

What is not changed stays bit for bit, and at its place: the notes of camera makers point into the block, so that they
break where it is encoded anew. EXIF 3.0, CIPA DC-008, section 4.6.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

_PREFIX = b"Exif\0\0"
_ASCII, _SHORT, _LONG, _RATIONAL = 2, 3, 4, 5
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_EXIF_POINTER, _THUMBNAIL_START, _THUMBNAIL_BYTES = 0x8769, 0x0201, 0x0202

Value = int | float | str | None
"""A whole number, a resolution, a text; None drops the tag."""


class ExifError(ValueError):
    """The block is damaged."""


@dataclass
class _Entry:
    """An entry of a directory: what it holds, or where that lies, in four bytes."""

    type: int
    count: int
    value: bytes


def edit_exif(
    block: bytes,
    changes: Mapping[int, Value],
    details: Mapping[int, Value] | None = None,
    added: Mapping[int, Value] | None = None,
    swapped: tuple[tuple[int, int], ...] = (),
) -> bytes:
    """Return an EXIF block with other values, and without its thumbnail.

    Args:
        block: The block, with or without the prefix that JPEG gives it.
        changes: By tag, what the main directory is to say where it says anything.
        details: Likewise the directory of EXIF.
        added: By tag, what the main directory is to say where it says nothing.
        swapped: Pairs of tags that change places, of either directory.

    Returns:
        The block, with the prefix.

    Raises:
        ExifError: If it is damaged.
    """
    opened = _Block(block)
    opened.drop_thumbnail()
    for directory, wanted in ((opened.main, changes), (opened.exif, details or {})):
        for tag in directory.keys() & wanted.keys():
            opened.put(directory, tag, wanted[tag])
        for one, other in swapped:
            if one in directory and other in directory:
                directory[one], directory[other] = directory[other], directory[one]
    for tag, value in (added or {}).items():
        if tag not in opened.main:
            opened.put(opened.main, tag, value)
    return opened.encode()


class _Block:
    """An EXIF block with its two directories taken apart."""

    def __init__(self, block: bytes) -> None:
        self._data = bytearray(block.removeprefix(_PREFIX))
        orders = {b"II*\0": "<", b"MM\0*": ">"}
        if bytes(self._data[:4]) not in orders:
            raise ExifError("it does not begin as EXIF does")
        self._order = orders[bytes(self._data[:4])]
        (self._main_start,) = self._unpack("I", 4)
        self.main, self._main_size, self._next = self._directory(self._main_start)
        self._exif_start = self._exif_size = 0
        self.exif: dict[int, _Entry] = {}
        if pointer := self.main.get(_EXIF_POINTER):
            (self._exif_start,) = struct.unpack(f"{self._order}I", pointer.value)
            self.exif, self._exif_size, self._exif_next = self._directory(self._exif_start)
        self._refuse_overlap()

    def _refuse_overlap(self, *ranges: tuple[int, int]) -> None:
        """Refuse a block whose parts lie in one another, so that changing one would damage the other."""
        directories = [
            (self._main_start, self._main_size),
            *([(self._exif_start, self._exif_size)] if self.exif else []),
        ]
        parts = sorted([(0, 8), *((start, start + 2 + 12 * size) for start, size in directories), *ranges])
        if any(end > start for (_, end), (start, _) in pairwise(parts)):
            raise ExifError("its directories overlap")

    def _unpack(self, form: str, position: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + form, self._data, position)
        except struct.error as error:
            raise ExifError(f"it ends at byte {len(self._data)}, where {position} should follow") from error

    def _directory(self, start: int) -> tuple[dict[int, _Entry], int, int]:
        """Return the entries of a directory, how many it has room for, and where the next one begins."""
        (count,) = self._unpack("H", start)
        entries = {}
        for index in range(count):
            tag, kind, length = self._unpack("HHI", start + 2 + 12 * index)
            value = bytes(self._data[start + 10 + 12 * index : start + 14 + 12 * index])
            if len(value) < 4:
                raise ExifError("one of its directories is cut off")
            entries[tag] = _Entry(kind, length, value)
        end = start + 2 + 12 * count
        return entries, count, self._unpack("I", end)[0] if end + 4 <= len(self._data) else 0

    def drop_thumbnail(self) -> None:
        """Forget the directory of the thumbnail, and erase the thumbnail."""
        start, self._next = self._next, 0
        try:
            entries = self._directory(start)[0] if start else {}
        except ExifError:
            return
        if _THUMBNAIL_START in entries and _THUMBNAIL_BYTES in entries:
            start, size = (
                struct.unpack(f"{self._order}I", entries[tag].value)[0] for tag in (_THUMBNAIL_START, _THUMBNAIL_BYTES)
            )
            end = min(start + size, len(self._data))
            self._refuse_overlap((start, end))
            if end == len(self._data):
                del self._data[start:]
            elif start < end:
                self._data[start:end] = bytes(end - start)

    def put(self, directory: dict[int, _Entry], tag: int, value: Value) -> None:
        """Let a directory say something of a tag; whole numbers keep the type that they had, where they fit."""
        if value is None:
            del directory[tag]
        elif isinstance(value, int):
            kind = directory[tag].type if tag in directory else _SHORT
            if kind not in _INTEGERS or value >= 1 << 8 * struct.calcsize(_INTEGERS[kind]) - 1:
                kind = _LONG
            packed = struct.pack(self._order + _INTEGERS[kind], value)
            directory[tag] = _Entry(kind, 1, packed.ljust(4, b"\0"))
        elif isinstance(value, float):
            packed = struct.pack(f"{self._order}2I", round(value * 1000), 1000)
            directory[tag] = _Entry(_RATIONAL, 1, self._append(packed))
        else:
            text = value.encode() + b"\0"
            directory[tag] = _Entry(_ASCII, len(text), self._append(text) if len(text) > 4 else text.ljust(4, b"\0"))

    def _append(self, content: bytes) -> bytes:
        """Put something at the end, and return where, as an entry says it."""
        self._data += bytes(len(self._data) % 2)
        start = len(self._data)
        self._data += content
        return struct.pack(f"{self._order}I", start)

    def encode(self) -> bytes:
        """Return the block: directories at their places, or at the end where they have grown."""
        if self._exif_start:
            start = self._write(self.exif, self._exif_start, self._exif_size, self._exif_next)
            self.main[_EXIF_POINTER] = _Entry(_LONG, 1, struct.pack(f"{self._order}I", start))
        start = self._write(self.main, self._main_start, self._main_size, self._next)
        struct.pack_into(f"{self._order}I", self._data, 4, start)
        return _PREFIX + bytes(self._data)

    def _write(self, directory: dict[int, _Entry], start: int, size: int, following: int) -> int:
        content = struct.pack(f"{self._order}H", len(directory)) + b"".join(
            struct.pack(f"{self._order}HHI", tag, entry.type, entry.count) + entry.value
            for tag, entry in sorted(directory.items())
        )
        content += struct.pack(f"{self._order}I", following)
        if len(directory) > size or start + len(content) > len(self._data):
            (start,) = struct.unpack(f"{self._order}I", self._append(content))
        else:
            self._data[start : start + len(content)] = content
        return start
