"""What files say beside their pixels where Pillow does not look: boxes, extensions, and what follows the image."""

import io
import re
import struct
from typing import IO, Any

import PIL.ImageFile

from colorzoo.io.photoshop import IPTC

_MARKER = re.compile(rb"\xff[^\0\xd0-\xd7\xff]", re.DOTALL)
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_GIF_XMP_END = b"\1\xff\xfe"
"""How 257 bytes begin that lead readers who take XMP for blocks of a GIF to the end of it."""
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_OF_PIXELS = (b"jP  ", b"ftyp", b"rreq", b"jp2h", b"jp2c", b"free", b"skip", b"uinf")
_PROFILE_EMBEDDED = b"DEBM"
_V5_HEADER = 124


def read_container(image: PIL.ImageFile.ImageFile) -> None:
    """Put into the ``info`` of an open image, before it is decoded, what Pillow has left in the file.

    Under ``unread``, in words, stands what is not carried.
    """
    stream: Any = image.fp
    read = {"JPEG": _read_trailer, "GIF": _read_gif, "JPEG2000": _read_boxes, "BMP": _read_bmp}.get(image.format or "")
    if read and stream:
        position = stream.tell()
        stream.seek(0)
        image.info.update(read(stream))
        stream.seek(position)


def _read_trailer(stream: IO[bytes]) -> dict[str, Any]:
    """Find what follows a JPEG: a film, sound, or the notes of a program."""
    data, position = stream.read(), 2
    while marker := _MARKER.search(data, position):
        if marker[0] == b"\xff\xd9":
            following = len(data[marker.end() :].strip(b"\0\xff"))
            return {"unread": [f"{following:,} bytes that follow the image"]} if following else {}
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return {}


def _read_gif(stream: IO[bytes]) -> dict[str, Any]:
    _, found, rest = stream.read().partition(_GIF_XMP)
    return {"xmp": rest.partition(_GIF_XMP_END)[0]} if found else {}


def _read_boxes(stream: IO[bytes]) -> dict[str, Any]:
    info: dict[str, Any] = {}
    unread: list[str] = []
    end = stream.seek(0, io.SEEK_END)
    start = stream.seek(0)
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", stream.read(8))
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack(">Q", stream.read(8))
        following = start + size if size else end
        if not start + 8 <= following <= end:
            break
        if kind == b"uuid":
            name, content = stream.read(16), stream.read(following - stream.tell())
            if name == _XMP:
                info["xmp"] = content
            elif name == _EXIF:
                info["exif"] = b"Exif\0\0" + content
            elif name == _IPTC:
                info["photoshop"] = {IPTC: content}
            else:
                unread.append(f"its box uuid {name.hex()}")
        elif kind not in _OF_PIXELS and start:
            unread.append(f"its box {kind.decode('latin-1').strip()}")
        start = stream.seek(following)
    return info | ({"unread": unread} if unread else {})


def _read_bmp(stream: IO[bytes]) -> dict[str, Any]:
    header = stream.read(14 + _V5_HEADER)
    if len(header) < 14 + _V5_HEADER or header[14] != _V5_HEADER or header[70:74] != _PROFILE_EMBEDDED:
        return {}
    place, size = struct.unpack_from("<II", header, 126)
    stream.seek(14 + place)
    return {"icc_profile": stream.read(size)}
