"""Colours or de-noises the frames of a clip, wherever they come from; colours are smoothed over time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from colorzoo.base.colorizer import Colorizer
from colorzoo.inference.color_adjustments import ColorAdjustments
from colorzoo.inference.integer_image import IntegerImage
from colorzoo.video.segments import State
from colorzoo.video.smoothing import DEFAULT_SMOOTHING, TemporalSmoothing


class VideoColorizer:
    """Colours the frames of one clip, which come in order; a new clip needs a new one.

    Args:
        colorizer: Any model, in evaluation mode.
        adjustments: As in `Colorizer.colorize_adjusted`; without hints, which are for one image.
        smoothing: Weight of the previous frames where nothing changes, from 0 (each frame by itself) to below 1.

    Raises:
        ValueError: If the smoothing is out of its range, or there are hints.

    Example:
        >>> import colorzoo, numpy
        >>> colorize = VideoColorizer(colorzoo.create("fusion_cnn").eval())
        >>> colorize(numpy.zeros((48, 40), numpy.uint8)).shape
        (48, 40, 3)
    """

    def __init__(
        self,
        colorizer: Colorizer,
        adjustments: ColorAdjustments | None = None,
        smoothing: float = DEFAULT_SMOOTHING,
    ) -> None:
        self._colorizer = colorizer
        self._adjustments = adjustments or ColorAdjustments()
        if self._adjustments.hints:
            raise ValueError("hints are for one image, not for a clip; leave them out")
        self._smoothing = TemporalSmoothing(smoothing)

    @property
    def cuts(self) -> int:
        """How many scenes began after the first."""
        return self._smoothing.cuts

    @property
    def state(self) -> State:
        """What goes from one frame to the next; with it, another one goes on where this one was."""
        return self._smoothing.state

    @state.setter
    def state(self, state: State) -> None:
        self._smoothing.state = state

    @torch.no_grad()
    def __call__(self, levels: NDArray[Any]) -> NDArray[Any]:
        """Colour the next frame.

        Args:
            levels: uint8 or uint16, ``(H, W)`` for grey or ``(H, W, 3)`` for sRGB, of which L* counts.

        Returns:
            sRGB of the same type, ``(H, W, 3)``.
        """
        picture = IntegerImage(levels)
        ab = self._colorizer.predict(picture, self._adjustments)
        if self._smoothing.share:
            ab = self._smoothing(ab, picture.lightness_at(ab.shape[2], ab.shape[3]))
        guided = self._colorizer.exceeds_working_size(picture, self._adjustments)
        return picture.merge_ab(self._adjustments.apply(ab, picture, guided), guided)


class VideoRestorer:
    """De-noises the frames of one clip, each by itself, and colours them if that is wanted.

    Args:
        denoise: Takes a frame, grey ``(H, W)`` or sRGB ``(H, W, 3)`` of uint8, and returns it without noise.
        colorize: What colours the frames after that; None to leave the colours as they are.
    """

    def __init__(self, denoise: Callable[[NDArray[Any]], NDArray[Any]], colorize: VideoColorizer | None = None) -> None:
        self._denoise, self._colorize = denoise, colorize

    @property
    def state(self) -> State:
        """What goes from one frame to the next."""
        return {} if self._colorize is None else self._colorize.state

    @state.setter
    def state(self, state: State) -> None:
        if self._colorize is not None:
            self._colorize.state = state

    def __call__(self, levels: NDArray[Any]) -> NDArray[Any]:
        """Restore the next frame.

        Args:
            levels: sRGB of uint8, ``(H, W, 3)``.

        Returns:
            The same without noise, coloured if that is wanted.
        """
        grey = levels[..., 0]
        is_grey = bool((levels == grey[..., None]).all())
        clean = self._denoise(np.ascontiguousarray(grey) if is_grey else levels)
        if self._colorize is not None:
            return self._colorize(clean)
        return np.repeat(clean[..., None], 3, axis=2) if is_grey else clean
