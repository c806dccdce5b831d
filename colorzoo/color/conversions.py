"""Colour conventions: sRGB in [0, 1], CIE L*a*b* (D65), and the scaled a*b* that networks predict.

This file fixes the ranges, keeps the conversions out of reduced precision, and brings colours that sRGB cannot show
back into it without touching their lightness or hue. Constants and results are those of kornia, which takes long to
import; what every training batch needs, L*a*b* and the grey of an L*, takes a fifth of its time.
"""

import functools

import torch
from torch import Tensor

from colorzoo.color.srgb import linear_to_srgb

AB_RANGE = 220.0
"""Width of the a*b* interval that is mapped to [0, 1]: [-110, 110] holds every colour of sRGB."""

GAMUT_TOLERANCE = 0.25 / 255
CHROMA_BISECTIONS = 14  # finer than float32 can tell in RGB: a colour near the edge of the gamut must not jump
_LUMA = (0.299, 0.587, 0.114)
# The gamut in linear light.
DARKEST = -GAMUT_TOLERANCE / 12.92
BRIGHTEST = ((1 + GAMUT_TOLERANCE + 0.055) / 1.055) ** 2.4

# kornia's, which published models were trained with.
WHITE = (0.95047, 1.0, 1.08883)
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_RGB_TO_LIGHT = [[share / white for share in row] for row, white in zip(_RGB_TO_XYZ, WHITE, strict=True)]
XYZ_TO_RGB = (
    (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
    (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
    (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
)
_SLOPE = 7.787
_KNEE = 6 / 29  # CIE 1976: a cube root, and where it is below this, the line that continues it
_DARK = 0.0031308  # sRGB: a power, and below this light a line


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to L*a*b*, always in float32.

    Args:
        rgb: Pictures in [0, 1], or of 8 bits as uint8, which is faster; values outside are clamped, for the conversion
            has no meaning there.

    Shape:
        ``(B, 3, H, W)`` -> ``(B, 3, H, W)``; L* in [0, 100], a* and b* in about [-110, 110].

    Returns:
        The pictures in L*a*b*.

    Example:
        >>> rgb_to_lab(torch.ones(1, 3, 1, 1)).round().abs().flatten().tolist()
        [100.0, 0.0, 0.0]
    """
    with torch.autocast(rgb.device.type, enabled=False):
        return _lab(_light(rgb))


def rgb_to_lab_and_grey(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Convert sRGB to L*a*b* and to the grey of the same L*, without the way back from one to the other.

    Args:
        rgb: As `rgb_to_lab` takes them.

    Shape:
        ``(B, 3, H, W)`` -> ``(B, 3, H, W)`` and ``(B, 1, H, W)``.

    Returns:
        What `rgb_to_lab` gives, and what `lightness_to_grey` makes of its L*.

    Example:
        >>> rgb_to_lab_and_grey(torch.ones(1, 3, 1, 1))[1].round().flatten().tolist()
        [1.0]
    """
    with torch.autocast(rgb.device.type, enabled=False):
        light = _light(rgb)
        return _lab(light), _encoded(light[:, 1:2])


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert L*a*b* to sRGB; what lies outside sRGB loses chroma, never lightness or hue.

    Clipping each channel, as conversions usually do, shifts both. Here the chroma of such a pixel is
    reduced to the largest share that sRGB can show.

    Args:
        lab: Pictures with L* in [0, 100].

    Shape:
        ``(B, 3, H, W)`` -> ``(B, 3, H, W)`` in [0, 1].

    Returns:
        The pictures in sRGB.

    Example:
        >>> vivid = torch.tensor([50.0, 0.0, 150.0]).view(1, 3, 1, 1)
        >>> rgb_to_lab(lab_to_rgb(vivid))[0, 0].round().item()
        50.0
    """
    with torch.autocast(lab.device.type, enabled=False):
        lab = lab.float()
        rgb = _rgb(lab)
        outside = _outside(rgb)
        if torch.compiler.is_compiling():
            # A graph that is being captured cannot ask what a tensor holds.
            rgb = _brought_in(rgb, outside, lab)
        elif bool(outside.any()):
            pixels = rgb.movedim(1, -1)
            pixels[outside] = _reduce_chroma(lab.movedim(1, -1)[outside])
        return rgb.clamp(0, 1)


def _outside(rgb: Tensor) -> Tensor:
    """True for each pixel of ``(B, 3, H, W)`` that sRGB cannot show."""
    return ((rgb < -GAMUT_TOLERANCE) | (rgb > 1 + GAMUT_TOLERANCE)).any(dim=1)


def _brought_in(rgb: Tensor, outside: Tensor, lab: Tensor) -> Tensor:
    """Return RGB with the chroma reduced where it lies outside sRGB, in operations that every exporter knows."""
    places = outside.flatten().nonzero()[:, 0]
    pixels, colours = (picture.movedim(1, -1).reshape(-1, 3) for picture in (rgb, lab))
    pixels = pixels.index_put((places,), _reduce_chroma(colours[places]))
    return pixels.reshape(*outside.shape, 3).movedim(-1, 1)


def _reduce_chroma(lab: Tensor) -> Tensor:
    """Bisect, for each of ``(N, 3)`` colours, the largest share of its chroma that sRGB can show."""
    lightness, chroma = lab[:, :1], lab[:, 1:]
    # In linear light, where a level lies within sRGB exactly if it does once encoded.
    luminance = (lightness + 16) / 116
    shifts = torch.stack([lab[:, 1] / 500, torch.zeros_like(lab[:, 0]), lab[:, 2] / -200], dim=1)
    lowest = torch.tensor([-torch.inf, 0, 0], device=lab.device)
    to_rgb = (lab.new_tensor(XYZ_TO_RGB) * lab.new_tensor(WHITE)).T
    low, high = torch.zeros_like(lightness), torch.ones_like(lightness)
    for _ in range(CHROMA_BISECTIONS):
        middle = (low + high) / 2
        roots = torch.maximum(luminance + middle * shifts, lowest)
        light = torch.where(roots > _KNEE, roots**3, (roots - 4 / 29) / _SLOPE) @ to_rgb
        inside = ((light >= DARKEST) & (light <= BRIGHTEST)).all(dim=1, keepdim=True)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    reduced = torch.cat([lightness, low * chroma], dim=1)
    return _rgb(reduced.T[None, :, :, None])[0, :, :, 0].T


def grey_to_lightness(grey: Tensor) -> Tensor:
    """Return L* of grey pictures.

    Args:
        grey: sRGB-encoded grey in [0, 1].

    Shape:
        ``(B, 1, H, W)`` -> ``(B, 1, H, W)`` in [0, 100].

    Returns:
        The lightness L*.

    Raises:
        ValueError: If the pictures are not of one channel.
    """
    if grey.ndim != 4 or grey.shape[1] != 1:
        raise ValueError(f"the grey pictures have shape {tuple(grey.shape)}; give (B, 1, H, W)")
    with torch.autocast(grey.device.type, enabled=False):
        return 116 * _roots(_linear(grey.float().clamp(0, 1))) - 16


def lightness_to_grey(lightness: Tensor) -> Tensor:
    """Return the grey pictures (a* = b* = 0) that have the given L*; undoes `grey_to_lightness`.

    Args:
        lightness: L* in [0, 100].

    Shape:
        ``(B, 1, H, W)`` -> ``(B, 1, H, W)`` in [0, 1].

    Returns:
        sRGB-encoded grey.
    """
    with torch.autocast(lightness.device.type, enabled=False):
        root = (lightness.float() + 16) / 116
        above = root.clamp(min=_KNEE)
        return _encoded(torch.add(above.pow(3), root - above, alpha=3 * _KNEE**2))


def rgb_to_luma(rgb: Tensor) -> Tensor:
    """Return the Rec. 601 luma, the grey of JPEG and of most picture programs.

    Args:
        rgb: Pictures in [0, 1].

    Shape:
        ``(B, 3, H, W)`` -> ``(B, 1, H, W)`` in [0, 1].

    Returns:
        The weighted sum of the gamma-encoded channels.
    """
    weights = rgb.new_tensor(_LUMA)[:, None, None]
    return (rgb * weights).sum(dim=1, keepdim=True)


def scale_ab(ab: Tensor) -> Tensor:
    """Map a*b* from [-110, 110] to [0, 1], the interval of a sigmoid output."""
    return ab / AB_RANGE + 0.5


def unscale_ab(scaled: Tensor) -> Tensor:
    """Map a*b* from [0, 1] back to [-110, 110]; undoes `scale_ab`."""
    return (scaled - 0.5) * AB_RANGE


def _rgb(lab: Tensor) -> Tensor:
    """Return sRGB of L*a*b*, below 0 and above 1 where sRGB cannot show it."""
    lightness, a, b = lab.unbind(dim=-3)
    y = (lightness + 16) / 116
    roots = torch.stack([a / 500 + y, y, (y - b / 200).clamp(min=0)], dim=-3)
    light = torch.where(roots > 0.2068966, roots.pow(3), (roots - 4 / 29) / _SLOPE)
    light = light * lab.new_tensor(WHITE)[:, None, None]
    return linear_to_srgb(torch.einsum("oi,...ihw->...ohw", lab.new_tensor(XYZ_TO_RGB), light).contiguous())


def _light(rgb: Tensor) -> Tensor:
    """Return X, Y and Z of sRGB, as shares of white."""
    linear = _linear_levels(rgb) if rgb.dtype == torch.uint8 else _linear(rgb.float().clamp(0, 1))
    return torch.matmul(linear.new_tensor(_RGB_TO_LIGHT), linear.flatten(-2)).view(linear.shape)


def _lab(light: Tensor) -> Tensor:
    """Return L*a*b* of X, Y and Z."""
    x, y, z = _roots(light).unbind(dim=-3)
    return torch.stack([(116 * y).sub_(16), (x - y).mul_(500), (y - z).mul_(200)], dim=-3)


def _encoded(luminance: Tensor) -> Tensor:
    """Return the sRGB level of the grey that has the given Y."""
    # Of kornia's three channels, which differ by 1e-5, the one that counts most.
    light = luminance * sum(share * white for share, white in zip(XYZ_TO_RGB[1], WHITE, strict=True))
    above = _power(light.clamp(min=_DARK), 1 / 2.4)
    below = light.clamp(max=_DARK).sub_(_DARK).mul_(12.92)
    return torch.add(below, above, alpha=1.055).sub_(0.055).clamp_(0, 1)


def _linear(rgb: Tensor) -> Tensor:
    """Return the linear light of sRGB in [0, 1]."""
    return torch.where(rgb > 0.04045, _power((rgb + 0.055) / 1.055, 2.4), rgb / 12.92)


def _linear_levels(levels: Tensor) -> Tensor:
    """Return the linear light of 8-bit sRGB, looked up."""
    table = _linear_table(levels.device)
    return table.index_select(0, levels.reshape(-1).int()).view(levels.shape)


@functools.cache
def _linear_table(device: torch.device) -> Tensor:
    return _linear(torch.arange(256, device=device) / 255)


def _roots(light: Tensor) -> Tensor:
    """Return CIE's f of X, Y or Z, as shares of white."""
    below = light.clamp(max=_KNEE**3).sub_(_KNEE**3)
    return torch.add(_power(light.clamp(min=_KNEE**3), 1 / 3), below, alpha=1 / (3 * _KNEE**2))


def _power(base: Tensor, exponent: float) -> Tensor:
    """Return powers of positive numbers, on a CPU in less than half the time of `torch.pow` and as exactly."""
    return base.log2().mul_(exponent).exp2_()
