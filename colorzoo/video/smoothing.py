"""Temporal smoothing: a*b* averaged over the frames of a clip, where the image stays the same.

A network that sees one frame at a time predicts slightly different colours for each, because grain and compression
differ: the colours flicker. A recursive average removes that. Its weight follows L*: where that changes, something has
moved, and old colours would smear; where nearly all of it changes, there is a cut, and the average starts anew.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

DEFAULT_SMOOTHING = 0.8
"""Weight of the past: an average over about five frames, which reduces random flicker to a seventh."""

_TOLERANCE = 4.0
"""Change of L*, averaged over a neighbourhood, at which the past counts 1/e as much as without any."""
_NEIGHBOURHOOD = 5
"""Pixels at the working size: grain averages out, and what moves is seldom smaller."""
_EXPOSURE = 6.0
"""Global change of L* that is treated as a drift of the exposure, as hand-cranked film has it."""
_CUT_SHARE = 0.7
"""Share of a frame that has changed, above which it begins a new scene."""
_CUT_HISTOGRAM = 0.5
"""Share of the pixels whose L* falls into another bin of the histogram than before, likewise."""
_BINS = 25
_STATE = ("ab", "lightness")


class TemporalSmoothing:
    """Averages the a*b* of one frame after another over time.

    Args:
        share: Weight of the previous frames where nothing changes, from 0 (no smoothing) to below 1.

    Raises:
        ValueError: If the share is out of its range.

    Example:
        >>> smoothing = TemporalSmoothing(0.75)
        >>> still = torch.full((1, 1, 8, 8), 50.0)
        >>> [float(smoothing(torch.full((1, 2, 8, 8), ab), still).mean()) for ab in (0.0, 4.0, 4.0)]
        [0.0, 1.0, 1.75]
    """

    def __init__(self, share: float = DEFAULT_SMOOTHING) -> None:
        if not (math.isfinite(share) and 0 <= share < 1):
            raise ValueError(f"the share of smoothing is {share}; give a number from 0 (none) to below 1")
        self.share = share
        self.cuts = 0
        """How many scenes began after the first."""
        self._previous: tuple[Tensor, Tensor] | None = None

    @property
    def state(self) -> dict[str, NDArray[np.float32]]:
        """The last frame, from which smoothing goes on."""
        return {name: tensor.cpu().numpy() for name, tensor in zip(_STATE, self._previous or (), strict=False)}

    @state.setter
    def state(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._previous = (torch.tensor(state["ab"]), torch.tensor(state["lightness"])) if state else None

    def __call__(self, ab: Tensor, lightness: Tensor) -> Tensor:
        """Take the next frame.

        Args:
            ab: Its a*b*, as predicted.
            lightness: Its L* in [0, 100], at the same size.

        Shape:
            ``(1, 2, h, w)`` and ``(1, 1, h, w)`` -> ``(1, 2, h, w)``.

        Returns:
            a*b*, averaged with those of the frames before, as far as they show the same.
        """
        ab, lightness = ab.float(), lightness.to(ab.device).float()
        if self._previous is not None:
            past_ab, past_lightness = (past.to(ab.device) for past in self._previous)
            # A network that ran out of memory answers at a smaller size from then on.
            if past_ab.shape != ab.shape or is_cut(past_lightness, lightness):
                self.cuts += past_ab.shape == ab.shape
            else:
                ab = torch.lerp(ab, past_ab, self.share * sameness(past_lightness, lightness))
        self._previous = ab, lightness
        return ab


def sameness(before: Tensor, after: Tensor) -> Tensor:
    """Return how far each place of a frame shows what it showed in the one before.

    Args:
        before: L* in [0, 100].
        after: L* of the next frame.

    Shape:
        ``(B, 1, h, w)`` twice -> the same.

    Returns:
        1 where nothing has changed but the exposure, down to 0.
    """
    return torch.exp(-(_change(before, after) / _TOLERANCE).square())


def is_cut(before: Tensor, after: Tensor) -> bool:
    """Tell whether a new scene begins between two frames, by the places that changed and by the histograms of L*.

    Args:
        before: L* in [0, 100].
        after: L* of the next frame.

    Shape:
        ``(B, 1, h, w)`` twice.

    Example:
        >>> frame = torch.rand(1, 1, 32, 32) * 100
        >>> is_cut(frame, frame + 3), is_cut(frame, 100 - frame.roll(9, 2) / 2)
        (False, True)
    """
    change = _change(before, after)
    if float((change > _TOLERANCE).float().mean()) > _CUT_SHARE:
        return True
    histograms = [
        torch.histc(frame, _BINS, 0, 100) / frame.numel() for frame in (before + _exposure(before, after), after)
    ]
    return float((histograms[0] - histograms[1]).abs().sum() / 2) > _CUT_HISTOGRAM


def _change(before: Tensor, after: Tensor) -> Tensor:
    """Return the absolute change of L* in each neighbourhood, but for that of the exposure."""
    change = after - before - _exposure(before, after)
    return F.avg_pool2d(change, _NEIGHBOURHOOD, stride=1, padding=_NEIGHBOURHOOD // 2, count_include_pad=False).abs()


def _exposure(before: Tensor, after: Tensor) -> Tensor:
    """Return the median change of L*, within what counts as a drift of the exposure."""
    return (after - before).median().clamp(-_EXPOSURE, _EXPOSURE)
