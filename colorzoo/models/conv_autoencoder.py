"""Convolutional auto-encoder: strides down to a dense code, transposed convolutions back up to colour.

Patel, Kalbag and Rajput, "Symptotic Analysis of Autoencoder Architectures for Image Colorization and Noise Reduction"
(DS303, CMInDS, IIT Bombay, 2022), after Keras' example "Colorization Autoencoders".

    grey 32x32 -> strided convolutions 16, 8, 4, 2x2x322 -> code 256 -> 2x2x322 -> transposed ones 4, 8, 16, 32 -> RGB
"""

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from torch import nn

from colorzoo.models._fixed_size import FixedSizeColorizer


class ConvAutoencoder(FixedSizeColorizer):
    """Auto-encoder whose whole knowledge of an image passes through one short code.

    The defaults are the document's. Keras' initialisation goes with its layers: Glorot uniform, biases of zero.

    Args:
        filters: Filters of each convolution of the encoder, each of which halves the image; the decoder mirrors them.
        latent: Length of the code.
        batch_norm: Normalise every convolution but the last, and the layer after the code.
        spatial_dropout: Share of whole feature maps dropped after each convolution but the last, in training.
        code_dropout: Share of the code dropped in training.
        target: ``"rgb"`` as in the document, or ``"ab"``, which learns colour alone.
        size: Edge in pixels of the square that the network sees; the filters must be able to halve it.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If an argument is unknown or out of its range.

    Example:
        >>> import torch
        >>> ConvAutoencoder(filters=[8, 16], latent=32).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    paper = "Patel, Kalbag, Rajput: Symptotic Analysis of Autoencoder Architectures (DS303, IIT Bombay, 2022)"
    backbone_modules = ("net.encoder",)

    def __init__(
        self,
        filters: Sequence[int] = (128, 192, 256, 322),
        latent: int = 256,
        batch_norm: bool = False,
        spatial_dropout: float = 0.0,
        code_dropout: float = 0.0,
        target: Literal["rgb", "ab"] = "rgb",
        size: int = 32,
        weights: str | None = None,
    ) -> None:
        filters = list(filters)
        if target not in ("rgb", "ab"):
            raise ValueError(f"target is {target!r}; give rgb or ab, which a sigmoid can reach")
        if not filters or min(filters) < 1 or latent < 1:
            raise ValueError(f"filters {filters} and latent {latent} must be positive, and at least one filter given")
        for name, share in (("spatial_dropout", spatial_dropout), ("code_dropout", code_dropout)):
            if not 0 <= share < 1:
                raise ValueError(f"{name} is {share}; give a share in [0, 1)")
        if size % 2 ** len(filters):
            raise ValueError(f"size is {size}; {len(filters)} convolutions halve only multiples of {2 ** len(filters)}")
        super().__init__(target, size)
        edge = size >> len(filters)
        deepest = (filters[-1], edge, edge)
        encoder: list[nn.Module] = [nn.Unflatten(1, (1, size, size))]
        for inputs, outputs in itertools.pairwise([1, *filters]):
            encoder.append(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=not batch_norm))
            encoder += _after(outputs, batch_norm, spatial_dropout)
        encoder += [nn.Flatten(), nn.Linear(filters[-1] * edge * edge, latent)]
        if code_dropout > 0:
            encoder.append(nn.Dropout(code_dropout))

        decoder: list[nn.Module] = [nn.Linear(latent, filters[-1] * edge * edge), nn.Unflatten(1, deepest)]
        if batch_norm:
            decoder.append(nn.BatchNorm2d(filters[-1]))
        upward = filters[::-1]
        for inputs, outputs in itertools.pairwise([upward[0], *upward]):
            # An output padding of 1 makes the edge exactly twice as long, Keras' "same".
            decoder.append(
                nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=not batch_norm)
            )
            decoder += _after(outputs, batch_norm, spatial_dropout)
        channels = self.outputs // (size * size)
        decoder += [nn.ConvTranspose2d(filters[0], channels, 3, padding=1), nn.Sigmoid(), nn.Flatten()]
        self.net = nn.Sequential(OrderedDict(encoder=nn.Sequential(*encoder), decoder=nn.Sequential(*decoder)))
        self.net.apply(_initialise)


def _after(channels: int, batch_norm: bool, dropout: float) -> list[nn.Module]:
    """What follows a convolution."""
    layers: list[nn.Module] = [nn.BatchNorm2d(channels)] if batch_norm else []
    layers.append(nn.ReLU())
    if dropout > 0:
        layers.append(nn.Dropout2d(dropout))
    return layers


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
