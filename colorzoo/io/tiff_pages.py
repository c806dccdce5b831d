"""Finds the images among the directories of a TIFF, and lets any reader open one of them at once."""

import io
import struct
from typing import IO, Any, NamedTuple

from colorzoo.errors import UnreadableImageError

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _LENGTH, _SUB_DIRECTORIES = 254, 255, 256, 257, 330
_REDUCED, _MASK = 1, 4
"""Bits of the subfile type: a preview of another page, and which of its pixels show."""
_COUNTED = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Types of whole numbers, as `struct` names them."""
_MOST_DIRECTORIES = 65_536


class Page(NamedTuple):
    """Where the directories of an image lie: that of its pixels, and that of what is said of them."""

    pixels: int
    metadata: int


class RedirectedTiff(io.RawIOBase):
    """A TIFF that begins with another of its directories, so that any reader opens that one at once.

    Args:
        stream: The open file.
        offset: Where the directory lies.
    """

    def __init__(self, stream: IO[bytes], offset: int) -> None:
        self._stream = stream
        order, big = byte_layout(stream)
        stream.seek(0)
        self._start = stream.read(8 if big else 4) + struct.pack(order + ("Q" if big else "I"), offset)
        stream.seek(0)

    def readinto(self, buffer: Any) -> int:
        position, view = self._stream.tell(), memoryview(buffer).cast("B")
        count: int = self._stream.readinto(view)  # type: ignore[attr-defined]
        start = self._start[position : position + count]
        view[: len(start)] = start
        return count

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()


def find_pages(stream: IO[bytes]) -> list[Page]:
    """Find the images of a TIFF: no previews and no masks, but those in sub-directories that a preview stands for.

    Args:
        stream: The open file.

    Raises:
        UnreadableImageError: If it has more pages than are read.
        struct.error: If it is damaged before its first page.
    """
    order, big = byte_layout(stream)
    stream.seek(8 if big else 4)
    (following,) = struct.unpack(order + ("Q" if big else "I"), stream.read(8 if big else 4))
    seen: set[int] = set()
    pages: list[tuple[int, Page]] = []
    previews: list[tuple[int, Page]] = []
    while following and following not in seen:
        if len(seen) > _MOST_DIRECTORIES:
            raise UnreadableImageError(f"it has more than {_MOST_DIRECTORIES} pages; split it")
        seen.add(offset := following)
        try:
            tags, following = _read_directory(stream, offset, order, big)
        except struct.error:
            if pages or previews:  # the pages before are sound
                break
            raise
        found = [(_kind_and_size(tags), offset)]
        for below in tags.get(_SUB_DIRECTORIES, ())[:_MOST_DIRECTORIES]:
            if below not in seen:
                seen.add(below)
                try:
                    found.append((_kind_and_size(_read_directory(stream, below, order, big)[0]), below))
                except struct.error:
                    continue
        (is_whole, size), largest = max(found, key=lambda entry: entry[0])
        (pages if is_whole else previews).append((size, Page(largest, offset)))
    if not pages and not previews:
        raise SyntaxError("it has no pages")
    return [page for _, page in pages] or [max(previews)[1]]


def byte_layout(stream: IO[bytes]) -> tuple[str, bool]:
    """Return the byte order, as `struct` names it, and whether it is a BigTIFF.

    Args:
        stream: The open file.
    """
    stream.seek(0)
    start = stream.read(4)
    return "<" if start[:1] == b"I" else ">", b"\x2b" in start[2:]


def _read_directory(stream: IO[bytes], offset: int, order: str, big: bool) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return those tags of a directory that hold whole numbers, and where the next directory is."""
    size, count_code, entry_code, place_code = (8, "Q", "HHQ8s", "Q") if big else (4, "H", "HHI4s", "I")
    stream.seek(offset)
    (count,) = struct.unpack(order + count_code, stream.read(8 if big else 2))
    entry = struct.Struct(order + entry_code)
    entries = stream.read(min(count, _MOST_DIRECTORIES) * entry.size)
    (following,) = struct.unpack(order + place_code, stream.read(size)[:size].ljust(size, b"\0"))
    tags = {}
    for tag, kind, length, value in entry.iter_unpack(entries):
        if tag in (_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _LENGTH, _SUB_DIRECTORIES) and kind in _COUNTED:
            code = f"{order}{min(length, _MOST_DIRECTORIES)}{_COUNTED[kind]}"
            needed = struct.calcsize(code)
            if needed > size:
                stream.seek(*struct.unpack(order + place_code, value))
                value = stream.read(needed)
            tags[tag] = struct.unpack_from(code, value)
    return tags, following


def _kind_and_size(tags: dict[int, tuple[int, ...]]) -> tuple[bool, int]:
    """Tell whether a directory is of an image of its own, and how many pixels that has."""
    (kind, old, width, length) = (
        next(iter(tags.get(tag, ())), 0) for tag in (_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _LENGTH)
    )
    return not (kind & (_REDUCED | _MASK) or old == 2), width * length
