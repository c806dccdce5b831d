"""What dense networks share: a stack of linear layers, and a colouriser made of it."""

import itertools
from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

from colorzoo.models._fixed_size import FixedSizeColorizer, Target

Activation = Literal["sigmoid", "relu", "tanh", "none"]
Init = Literal["default", "xavier", "normal"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}


def dense_stack(
    widths: list[int],
    activation: Activation,
    last_activation: Activation,
    batch_norm: bool,
    norm_output: bool,
    init: Init,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Return linear layers of these widths, from input to output, each followed by its norm and activation.

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


def first_layers(net: nn.Module, count: int) -> tuple[str, ...]:
    """Return the names of the first linear layers of ``self.net``, each with its norm and activation."""
    before = 0
    names = []
    for name, module in net.named_children():
        before += isinstance(module, nn.Linear)
        if before > count:
            break
        names.append(f"net.{name}")
    return tuple(names)


def activation_layer(name: Activation) -> type[nn.Module]:
    """Return the class of an activation, or raise a ValueError if there is none of this name."""
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


class DenseColorizer(FixedSizeColorizer):
    """Linear layers from the grey pixels to the colours of all of them.

    A subclass gives `build` the widths of its hidden layers.

    Args:
        activation: After each hidden layer.
        last_activation: After the output; ``relu`` and ``sigmoid`` cannot reach the negative half of [-1, 1].
        batch_norm: Normalise each hidden layer.
        norm_output: Normalise the output layer too, as both documents do.
        init: Initialisation of the linear layers.
        dropout: Share of hidden units dropped in training.
        target: ``"rgb_signed"`` (EURECOM), ``"rgb"`` (CS229), or ``"ab"``, which learns colour alone.
        size: Edge in pixels of the square that the network sees.
    """

    def __init__(
        self,
        activation: Activation = "sigmoid",
        last_activation: Activation = "none",
        batch_norm: bool = True,
        norm_output: bool = True,
        init: Init = "xavier",
        dropout: float = 0.0,
        target: Target = "rgb_signed",
        size: int = 32,
    ) -> None:
        super().__init__(target, size)
        self._options: Any = (activation, last_activation, batch_norm, norm_output, init, dropout)

    def build(self, hidden: Sequence[int], backbone: int) -> None:
        """Build the layers; the first so many of the hidden ones are the backbone."""
        self.net = dense_stack([self.size * self.size, *hidden, self.outputs], *self._options)
        self.backbone_modules = first_layers(self.net, backbone)
