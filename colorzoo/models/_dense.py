"""What dense colourisers share: a stack of linear layers from a fixed grey square to its colours."""

import itertools
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.color import lightness_to_grey, rgb_to_lab, scale_ab, unscale_ab
from colorzoo.colorizer import Colorizer
from colorzoo.pairs import ColorPairs

Activation = Literal["sigmoid", "relu", "tanh", "none"]
Init = Literal["default", "xavier", "normal"]
Target = Literal["rgb_signed", "rgb", "ab"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}
_CHANNELS = {"rgb_signed": 3, "rgb": 3, "ab": 2}


class DenseColorizer(Colorizer):
    """Colours every picture at one fixed size, for a dense layer knows no other; a*b* are then scaled to the picture's.

    A subclass builds ``self.net``, which maps ``(B, size * size)`` to ``(B, channels * size * size)``.

    Args:
        target: What the network answers: RGB on [-1, 1], RGB on [0, 1], or a*b* scaled to [0, 1].
        size: Edge in pixels of the square that the network sees.
        hparams: All arguments of the subclass.
    """

    net: nn.Module

    def __init__(self, target: Target, size: int, **hparams: object) -> None:
        if target not in _CHANNELS:
            raise ValueError(f"target is {target!r}; give one of {', '.join(_CHANNELS)}")
        if size < 1:
            raise ValueError(f"size is {size}; give at least 1 pixel")
        super().__init__(target=target, size=size, **hparams)
        self.target = target
        self.size = size
        self.outputs = _CHANNELS[target] * size * size

    def chroma(self, lightness: Tensor) -> Tensor:
        """Predict a*b* from L*; see `Colorizer.chroma`."""
        grey = lightness_to_grey(lightness)
        if grey.shape[-2:] != (self.size, self.size):
            grey = F.interpolate(grey, size=(self.size, self.size), mode="bilinear", antialias=True)
        answer = self._answer(grey)
        if self.target == "ab":
            return unscale_ab(answer)
        return rgb_to_lab(answer if self.target == "rgb" else (answer + 1) / 2)[:, 1:]

    def losses(self, batch: ColorPairs) -> dict[str, Tensor]:
        """MSE of the network's own answer, in its own range.

        Args:
            batch: Pairs of the network's size.

        Returns:
            ``loss``; for RGB also ``own_mse``, the same on [0, 1], which is what the documents print.
        """
        answer = self._answer(batch["grey"])
        if self.target == "ab":
            return {"loss": F.mse_loss(answer, scale_ab(batch["lab"][:, 1:]))}
        if self.target == "rgb":
            loss = F.mse_loss(answer, batch["rgb"])
            return {"loss": loss, "own_mse": loss.detach()}
        loss = F.mse_loss(answer, 2 * batch["rgb"] - 1)
        return {"loss": loss, "own_mse": loss.detach() / 4}

    def _answer(self, grey: Tensor) -> Tensor:
        """Grey ``(B, 1, size, size)`` in [0, 1] -> what the network says, as a picture of its channels."""
        if grey.shape[-2:] != (self.size, self.size):
            raise ValueError(
                f"the pictures are {tuple(grey.shape[-2:])}; this network trains on {self.size}x{self.size}"
            )
        seen = grey if self.target == "rgb" else 2 * grey - 1
        answer: Tensor = self.net(seen.flatten(start_dim=1)).float()
        return answer.view(len(grey), -1, self.size, self.size)


def dense_stack(
    widths: list[int],
    activation: Activation,
    last_activation: Activation,
    batch_norm: bool,
    norm_output: bool,
    init: Init,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Return linear layers of these widths, each followed by its norm and activation.

    Args:
        widths: From the input's to the output's.
        activation: After each hidden layer.
        last_activation: After the output layer.
        batch_norm: Normalise each hidden layer.
        norm_output: Normalise the output layer too.
        init: ``"default"`` is torch's; ``"xavier"``; ``"normal"`` draws weights and biases from N(0, 1).
        dropout: Share of hidden units that are dropped in training.

    Returns:
        The stack.

    Raises:
        ValueError: If an activation, the initialisation or a number is unknown.
    """
    hidden_layer, last_layer = activation_layer(activation), activation_layer(last_activation)
    if init not in ("default", "xavier", "normal"):
        raise ValueError(f"no initialisation is called {init!r}; give default, xavier or normal")
    if min(widths) < 1 or not 0 <= dropout < 1:
        raise ValueError(f"widths {widths} must be positive and dropout {dropout} in [0, 1)")
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        last = index == len(widths) - 2
        linear = nn.Linear(inputs, outputs)
        _initialise(linear, init)
        layers.append(linear)
        if norm_output if last else batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(last_layer() if last else hidden_layer())
        if dropout > 0 and not last:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


def activation_layer(name: Activation) -> type[nn.Module]:
    """Return the class of this activation.

    Args:
        name: Its name.

    Returns:
        The class; its constructor needs no argument.

    Raises:
        ValueError: If there is no such activation.
    """
    if name not in _ACTIVATIONS:
        raise ValueError(f"no activation is called {name!r}; give one of {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def _initialise(linear: nn.Linear, init: Init) -> None:
    if init == "xavier":
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
    elif init == "normal":
        nn.init.normal_(linear.weight)
        nn.init.normal_(linear.bias)
