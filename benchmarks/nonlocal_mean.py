"""Non-local adaptive mean, a strong filter against salt and pepper that learns nothing: a baseline for de-noisers.

Zhang, Zhu and Zheng, "NAMF: A Non-local Adaptive Mean Filter for Salt-and-Pepper Noise Removal" (2019): what is black
or white is noise; it becomes a mean of valid pixels in a window that grows until there are enough, and then a mean of
pixels with similar surroundings. Here the first mean is weighted by a Gaussian; the second one is of deviations from
the local mean, which follows slopes, trusts valid pixels more than restored ones, and is repeated on its own result.
"""

import math
from collections.abc import Iterator
from types import EllipsisType

import torch
from torch import Tensor
from torch.nn import functional as F

Place = tuple[EllipsisType, slice, slice]

# Chosen on the validation photographs of BSDS400, one set for all shares of noise.
_SPREADS = (0.5, 1.0, 2.0)  # of the growing Gaussian, in pixels
_ENOUGH = 0.2  # least weight of valid pixels under the kernel, whose middle is 1
_WINDOW = 5  # pixels to each side, of the largest kernel
_SEARCH = 4  # pixels to each side, where similar pixels are looked for
_NEAR = 1.6  # spread in pixels of the Gaussian that prefers near pixels
_PATCH = (3, 2.0)  # pixels to each side, and spread of the kernel under which surroundings are compared
_LOCAL = (1, 0.9)  # the same of the local mean
_ALIKE = 0.05  # root mean square difference of surroundings at which the weight falls to 1/e
_RESTORED = 0.1  # weight of a restored pixel, where a valid one has 1
_ROUNDS = 3


def nonlocal_adaptive_mean(noisy: Tensor) -> Tensor:
    """Replace each black or white value by a mean of what has similar surroundings.

    Zhang, Zhu and Zheng: NAMF (2019), with the changes that the module tells. Sound values stay as they are. Where an
    11x11 window holds no valid value, the image itself is taken to be black or white, whichever is more frequent.

    Args:
        noisy: Images in [0, 1]; each channel is restored by itself.

    Shape:
        ``(B, C, H, W)`` -> ``(B, C, H, W)``, for any H, W >= 1.

    Returns:
        The restored images in [0, 1].

    Example:
        >>> noisy = torch.full((1, 1, 16, 16), 0.5)
        >>> noisy[..., 4:6, 4:8] = 1.0
        >>> bool(torch.allclose(nonlocal_adaptive_mean(noisy), torch.tensor(0.5)))
        True
    """
    folded = noisy.reshape(-1, 1, *noisy.shape[-2:])
    valid = (folded > 0) & (folded < 1)
    restored = _adaptive_mean(folded, valid)
    for _ in range(_ROUNDS):
        restored = torch.where(valid, folded, _nonlocal_mean(restored, valid)).clamp(0, 1)
    return restored.reshape(noisy.shape)


def _adaptive_mean(noisy: Tensor, valid: Tensor) -> Tensor:
    """Put the mean of valid pixels under a kernel that grows until it holds enough wherever there is none."""
    restored, missing = noisy.clone(), ~valid
    for spread in _SPREADS:
        kernel = _gaussian_kernel(_WINDOW, spread).to(noisy)
        weights = _blur(valid.to(noisy), kernel)
        means = _blur(noisy * valid, kernel) / weights.clamp(min=1e-6)
        found = missing & (weights > (_ENOUGH if spread < _SPREADS[-1] else 1e-6))
        restored = torch.where(found, means, restored)
        missing = missing & ~found
    white = F.avg_pool2d(noisy, 2 * _WINDOW + 1, stride=1, padding=_WINDOW, count_include_pad=False) > 0.5
    return torch.where(missing, white.to(noisy), restored)


def _nonlocal_mean(pictures: Tensor, valid: Tensor) -> Tensor:
    """Add to each local mean the deviations from theirs of the pixels around, by likeness of their surroundings."""
    kernel, patch = _gaussian_kernel(*_LOCAL).to(pictures), _gaussian_kernel(*_PATCH).to(pictures)
    mean = _blur(pictures, kernel) / _blur(torch.ones_like(pictures), kernel)
    deviation = pictures - mean
    trust = torch.where(valid, 1.0, _RESTORED)
    total, weight = torch.zeros_like(pictures), torch.full_like(pictures, 1e-12)
    for here, there, nearness in _shifted_pairs(*pictures.shape[-2:]):
        difference = _blur((pictures[here] - pictures[there]).square(), patch) / patch.sum() ** 2
        alike = nearness * torch.exp(-difference / _ALIKE**2)
        for place, other in ((here, there), (there, here)):
            weights = alike * trust[other]
            total[place] += weights * deviation[other]
            weight[place] += weights
    return mean + total / weight


def _shifted_pairs(height: int, width: int) -> Iterator[tuple[Place, Place, float]]:
    """Yield, for each direction and not its opposite, the two overlapping parts of an image and how near they are."""
    for down in range(min(_SEARCH, height - 1) + 1):
        for right in range(-min(_SEARCH, width - 1), min(_SEARCH, width - 1) + 1):
            if (down, right) > (0, 0):
                here = (..., slice(0, height - down), slice(max(0, -right), width - max(0, right)))
                there = (..., slice(down, height), slice(max(0, right), width - max(0, -right)))
                yield here, there, math.exp(-(down**2 + right**2) / (2 * _NEAR**2))


def _gaussian_kernel(radius: int, spread: float) -> Tensor:
    steps = torch.arange(-radius, radius + 1, dtype=torch.float32)
    return torch.exp(-steps.square() / (2 * spread**2))


def _blur(pictures: Tensor, kernel: Tensor) -> Tensor:
    """Sum what lies under a kernel, along both axes, nothing beyond the border."""
    radius = len(kernel) // 2
    rows = F.conv2d(pictures, kernel.view(1, 1, -1, 1), padding=(radius, 0))
    return F.conv2d(rows, kernel.view(1, 1, 1, -1), padding=(0, radius))
