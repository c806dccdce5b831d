"""What colourisers with dense layers share: they know one size of image only."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab, scale_ab, unscale_ab
from colorzoo.data.batches import ColorBatch

Target = Literal["rgb_signed", "rgb", "ab"]

_CHANNELS = {"rgb_signed": 3, "rgb": 3, "ab": 2}


class FixedSizeColorizer(Colorizer):
    """Colours every image at one fixed size, for a dense layer knows no other; a*b* are then scaled to the image's.

    A subclass builds ``self.net``, which maps ``(B, size * size)`` to ``(B, channels * size * size)``.

    Args:
        target: What the network answers: RGB on [-1, 1], RGB on [0, 1], or a*b* scaled to [0, 1].
        size: Edge in pixels of the square that the network sees.
    """

    net: nn.Module

    def __init__(self, target: Target, size: int) -> None:
        if target not in _CHANNELS:
            raise ValueError(f"target is {target!r}; give one of {', '.join(_CHANNELS)}")
        if size < 1:
            raise ValueError(f"size is {size}; give at least 1 pixel")
        super().__init__()
        self.target = target
        self.size = size
        self.outputs = _CHANNELS[target] * size * size

    def predict_ab(self, lightness: Tensor) -> Tensor:
        grey = lightness_to_grey(lightness)
        if torch.compiler.is_compiling() or grey.shape[-2:] != (self.size, self.size):
            small = F.interpolate(grey.float(), size=(self.size, self.size), mode="bilinear", antialias=True)
            grey = small.to(grey.dtype)
        answer = self._answer(grey)
        if self.target == "ab":
            return unscale_ab(answer)
        return rgb_to_lab(answer if self.target == "rgb" else (answer + 1) / 2)[:, 1:]

    def losses(self, batch: ColorBatch) -> dict[str, Tensor]:
        """Return the MSE in the network's own range; of RGB also ``own_mse``, on [0, 1], which the documents print."""
        answer = self._answer(batch["grey"])
        if self.target == "ab":
            return {"loss": F.mse_loss(answer, scale_ab(batch["lab"][:, 1:]))}
        if self.target == "rgb":
            loss = F.mse_loss(answer, batch["rgb"])
            return {"loss": loss, "own_mse": loss.detach()}
        loss = F.mse_loss(answer, 2 * batch["rgb"] - 1)
        return {"loss": loss, "own_mse": loss.detach() / 4}

    def _answer(self, grey: Tensor) -> Tensor:
        """Grey ``(B, 1, size, size)`` in [0, 1] -> what the network says, as an image of its channels."""
        if grey.shape[-2:] != (self.size, self.size):
            raise ValueError(f"the images are {tuple(grey.shape[-2:])}; this network trains on {self.size}x{self.size}")
        seen = grey if self.target == "rgb" else 2 * grey - 1
        answer: Tensor = self.net(seen.flatten(start_dim=1)).float()
        pictures: Tensor = answer.unflatten(1, (-1, self.size, self.size))  # type: ignore[no-untyped-call]
        return pictures
