"""Synthetic noise: salt and pepper, and Gaussian noise, at levels drawn for each image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from colorzoo.runtime.batch_random import SharedRandom

NoiseKind = Literal["impulse", "gaussian"]
"""Salt and pepper, or Gaussian noise."""
KINDS: tuple[NoiseKind, ...] = ("impulse", "gaussian")

Level = float | tuple[float, float]
"""One level for all images, or the lowest and the highest between which each draws its own."""

_WORDS: dict[NoiseKind, str] = {"impulse": "salt and pepper", "gaussian": "Gaussian noise"}


@dataclass(frozen=True)
class Noise:
    """A noise model: Gaussian noise on every value, then salt and pepper in place of some.

    Args:
        impulse: Share of the values in [0, 1] that turn black or white, either as often; of colour, each channel by
            itself.
        sigma: Standard deviation of Gaussian noise, in 8-bit levels.
        bias: Mean of the Gaussian noise, in 8-bit levels.
        clip: Keep what the Gaussian noise makes within [0, 1], as a file would.

    Raises:
        ValueError: If a level is out of its range.

    Example:
        >>> Noise(impulse=0.15).ranges()
        ((0.15, 0.15), (0.0, 0.0))
    """

    impulse: Level = 0.0
    sigma: Level = 0.0
    bias: float = 0.0
    clip: bool = True

    def __post_init__(self) -> None:
        (least, most), (smallest, largest) = self.ranges()
        if not 0 <= least <= most <= 1:
            raise ValueError(f"impulse is {self.impulse}; give a share in [0, 1], or the lowest and the highest")
        if not 0 <= smallest <= largest < math.inf:
            raise ValueError(f"sigma is {self.sigma}; give 8-bit levels from 0 on, or the lowest and the highest")
        if not math.isfinite(self.bias):
            raise ValueError(f"bias is {self.bias}; give a number of 8-bit levels")

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Lowest and highest share of impulses, lowest and highest sigma."""
        return as_range(self.impulse), as_range(self.sigma)

    def describe(self) -> str:
        """Say in a few words what it is; goes into every published checkpoint of a de-noiser."""
        (least, most), (smallest, largest) = self.ranges()
        parts = []
        if most > 0:
            parts.append(f"{_WORDS['impulse']} on {_format_range(100 * least, 100 * most)} % of the values")
        if largest > 0 or self.bias != 0:
            parts.append(
                f"{_WORDS['gaussian']} of sigma {_format_range(smallest, largest)}, mean {self.bias:g} (8-bit levels)"
            )
        return " and ".join(parts) or "no noise"


def add_noise(
    clean: Tensor, noise: Noise, seeds: Sequence[int] | None = None, draws: SharedRandom | None = None
) -> Tensor:
    """Add noise to images.

    Args:
        clean: ``(B, C, H, W)`` in [0, 1].
        noise: Which noise.
        seeds: One for each image, which then always gets the same noise, whatever the batch or the device; None draws
            anew.
        draws: Where the numbers of noise that is drawn anew come from; None for torch's global generator.

    Example:
        >>> add_noise(torch.full((1, 1, 100, 100), 0.5), Noise(impulse=1.0), seeds=[0]).unique().tolist()
        [0.0, 1.0]
    """
    if clean.ndim != 4:
        raise ValueError(f"the images have shape {tuple(clean.shape)}; give (B, C, H, W)")
    levels, normal, uniform = _draw(clean, seeds, draws)
    (least, most), (smallest, largest) = noise.ranges()
    impulse = least + (most - least) * levels[:, 0]
    sigma = smallest + (largest - smallest) * levels[:, 1]
    noisy = clean
    if largest > 0 or noise.bias != 0:
        noisy = clean + (noise.bias + sigma * normal) / 255
        if noise.clip:
            noisy = noisy.clamp(0, 1)
    noisy = torch.where(uniform < impulse / 2, torch.zeros_like(noisy), noisy)
    return torch.where(uniform >= 1 - impulse / 2, torch.ones_like(noisy), noisy)


def _draw(clean: Tensor, seeds: Sequence[int] | None, draws: SharedRandom | None) -> tuple[Tensor, Tensor, Tensor]:
    """Draw for each image two levels, and for each of its values a normal and a uniform number."""
    if seeds is None:
        draws = draws or SharedRandom(device=clean.device)
        return draws.rand(len(clean), 2, 1, 1, 1), draws.randn(*clean.shape), draws.rand(*clean.shape)
    if len(seeds) != len(clean):
        raise ValueError(f"there are {len(seeds)} seeds for {len(clean)} images; give one for each")
    drawn = [_draw_for_seed(clean.shape[1:], seed) for seed in seeds]
    levels, normal, uniform = (torch.stack(parts).to(clean.device) for parts in zip(*drawn, strict=True))
    return levels, normal, uniform


def _draw_for_seed(shape: torch.Size, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    levels = torch.rand(2, 1, 1, 1, generator=random)
    return levels, torch.randn(shape, generator=random), torch.rand(shape, generator=random)


def as_range(level: Level) -> tuple[float, float]:
    """Return the lowest and the highest level."""
    if isinstance(level, int | float):
        return float(level), float(level)
    low, high = level
    return float(low), float(high)


def _format_range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
