"""A reference image: where an image shows the like of it, the colours of the reference become likelier.

Each place looks, by the features of the network itself, for the places of the reference that look alike, as in He et
al., "Deep Exemplar-based Colorization" (SIGGRAPH 2018), and their mean colour multiplies its distribution as a Gaussian
does: the more alike the more, and the surer the network the less.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import rgb_to_lab
from colorzoo.inference.color_distribution import ColorDistribution
from colorzoo.inference.toning import classify_tone
from colorzoo.inference.working_size import fit_longer_side
from colorzoo.io.convert import Image, decode_srgb, to_batch
from colorzoo.io.raster import RasterImage

_SHARPNESS = 0.05
"""Difference of similarity that makes one place of the reference count 2.7 times as much as another."""
_ALIKE = 0.6
"""Similarity (a cosine) from which on the reference has its full say."""
_SPREAD = 12.0
"""Standard deviation, in a*b*, of the Gaussian around the colour of the reference."""


@dataclass(frozen=True, eq=False)
class ColorReference:
    """What `Colorizer.read_reference` makes of an image whose colours others are to follow.

    Args:
        features: What tells its places apart, ``(1, C, h, w)``.
        ab: Its a* and b*, ``(1, 2, H, W)``.
        name: What it is called.
    """

    features: Tensor
    ab: Tensor
    name: str


def read_lab(image: Image, size: int) -> Tensor:
    """Return a reference image as L*a*b*, ``(1, 3, H, W)``, of at most so many pixels on the longer side.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If the image is grey, or there are several.
        TypeError: If the kind of image is unknown.
    """
    source = decode_srgb(image)
    if classify_tone(source).kind == "grey":  # one that seems toned may be a sunset
        raise ValueError(f"the reference {name_of(image)} is grey; give an image in colour")
    if isinstance(source, RasterImage | np.ndarray):
        levels = source.levels if isinstance(source, RasterImage) else source
        step = max(1, max(levels.shape[:2]) // (4 * size))  # so that little of a large one becomes floats
        thinned = np.ascontiguousarray(levels[::step, ::step])
        source = replace(source, levels=thinned) if isinstance(source, RasterImage) else thinned
    rgb = to_batch(source)
    return rgb_to_lab(F.interpolate(rgb, fit_longer_side(size, *rgb.shape[-2:]), mode="bilinear", antialias=True))


def name_of(image: Image | ColorReference) -> str:
    """Return what a reference image is called in messages and metadata: its file's name, if it is known."""
    if isinstance(image, ColorReference):
        return image.name
    return Path(image).name if isinstance(image, str | Path) else "image"


def pull_to_reference(distribution: ColorDistribution, reference: ColorReference) -> ColorDistribution:
    """Return the distribution with the colours of a reference, of which the same network made it, made likelier."""
    features = distribution.features()
    if features.shape[1] != reference.features.shape[1]:
        raise ValueError(f"the reference {reference.name} was read by another model; let this one read it")
    there = reference.features.to(features).flatten(2).expand(len(features), -1, -1)
    here = features.flatten(2)
    common = torch.cat([here, there], dim=2).mean(dim=2, keepdim=True)
    similarity = F.normalize(here - common, dim=1).mT @ F.normalize(there - common, dim=1)
    attention = (similarity / _SHARPNESS).softmax(dim=2)
    height, width = reference.features.shape[-2:]
    ab = F.adaptive_avg_pool2d(reference.ab.to(features), (height, width)).flatten(2)
    alike = ((attention * similarity).sum(dim=2, keepdim=True) / _ALIKE).clamp(0, 1)
    maps = torch.cat([attention @ ab.mT, alike], dim=2).mT.reshape(len(features), 3, *features.shape[-2:])
    maps = F.interpolate(maps, distribution.logarithm.shape[-2:], mode="bilinear")
    target, alike = maps[:, :2] / distribution.vividness, maps[:, 2:]
    colors = distribution.colors[None, :, :, None, None]
    distance = (colors - target[:, None]).square().sum(dim=2)
    return distribution.favor(-alike * distance / (2 * _SPREAD**2))
