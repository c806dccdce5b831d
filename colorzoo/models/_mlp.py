"""What dense colourisers share: a stack of linear layers."""

import itertools
from typing import Literal

from torch import nn

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
