"""A colouriser for the frames of a clip, whatever they come from: each keeps its L*, all share smooth colours."""

from typing import Any

import torch
from numpy.typing import NDArray

from colorzoo.base.colorizer import Colorizer
from colorzoo.inference.color_adjustments import ColorAdjustments
from colorzoo.inference.integer_image import IntegerImage
from colorzoo.video.smoothing import DEFAULT_SMOOTHING, TemporalSmoothing


class VideoColorizer:
    """Colours the frames of one clip, which come in order; a new clip needs a new one.

    Args:
        colorizer: Any model, in evaluation mode.
        working_size: As in `Colorizer.colorize`.
        smooth: What the past keeps of the colours where nothing changes, from 0 (each frame alone) to below 1.
        saturation: As in `Colorizer.colorize`.
        min_confidence: Likewise.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> import colorzoo, numpy
        >>> colour = VideoColorizer(colorzoo.create("fusion_cnn").eval())
        >>> colour(numpy.zeros((48, 40), numpy.uint8)).shape
        (48, 40, 3)
    """

    def __init__(
        self,
        colorizer: Colorizer,
        working_size: int | None = None,
        *,
        smooth: float = DEFAULT_SMOOTHING,
        saturation: float = 1.0,
        min_confidence: float = 0.0,
    ) -> None:
        self._colorizer = colorizer
        self._working_size = working_size
        self._control = ColorAdjustments(saturation, (), min_confidence)
        self._smoothing = TemporalSmoothing(smooth)

    @property
    def cuts(self) -> int:
        """How many scenes began after the first."""
        return self._smoothing.cuts

    @torch.no_grad()
    def __call__(self, levels: NDArray[Any]) -> NDArray[Any]:
        """Colour the next frame.

        Args:
            levels: uint8 or uint16, ``(H, W)`` for grey or ``(H, W, 3)`` for sRGB, of which L* counts.

        Returns:
            sRGB of the same type, ``(H, W, 3)``.
        """
        picture = IntegerImage(levels)
        ab = self._colorizer.predict(picture, self._working_size, self._control.min_confidence)
        if self._smoothing.share:
            ab = self._smoothing(ab, picture.lightness_at(ab.shape[2], ab.shape[3]))
        return picture.merge_ab(self._control.apply(ab, picture))
