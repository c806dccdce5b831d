"""The contract of every colouriser: grey in, colour of the same size and lightness out."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, overload

import PIL.Image
import torch
from torch import Tensor

from colorzoo.base.module import ZooModule
from colorzoo.color.conversions import grey_to_lightness
from colorzoo.data.batches import ColorBatch
from colorzoo.data.pairs import as_color_batch
from colorzoo.errors import NoConfidenceError
from colorzoo.inference.color_adjustments import ColorAdjustments
from colorzoo.inference.color_hints import Hint
from colorzoo.inference.confidence import fade_by_confidence, match_kind, resize_confidence
from colorzoo.inference.integer_image import IntegerImage
from colorzoo.inference.tensor_image import TensorImage, merge_ab
from colorzoo.inference.working_size import fit_longer_side, with_oom_fallback
from colorzoo.io.convert import Array, Image, Picture, apply_to_gray, to_grey
from colorzoo.io.raster import RasterImage

AnyPicture = IntegerImage | TensorImage
Answer = TypeVar("Answer")


class Colorizer(ZooModule):
    """A method that adds a*b* to a grey picture.

    A subclass gives `predict_ab` and `losses`; everything that pictures and people need is here.
    """

    task: ClassVar[str] = "colorization"
    input_key: ClassVar[str] = "grey"
    target_key: ClassVar[str] = "rgb"
    working_size: int = 256
    """Longer side, in pixels, at which `colorize` shows a large picture to the network."""

    def as_pairs(self, batch: Any) -> ColorBatch:
        """Return a batch of grey inputs and colour targets; see `colorzoo.data.pairs.as_color_batch`."""
        return as_color_batch(batch)

    def compute_metrics(self, output: Tensor, target: Tensor, given: Tensor) -> dict[str, Tensor]:
        """Return the metrics of a batch; see `colorzoo.metrics.color_metrics`."""
        from colorzoo.metrics import color_metrics

        return color_metrics(output, target, given)

    @abstractmethod
    def predict_ab(self, lightness: Tensor) -> Tensor:
        """Predict a*b* from L*.

        Args:
            lightness: L* in [0, 100], of any height and width.

        Shape:
            ``(B, 1, H, W)`` -> ``(B, 2, h, w)``, where h and w may differ from H and W.

        Returns:
            a* and b*, unscaled.
        """

    def predict_ab_with_confidence(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Predict a*b* and how sure the model is of them; for methods that know, such as those of a distribution.

        Args:
            lightness: What `predict_ab` takes.

        Shape:
            ``(B, 1, H, W)`` -> ``(B, 2, h, w)`` and ``(B, 1, h, w)``.

        Returns:
            a* and b*, as `predict_ab` predicts them, and the confidence in [0, 1].

        Raises:
            NoConfidenceError: If the method does not tell.
        """
        raise NoConfidenceError(
            f"{self.name()} has no confidence: its method does not tell how sure it is of its colours"
        )

    @classmethod
    def has_confidence(cls) -> bool:
        """Whether `predict_ab_with_confidence` answers."""
        return cls.predict_ab_with_confidence is not Colorizer.predict_ab_with_confidence

    def forward(self, grey: Tensor) -> Tensor:
        """Colour a batch of grey pictures, the network seeing every pixel.

        Args:
            grey: sRGB-encoded grey in [0, 1].

        Shape:
            ``(B, 1, H, W)`` -> ``(B, 3, H, W)`` for any H, W >= 1.

        Returns:
            RGB in [0, 1] with the lightness of the input.
        """
        lightness = grey_to_lightness(grey)
        return merge_ab(lightness, self.predict_ab(lightness))

    @overload
    def colorize(
        self,
        image: Picture,
        working_size: int | None = None,
        *,
        saturation: float = 1.0,
        hints: Sequence[Hint] = (),
        min_confidence: float = 0.0,
    ) -> PIL.Image.Image: ...
    @overload
    def colorize(
        self,
        image: Array,
        working_size: int | None = None,
        *,
        saturation: float = 1.0,
        hints: Sequence[Hint] = (),
        min_confidence: float = 0.0,
    ) -> Array: ...
    @overload
    def colorize(
        self,
        image: Tensor,
        working_size: int | None = None,
        *,
        saturation: float = 1.0,
        hints: Sequence[Hint] = (),
        min_confidence: float = 0.0,
    ) -> Tensor: ...
    @overload
    def colorize(
        self,
        image: RasterImage,
        working_size: int | None = None,
        *,
        saturation: float = 1.0,
        hints: Sequence[Hint] = (),
        min_confidence: float = 0.0,
    ) -> RasterImage: ...
    def colorize(
        self,
        image: Image,
        working_size: int | None = None,
        *,
        saturation: float = 1.0,
        hints: Sequence[Hint] = (),
        min_confidence: float = 0.0,
    ) -> PIL.Image.Image | Array | Tensor | RasterImage:
        """Colour one picture, or a batch, of any size; the result is of the kind that was given.

        A picture that is larger than the working size is shown to the network at that size. The a*b* it
        answers with are up-sampled bilinearly and joined with the full-resolution L* of the input; pictures of 8 and
        16 bits in strips of rows, so that a large one needs little more memory than its result.
        A model that you trained yourself must be in evaluation mode, as ``colorzoo.load`` returns it.

        Args:
            image: A path, a PIL image, a `RasterImage`, an array ``(H, W)`` or ``(H, W, C)``, or a tensor
                ``(B, 1, H, W)`` in [0, 1]. Pictures that have colour are reduced to their L*; tensors must be grey.
            working_size: Longer side, in pixels, at which the network sees the picture; None for the model's own. If
                the memory of a GPU does not suffice, it is halved, and the CPU asked at last, with a warning.
            saturation: Factor on the predicted a* and b*, from 0 (grey) over 1 (as predicted) to 4.
            hints: Points ((x, y), in pixels of the upright picture) and their colours (``"#rrggbb"``). What looks alike
                around a point takes the hue and chroma of its colour, whatever the saturation and the confidence.
            min_confidence: In [0, 1]; colour fades, in proportion, where the model is less sure. 0 leaves it as it is.

        Returns:
            A PIL image for a path or PIL image, a scan of the same depth for a scan, a uint8 or float array for an
            array, a tensor ``(B, 3, H, W)`` for a tensor.

        Raises:
            UnreadableImageError: If a path is missing or no picture.
            ValueError: If the shape, the values or one of the arguments make no sense, or the model is in training
                mode.
            TypeError: If the kind of image is unknown.
            NoConfidenceError: If ``min_confidence`` is given and the model does not tell its confidence.

        Example:
            >>> import colorzoo, torch
            >>> model = colorzoo.create("fusion_cnn").eval()
            >>> model.colorize(torch.rand(2, 1, 48, 40)).shape
            torch.Size([2, 3, 48, 40])
            >>> model.colorize(torch.rand(1, 1, 48, 40), hints=[((20, 30), "#b03a2e")]).shape
            torch.Size([1, 3, 48, 40])
        """
        control = ColorAdjustments(saturation, hints, min_confidence)
        self._longest(working_size)

        @torch.no_grad()
        def colorized(picture: AnyPicture) -> Any:
            return picture.merge_ab(control.apply(self.predict(picture, working_size, min_confidence), picture))

        return apply_to_gray(
            image,
            lambda grey: colorized(TensorImage(grey, _device_of(self))),
            lambda levels: colorized(IntegerImage(levels)),
        )

    @torch.no_grad()
    def predict(self, picture: AnyPicture, working_size: int | None = None, min_confidence: float = 0.0) -> Tensor:
        """Return the a*b* that `colorize` joins with the L* of a picture, before saturation and hints.

        Args:
            picture: The picture, as the network is shown it.
            working_size: As in `colorize`.
            min_confidence: Likewise.

        Returns:
            a* and b*, ``(B, 2, h, w)``, of the size in which the network answers.

        Raises:
            ValueError: If the working size makes no sense, or the model is in training mode.
            NoConfidenceError: If ``min_confidence`` is given and the model does not tell its confidence.
        """
        longest = self._longest(working_size)
        if min_confidence:
            return fade_by_confidence(
                *self._run_network(picture, longest, self.predict_ab_with_confidence), min_confidence
            )
        return self._run_network(picture, longest, self.predict_ab)

    @overload
    def confidence(self, image: Picture | RasterImage, working_size: int | None = None) -> PIL.Image.Image: ...
    @overload
    def confidence(self, image: Array, working_size: int | None = None) -> Array: ...
    @overload
    def confidence(self, image: Tensor, working_size: int | None = None) -> Tensor: ...
    def confidence(self, image: Image, working_size: int | None = None) -> PIL.Image.Image | Array | Tensor:
        """Tell how sure the model is of the colours that it gives a picture, pixel by pixel.

        Args:
            image: What `colorize` takes.
            working_size: Likewise.

        Returns:
            A map of the picture's size. For a path, a PIL image or a scan it is an 8-bit grey PIL image, white where
            the model is sure; for an array ``(H, W)``, and for a tensor ``(B, 1, H, W)``, it is float32 in [0, 1].

        Raises:
            NoConfidenceError: If the model does not tell.
            UnreadableImageError: If a path is missing or no picture.
            ValueError: If the shape, the values or the working size make no sense, or the model is in training mode.
            TypeError: If the kind of image is unknown.
        """
        longest = self._longest(working_size)
        grey = to_grey(image)
        picture = TensorImage(grey, _device_of(self)) if isinstance(grey, Tensor) else IntegerImage(grey)
        _, sureness = self._run_network(picture, longest, self.predict_ab_with_confidence)
        return match_kind(image, resize_confidence(sureness, picture.height, picture.width))

    def _longest(self, working_size: int | None) -> int:
        longest = self.working_size if working_size is None else working_size
        if longest < 1:
            raise ValueError(f"working_size is {longest}; give a number of pixels, at least 1")
        if self.training:
            raise ValueError(
                "the model is in training mode, where batch norm would learn from the picture; call eval()"
            )
        return longest

    @torch.no_grad()
    def _run_network(self, picture: AnyPicture, longest: int, predict: Callable[[Tensor], Answer]) -> Answer:
        """Show a picture to the network at the working size, or at what fits in memory."""

        def answer(size: int) -> Answer:
            return predict(
                picture.lightness_at(*fit_longer_side(size, picture.height, picture.width)).to(_device_of(self))
            )

        return with_oom_fallback(self, answer, min(longest, max(picture.height, picture.width)))


def _device_of(model: ZooModule) -> torch.device:
    return next(model.parameters()).device
