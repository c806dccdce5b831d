"""What sRGB can show, and how far the chroma of other colours is reduced: never their lightness or hue."""

from collections.abc import Callable

import torch
from torch import Tensor

from colorzoo.color.srgb import LINE_SLOPE

TOLERANCE = 0.25 / 255
"""Encoded values this far beyond [0, 1] count as within; they are clipped."""
DARKEST = -TOLERANCE / LINE_SLOPE
"""The same limits in linear light."""
BRIGHTEST = ((1 + TOLERANCE + 0.055) / 1.055) ** 2.4
BISECTIONS = 14  # finer than float32 can tell in RGB: a colour near the edge of the gamut must not jump


def is_outside(rgb: Tensor) -> Tensor:
    """Tell which pixels of encoded RGB ``(B, 3, H, W)`` sRGB cannot show: ``(B, H, W)``."""
    return ((rgb < -TOLERANCE) | (rgb > 1 + TOLERANCE)).any(dim=1)


def largest_chroma_share(is_inside: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Bisect the largest share, in [0, 1), of the chroma of each colour that sRGB can show.

    Args:
        is_inside: Tells, for a share of each colour's chroma, whether sRGB can show it with that.
        start: Zeros, one for each colour.
    """
    share, step = start, 0.5
    for _ in range(BISECTIONS):
        larger = share + step
        share = torch.where(is_inside(larger), larger, share)
        step /= 2
    return share
