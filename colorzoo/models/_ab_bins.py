"""The a*b* plane as a square grid of bins, and colours as distributions over them."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_REACH = 110.0


def bin_width(bins: int) -> float:
    """Distance of neighbouring centres: the first and the last of an axis lie at -110 and 110, all of sRGB between."""
    return 2 * _REACH / (bins - 1)


def bin_centers(bins: int) -> Tensor:
    """Return a* and b* of each bin, ``(bins * bins, 2)``; a* varies along the rows of the grid."""
    axis = torch.linspace(-_REACH, _REACH, bins)
    return torch.cartesian_prod(axis, axis)


def soft_encode_ab(ab: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Spread each colour over the four bins around it, so that their weighted mean is the colour itself.

    Args:
        ab: Colours; what lies outside [-110, 110] is clamped.
        bins: Bins along each axis.

    Shape:
        ``(B, 2, H, W)`` -> index and share of the four, ``(B, 4, H, W)`` each; a* varies along the rows of the grid.

    Example:
        >>> ab = torch.tensor([12.0, -34.0]).view(1, 2, 1, 1)
        >>> index, share = soft_encode_ab(ab, 14)
        >>> distribution = torch.zeros(1, 14 * 14, 1, 1).scatter(1, index, share)
        >>> annealed_mean(distribution.log()).flatten().round().tolist()
        [12.0, -34.0]
    """
    place = (ab.clamp(-_REACH, _REACH) + _REACH) / bin_width(bins)
    below = place.floor().clamp(max=bins - 2)
    along_a, along_b = (place - below).unbind(dim=1)
    first = below[:, 0].long() * bins + below[:, 1].long()
    index = torch.stack([first, first + 1, first + bins, first + bins + 1], dim=1)
    share = [(1 - along_a) * (1 - along_b), (1 - along_a) * along_b, along_a * (1 - along_b), along_a * along_b]
    return index, torch.stack(share, dim=1)


def annealed_mean(logarithm: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the mean colour of distributions, at a temperature as in Zhang, Isola and Efros (2016).

    Args:
        logarithm: Of the probability of each bin, ``(B, bins * bins, H, W)``; the answer is ``(B, 2, H, W)``.
        temperature: 1 for the mean itself; below 1 the likeliest colours count for more, towards 0 nothing else does.
    """
    probability = logarithm.exp() if temperature == 1 else (logarithm / temperature).softmax(dim=1)
    axis = torch.linspace(-_REACH, _REACH, math.isqrt(logarithm.shape[1])).to(probability)
    return F.conv2d(probability, torch.cartesian_prod(axis, axis).T[:, :, None, None])


def confidence_of_bins(logarithm: Tensor) -> Tensor:
    """Return 1 minus the entropy as a share of the highest: 1 for a single bin, 0 for all alike; ``(B, 1, H, W)``."""
    entropy = -(logarithm.exp() * logarithm).sum(dim=1, keepdim=True)
    return 1 - entropy / math.log(logarithm.shape[1])


def kl_divergence(logarithm: Tensor, index: Tensor, share: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence, in nats, of an answer from the truth that `soft_encode_ab` gives.

    It is the cross entropy without what the truth itself has, so that 0 can be reached.
    """
    return (torch.xlogy(share, share) - share * logarithm.gather(1, index)).sum(dim=1).mean()
