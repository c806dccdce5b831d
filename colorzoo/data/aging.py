"""What an archive does to a grey image: other tone curves, fading, grain. The colours to be learnt stay the same."""

from dataclasses import dataclass

import torch
from torch import Tensor

from colorzoo.runtime.batch_random import SharedRandom


@dataclass(frozen=True)
class Aging:
    """Changes the grey input of a part of the training images.

    Args:
        tone_share: Share of the images whose tone curve changes, from 0 to 1.
        gamma: Highest exponent of a tone curve, at least 1; the lowest is 1 / gamma.
        fading: The blacks of a changed image rise, and its whites fall, by up to this much of the range, below 0.5.
        grain_share: Share of the images that get grain, from 0 to 1.
        grain: Highest standard deviation of the grain, as a share of the range.

    Shape:
        ``(B, 1, H, W)`` in [0, 1] -> the same.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> Aging(grain_share=1.0)(torch.rand(2, 1, 8, 8), SharedRandom(0)).shape
        torch.Size([2, 1, 8, 8])
    """

    tone_share: float = 0.3
    gamma: float = 1.5
    fading: float = 0.15
    grain_share: float = 0.15
    grain: float = 0.04

    def __post_init__(self) -> None:
        shares = 0 <= self.tone_share <= 1 and 0 <= self.grain_share <= 1
        if not (shares and self.gamma >= 1 and 0 <= self.fading < 0.5 and self.grain >= 0):
            raise ValueError(f"{self}: shares must lie in [0, 1], gamma from 1, fading in [0, 0.5), grain from 0")

    def __call__(self, grey: Tensor, draws: SharedRandom) -> Tensor:
        """Return the images as old prints and films show them.

        Args:
            grey: The images.
            draws: Where the random numbers come from.
        """
        tone, curve, rise, fall, grainy, strength = draws.rand(len(grey), 6)[:, :, None, None, None].unbind(dim=1)
        black, white = self.fading * rise, 1 - self.fading * fall
        toned = black + (white - black) * grey.clamp(min=1e-4) ** (self.gamma ** (2 * curve - 1))
        grey = torch.where(tone < self.tone_share, toned, grey)
        sigma = self.grain * strength * (grainy < self.grain_share)
        return (grey + sigma * draws.randn(len(grey), *grey.shape[1:])).clamp(0, 1)
