"""The contract of every colouriser: grey in, colour of the same size and lightness out."""

from abc import abstractmethod
from typing import ClassVar, overload

import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color import grey_to_lightness, lab_to_rgb
from colorzoo.method import Method
from colorzoo.photo import Array, Image, Picture, on_grey
from colorzoo.strips import Levels


class Colorizer(Method):
    """A method that adds a*b* to a grey picture.

    A subclass gives `chroma` and `losses`; everything that pictures and people need is here.
    """

    task: ClassVar[str] = "colorization"
    sees: ClassVar[str] = "grey"
    learns: ClassVar[str] = "rgb"
    working_size: int = 256
    """Longer side, in pixels, at which `colorize` shows a large picture to the network."""

    @abstractmethod
    def chroma(self, lightness: Tensor) -> Tensor:
        """Predict a*b* from L*.

        Args:
            lightness: L* in [0, 100], of any height and width.

        Shape:
            ``(B, 1, H, W)`` -> ``(B, 2, h, w)``, where h and w may differ from H and W.

        Returns:
            a* and b*, unscaled.
        """

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
        return _join(lightness, self.chroma(lightness))

    @overload
    def colorize(self, image: Picture, working_size: int | None = None) -> PIL.Image.Image: ...
    @overload
    def colorize(self, image: Array, working_size: int | None = None) -> Array: ...
    @overload
    def colorize(self, image: Tensor, working_size: int | None = None) -> Tensor: ...
    def colorize(self, image: Image, working_size: int | None = None) -> PIL.Image.Image | Array | Tensor:
        """Colour one picture, or a batch, of any size; the result is of the kind that was given.

        A picture that is larger than the working size is shown to the network at that size. The a*b* it
        answers with are up-sampled bilinearly and joined with the full-resolution L* of the input.
        A model that you trained yourself must be in evaluation mode, as ``colorzoo.load`` returns it.

        Args:
            image: A path, a PIL image, an array ``(H, W)`` or ``(H, W, C)``, or a tensor ``(B, 1, H, W)`` in [0, 1].
                Pictures that have colour are reduced to their L* first; tensors must be grey.
            working_size: Longer side, in pixels, at which the network sees the picture; None for the model's own.

        Returns:
            A PIL image for a path or PIL image, a uint8 or float array for an array, a tensor ``(B, 3, H, W)``
            for a tensor.

        Raises:
            UnreadableImageError: If a path is missing or no picture.
            ValueError: If the shape, the values or the working size make no sense, or the model is in training mode.
            TypeError: If the kind of image is unknown.

        Example:
            >>> import colorzoo, torch
            >>> colorzoo.create("fusion_cnn").eval().colorize(torch.rand(2, 1, 48, 40)).shape
            torch.Size([2, 3, 48, 40])
        """
        longest = self.working_size if working_size is None else working_size
        if longest < 1:
            raise ValueError(f"working_size is {longest}; give a number of pixels, at least 1")
        if self.training:
            raise ValueError(
                "the model is in training mode, where batch norm would learn from the picture; call eval()"
            )
        return on_grey(
            image,
            lambda grey: self._colorize_tensor(grey, longest),
            lambda levels: self._colorize_levels(levels, longest),
        )

    @torch.no_grad()
    def _colorize_tensor(self, grey: Tensor, longest: int) -> Tensor:
        device = next(self.parameters()).device
        lightness = grey_to_lightness(grey.to(device))
        size = _within(longest, *lightness.shape[-2:])
        seen = lightness
        if size != lightness.shape[-2:]:
            seen = F.interpolate(lightness, size=size, mode="bilinear", antialias=True, align_corners=False)
        return _join(lightness, self.chroma(seen)).to(grey.device)

    @torch.no_grad()
    def _colorize_levels(self, levels: Array, longest: int) -> Array:
        device = next(self.parameters()).device
        picture = Levels(levels)
        seen = picture.shrunk(*_within(longest, picture.height, picture.width))
        return picture.joined(self.chroma(seen.to(device)))


def _within(longest: int, height: int, width: int) -> tuple[int, int]:
    """Return height and width of a picture scaled down, if need be, to a longer side."""
    share = min(1.0, longest / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def _join(lightness: Tensor, ab: Tensor) -> Tensor:
    """Bring a*b* to the size of L* and return both as RGB."""
    ab = ab.float()
    if ab.shape[-2:] != lightness.shape[-2:]:
        ab = F.interpolate(ab, size=lightness.shape[-2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([lightness, ab], dim=1))
