"""Colour conventions: sRGB in [0, 1], CIE L*a*b* (D65), and the scaled a*b* that networks predict.

This file fixes the ranges, keeps the conversions out of reduced precision, and brings colours that sRGB cannot show
back into it without touching their lightness or hue. The results are kornia's, in a fraction of the time.
"""

import functools
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from colorzoo.color.gamut import BRIGHTEST, DARKEST, is_outside, largest_chroma_share
from colorzoo.color.srgb import LINE_END, LINE_SLOPE, decode_srgb_curve, encode_srgb_curve, fast_power

AB_RANGE = 220.0
"""Width of the a*b* interval that is mapped to [0, 1]: [-110, 110] holds every colour of sRGB."""

_LUMA = (0.299, 0.587, 0.114)

# The constants of kornia.
WHITE = (0.95047, 1.0, 1.08883)
LUMINANCE = (0.212671, 0.715160, 0.072169)
"""What red, green and blue contribute to the luminance Y."""
_RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), LUMINANCE, (0.019334, 0.119193, 0.950227))
_RGB_TO_LIGHT = [[share / white for share in row] for row, white in zip(_RGB_TO_XYZ, WHITE, strict=True)]
XYZ_TO_RGB = (
    (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
    (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
    (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
)
_SLOPE = 7.787
_KNEE = 6 / 29  # CIE 1976: a cube root, and where it is below this, the line that continues it


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to L*a*b*, always in float32.

    Args:
        rgb: Images in [0, 1], or of 8 bits as uint8, which is faster; values outside are clamped, for the conversion
            has no meaning there.

    Shape:
        ``(B, 3, H, W)`` -> ``(B, 3, H, W)``; L* in [0, 100], a* and b* in about [-110, 110].

    Example:
        >>> rgb_to_lab(torch.ones(1, 3, 1, 1)).round().abs().flatten().tolist()
        [100.0, 0.0, 0.0]
    """
    with _full_precision(rgb):
        return _lab(_light(rgb))


def rgb_to_lab_and_grey(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `rgb_to_lab` gives, and the grey ``(B, 1, H, W)`` that `lightness_to_grey` would make of its L*.

    Example:
        >>> rgb_to_lab_and_grey(torch.ones(1, 3, 1, 1))[1].round().flatten().tolist()
        [1.0]
    """
    with _full_precision(rgb):
        light = _light(rgb)
        return _lab(light), _encoded(light[:, 1:2])


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert L*a*b* to sRGB; what lies outside sRGB loses chroma, never lightness or hue.

    Clipping each channel, as conversions usually do, shifts both. Here the chroma of such a pixel is reduced to the
    largest share that sRGB can show.

    Shape:
        ``(B, 3, H, W)`` with L* in [0, 100] -> ``(B, 3, H, W)`` in [0, 1].

    Example:
        >>> vivid = torch.tensor([50.0, 0.0, 150.0]).view(1, 3, 1, 1)
        >>> rgb_to_lab(lab_to_rgb(vivid))[0, 0].round().item()
        50.0
    """
    with _full_precision(lab):
        lab = lab.float()
        rgb = _lab_to_unclipped_rgb(lab)
        outside = is_outside(rgb)
        if torch.compiler.is_compiling():
            # A graph that is being captured cannot depend on what a tensor holds.
            rgb = _reduce_chroma_where(outside, rgb, lab)
        elif not lab.is_meta and bool(outside.any()):
            pixels = rgb.movedim(1, -1)
            pixels[outside] = _reduce_chroma(lab.movedim(1, -1)[outside])
        return rgb.clamp(0, 1)


def _lab_to_unclipped_rgb(lab: Tensor) -> Tensor:
    """Convert ``(B, 3, H, W)``; colours that sRGB cannot show get values beyond [0, 1]."""
    lightness, a, b = lab.unbind(dim=-3)
    y = (lightness + 16) / 116
    # Light is not negative; a* and b* alone do not know that.
    roots = torch.stack([a / 500 + y, y, (y - b / 200).clamp(min=0)], dim=-3)
    light = torch.where(roots > 0.2068966, torch.pow(roots, 3.0), (roots - 4 / 29) / _SLOPE)
    light = light * light.new_tensor(WHITE)[:, None, None]
    linear = torch.einsum("oi,...ihw->...ohw", light.new_tensor(XYZ_TO_RGB), light).contiguous()
    return encode_srgb_curve(linear)


def _reduce_chroma_where(outside: Tensor, rgb: Tensor, lab: Tensor) -> Tensor:
    """Return RGB with the chroma reduced where it lies outside sRGB, in operations that every exporter knows."""
    places = outside.flatten().nonzero()[:, 0]
    pixels, colours = (picture.movedim(1, -1).reshape(-1, 3) for picture in (rgb, lab))
    pixels = pixels.index_put((places,), _reduce_chroma(colours[places]))
    return pixels.reshape(*outside.shape, 3).movedim(-1, 1)


def _reduce_chroma(lab: Tensor) -> Tensor:
    """Return RGB of ``(N, 3)`` colours, each with the largest share of its chroma that sRGB can show."""
    lightness, chroma = lab[:, :1], lab[:, 1:]
    # In linear light, where a level lies within sRGB exactly if it does once encoded.
    luminance = (lightness + 16) / 116
    shifts = torch.stack([lab[:, 1] / 500, torch.zeros_like(lab[:, 0]), lab[:, 2] / -200], dim=1)
    lowest = lab.new_tensor([-torch.inf, 0, 0])
    to_rgb = (lab.new_tensor(XYZ_TO_RGB) * lab.new_tensor(WHITE)).T

    def is_inside(share: Tensor) -> Tensor:
        roots = torch.maximum(luminance + share * shifts, lowest)
        light = torch.where(roots > _KNEE, roots**3, (roots - 4 / 29) / _SLOPE) @ to_rgb
        inside: Tensor = ((light >= DARKEST) & (light <= BRIGHTEST)).all(dim=1, keepdim=True)
        return inside

    share = largest_chroma_share(is_inside, torch.zeros_like(lightness))
    reduced = torch.cat([lightness, share * chroma], dim=1)
    return _lab_to_unclipped_rgb(reduced.T[None, :, :, None])[0, :, :, 0].T


def grey_to_lightness(grey: Tensor) -> Tensor:
    """Return L* in [0, 100] of sRGB-encoded grey in [0, 1], ``(B, 1, H, W)``; raise a ValueError for another shape."""
    if grey.ndim != 4 or grey.shape[1] != 1:
        raise ValueError(f"the grey images have shape {tuple(grey.shape)}; give (B, 1, H, W)")
    with _full_precision(grey):
        return 116 * _roots(decode_srgb_curve(grey.float().clamp(0, 1), fast_power)) - 16


def lightness_to_grey(lightness: Tensor) -> Tensor:
    """Return the sRGB-encoded grey in [0, 1] that has this L* and a* = b* = 0; undoes `grey_to_lightness`."""
    with _full_precision(lightness):
        root = (lightness.float() + 16) / 116
        above = root.clamp(min=_KNEE)
        return _encoded(torch.add(above.pow(3), root - above, alpha=3 * _KNEE**2)).to(lightness.dtype)


def rgb_to_luma(rgb: Tensor) -> Tensor:
    """Return the Rec. 601 luma ``(B, 1, H, W)`` of encoded RGB ``(B, 3, H, W)``, the grey of JPEG."""
    weights = rgb.new_tensor(_LUMA)[:, None, None]
    return (rgb * weights).sum(dim=1, keepdim=True)


def scale_ab(ab: Tensor) -> Tensor:
    """Map a*b* from [-110, 110] to [0, 1], the interval of a sigmoid output."""
    return ab / AB_RANGE + 0.5


def unscale_ab(scaled: Tensor) -> Tensor:
    """Map a*b* from [0, 1] back to [-110, 110]; undoes `scale_ab`."""
    return (scaled - 0.5) * AB_RANGE


def _light(rgb: Tensor) -> Tensor:
    """Return X, Y and Z of sRGB, as shares of white."""
    linear = _linear_levels(rgb) if rgb.dtype == torch.uint8 else decode_srgb_curve(rgb.float().clamp(0, 1), fast_power)
    return torch.matmul(linear.new_tensor(_RGB_TO_LIGHT), linear.flatten(-2)).view(linear.shape)


def _lab(light: Tensor) -> Tensor:
    """Return L*a*b* of X, Y and Z."""
    x, y, z = _roots(light).unbind(dim=-3)
    return torch.stack([(116 * y).sub_(16), (x - y).mul_(500), (y - z).mul_(200)], dim=-3)


def _encoded(luminance: Tensor) -> Tensor:
    """Return the sRGB level of the grey that has the given Y."""
    # Of the three channels, which differ by 1e-5, the one that counts most.
    light = luminance * sum(share * white for share, white in zip(XYZ_TO_RGB[1], WHITE, strict=True))
    above = fast_power(light.clamp(min=LINE_END), 1 / 2.4)
    below = light.clamp(max=LINE_END).sub_(LINE_END).mul_(LINE_SLOPE)
    return torch.add(below, above, alpha=1.055).sub_(0.055).clamp_(0, 1)


def _linear_levels(levels: Tensor) -> Tensor:
    """Return the linear light of 8-bit sRGB, looked up."""
    table = _linear_table(levels.device)
    return table.index_select(0, levels.reshape(-1).int()).view(levels.shape)


@functools.cache
def _linear_table(device: torch.device) -> Tensor:
    return decode_srgb_curve(torch.arange(256, dtype=torch.float32, device=device) / 255, fast_power)


def _roots(light: Tensor) -> Tensor:
    """Return CIE's f of X, Y or Z, as shares of white."""
    below = light.clamp(max=_KNEE**3).sub_(_KNEE**3)
    return torch.add(fast_power(light.clamp(min=_KNEE**3), 1 / 3), below, alpha=1 / (3 * _KNEE**2))


def _full_precision(given: Tensor) -> AbstractContextManager[object]:
    """Switch autocast off; the meta device has none."""
    return nullcontext() if given.is_meta else torch.autocast(given.device.type, enabled=False)
