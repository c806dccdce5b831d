"""Blind noise estimation: the share of impulses in an image, and the standard deviation of its Gaussian noise."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.io.convert import Image, to_batch
from colorzoo.noise.synthesis import KINDS, NoiseKind

_RAMP: dict[NoiseKind, tuple[float, float]] = {"impulse": (0.002, 0.01), "gaussian": (4.0, 8.0)}
"""Up to the first an image counts as clean, from the second on as noisy: a share, and 8-bit levels."""

_ENOUGH, _SQUARE, _SQUARES = 1 << 20, 128, 8
"""An image of more pixels is judged by so many squares of this edge each way."""
_RADIUS = 3
_CONTRAST = 0.25
"""An impulse differs from what is around it by at least this much."""
_CLUSTERED = (0.05, 0.3)
"""Correlation of neighbouring extremes up to which they are noise, and from which on they are a shape."""
_FEWEST_SEEN = 0.1

_FEWEST = 16
_FLAT_SHARE, _FLAT_COUNT = 0.1, 256
_MAD_OF_NORMAL = 0.6745
_CLIPPED = 2.0
"""Means that are fewer deviations than this away from black or white are those of clipped noise."""


@dataclass(frozen=True)
class NoiseLevel:
    """How much noise an image holds.

    Args:
        impulse: Share of the values in [0, 1] that were turned black or white, as far as that can be seen.
        sigma: Standard deviation of Gaussian noise, in 8-bit levels.

    Example:
        >>> NoiseLevel(impulse=0.15, sigma=0).strength(), NoiseLevel(impulse=0, sigma=6).strength()
        (1.0, 0.5)
    """

    impulse: float
    sigma: float

    def strength(self, kinds: Iterable[NoiseKind] = KINDS) -> float:
        """Say how far a de-noiser should go that is made for these kinds of noise; of several, the largest.

        0 up to 0.2 % of impulses and a sigma of 4, as clean images may show; 1 from 1 % or a sigma of 8 on; a straight
        line in between.
        """
        levels: dict[NoiseKind, float] = {"impulse": self.impulse, "gaussian": self.sigma}
        shares = [(levels[kind] - _RAMP[kind][0]) / (_RAMP[kind][1] - _RAMP[kind][0]) for kind in kinds]
        return min(1.0, max(0.0, *shares, 0.0))

    def describe(self) -> str:
        """Say in a few words what was found."""
        return f"{100 * self.impulse:.1f} % salt and pepper, sigma {self.sigma:.1f}"


def estimate_noise(image: Image) -> NoiseLevel:
    """Estimate the noise of one image.

    Salt and pepper are values that are exactly black or white, differ from all that is neither in their 3x3 window, and
    are not joined to shapes. Black on black nobody can see: each of the two is counted where it would stand out.

    The deviation is that of Donoho and Johnstone (Biometrika 81, 1994), the median of the finest diagonal Haar
    coefficients, taken where the image is flattest, away from impulses and from what was clipped.

    What a file's compression has blurred is no longer exactly black or white, and what it has smoothed away is no
    longer noise. Dense texture, in small images above all, passes for a sigma of 2 to 6. Where nothing can be told,
    as in an image of a few pixels or where hardly a window is free of impulses, the answer is 0. Of a large image,
    squares that are spread over it are judged.

    Args:
        image: A path, a PIL image, an array ``(H, W)`` or ``(H, W, C)``, or a tensor ``(1, C, H, W)`` in [0, 1].

    Returns:
        The level, over all channels together.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If the shape or the values make no sense, or there are several images.
        TypeError: If the kind of image is unknown.

    Example:
        >>> from colorzoo.noise.synthesis import Noise, add_noise
        >>> noisy = add_noise(torch.full((1, 1, 99, 99), 0.5), Noise(impulse=0.2, sigma=20), seeds=[0])
        >>> level = estimate_noise(noisy)
        >>> round(level.impulse, 1), round(level.sigma, -1)
        (0.2, 20.0)
    """
    batch = to_batch(image)
    if len(batch) != 1:
        raise ValueError(f"there are {len(batch)} images; noise_levels estimates the noise of each")
    return noise_levels(batch)[0]


@torch.no_grad()
def noise_levels(pictures: Tensor) -> list[NoiseLevel]:
    """Estimate the noise of each image of a batch ``(B, C, H, W)`` in [0, 1]; see `estimate_noise`."""
    if pictures.ndim != 4:
        raise ValueError(f"the images have shape {tuple(pictures.shape)}; give (B, C, H, W)")
    planes = [_sample_squares(picture)[:, None].float() for picture in pictures]
    return [NoiseLevel(_impulse_share(plane), 255 * _gaussian_sigma(plane)) for plane in planes]


def _sample_squares(picture: Tensor) -> Tensor:
    """Return ``(C, H, W)``, or if that is large squares spread evenly over it: a million values tell as much as all."""
    if picture[0].numel() <= _ENOUGH:
        return picture
    for axis in (1, 2):
        length = picture.shape[axis]
        edge = min(_SQUARE, length)
        picture = picture.unfold(axis, edge, max(1, (length - edge) // (_SQUARES - 1)))
    return picture.flatten(end_dim=2)


def _impulse_share(planes: Tensor) -> float:
    """Share of salt and of pepper among the values of ``(C, 1, H, W)``."""
    if planes[0].numel() < (2 * _RADIUS + 1) ** 2:
        return 0.0
    white, black = (planes >= 1).float(), (planes <= 0).float()
    valid = 1 - white - black
    # What a value has to stand out against: the valid ones beside it, or else the mean of those nearby.
    counts = _box_mean(valid)
    nearby = torch.where(counts > 0, _box_mean(planes * valid) / counts.clamp(min=1e-6), _box_mean(planes))
    highest = F.max_pool2d(torch.where(valid > 0, planes, -1.0), 3, 1, 1)
    lowest = -F.max_pool2d(torch.where(valid > 0, -planes, -2.0), 3, 1, 1)
    highest = torch.where(highest < 0, nearby, highest)
    lowest = torch.where(lowest > 1, nearby, lowest)
    salt = _visible_share(white, (highest < 1 - _CONTRAST) & (_box_mean(white) <= 0.5))
    pepper = _visible_share(black, (lowest > _CONTRAST) & (_box_mean(black) <= 0.5))
    return min(1.0, salt + pepper)


def _visible_share(extreme: Tensor, visible: Tensor) -> float:
    """Share of one kind of impulse among the places where it would be seen."""
    candidates = extreme * visible
    found = float(candidates.sum())
    if found == 0:
        return 0.0
    density = found / max(float(visible.sum()), _FEWEST_SEEN * extreme.numel())
    around = extreme.new_ones(1, 1, 3, 3)
    around[..., 1, 1] = 0
    alike = F.conv2d(extreme, around, padding=1)
    neighbours = F.conv2d(torch.ones_like(extreme), around, padding=1)
    joined = float((alike * candidates).sum() / (neighbours * candidates).sum().clamp(min=1))
    correlation = (joined - density) / max(1 - density, 1e-6)
    least, most = _CLUSTERED
    return density * min(1.0, max(0.0, (most - correlation) / (most - least)))


def _gaussian_sigma(planes: Tensor) -> float:
    """Standard deviation of the Gaussian noise of ``(C, 1, H, W)``."""
    if min(planes.shape[-2:]) < 3:
        return 0.0
    white, black = (planes >= 1).float(), (planes <= 0).float()
    usable = F.max_pool2d(white + black, 2, 1) == 0
    solid = sum(int((-F.max_pool2d(-extreme, 3, 1)).sum()) for extreme in (white, black))
    # Noise would show in areas of black or white too; where they are most of the image, they speak for it.
    if int(usable.sum()) < max(_FEWEST, solid):
        return 0.0
    a, b = planes[..., :-1, :-1], planes[..., :-1, 1:]
    c, d = planes[..., 1:, :-1], planes[..., 1:, 1:]
    diagonal, means = (a - b - c + d) / 2, (a + b + c + d) / 4
    counts = _box_mean(usable.float(), 2).clamp(min=1e-6)
    level = _box_mean(means * usable, 2) / counts
    # The diagonal coefficients know nothing of the means, so that choosing by these does not bias those.
    activity = (_box_mean(means.square() * usable, 2) / counts - level.square())[usable]
    diagonal, level = diagonal[usable].abs(), level[usable]
    sigma = 0.0
    for _ in range(2):
        inside = (level >= _CLIPPED * sigma) & (level <= 1 - _CLIPPED * sigma)
        if int(inside.sum()) < _FEWEST:
            inside = torch.ones_like(inside)
        count = min(int(inside.sum()), max(_FLAT_COUNT, math.ceil(_FLAT_SHARE * int(inside.sum()))))
        flat = inside & (activity <= activity[inside].kthvalue(count).values)
        sigma = float(diagonal[flat].median()) / _MAD_OF_NORMAL
    return sigma


def _box_mean(planes: Tensor, radius: int = _RADIUS) -> Tensor:
    """Mean of the window around each value, as much of it as lies in the image."""
    return F.avg_pool2d(planes, 2 * radius + 1, 1, radius, count_include_pad=False)
