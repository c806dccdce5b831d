"""Depths of levels: 8 and 16 bits, and floats in [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BAND = 256
"""Rows that are rescaled at a time."""


def rescale_levels(levels: NDArray[Any], dtype: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """Return levels at another depth.

    Args:
        levels: Of uint8 or uint16, or floats in [0, 1].
        dtype: uint8 or uint16.

    Example:
        >>> rescale_levels(np.array([0, 128, 255], np.uint8), np.uint16).tolist()
        [0, 32896, 65535]
    """
    if levels.dtype == dtype:
        return levels
    if levels.dtype == np.uint8:
        return np.asarray(np.multiply(levels, 257, dtype=dtype))
    result = np.empty(levels.shape, dtype)
    for top in range(0, len(levels), _BAND):
        band = levels[top : top + _BAND]
        scaled = band / np.float32(257) if levels.dtype == np.uint16 else np.clip(band, 0, 1) * np.iinfo(dtype).max
        np.rint(scaled, out=result[top : top + _BAND], casting="unsafe")
    return result


def stretch_bits(bits: int) -> NDArray[Any]:
    """Return for each level of so many bits that of 8 bits, where those suffice, or of 16.

    Args:
        bits: From 1 to 16.

    Example:
        >>> stretch_bits(2).tolist()
        [0, 85, 170, 255]
    """
    dtype = np.uint8 if bits <= 8 else np.uint16
    most = (1 << bits) - 1
    return np.asarray(np.rint(np.arange(most + 1) * (np.iinfo(dtype).max / most)), dtype)
