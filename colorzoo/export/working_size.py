"""What a colouriser's `colorize` does with a batch, as a graph that holds for images of any size."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import grey_to_lightness
from colorzoo.inference.guided_upsampling import upsample_guided
from colorzoo.inference.tensor_image import merge_ab


class AtWorkingSize(nn.Module):
    """Shows a network the L* of grey images at its working size, and joins its a*b* with their own L*.

    Args:
        model: The colouriser, in evaluation mode.

    Shape:
        ``(B, 1, H, W)`` -> ``(B, 3, H, W)``.
    """

    def __init__(self, model: Colorizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, grey: Tensor) -> Tensor:
        """Colour a batch."""
        lightness = grey_to_lightness(grey)
        height, width = grey.shape[-2:]
        ab = self.model.predict_ab(_shrink(lightness, *scaled_size(self.model.working_size, height, width)))
        guided = upsample_guided(ab, _shrink(lightness, *ab.shape[-2:]), lightness)
        plain = F.interpolate(ab, (height, width), mode="bilinear")
        is_large = torch.scalar_tensor(torch.sym_max(height, width)) > self.model.working_size
        return merge_ab(lightness, torch.where(is_large, guided, plain))


def scaled_size(longest: int, height: int, width: int) -> tuple[int, int]:
    """Return what `fit_longer_side` returns, in whole numbers throughout, so that a graph can hold it.

    Example:
        >>> scaled_size(256, 3000, 4000)
        (192, 256)
    """
    side: Any = torch.sym_max(torch.sym_max(height, width), longest)
    return _divide(height * longest, side), _divide(width * longest, side)


def _divide(number: int, divisor: int) -> int:
    """Return a quotient rounded as Python's `round` does, halves to even ones, but at least 1."""
    twice = 2 * number + divisor
    quotient = twice // (2 * divisor)
    is_half = 1 - torch.sym_min(1, twice % (2 * divisor))
    rounded = torch.sym_max(1, quotient - is_half * (quotient % 2))
    # A number of its own in the graph: what follows would otherwise carry all of this along, and take long to capture.
    size: Any = torch.scalar_tensor(rounded, dtype=torch.int64).item()
    torch._check(size >= 1)
    torch._check(size <= divisor)
    return cast(int, size)


def _shrink(lightness: Tensor, height: int, width: int) -> Tensor:
    """Return images ``(B, 1, H, W)`` at a size that is not larger."""
    return _shrinking(lightness.shape[2], height) @ lightness @ _shrinking(lightness.shape[3], width).T


def _shrinking(length: int, shorter: int) -> Tensor:
    """Return the matrix that scales columns as `F.interpolate` does, bilinear and antialiased.

    Shape:
        ``(shorter, length)``.
    """
    source, target = 2 * torch.arange(length) + 1, 2 * torch.arange(shorter) + 1
    distances = (source * shorter - target[:, None] * length).abs()  # whole numbers, so that nothing is rounded yet
    weights = torch.relu(1 - distances.float() / (2 * length))
    return weights / weights.sum(dim=1, keepdim=True)
