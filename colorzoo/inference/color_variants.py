"""Other plausible colours of an image, from the same distribution over colours.

A variant multiplies the probability of each colour by the exponential of how far it lies in one direction of the a*b*
plane, which is the same for the whole image: what belongs together changes together. The strength is in standard
deviations of each place, so that nothing becomes what the network thinks impossible, and falls steeply where the
network is surer than in the least sure parts of the image: a car changes its colour, a road and a face hardly do.
"""

import math

import torch
from torch import Tensor

from colorzoo.inference.color_distribution import ColorDistribution
from colorzoo.inference.color_reference import ColorReference, pull_to_reference

_HUES = (270, 30, 150, 90, 210, 330)
"""Directions of the second variant and those after it, in degrees: towards blue, red, green, yellow, cyan, magenta."""
MAX_VARIANTS = 1 + len(_HUES)

_SHIFT = 1.0
"""How far the least sure places go, in standard deviations of the colours along the direction."""
_UNSURE = 24.0
"""Standard deviation in a*b* from which a place counts as unsure, even where all of the image is surer."""
_LEAST_SURE = 0.9
"""Quantile of the places of an image beyond which all go equally far."""
_STEEPNESS = 3.0
"""Power of the standard deviation, as a share of that of unsure places, that the strength falls with."""


def check_variant(variant: int) -> None:
    """Raise a ValueError that says why if there is no such variant."""
    if variant not in range(1, MAX_VARIANTS + 1):
        raise ValueError(
            f"variant is {variant}; give a whole number from 1 (the model's own colours) to {MAX_VARIANTS}"
        )


def check_count(count: int) -> None:
    """Raise a ValueError that says why if there are not so many variants."""
    if count not in range(1, MAX_VARIANTS + 1):
        raise ValueError(f"{count} variants cannot be made; give a whole number from 1 to {MAX_VARIANTS}")


def choose_colors(
    distribution: ColorDistribution, reference: ColorReference | None = None, variant: int = 1
) -> tuple[Tensor, Tensor]:
    """Return the a*b* of a variant, ``(B, 2, h, w)``, that follow a reference if there is one, and the confidence."""
    confidence = distribution.confidence
    if reference is not None:
        distribution = pull_to_reference(distribution, reference)
    if variant > 1:
        distribution = tilt_to_variant(distribution, variant)
    return distribution.ab(), confidence


def tilt_to_variant(distribution: ColorDistribution, variant: int) -> ColorDistribution:
    """Return the distribution of a variant.

    Args:
        distribution: What a method predicts.
        variant: From 2 to `MAX_VARIANTS`.

    Example:
        >>> colors = torch.tensor([[0.0, -50.0], [0.0, 0.0], [0.0, 50.0]])
        >>> sure, unsure = torch.tensor([0.001, 0.998, 0.001]).log(), torch.tensor([0.3, 0.4, 0.3]).log()
        >>> logarithm = torch.stack([sure, unsure], dim=1)[None, :, None]
        >>> as_predicted = ColorDistribution(logarithm, colors, torch.zeros(1, 1, 1, 2), torch.empty)
        >>> tilt_to_variant(as_predicted, 2).logarithm.exp()[0, 0, 0]
        tensor([0.0010, 0.6933])
    """
    probability = distribution.logarithm.exp()
    radians = math.radians(_HUES[variant - 2])
    axes = distribution.colors @ distribution.colors.new_tensor(
        [[math.cos(radians), -math.sin(radians)], [math.sin(radians), math.cos(radians)]]
    )
    means, squares = (torch.einsum("bnhw,nc->bchw", probability, values) for values in (axes, axes.square()))
    along, across = (squares - means.square()).clamp(min=1e-3).chunk(2, dim=1)
    spread = (along + across).sqrt()
    unsure = spread.flatten(1).quantile(_LEAST_SURE, dim=1).clamp(min=_UNSURE)[:, None, None, None]
    shift = _SHIFT * (spread / unsure).clamp(max=1) ** _STEEPNESS
    gain = shift / along.sqrt() * axes[:, 0, None, None]
    # The divergence of a Gaussian that goes so far; colours with a long tail would go farther and be less likely.
    allowed = shift.square() / 2
    tilted = distribution.favor(gain)
    divergence = (tilted.logarithm.exp() * (tilted.logarithm - distribution.logarithm)).sum(dim=1, keepdim=True)
    return distribution.favor(gain * (allowed / divergence.clamp(min=1e-6)).clamp(max=1).sqrt())
