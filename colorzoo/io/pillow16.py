"""The low bytes of 16-bit colour, which Pillow leaves out when it decodes.

Pillow keeps 16 bits of grey images; of RGB and of grey with transparency it decodes the high bytes. Told that the
bytes of each sample are in the other order, it decodes the low ones, of every compression it knows.
"""

import sys

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray

_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"""Byte orders as Pillow names them (big, little, that of the machine), and their opposites."""


def stored_as(image: PIL.ImageFile.ImageFile) -> str:
    """Return how an open image that is not decoded yet is stored, as Pillow's raw mode; empty if that is unknown."""
    if not image.tile:
        return ""
    arguments = image.tile[0].args
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) else ""


def is_16bit(raw: str) -> bool:
    """Tell whether there are low bytes that can be had."""
    return raw == "LA;16B" or (raw[:-1] in ("RGB;16", "RGBA;16") and raw[-1] in _OTHER)


def select_low_bytes(image: PIL.ImageFile.ImageFile, raw: str) -> None:
    """Make an open image decode to its low bytes.

    Args:
        image: Not decoded yet.
        raw: What `stored_as` says, and `is_16bit` affirms.
    """
    # Grey with transparency, four bytes a pixel, is decoded as if it were RGBA: all bytes at once.
    other = "RGBA" if raw == "LA;16B" else raw[:-1] + _OTHER[raw[-1]]
    image.tile = [
        tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other) for tile in image.tile
    ]


def join_bytes(
    raw: str, high: PIL.Image.Image, low: PIL.Image.Image
) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """Return levels and alpha of an image that was decoded both ways.

    Args:
        raw: What `stored_as` says.
        high: Decoded as Pillow does.
        low: Decoded after `select_low_bytes`.

    Returns:
        Grey ``(H, W)`` or RGB ``(H, W, 3)``, and alpha ``(H, W)`` where there is one.
    """
    if raw == "LA;16B":
        both = np.array(low).view(">u2").astype(np.uint16)
        return both[..., 0], both[..., 1]
    deep = np.asarray(high).astype(np.uint16)
    deep <<= 8
    deep |= np.asarray(low)
    if raw.startswith("RGBA"):
        return deep[..., :3], deep[..., 3]
    transparent = high.info.get("transparency")
    alpha = None if transparent is None else np.where((deep == transparent).all(-1), 0, 65535).astype(np.uint16)
    return deep, alpha
