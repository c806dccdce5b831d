"""The size at which a network sees a large image: the working size, or less where memory runs out."""

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

_Answer = TypeVar("_Answer")
_PARTS = (1, 2, 4)


def fit_longer_side(longest: int, height: int, width: int) -> tuple[int, int]:
    """Return height and width of an image scaled down, if need be, to a longer side.

    Example:
        >>> fit_longer_side(256, 3000, 4000)
        (192, 256)
    """
    share = min(1.0, longest / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def with_oom_fallback(model: nn.Module, answer: Callable[[int], _Answer], longest: int) -> _Answer:
    """Ask a network at a working size; if its device runs out of memory, at a half, at a quarter, then on the CPU.

    A warning says if the answer was at less than the working size, or on the CPU.

    Args:
        model: The network; it is on its device again when this returns.
        answer: Asks it about an image of at most so many pixels on the longer side, on the device where it then is.
        longest: The working size, no more than the image has.
    """
    device = next(model.parameters()).device
    sizes = sorted({max(1, longest // part) for part in _PARTS}, reverse=True)
    for size, smaller in zip(sizes, [*sizes[1:], None], strict=True):
        try:
            return answer(size)
        except torch.OutOfMemoryError:
            # The warning waits until the exception, and with it what the network had made, is gone.
            instead = "on the CPU" if smaller is None else f"at {smaller} pixels"
        warnings.warn(
            f"{device} ran out of memory at a working size of {size} pixels; going on {instead}",
            RuntimeWarning,
            stacklevel=2,
        )
    try:
        model.to("cpu")
        return answer(longest)
    finally:
        model.to(device)
