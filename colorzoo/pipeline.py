"""A pipeline of models, one after another: de-noise, then colour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, overload

import PIL.Image
import torch

from colorzoo.base.colorizer import Colorizer
from colorzoo.base.denoiser import Denoiser, Strength, check_strength, strengths
from colorzoo.base.module import ZooModule
from colorzoo.io.convert import Image, Kind, Picture, to_batch, to_pil
from colorzoo.io.raster_file import read_raster
from colorzoo.noise.estimation import NoiseLevel, noise_levels
from colorzoo.noise.synthesis import NoiseKind
from colorzoo.zoo import load

RESTORERS: dict[NoiseKind, str] = {"impulse": "cnn_denoiser.impulse", "gaussian": "cnn_denoiser"}
"""The published de-noiser for each kind of noise, in the order in which they are applied."""
COLOR_RESTORERS: dict[NoiseKind, str] = RESTORERS | {"gaussian": "cnn_denoiser.color"}
"""The same for colour images, whose three channels are restored together."""


@dataclass(frozen=True)
class Step:
    """What one model of a pipeline did.

    Args:
        model: Its name, with the tag of a published one.
        image: The image as it left it, of the kind that was given; a PIL image for a path.
        found: The noise of each image of the batch before, where the strength depends on it.
        strength: How far a de-noiser went, with each image of the batch; None for a colouriser.
    """

    model: str
    image: Any
    found: list[NoiseLevel] | None = None
    strength: list[float] | None = None

    def describe(self) -> str:
        """Say in a few words what it did."""
        if self.strength is None:
            return f"{self.model} coloured it"
        found = "" if self.found is None else f"{', '.join(level.describe() for level in self.found)}; "
        if not any(self.strength):
            return f"{found}{self.model} left it alone"
        return f"{found}{self.model} at strength {', '.join(f'{share:.2g}' for share in self.strength)}"


class Pipeline:
    """De-noisers and a colouriser, one after another, on images of any kind and size.

    Args:
        models: What `colorzoo.load` takes, or loaded models, in the order in which they see the image. One colouriser
            at most; a de-noiser may also follow it.
        strength: How far the de-noisers go; see `Denoiser.denoise`.

    Raises:
        ValueError: If there is no model, an image would be coloured twice, or the strength makes no sense.
        TypeError: If one of them is no de-noiser and no colouriser.
        UnknownModelError: If nothing published has one of the names.
        CheckpointError: If a file is damaged.

    Example:
        >>> import colorzoo
        >>> restore = colorzoo.Pipeline(["cnn_denoiser.impulse", "fusion_cnn"], strength="auto")
        >>> restore(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    def __init__(self, models: Sequence[str | Path | Denoiser | Colorizer], strength: Strength = 1.0) -> None:
        if isinstance(models, str) or not models:
            raise ValueError(f"models is {models!r}; give a list of at least one")
        if other := [model for model in models if not isinstance(model, str | Path | Denoiser | Colorizer)]:
            raise TypeError(f"a {type(other[0]).__name__} neither de-noises nor colours; give a name or a loaded model")
        self.models: list[Denoiser | Colorizer] = [
            load(model) if isinstance(model, str | Path) else model for model in models
        ]
        colorizers = [model.name() for model in self.models if isinstance(model, Colorizer)]
        if len(colorizers) > 1:
            raise ValueError(f"{colorizers[1]} would colour what {colorizers[0]} has coloured; leave one of them out")
        check_strength(strength)
        self.strength = strength

    def to(self, device: str | torch.device) -> Self:
        """Move all models to a device; images come back to where they were."""
        for model in self.models:
            model.to(device)
        return self

    @overload
    def __call__(self, image: Picture) -> PIL.Image.Image: ...
    @overload
    def __call__(self, image: Kind) -> Kind: ...
    def __call__(self, image: Image) -> Image:
        """Show an image, or a batch, to one model after another.

        Args:
            image: A path, a PIL image, an array or a tensor, as `Denoiser.denoise` and `Colorizer.colorize` take it.

        Returns:
            A PIL image for a path or PIL image, an array for an array, a tensor for a tensor.

        Raises:
            UnreadableImageError: If a path is missing or no image.
            ValueError: If the shape, the values or the strength make no sense, or a model is in training mode.
            TypeError: If the kind of image is unknown.
        """
        for step in self.steps(image):
            image = step.image
        return image

    def steps(self, image: Image) -> Iterator[Step]:
        """Do the same one model at a time, and tell of each what it found and did.

        Args:
            image: What a call takes.

        Yields:
            A step for each model; the last one has the result. The image of a step is of the kind that was given.
        """
        if not isinstance(image, str | Path):
            yield from self._steps(image)
            return
        # As deep as the file is; a PIL image has 8 bits of each colour.
        for step in self._steps(read_raster(image)):
            yield replace(step, image=to_pil(step.image))

    def _steps(self, image: Any) -> Iterator[Step]:
        for model in self.models:
            name = _name_of(model)
            if isinstance(model, Colorizer):
                image = model.colorize(image)
                yield Step(name, image)
                continue
            found: list[NoiseLevel] | None = None
            strength = self.strength
            if isinstance(strength, str):
                found = noise_levels(to_batch(image))
                strength = [level.strength(model.noise_kinds) for level in found]
            image = model.denoise(image, strength)
            yield Step(name, image, found, strengths(strength))


def _name_of(model: ZooModule) -> str:
    return model.source.name if model.source and model.source.licence else model.name()
