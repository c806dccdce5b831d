"""Confidence maps of a colouriser: colours faded where they are low, and maps as images."""

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.io.convert import Array, Image


def fade_by_confidence(ab: Tensor, confidence: Tensor, least: float) -> Tensor:
    """Scale a*b* ``(B, 2, H, W)`` by ``min(1, confidence / least)``; the confidence is in [0, 1] and of any size.

    Example:
        >>> fade_by_confidence(torch.ones(1, 2, 1, 1), torch.tensor([[[[0.1]]]]), least=0.2).flatten().tolist()
        [0.5, 0.5]
    """
    return ab * (resize_confidence(confidence, *ab.shape[-2:]) / least).clamp(max=1)


def resize_confidence(confidence: Tensor, height: int, width: int) -> Tensor:
    """Return a confidence map at another size, within [0, 1]."""
    if confidence.shape[-2:] != (height, width):
        confidence = F.interpolate(confidence.float(), (height, width), mode="bilinear")
    return confidence.float().clamp(0, 1)


def match_kind(image: Image, confidence: Tensor) -> PIL.Image.Image | Array | Tensor:
    """Return a confidence map ``(B, 1, H, W)`` as the kind of image it is about."""
    if isinstance(image, Tensor):
        return confidence.to(image.device)
    plane = confidence[0, 0].cpu()
    if isinstance(image, np.ndarray):
        return plane.numpy()
    return PIL.Image.fromarray((plane * 255).round().to(torch.uint8).numpy())
