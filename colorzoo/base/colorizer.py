"""The contract of every colouriser: grey in, colour of the same size and lightness out."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, Unpack, overload

import PIL.Image
import torch
from torch import Tensor

from colorzoo.base.module import ZooModule
from colorzoo.color.conversions import grey_to_lightness, lightness_to_grey
from colorzoo.data.batches import ColorBatch
from colorzoo.data.pairs import as_color_batch
from colorzoo.errors import NoConfidenceError, NoDistributionError
from colorzoo.inference.color_adjustments import ColorAdjustments, ColorOptions
from colorzoo.inference.color_distribution import ColorDistribution
from colorzoo.inference.color_reference import ColorReference, name_of, read_lab
from colorzoo.inference.color_variants import check_count, choose_colors
from colorzoo.inference.confidence import fade_by_confidence, match_kind, resize_confidence
from colorzoo.inference.lightness_image import LightnessImage, as_lightness_image
from colorzoo.inference.network_input import check_network_input, run_in_own_dtype
from colorzoo.inference.tensor_image import TensorImage, merge_ab
from colorzoo.inference.working_size import fit_longer_side, with_oom_fallback
from colorzoo.io.convert import Array, Image, Kind, Picture, decode_srgb, restore_kind
from colorzoo.io.raster import RasterImage

MapKind = TypeVar("MapKind", Array, Tensor)
Answer = TypeVar("Answer", Tensor, tuple[Tensor, Tensor])


class Colorizer(ZooModule):
    """A method that predicts the a*b* of a grey image.

    A subclass gives `predict_ab` and `losses`; the handling of images, and of what users ask for, is here.
    """

    task: ClassVar[str] = "colorization"
    input_key: ClassVar[str] = "grey"
    target_key: ClassVar[str] = "rgb"
    working_size: int = 256
    """Longer side, in pixels, at which `colorize` shows a large image to the network."""

    def as_pairs(self, batch: Any) -> ColorBatch:
        return as_color_batch(batch)

    def compute_metrics(self, output: Tensor, target: Tensor, given: Tensor) -> dict[str, Tensor]:
        from colorzoo.metrics import color_metrics

        return color_metrics(output, target, given)

    @abstractmethod
    def predict_ab(self, lightness: Tensor) -> Tensor:
        """Predict a*b* from L*.

        Args:
            lightness: L* in [0, 100], ``(B, 1, H, W)`` of any size.

        Returns:
            a* and b*, unscaled, ``(B, 2, h, w)``, where h and w may differ from H and W.
        """

    def predict_ab_with_confidence(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Predict a*b* as `predict_ab` does, and the confidence in them, ``(B, 1, h, w)`` in [0, 1].

        Raises:
            NoConfidenceError: If the method has no confidence estimate, as all but those that predict distributions.
        """
        raise NoConfidenceError(
            f"{self.name()} has no confidence estimate; take a model whose has_confidence() is True, such as photo_unet"
        )

    @classmethod
    def has_confidence(cls) -> bool:
        """Whether `predict_ab_with_confidence` answers."""
        return cls.predict_ab_with_confidence is not Colorizer.predict_ab_with_confidence

    def predict_distribution(self, lightness: Tensor) -> ColorDistribution:
        """Predict which a*b* each place may have, for variants and reference images.

        Raises:
            NoDistributionError: If the method answers with one colour a place, as most do.
        """
        raise NoDistributionError(
            f"{self.name()} knows one colour for each place, so it has no variants and follows no reference image; "
            "take a model whose predicts_distribution() is True, such as photo_unet"
        )

    @classmethod
    def predicts_distribution(cls) -> bool:
        """Whether `predict_distribution` answers."""
        return cls.predict_distribution is not Colorizer.predict_distribution

    def forward(self, grey: Tensor) -> Tensor:
        """Colour a batch of grey images, at full resolution.

        Args:
            grey: sRGB-encoded grey in [0, 1], ``(B, 1, H, W)`` for any H, W >= 1.

        Returns:
            RGB ``(B, 3, H, W)`` in [0, 1] with the lightness of the input, in float32.

        Raises:
            ValueError: If it holds integers, or values that are clearly not in [0, 1].
        """
        check_network_input(self, grey, least=-0.5, most=1.5)
        lightness = grey_to_lightness(grey)
        return merge_ab(lightness, run_in_own_dtype(self, self.predict_ab, lightness))

    @overload
    def colorize(
        self, image: Picture, working_size: int | None = None, **options: Unpack[ColorOptions]
    ) -> PIL.Image.Image: ...
    @overload
    def colorize(self, image: Kind, working_size: int | None = None, **options: Unpack[ColorOptions]) -> Kind: ...
    def colorize(
        self, image: Image, working_size: int | None = None, **options: Unpack[ColorOptions]
    ) -> PIL.Image.Image | Array | Tensor | RasterImage:
        """Colour one image, or a batch, of any size; the result is of the kind that was given.

        An image that is larger than the working size is shown to the network at that size. The a*b* it
        answers with are up-sampled along the edges of the full-resolution L* (`upsample_guided`) and joined with it;
        images of 8 and 16 bits in strips of rows, so that a large one needs little more memory than its result.
        A model that you trained yourself must be in evaluation mode, as ``colorzoo.load`` returns it.

        Args:
            image: A path, a PIL image, a `RasterImage`, an array ``(H, W)`` or ``(H, W, C)``, or a tensor
                ``(B, 1, H, W)`` in [0, 1]. Images that have colour are reduced to their L*; tensors must be grey.
            working_size: Longer side, in pixels, at which the network sees the image; None for the model's own. If
                the memory of a GPU does not suffice, it is halved, and the CPU asked at last, with a warning.
            saturation: Factor on the predicted a* and b*, from 0 (grey) over 1 (as predicted) to 4.
            hints: Points ((x, y), in pixels of the upright image) and their colours (``"#rrggbb"``). What looks alike
                around a point takes the hue and chroma of its colour, whatever the saturation and the confidence.
            min_confidence: In [0, 1]; colour fades, in proportion, where the model is less sure. 0 leaves it as it is.
            like: An image in colour, of any kind that is taken, or what `read_reference` made of it. What looks alike
                is coloured alike, as far as the model is unsure.
            variant: 1 for the colours that the model takes for best, 2 to 7 for others; see `colorize_variants`.

        Returns:
            A PIL image for a path or PIL image, a scan of the same depth for a scan, a uint8 or float array for an
            array, a tensor ``(B, 3, H, W)`` for a tensor.

        Raises:
            UnreadableImageError: If a path is missing or no image.
            ValueError: If the shape, the values or one of the arguments make no sense, or the model is in training
                mode.
            TypeError: If the kind of image is unknown.
            NoConfidenceError: If ``min_confidence`` is given and the model has no confidence estimate.
            NoDistributionError: If ``like`` or a ``variant`` is given and the model knows one colour for each place.

        Example:
            >>> import colorzoo, torch
            >>> model = colorzoo.create("fusion_cnn").eval()
            >>> model.colorize(torch.rand(2, 1, 48, 40)).shape
            torch.Size([2, 3, 48, 40])
            >>> model.colorize(torch.rand(1, 1, 48, 40), hints=[((20, 30), "#b03a2e")]).shape
            torch.Size([1, 3, 48, 40])
        """
        return self.colorize_adjusted(image, ColorAdjustments(working_size, **options))

    @overload
    def colorize_adjusted(self, image: Picture, adjustments: ColorAdjustments) -> PIL.Image.Image: ...
    @overload
    def colorize_adjusted(self, image: Kind, adjustments: ColorAdjustments) -> Kind: ...
    def colorize_adjusted(
        self, image: Image, adjustments: ColorAdjustments
    ) -> PIL.Image.Image | Array | Tensor | RasterImage:
        """Do what `colorize` does, with its options in one object."""
        source = decode_srgb(image)
        with torch.no_grad():
            picture = as_lightness_image(source, next(self.parameters()).device)
            guided = self.exceeds_working_size(picture, adjustments)
            ab = adjustments.apply(self.predict(picture, adjustments), picture, guided)
            return restore_kind(image, source, picture.merge_ab(ab, guided))

    @overload
    def colorize_variants(
        self, image: Picture, count: int = 4, working_size: int | None = None, **options: Unpack[ColorOptions]
    ) -> list[PIL.Image.Image]: ...
    @overload
    def colorize_variants(
        self, image: Kind, count: int = 4, working_size: int | None = None, **options: Unpack[ColorOptions]
    ) -> list[Kind]: ...
    def colorize_variants(
        self, image: Image, count: int = 4, working_size: int | None = None, **options: Unpack[ColorOptions]
    ) -> Sequence[PIL.Image.Image | Array | Tensor | RasterImage]:
        """Colour an image in several plausible ways.

        Args:
            image: What `colorize` takes.
            count: How many, from 1 to 7.
            working_size: Of `colorize`.
            **options: Likewise, but for ``variant``.

        Returns:
            Results of `colorize`. The first is what it gives by itself; in the others, what the model is unsure of goes
            towards blue, red, green, yellow, cyan and magenta, in this order.

        Raises:
            NoDistributionError: If the model knows one colour for each place and ``count`` is more than 1.
            ValueError: If ``count`` is out of its range, and as `colorize` does.
        """
        asked = ColorAdjustments(working_size, **options)
        check_count(count)
        if asked.like is not None:  # looked at once for all of them
            asked = replace(asked, like=self._as_reference(asked.like))
        variants = [replace(asked, variant=number) for number in range(1, count + 1)]
        return [self.colorize_adjusted(image, adjustments) for adjustments in variants]

    def read_reference(self, image: Image) -> ColorReference:
        """Look at an image in colour once, to give it to `colorize` as ``like`` for many.

        Args:
            image: What `colorize` takes.

        Raises:
            NoDistributionError: If the model knows one colour for each place.
            UnreadableImageError: If a path is missing or no image.
            ValueError: If the image is grey or a batch, or the model is in training mode.
            TypeError: If the kind of image is unknown.
        """
        lab = read_lab(image, self.working_size)
        seen = TensorImage(lightness_to_grey(lab[:, :1]), next(self.parameters()).device)
        features = self._run_network(seen, ColorAdjustments(), lambda seen: self.predict_distribution(seen).features())
        return ColorReference(features, lab[:, 1:], name_of(image))

    def predict(self, picture: LightnessImage, adjustments: ColorAdjustments) -> Tensor:
        """Return a*b*, of the size that the network answers in, faded by confidence, before saturation and hints."""
        if adjustments.like is None and adjustments.variant == 1 and not adjustments.min_confidence:
            return self._run_network(picture, adjustments, self.predict_ab)
        ab, confidence = self._run_network(picture, adjustments, self._predictor(adjustments))
        return fade_by_confidence(ab, confidence, adjustments.min_confidence) if adjustments.min_confidence else ab

    def _predictor(self, adjustments: ColorAdjustments) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        like, variant = adjustments.like, adjustments.variant
        if like is None and variant == 1:
            return self.predict_ab_with_confidence
        reference = None if like is None else self._as_reference(like)
        return lambda lightness: choose_colors(self.predict_distribution(lightness), reference, variant)

    def exceeds_working_size(self, picture: LightnessImage, adjustments: ColorAdjustments) -> bool:
        """Tell whether the network is shown less than the image, so that its colours are up-sampled along the edges.

        Up to the working size an image gets the colours that `forward` gives.
        """
        return max(picture.height, picture.width) > self._longest_side(adjustments)

    def _as_reference(self, like: Image | ColorReference) -> ColorReference:
        return like if isinstance(like, ColorReference) else self.read_reference(like)

    @overload
    def confidence(self, image: Picture | RasterImage, working_size: int | None = None) -> PIL.Image.Image: ...
    @overload
    def confidence(self, image: MapKind, working_size: int | None = None) -> MapKind: ...
    def confidence(self, image: Image, working_size: int | None = None) -> PIL.Image.Image | Array | Tensor:
        """Tell how sure the model is of the colours that it gives an image, pixel by pixel.

        Args:
            image: What `colorize` takes.
            working_size: Likewise.

        Returns:
            A map of the image's size. For a path, a PIL image or a `RasterImage` it is an 8-bit grey PIL image, white
            where the model is sure; for an array ``(H, W)``, and for a tensor ``(B, 1, H, W)``, float32 in [0, 1].

        Raises:
            NoConfidenceError: If the model has no confidence estimate.
            UnreadableImageError: If a path is missing or no image.
            ValueError: If the shape, the values or the working size make no sense, or the model is in training mode.
            TypeError: If the kind of image is unknown.
        """
        picture = as_lightness_image(decode_srgb(image), next(self.parameters()).device)
        _, confidence = self._run_network(picture, ColorAdjustments(working_size), self.predict_ab_with_confidence)
        return match_kind(image, resize_confidence(confidence, picture.height, picture.width))

    @torch.no_grad()
    def _run_network(
        self, picture: LightnessImage, adjustments: ColorAdjustments, predict: Callable[[Tensor], Answer]
    ) -> Answer:
        if self.training:
            raise ValueError("the model is in training mode, where batch norm would learn from the image; call eval()")

        def predict_at(size: int) -> Answer:
            lightness = picture.lightness_at(*fit_longer_side(size, picture.height, picture.width))
            return run_in_own_dtype(self, predict, lightness.to(next(self.parameters()).device))

        longest = min(self._longest_side(adjustments), max(picture.height, picture.width))
        return with_oom_fallback(self, predict_at, longest)

    def _longest_side(self, adjustments: ColorAdjustments) -> int:
        return self.working_size if adjustments.working_size is None else adjustments.working_size
