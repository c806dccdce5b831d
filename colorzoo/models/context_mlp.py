"""Pixel-context MLP: a pixel's grey neighbourhood, a few dense layers, the pixel's colour.

Di Hao, "Assignment 4 - Colorization": the 25 pixels of a 5x5 window -> RGB in [0, 1].

    grey (H, W) -> (2r+1)x(2r+1) convolution, the first dense layer at every pixel -> 1x1 convolutions -> colour (H, W)
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab, scale_ab, unscale_ab
from colorzoo.data.batches import ColorBatch
from colorzoo.models._mlp import Activation, activation_layer

_CHANNELS = {"rgb": 3, "ab": 2}
_STRIP = 16_384  # pixels at a time: their layers stay in the cache, and a large image takes a third of the time
_PADDINGS = {"zeros": "constant", "replicate": "replicate"}


class ContextMLP(Colorizer):
    """Multi-layer perceptron from the grey square around a pixel to the colour of that pixel.

    The document states the window, the loss and its lambda; it names neither widths nor activation nor what
    surrounds an image: those defaults are ours. The larger the window, the more the network can tell from it: at
    radius 2 hardly more than texture, at radius 15 most of an image of CIFAR-10.

    Args:
        radius: Pixels that are seen to each side; the window is ``2 * radius + 1`` wide and high.
        hidden: Width of each hidden layer.
        activation: After each hidden layer.
        target: ``"rgb"`` on [0, 1], as in the document, or ``"ab"``, which learns colour alone.
        batch_norm: Normalise each hidden layer.
        padding: What surrounds an image: ``"zeros"`` shows the network where the border is, and hence where the pixel
            lies; ``"replicate"`` repeats the border.
        every: In training, learn from one pixel in so many each way, from a random first one on: neighbours teach
            nearly the same. 1 for all. Images are always coloured at every pixel.
        l2: The document's lambda, weight of the squared weights beside the squared error.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If an argument is unknown or out of its range.

    Example:
        >>> ContextMLP(radius=3, hidden=[16]).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    paper = "Hao: Assignment 4 - Colorization (undated)"
    working_size = 32  # as trained: what a window holds depends on the scale
    backbone_modules = ("context",)

    def __init__(
        self,
        radius: int = 2,
        hidden: Sequence[int] = (64, 64),
        activation: Activation = "relu",
        target: Literal["rgb", "ab"] = "rgb",
        batch_norm: bool = False,
        padding: Literal["zeros", "replicate"] = "zeros",
        every: int = 1,
        l2: float = 1e-4,
        weights: str | None = None,
    ) -> None:
        hidden = list(hidden)
        if target not in _CHANNELS:
            raise ValueError(f"target is {target!r}; give one of {', '.join(_CHANNELS)}")
        if padding not in _PADDINGS:
            raise ValueError(f"padding is {padding!r}; give one of {', '.join(_PADDINGS)}")
        if radius < 0 or l2 < 0:
            raise ValueError(f"radius ({radius}) and l2 ({l2}) cannot be negative")
        if every < 1 or min(hidden, default=1) < 1:
            raise ValueError(f"every ({every}) and the widths of hidden ({hidden}) must be at least 1")
        super().__init__()
        self.radius = radius
        self.target = target
        self.padding = _PADDINGS[padding]
        self.every = every
        self.l2 = l2
        layer = activation_layer(activation)
        widths = [*hidden, _CHANNELS[target]]
        # A bias before a norm would do nothing.
        self.context = nn.Conv2d(1, widths[0], 2 * radius + 1, bias=not (batch_norm and hidden))
        self.dense = nn.Sequential()
        for index, (inputs, outputs) in enumerate(itertools.pairwise(widths), start=1):
            if batch_norm:
                self.dense.append(nn.BatchNorm2d(inputs))
            self.dense.append(layer())
            self.dense.append(nn.Conv2d(inputs, outputs, 1, bias=not batch_norm or index == len(hidden)))

    def predict_ab(self, lightness: Tensor) -> Tensor:
        padded = self._padded(lightness_to_grey(lightness))
        height, width = lightness.shape[-2:]
        answer = self._answer(padded) if torch.compiler.is_compiling() else self._in_strips(padded, height, width)
        answer = answer.float()
        return unscale_ab(answer) if self.target == "ab" else rgb_to_lab(answer)[:, 1:]

    def losses(self, batch: ColorBatch) -> dict[str, Tensor]:
        """Return the document's cost ``1/(2m) sum (y - t)^2 + l2/(2m) sum w^2`` over the m pixels learnt from."""
        every = min(self.every, *batch["grey"].shape[-2:]) if self.training else 1
        down, right = torch.randint(every, (2,)).tolist() if every > 1 else (0, 0)
        answer = self._answer(self._padded(batch["grey"])[..., down:, right:], every)
        truth = scale_ab(batch["lab"][:, 1:]) if self.target == "ab" else batch["rgb"]
        error = F.mse_loss(answer.to(truth.dtype), truth[..., down::every, right::every])
        channels = answer.shape[1]
        pixels = answer.numel() / channels
        matrices = [parameter for parameter in self.parameters() if parameter.ndim > 1]
        squares = torch.stack([matrix.square().sum() for matrix in matrices]).sum()
        losses = {"loss": channels / 2 * error + self.l2 / (2 * pixels) * squares}
        return losses if self.target == "ab" else losses | {"own_mse": error.detach()}

    def _padded(self, grey: Tensor) -> Tensor:
        """Grey in [0, 1] -> the input with its surroundings, ``(B, 1, H + 2 * radius, W + 2 * radius)``."""
        # Zeros are black around the document's [0, 1], and medium grey around the centred input that trains better.
        seen = grey if self.target == "rgb" else 2 * grey - 1
        return F.pad(seen, (self.radius,) * 4, mode=self.padding)

    def _in_strips(self, padded: Tensor, height: int, width: int) -> Tensor:
        """Answer a strip of rows at a time; a captured graph cannot have more than one."""
        rows = max(1, _STRIP // (len(padded) * width))
        tops = range(0, height, rows)
        return torch.cat([self._answer(padded[..., top : top + rows + 2 * self.radius, :]) for top in tops], dim=2)

    def _answer(self, padded: Tensor, every: int = 1) -> Tensor:
        """What the network says of one pixel in ``every`` each way, from the first on, whose window lies within."""
        padded = padded.to(self.context.weight.dtype)
        answer: Tensor = self.dense(F.conv2d(padded, self.context.weight, self.context.bias, stride=every))
        return answer
