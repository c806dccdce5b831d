"""What users may ask of a colouriser: size, saturation, hints, fading where it is unsure, references and variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from torch import Tensor

from colorzoo.inference.color_hints import GUIDE_SIZE, Hint, check_hints, propagate_hints
from colorzoo.inference.color_reference import ColorReference, name_of
from colorzoo.inference.color_variants import check_variant
from colorzoo.inference.guided_upsampling import upsample_guided
from colorzoo.inference.lightness_image import LightnessImage
from colorzoo.inference.working_size import fit_longer_side
from colorzoo.io.convert import Image

MAX_SATURATION = 4.0


class ColorOptions(TypedDict, total=False):
    """The keyword arguments of `Colorizer.colorize`; `ColorAdjustments` says what they mean."""

    saturation: float
    hints: Sequence[Hint]
    min_confidence: float
    like: Image | ColorReference | None
    variant: int


@dataclass(frozen=True)
class ColorAdjustments:
    """How to colour an image; by default, as the model does. The command line, Python and video hand this on whole.

    Args:
        working_size: Longer side, in pixels, at which the network sees an image; None for the model's own.
        saturation: Factor on a* and b*, from 0 (grey) over 1 (as predicted) to 4.
        hints: Points and their colours. They are taken as they are, whatever the saturation and the confidence.
        min_confidence: In [0, 1]; colours of less confidence fade, in proportion.
        like: An image in colour, or what `Colorizer.read_reference` made of it: what looks alike is coloured alike.
        variant: 1 for the colours that the model takes for best; 2 to 7 for other plausible ones.

    Raises:
        ValueError: If one is out of its range, or no hint.
    """

    working_size: int | None = None
    saturation: float = 1.0
    hints: Sequence[Hint] = ()
    min_confidence: float = 0.0
    like: Image | ColorReference | None = None
    variant: int = 1

    def __post_init__(self) -> None:
        if self.working_size is not None and self.working_size < 1:
            raise ValueError(f"working_size is {self.working_size}; give a number of pixels, at least 1")
        if not 0 <= self.saturation <= MAX_SATURATION:
            raise ValueError(
                f"saturation is {self.saturation}; give a number from 0 (grey) over 1 (as predicted) "
                f"to {MAX_SATURATION:g}"
            )
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}; give a number from 0 (all colours stay) to 1")
        check_hints(self.hints)
        check_variant(self.variant)

    def describe(self, default_working_size: int) -> str:
        """Return the options that are not at their default, and the working size, in words.

        Example:
            >>> ColorAdjustments(saturation=0.5, hints=[((3, 4), "#b03a2e")]).describe(256)
            'working size 256; saturation 0.5; hint 3,4=#b03a2e'
        """
        parts = [f"working size {self.working_size or default_working_size}"]
        parts += [f"saturation {self.saturation:g}"] if self.saturation != 1 else []
        parts += [f"hint {x:g},{y:g}={color}" for (x, y), color in self.hints]
        parts += [f"min confidence {self.min_confidence:g}"] if self.min_confidence else []
        parts += [] if self.like is None else [f"like {name_of(self.like)}"]
        parts += [f"variant {self.variant}"] if self.variant > 1 else []
        return "; ".join(parts)

    def apply(self, ab: Tensor, picture: LightnessImage, guided: bool = False) -> Tensor:
        """Return a model's a*b*, faded by confidence already, with the saturation and the hints.

        If they are to follow the edges of L*, they do so from here on at the size at which hints find their way.
        """
        if self.saturation != 1:
            ab = ab * self.saturation
        if not self.hints:
            return ab
        if picture.count != 1:
            raise ValueError(f"the hints are for one image, but the batch has {picture.count}")
        guide = picture.lightness_at(*fit_longer_side(GUIDE_SIZE, picture.height, picture.width))
        if guided and ab.shape[2] * ab.shape[3] < guide.shape[2] * guide.shape[3]:
            ab = upsample_guided(ab, picture.lightness_at(*ab.shape[-2:]), guide)
        return propagate_hints(ab, guide, self.hints, picture.height, picture.width)
