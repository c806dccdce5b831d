"""The transfer curve of sRGB (IEC 61966-2-1), exact and differentiable; `color.conversions` has faster ones."""

import torch
from torch import Tensor


def srgb_to_linear(encoded: Tensor) -> Tensor:
    """Return the linear light of sRGB levels.

    Args:
        encoded: Levels in [0, 1], of any shape.
    """
    power = ((encoded + 0.055).clamp(min=0) / 1.055).pow(2.4)
    return torch.where(encoded > 0.04045, power, encoded / 12.92)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Return the sRGB levels of linear light; undoes `srgb_to_linear`.

    Args:
        linear: Of any shape; outside [0, 1] the curve goes on.
    """
    threshold = 0.0031308
    # Clamped, because the gradient of a branch that is not taken must be finite too.
    power = 1.055 * linear.clamp(min=threshold).pow(1 / 2.4) - 0.055
    return torch.where(linear > threshold, power, 12.92 * linear)
