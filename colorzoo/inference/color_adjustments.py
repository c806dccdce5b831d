"""What a person may ask of the colours: how strong, where none is better than an unsure one, and what they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from colorzoo.inference.color_hints import GUIDE_SIZE, Hint, check_hints, propagate_hints
from colorzoo.inference.confidence import check_min_confidence
from colorzoo.inference.integer_image import IntegerImage
from colorzoo.inference.tensor_image import TensorImage
from colorzoo.inference.working_size import fit_longer_side

MAX_SATURATION = 4.0


@dataclass(frozen=True)
class ColorAdjustments:
    """How to change a model's colours; as it stands, not at all.

    Args:
        saturation: Factor on a* and b*, from 0 (grey) over 1 (as predicted) to 4.
        hints: Points and their colours. They are taken as they are, whatever the saturation and the confidence.
        min_confidence: In [0, 1]; colours of less confidence fade.

    Raises:
        ValueError: If one is out of its range, or no hint.
    """

    saturation: float = 1.0
    hints: Sequence[Hint] = ()
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.saturation <= MAX_SATURATION:
            raise ValueError(
                f"saturation is {self.saturation}; give a number from 0 (grey) over 1 (as predicted) "
                f"to {MAX_SATURATION:g}"
            )
        check_min_confidence(self.min_confidence)
        check_hints(self.hints)

    def apply(self, ab: Tensor, picture: IntegerImage | TensorImage) -> Tensor:
        """Return a model's a*b*, already faded, with the saturation and the hints.

        Raises:
            ValueError: If a hint is outside the picture, or there are several pictures for the hints.
        """
        if self.saturation != 1:
            ab = ab * self.saturation
        if not self.hints:
            return ab
        if picture.count != 1:
            raise ValueError(f"the hints are for one picture, but the batch has {picture.count}")
        guide = picture.lightness_at(*fit_longer_side(GUIDE_SIZE, picture.height, picture.width))
        return propagate_hints(ab, guide, self.hints, picture.height, picture.width)
