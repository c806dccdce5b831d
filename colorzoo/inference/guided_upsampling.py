"""Up-sampling of a*b* that follows L*: colours end where the lightness changes, and do not leak over an edge.

It is the guided filter of He, Sun and Tang (TPAMI 2013), with coefficients at the low resolution as in He and Sun,
"Fast Guided Filter" (2015): around each low-resolution pixel a* and b* are linear functions of L*. Their coefficients
are up-sampled bilinearly, and L* is that of the full resolution.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

_EPSILON = 20.0
"""Variance of L* at which a slope is halved: texture weaker than that hardly changes colours."""


def guided_coefficients(ab: Tensor, lightness: Tensor) -> Tensor:
    """Return the linear functions of L* that a* and b* are around each pixel, and the range of L* where they hold.

    The window is of 3x3 pixels; the answer for the L* that is given is the a*b* that are given. Scaling a* or b* before
    or after is the same.

    Args:
        ab: a* and b*, ``(B, 2, h, w)``.
        lightness: L* in [0, 100] at that size, ``(B, 1, h, w)``.

    Returns:
        Slopes (2), offsets (2), and the least and the most L* of the window, ``(B, 6, h, w)``.
    """
    mean = _window_mean(lightness)
    covariance = _window_mean(lightness * ab) - mean * _window_mean(ab)
    variance = _window_mean(lightness.square()) - mean.square()
    slopes = covariance / (variance + _EPSILON)
    darkest, lightest = (sign * F.max_pool2d(sign * lightness, 3, stride=1, padding=1) for sign in (-1, 1))
    return torch.cat([slopes, ab - slopes * lightness, darkest, lightest], dim=1)


def chroma_at(coefficients: Tensor, lightness: Tensor) -> Tensor:
    """Return a*b* where L* is known, of coefficients of the same size.

    What is lighter or darker than all of the window, such as a highlight, gets the colour of its lightest or darkest.

    Shape:
        ``(..., 6, H, W)`` and ``(..., 1, H, W)`` -> ``(..., 2, H, W)``.
    """
    slopes, offsets, darkest, lightest = torch.split(coefficients, [2, 2, 1, 1], dim=-3)
    return torch.addcmul(offsets, slopes, torch.clamp(lightness, darkest, lightest))


def upsample_guided(ab: Tensor, small: Tensor, lightness: Tensor) -> Tensor:
    """Up-sample a*b* along the edges of L*.

    Args:
        ab: a* and b*, ``(B, 2, h, w)``.
        small: L* in [0, 100] at that size, ``(B, 1, h, w)``.
        lightness: L* in [0, 100] at the size that is wanted, ``(B, 1, H, W)``.

    Returns:
        a* and b*, ``(B, 2, H, W)``.

    Example:
        >>> step = torch.tensor([20.0, 20.0, 80.0, 80.0]).view(1, 1, 1, 4)
        >>> fine = step.repeat_interleave(4, dim=3)
        >>> upsample_guided(step.expand(1, 2, 1, 4) - 50, step, fine)[0, 0, 0, 6:10].round().tolist()
        [-30.0, -29.0, 29.0, 30.0]
    """
    coefficients = guided_coefficients(ab, small)
    return chroma_at(F.interpolate(coefficients, lightness.shape[-2:], mode="bilinear"), lightness)


def _window_mean(plane: Tensor) -> Tensor:
    return F.avg_pool2d(plane, 3, stride=1, padding=1, count_include_pad=False)
