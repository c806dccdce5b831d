"""What film, camera, print, scanner and files do to photographs, except for damage."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import ClassVar

import numpy as np
import PIL.Image
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import rgb_to_luma
from colorzoo.color.srgb import decode_srgb_curve, encode_srgb_curve
from colorzoo.noise.degradations import Degradation, Degraded, SceneDegradation, apply_steps
from colorzoo.noise.synthesis import Level, Noise, add_noise

_BLOCK = 8
_BAYER_GREEN = torch.tensor([[0.0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
_BAYER_OTHER = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
_BAYER_KERNELS = torch.stack([_BAYER_OTHER, _BAYER_GREEN, _BAYER_OTHER])[:, None]


@dataclass(frozen=True, kw_only=True)
class Grey(SceneDegradation):
    """Make the image grey, in as many channels as it has: as input and target of a colour network.

    Example:
        >>> tuple(Grey().apply(Degraded(*torch.rand(3, 3, 8, 8)), Generator()).noisy.std(dim=0).unique().tolist())
        (0.0,)
    """

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        return self.change(images, lambda image: _luma(image).expand_as(image))


@dataclass(frozen=True, kw_only=True)
class Blur(SceneDegradation):
    """Gaussian blur of a lens or a print.

    Args:
        sigma: Standard deviation in pixels.
    """

    sigma: Level = (0.3, 1.0)
    limits: ClassVar = {"sigma": (0.0, 50.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        return self.change(images, partial(blur, sigma=self.draw("sigma", random)))


@dataclass(frozen=True, kw_only=True)
class Resample(SceneDegradation):
    """Scale the image, let other steps happen at that size, and scale it back, as scanning and printing do.

    Args:
        scale: Factor of the edges.
        steps: What happens in between.
    """

    scale: Level = (0.6, 1.4)
    steps: Sequence[Degradation] = ()
    limits: ClassVar = {"scale": (0.05, 8.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        height, width = images.noisy.shape[-2:]
        scale = self.draw("scale", random)
        mode = ("bilinear", "bicubic")[int(torch.randint(2, (), generator=random))]
        scaled = (max(1, round(scale * height)), max(1, round(scale * width)))
        inner = apply_steps(self.steps, Degraded(*(_resized(part, scaled, mode) for part in images)), random)
        noisy, clean, mask = (_resized(part, (height, width), mode) for part in inner)
        return Degraded(noisy, clean if self.target else images.clean, torch.maximum(images.mask, mask.round()))


@dataclass(frozen=True, kw_only=True)
class Fading(SceneDegradation):
    """Other tones: blacks rise, whites fall, a tone curve, a cast of the colours.

    Args:
        black: How far the blacks rise, as a share of the range.
        white: How far the whites fall.
        gamma: Exponent of the tone curve.
        cast: By how much a channel may be darker than the others, as a share.
    """

    black: Level = (0.0, 0.15)
    white: Level = (0.0, 0.15)
    gamma: Level = (0.7, 1.4)
    cast: Level = (0.0, 0.2)
    limits: ClassVar = {"black": (0.0, 0.49), "white": (0.0, 0.49), "gamma": (0.1, 10.0), "cast": (0.0, 1.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        black, white, gamma, cast = (self.draw(name, random) for name in self.limits)
        channels = 1 - cast * torch.rand(len(images.noisy), 1, 1, generator=random)
        return self.change(images, lambda image: channels * (black + (1 - white - black) * image**gamma))


@dataclass(frozen=True, kw_only=True)
class UnevenExposure(SceneDegradation):
    """Light that differs smoothly over the image.

    Args:
        strength: By which share of its brightness a part may become lighter or darker.
    """

    strength: Level = (0.0, 0.3)
    limits: ClassVar = {"strength": (0.0, 1.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        coarse = 2 * torch.rand(1, 3, 3, generator=random) - 1
        light = 1 + self.draw("strength", random) * _resized(coarse, images.noisy.shape[-2:], "bicubic", clamp=False)
        return self.change(images, lambda image: image * light)


@dataclass(frozen=True, kw_only=True)
class Grain(Degradation):
    """Film grain: blurred noise, strongest in the middle tones.

    Args:
        strength: Standard deviation in the middle tones, as a share of the range.
        size: Standard deviation of the blur that gives grain its size, in pixels.
        dependence: 0: as strong in blacks and whites; 1: none there.
        color: 0: the same in all channels; 1: independent, as in the layers of colour film.
    """

    strength: Level = (0.01, 0.1)
    size: Level = (0.3, 1.2)
    dependence: Level = (0.3, 1.0)
    color: Level = (0.0, 1.0)
    limits: ClassVar = {"strength": (0.0, 1.0), "size": (0.0, 20.0), "dependence": (0.0, 1.0), "color": (0.0, 1.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        strength, size, dependence, color = (self.draw(name, random) for name in self.limits)
        noisy = images.noisy
        shared, own = smooth_noise((1 + len(noisy), *noisy.shape[1:]), size, random).tensor_split([1])
        middle = 1 - dependence + dependence * 2 * (noisy * (1 - noisy)).sqrt()
        grain = strength * middle * (math.sqrt(1 - color) * shared + math.sqrt(color) * own)
        return images._replace(noisy=(noisy + grain).clamp(0, 1))


@dataclass(frozen=True, kw_only=True)
class CameraNoise(Degradation):
    """Noise of a sensor in linear light: shot noise, which grows with the light, and read noise.

    Args:
        shot: Standard deviation of the shot noise at white, as a share of the range.
        read: Standard deviation of the read noise.
        mosaic_share: Share of the images whose noise is interpolated from a Bayer mosaic, as one-chip cameras do.
    """

    shot: Level = (0.01, 0.1)
    read: Level = (0.0005, 0.01)
    mosaic_share: float = 0.7
    limits: ClassVar = {"shot": (0.0, 1.0), "read": (0.0, 1.0), "mosaic_share": (0.0, 1.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        shot, read = self.draw("shot", random), self.draw("read", random)
        height, width = images.noisy.shape[-2:]
        noise = torch.randn(3, height, width, generator=random)
        if float(torch.rand((), generator=random)) < self.mosaic_share:
            noise = _demosaic(noise)
        if len(images.noisy) == 1:
            noise = _luma(noise)
        light = decode_srgb_curve(images.noisy)
        light = light + (shot**2 * light + read**2).sqrt() * noise
        return images._replace(noisy=encode_srgb_curve(light).clamp(0, 1))


@dataclass(frozen=True, kw_only=True)
class Jpeg(Degradation):
    """Encode the image as JPEG, and decode it.

    Args:
        quality: From 1 to 100.
        aligned_share: Share of the images whose first block begins in the corner; others were cropped.
        subsampled_share: Share of the images whose chroma has half the resolution.
    """

    quality: Level = (30, 95)
    aligned_share: float = 0.5
    subsampled_share: float = 0.8
    limits: ClassVar = {"quality": (1, 100), "aligned_share": (0.0, 1.0), "subsampled_share": (0.0, 1.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        quality = round(self.draw("quality", random))
        left, top = torch.randint(_BLOCK, (2,), generator=random).tolist()
        aligned, subsampled = torch.rand(2, generator=random).tolist()
        if aligned < self.aligned_share:
            left = top = 0
        padded = F.pad(images.noisy[None], (left, 0, top, 0), mode="replicate")[0]
        sampling = "4:2:0" if subsampled < self.subsampled_share else "4:4:4"
        return images._replace(noisy=_encoded(padded, quality, sampling)[:, top:, left:])


@dataclass(frozen=True, kw_only=True)
class SaltAndPepper(Degradation):
    """Turn single values black or white.

    Args:
        share: Share of the values.
    """

    share: Level = (0.0, 0.05)
    limits: ClassVar = {"share": (0.0, 1.0)}

    def apply(self, images: Degraded, random: Generator) -> Degraded:
        noise = Noise(impulse=self.draw("share", random))
        seed = int(torch.randint(1 << 62, (), generator=random))
        return images._replace(noisy=add_noise(images.noisy[None], noise, [seed])[0])


def blur(image: Tensor, sigma: float) -> Tensor:
    """Blur an image ``(C, H, W)`` by a Gaussian, the border repeated."""
    kernel = _gaussian(sigma)
    reach = len(kernel) // 2
    return _convolved(F.pad(image[None], (reach,) * 4, mode="replicate")[0], kernel)


def smooth_noise(shape: Sequence[int], sigma: float, random: Generator) -> Tensor:
    """Draw normal noise ``(C, H, W)`` of unit variance, blurred by a Gaussian."""
    kernel = _gaussian(sigma)
    channels, height, width = shape
    reach = len(kernel) // 2
    noise = torch.randn(channels, height + 2 * reach, width + 2 * reach, generator=random)
    return _convolved(noise, kernel) / kernel.square().sum()


def _luma(image: Tensor) -> Tensor:
    return image if len(image) == 1 else rgb_to_luma(image[None])[0]


def _gaussian(sigma: float) -> Tensor:
    places = torch.arange(-math.ceil(3 * sigma), math.ceil(3 * sigma) + 1)
    kernel = torch.exp(-places.square() / (2 * max(sigma, 1e-3) ** 2))
    return kernel / kernel.sum()


def _convolved(image: Tensor, kernel: Tensor) -> Tensor:
    """Convolve the rows and then the columns of ``(C, H, W)``, which becomes smaller."""
    rows = F.conv2d(image[:, None], kernel.reshape(1, 1, 1, -1))
    return F.conv2d(rows, kernel.reshape(1, 1, -1, 1))[:, 0]


def _demosaic(noise: Tensor) -> Tensor:
    """Keep the values of ``(3, H, W)`` that a Bayer mosaic has, and interpolate the others."""
    sampled = torch.zeros_like(noise)
    sampled[0, ::2, ::2] = noise[0, ::2, ::2]
    sampled[1, ::2, 1::2] = noise[1, ::2, 1::2]
    sampled[1, 1::2, ::2] = noise[1, 1::2, ::2]
    sampled[2, 1::2, 1::2] = noise[2, 1::2, 1::2]
    return F.conv2d(F.pad(sampled[None], (1, 1, 1, 1)), _BAYER_KERNELS, groups=3)[0]


def _encoded(image: Tensor, quality: int, subsampling: str) -> Tensor:
    """Return ``(C, H, W)`` as it comes out of a JPEG file."""
    pixels = (255 * image).round().byte().movedim(0, -1).squeeze(-1).contiguous().numpy()
    file = BytesIO()
    PIL.Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    decoded = np.array(PIL.Image.open(file))
    return torch.from_numpy(decoded).reshape(*image.shape[1:], -1).movedim(-1, 0) / 255


def _resized(image: Tensor, size: Sequence[int], mode: str, clamp: bool = True) -> Tensor:
    resized = F.interpolate(image[None], tuple(size), mode=mode, antialias=True)[0]
    return resized.clamp(0, 1) if clamp else resized
