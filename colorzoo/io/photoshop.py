"""The resource blocks in which Photoshop, and many after it, keep captions and rights in JPEG, TIFF and PNG.

Adobe, "Photoshop File Formats Specification", section "Image Resource Blocks"; IPTC-NAA IIM lies in one of them.
"""

import struct
from collections.abc import Mapping

IPTC = 0x0404
PATHS = frozenset(range(2000, 2999))
"""Outlines, such as that to which a printer cuts the image."""
_CARRIED = (IPTC, 0x040A, 0x040B, 0x0425)
"""IPTC, the mark of copyright, the owner's address, and the digest of IPTC; the others are of the old pixels."""
_SIGNATURE = b"8BIM"
_SIGNATURES = (_SIGNATURE, b"MeSa", b"AgHg", b"PHUT", b"DCSR")


def unpack_resources(block: bytes) -> dict[int, bytes]:
    """Return the resources of a block by their numbers, as far as it is sound; the first of each number counts."""
    resources: dict[int, bytes] = {}
    position = 0
    while block[position : position + 4] in _SIGNATURES and position + 7 <= len(block):
        (number,) = struct.unpack_from(">H", block, position + 4)
        start = position + 7 + block[position + 6]
        start += start % 2 + 4
        if start > len(block):
            break
        (size,) = struct.unpack_from(">I", block, start - 4)
        if start + size <= len(block):
            resources.setdefault(number, block[start : start + size])
        position = start + size + size % 2
    return resources


def pack_resources(resources: Mapping[int, bytes]) -> bytes:
    """Return the block of those resources that outlive a change of the pixels; empty without them.

    Example:
        >>> unpack_resources(pack_resources({IPTC: b"caption"}))
        {1028: b'caption'}
    """
    return b"".join(
        _SIGNATURE + struct.pack(">HxxI", number, len(content)) + content + bytes(len(content) % 2)
        for number, content in resources.items()
        if number in _CARRIED
    )
