"""Tells grey images, toned ones (sepia prints, cyanotypes) and colour apart, and makes toned ones grey."""

import math
from dataclasses import dataclass, replace
from typing import Literal, overload

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.io.convert import Array, Image, Kind, Picture, apply_to_channels, to_batch, to_raster
from colorzoo.io.raster import RasterImage

ToneKind = Literal["grey", "toned", "color"]

_SIDE = 64
"""Pixels of the longer side that is judged: noise and the compression of chroma average out on the way there."""
_ALMOST_ALL = 0.99
_GREY = 3.0
"""Grey photographs with noise of 5 levels, stored as JPEG at quality 60, have a chroma of up to 2.9."""
_STRAY, _STRAY_SHARE = 4.0, 0.35
"""So far, and further by this share of the strongest tone, pixels may be from the colour that their lightness has."""
_CLEAR = 12.0
"""Tones of more chroma than this are within 60 degrees of the strongest; yellowed paper beside a blue tone has less."""
_CONTRAST = 25.0
"""Range of L* below which nothing follows lightness: a blue sky is no cyanotype."""
_GROUP, _GROUPS = 32, 32


@dataclass(frozen=True)
class ToneInfo:
    """What the colours of an image are.

    Args:
        kind: ``"grey"``; ``"toned"`` where the colour follows from the lightness; else ``"color"``.
        chroma: Of a toned image the strongest tone, else of its most vivid pixels; the C* of CIE L*a*b*.
        hue: Of a toned image where the tone is strongest, in degrees from red (0) by yellow (90) to blue (270).
    """

    kind: ToneKind
    chroma: float
    hue: float | None = None

    def describe(self) -> str:
        """Say in a few words what was found."""
        if self.hue is None:
            return "in colour" if self.kind == "color" else "grey"
        return f"toned (hue {self.hue:.0f} degrees, chroma {self.chroma:.0f})"


def classify_tone(image: Image) -> ToneInfo:
    """Tell whether an image is grey, toned or in colour.

    In a toned print, sepia, selenium or cyanotype, on white or on yellowed paper, one curve through L*a*b* holds all
    pixels: each lightness has one colour. The curve is taken from a copy of 64 pixels, as the median a*b* of groups of
    similar lightness; the image is toned if 99 % of the pixels are near it, and its clear colours are of one hue.

    A photograph in colour of things that are all of one colour is taken for toned, and so may be one with a speck of
    colour on grey; stains of another hue than the tone make a print one in colour.

    Args:
        image: A path, a PIL image, a `RasterImage`, an array ``(H, W)`` or ``(H, W, C)``, or a tensor
            ``(1, C, H, W)`` in [0, 1].

    Returns:
        The kind of the image, and how strong its colours are.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If the shape or the values make no sense, or there are several images.
        TypeError: If the kind of image is unknown.

    Example:
        >>> grey = torch.linspace(0, 1, 64 * 64).view(1, 1, 64, 64)
        >>> sepia = grey * torch.tensor([1.0, 0.93, 0.76])[:, None, None]
        >>> classify_tone(grey).kind, classify_tone(sepia).kind, classify_tone(torch.rand(1, 3, 64, 64)).kind
        ('grey', 'toned', 'color')
    """
    small = _small(image)
    if len(small) != 1:
        raise ValueError(f"there are {len(small)} images; give one at a time")
    if small.shape[1] == 1:
        return ToneInfo("grey", 0.0)
    lab = rgb_to_lab(small.cpu())[0].flatten(1).double().numpy()
    lab = lab[:, np.argsort(lab[0], kind="stable")]
    lightness, ab = lab[0], lab[1:]
    vivid = float(np.quantile(np.hypot(*ab), _ALMOST_ALL))
    if vivid <= _GREY:
        return ToneInfo("grey", vivid)
    darkest, lightest = np.quantile(lightness, (1 - _ALMOST_ALL, _ALMOST_ALL))
    groups = np.array_split(np.arange(lightness.size), max(1, min(_GROUPS, lightness.size // _GROUP)))
    levels = [np.median(lightness[group]) for group in groups]
    curve = np.array([np.median(ab[:, group], axis=1) for group in groups]).T
    strays = np.hypot(*(ab[axis] - np.interp(lightness, levels, curve[axis]) for axis in (0, 1)))
    strongest = curve[:, np.argmax(np.hypot(*curve))]
    chroma = math.hypot(*strongest)
    near = np.quantile(strays, _ALMOST_ALL) <= _STRAY + _STRAY_SHARE * chroma
    clear = curve[:, np.hypot(*curve) > _CLEAR]
    one_hue = bool((strongest @ clear >= chroma * np.hypot(*clear) / 2).all())
    if not (near and one_hue and lightest - darkest >= _CONTRAST):
        return ToneInfo("color", vivid)
    return ToneInfo("toned", chroma, math.degrees(math.atan2(strongest[1], strongest[0])) % 360)


@overload
def neutralize(image: Picture) -> PIL.Image.Image: ...
@overload
def neutralize(image: Kind) -> Kind: ...
def neutralize(image: Image) -> PIL.Image.Image | Array | Tensor | RasterImage:
    """Take the colour out of an image, and keep its L* and its alpha channel.

    Args:
        image: A path, a PIL image, a `RasterImage`, an array ``(H, W)`` or ``(H, W, C)``, or a tensor
            ``(B, C, H, W)`` in [0, 1].

    Returns:
        A grey PIL image for a path or PIL image, a grey `RasterImage`, or an array or tensor of the same shape.

    Example:
        >>> neutralize(PIL.Image.new("RGB", (4, 3), "peru")).mode
        'L'
    """
    if isinstance(image, Tensor | np.ndarray):
        return apply_to_channels(image, _grey)
    if isinstance(image, RasterImage):
        seen = image.in_srgb()
        grey = apply_to_channels(seen.levels, _grey)
        return replace(seen, levels=grey[..., 0] if grey.ndim == 3 else grey)
    return neutralize(to_raster(image)).to_pil()


def _grey(pictures: Tensor) -> Tensor:
    if pictures.shape[1] == 1:
        return pictures
    return lightness_to_grey(rgb_to_lab(pictures)[:, :1]).expand(-1, 3, -1, -1)


def _small(image: Image) -> Tensor:
    """Return a batch of the image whose longer side is of about so many pixels as are judged."""
    if not isinstance(image, Tensor | np.ndarray):
        image = to_raster(image).in_srgb().to_pil()
        if len(image.getbands()) > 2 or image.mode == "P":
            # Before it becomes floats, which take four times the memory.
            image = image.convert("RGB").reduce(max(1, max(image.size) // (2 * _SIDE)))
        else:
            return torch.zeros(1, 1, 1, 1)
    batch = to_batch(image)
    height, width = batch.shape[-2:]
    share = min(1.0, _SIDE / max(height, width))
    return F.adaptive_avg_pool2d(batch, (max(1, round(height * share)), max(1, round(width * share))))
