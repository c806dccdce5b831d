"""Degradations as data: what happens to an image in film, camera, print, scanner and files, step by step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Generator, Tensor

from colorzoo.noise.synthesis import Noise, as_range


class Degraded(NamedTuple):
    """An image between two steps, on a CPU.

    Args:
        noisy: What has become of it, ``(C, H, W)`` in [0, 1].
        clean: What a network is to make of that, of the same shape.
        mask: Where it is damaged, ``(1, H, W)``: 1 or 0.
    """

    noisy: Tensor
    clean: Tensor
    mask: Tensor


@dataclass(frozen=True, kw_only=True)
class Degradation(ABC):
    """One step: a frozen dataclass of numbers and ranges, from which each image draws its own.

    A subclass gives `apply`, and `limits` of its ranges.

    Args:
        probability: Share of the images that it happens to.

    Raises:
        ValueError: If a number is out of its range.
    """

    probability: float = 1.0

    limits: ClassVar[dict[str, tuple[float, float]]] = {}
    """Lowest and highest sensible value of each range."""

    def __post_init__(self) -> None:
        for name, (least, most) in ({"probability": (0.0, 1.0)} | self.limits).items():
            low, high = as_range(getattr(self, name))
            if not least <= low <= high <= most:
                raise ValueError(
                    f"{name} of {type(self).__name__} is {getattr(self, name)}; give a number from {least:g} to "
                    f"{most:g}, or the lowest and the highest"
                )

    @abstractmethod
    def apply(self, images: Degraded, random: Generator) -> Degraded:
        """Return the images after this step.

        Args:
            images: The images before it.
            random: Where all random numbers come from.
        """

    def draw(self, name: str, random: Generator) -> float:
        """Draw a number from one of the ranges."""
        low, high = as_range(getattr(self, name))
        return low + (high - low) * float(torch.rand((), generator=random))


@dataclass(frozen=True, kw_only=True)
class SceneDegradation(Degradation):
    """A step that a de-noiser is to leave alone, because it belongs to what is shown: the target changes with it.

    Args:
        target: Change the target too; without it a network learns to undo the step.
    """

    target: bool = True

    def change(self, images: Degraded, function: Callable[[Tensor], Tensor]) -> Degraded:
        """Apply a function to the image, and to its target if that is to change."""
        noisy = function(images.noisy).clamp(0, 1)
        return images._replace(noisy=noisy, clean=function(images.clean).clamp(0, 1) if self.target else images.clean)


@dataclass(frozen=True)
class Degradations:
    """Steps that happen to every image, in this order, each with its probability.

    Args:
        steps: Of `colorzoo.noise.photographic`, `.damage` and `.paper`, or your own subclasses of `Degradation`.

    Raises:
        ValueError: If there is no step.

    Example:
        >>> from colorzoo.noise.photographic import Grain, Jpeg
        >>> old = Degradations([Grain(strength=(0.02, 0.1)), Jpeg(quality=(30, 95), probability=0.5)])
        >>> noisy, clean, mask = degrade(torch.rand(2, 3, 32, 32), old, seeds=[1, 2])
        >>> noisy.shape, mask.shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 1, 32, 32]))
    """

    steps: Sequence[Degradation]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("degradations need at least one step; add one, or leave them out")

    def describe(self) -> str:
        """Say what happens; goes into every checkpoint."""
        return ", then ".join(map(str, self.steps))


NoiseModel = Noise | Degradations
"""What makes the input of a pair from its target."""


def degrade(clean: Tensor, degradations: Degradations, seeds: Sequence[int]) -> Degraded:
    """Degrade images; each is a function of itself and its seed, whatever the batch or the device.

    Args:
        clean: ``(B, C, H, W)`` in [0, 1].
        degradations: What happens.
        seeds: One for each image.

    Returns:
        What has become of the images, their targets, and where they are damaged, ``(B, 1, H, W)``.

    Raises:
        ValueError: If the images are no batch, or there are not as many seeds.
    """
    if clean.ndim != 4 or len(seeds) != len(clean):
        raise ValueError(
            f"there are {len(seeds)} seeds for images {tuple(clean.shape)}; give one for each (B, C, H, W)"
        )
    degraded = [_degrade_one(image, degradations, seed) for image, seed in zip(clean.cpu(), seeds, strict=True)]
    return Degraded(*(torch.stack(parts).to(clean.device) for parts in zip(*degraded, strict=True)))


def _degrade_one(image: Tensor, degradations: Degradations, seed: int) -> Degraded:
    images = Degraded(image, image, torch.zeros_like(image[:1]))
    return apply_steps(degradations.steps, images, Generator().manual_seed(seed))


def apply_steps(steps: Sequence[Degradation], images: Degraded, random: Generator) -> Degraded:
    """Let each step happen with its probability, one after another."""
    for step in steps:
        if float(torch.rand((), generator=random)) < step.probability:
            images = step.apply(images, random)
    return images
