"""Classical filters against noise, which learn nothing: baselines for de-noisers."""

import torch
from torch import Tensor
from torch.nn import functional as F

_RADIUS = 5
"""Windows that grow do so up to 11x11 pixels."""


def median(noisy: Tensor) -> Tensor:
    """Replace each value by the median of its 3x3 window, the border repeated: ``(B, C, H, W)`` -> the same shape."""
    return _windows(noisy, 1).flatten(start_dim=-2).median(dim=-1).values


def adaptive_median(noisy: Tensor) -> Tensor:
    """Replace impulses by the median of the smallest window whose median is none: ``(B, C, H, W)`` -> the same shape.

    Hwang and Haddad: Adaptive Median Filters (IEEE Transactions on Image Processing, 1995). Windows grow up to 11x11,
    the border repeated. A value that lies between the extremes of its window is kept.
    """
    restored = noisy.clone()
    pending = torch.ones_like(noisy, dtype=torch.bool)
    for radius in range(1, _RADIUS + 1):
        windows = _windows(noisy, radius)[pending].flatten(start_dim=-2)
        least, middle, most = windows.amin(dim=-1), windows.median(dim=-1).values, windows.amax(dim=-1)
        value = noisy[pending]
        restored[pending] = torch.where((least < value) & (value < most), value, middle)
        pending[pending.clone()] = (middle <= least) | (middle >= most)
    return restored


def switching_mean(noisy: Tensor) -> Tensor:
    """Replace each black or white value by the mean of the nearest others: ``(B, C, H, W)`` -> the same shape.

    The trivial restoration of salt and pepper: the mean is that of the 3x3 window, or of the smallest one up to 11x11
    that holds a value in between.
    """
    folded = noisy.reshape(-1, 1, *noisy.shape[-2:])
    valid = ((folded > 0) & (folded < 1)).to(folded.dtype)
    restored, missing = folded.clone(), valid == 0
    for radius in range(1, _RADIUS + 1):
        counts = _sums(valid, radius)
        means = _sums(folded * valid, radius) / counts.clamp(min=1)
        found = missing & (counts > 0)
        restored = torch.where(found, means, restored)
        missing = missing & ~found
    return restored.reshape(noisy.shape)


def _sums(pictures: Tensor, radius: int) -> Tensor:
    """Sum the window around each value of ``(B, 1, H, W)``, nothing beyond the border; rows and columns by turns."""
    line = pictures.new_ones(1, 1, 2 * radius + 1, 1)
    rows = F.conv2d(pictures, line, padding=(radius, 0))
    return F.conv2d(rows, line.mT, padding=(0, radius))


def _windows(pictures: Tensor, radius: int) -> Tensor:
    """Show the window around each value, the border repeated: ``(B, C, H, W)`` -> ``(B, C, H, W, edge, edge)``."""
    edge = 2 * radius + 1
    return F.pad(pictures, (radius,) * 4, mode="replicate").unfold(2, edge, 1).unfold(3, edge, 1)
