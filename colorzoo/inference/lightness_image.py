"""The L* of an image as a network is shown it, whatever kind of image it comes from."""

import torch
from torch import Tensor

from colorzoo.inference.integer_image import IntegerImage
from colorzoo.inference.tensor_image import TensorImage
from colorzoo.io.convert import Array, to_gray
from colorzoo.io.raster import RasterImage

LightnessImage = IntegerImage | TensorImage
"""Both give their L* at any size (``lightness_at``) and join it with a*b* (``merge_ab``)."""


def as_lightness_image(source: Array | Tensor | RasterImage, device: torch.device) -> LightnessImage:
    """Return the L* of what `decode_srgb` returned: integers in bands of rows, floats as a tensor on the device."""
    gray = to_gray(source)
    return TensorImage(gray, device) if isinstance(gray, Tensor) else IntegerImage(gray)
