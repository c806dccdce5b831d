"""The chunks of a PNG that Pillow refuses the whole image for, though the pixels are sound."""

import io
import struct
import zlib
from typing import IO

PNG_PREFIX = b"\x89PNG\r\n\x1a\n"
_MOST = 1 << 20
"""Bytes that Pillow unpacks from a chunk."""
_LEAST = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
"""Bytes that a chunk must have."""
_MOST_OF_ALL = 1 << 26
"""Bytes that all texts may have together."""


def drop_bad_chunks(stream: IO[bytes]) -> tuple[IO[bytes], tuple[str, ...]]:
    """Leave out the texts, profiles and other ancillary chunks of a PNG that are too large or damaged.

    Args:
        stream: The open file.

    Returns:
        The stream itself where there is nothing to drop, else the rest of the file; and the names of what was dropped.
    """
    kept, dropped, total = [(0, len(PNG_PREFIX))], [], 0
    left = stream.seek(0, io.SEEK_END) - stream.seek(len(PNG_PREFIX))
    while left >= 12:
        length, name = struct.unpack(">I4s", stream.read(8))
        start = stream.tell() - 8
        left -= length + 12
        if left >= 0 and name[0] & 0x20 and name not in (b"fdAT", b"tRNS"):
            data, checksum = stream.read(length), stream.read(4)
            total += len(data) if name in (b"tEXt", b"zTXt", b"iTXt") else 0
            damaged = length < _LEAST.get(name, 0) or checksum != struct.pack(">I", zlib.crc32(name + data))
            if damaged or total > _MOST_OF_ALL or _unpacks_to_more(name, data):
                dropped.append(name.decode("latin-1"))
                continue
        else:
            stream.seek(length + 4, io.SEEK_CUR)
        kept.append((start, length + 12))
        if name == b"IEND":
            break
    stream.seek(0)
    if not dropped:
        return stream, ()
    rest = io.BytesIO()
    for start, length in kept:
        stream.seek(start)
        rest.write(stream.read(length))
    rest.seek(0)
    return rest, tuple(dict.fromkeys(dropped))


def _unpacks_to_more(name: bytes, data: bytes) -> bool:
    """Tell whether a compressed text or profile is larger than Pillow takes, or damaged."""
    _, _, rest = data.partition(b"\0")
    if name == b"iTXt" and rest[:1] == b"\1":
        packed = rest[2:].split(b"\0", 2)[-1]
    elif name in (b"zTXt", b"iCCP"):
        packed = rest[1:]
    else:
        return False
    try:
        return len(zlib.decompressobj().decompress(packed, _MOST + 1)) > _MOST
    except zlib.error:
        return True
