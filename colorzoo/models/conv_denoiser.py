"""Convolutional auto-encoder de-noiser: strides down to a coarse code, transposed convolutions back up.

The auto-encoder of Patel, Kalbag and Rajput, "Symptotic Analysis of Autoencoder Architectures for Image Colorization
and Noise Reduction" (DS303, CMInDS, IIT Bombay, 2022), whose code keeps its places instead of becoming one vector: so
it takes images of any size.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from colorzoo.base.denoiser import Denoiser
from colorzoo.models._padding import pad_to_multiple


class ConvDenoiser(Denoiser):
    """Auto-encoder of strided convolutions, which passes on what its coarse code can hold.

    Args:
        filters: Filters of each convolution of the encoder, each of which halves the image; the decoder mirrors them.
        batch_norm: Normalise every convolution but the last.
        residual: Predict the noise, which is subtracted, instead of the image through a sigmoid.
        channels: 1 restores each channel by itself, 3 the three of a colour image together.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> ConvDenoiser(filters=[8, 16], channels=3).eval()(torch.rand(1, 3, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    paper = "Patel, Kalbag, Rajput: Symptotic Analysis of Autoencoder Architectures (DS303, IIT Bombay, 2022)"

    def __init__(
        self,
        filters: Sequence[int] = (64, 128),
        batch_norm: bool = True,
        residual: bool = True,
        channels: int = 1,
        weights: str | None = None,
    ) -> None:
        filters = list(filters)
        if min(filters, default=0) < 1:
            raise ValueError(f"filters are {filters}; give at least one, all positive")
        if channels not in (1, 3):
            raise ValueError(f"channels is {channels}; give 1 or 3")
        super().__init__()
        self.channels = channels
        self.residual = residual
        self.grid = 2 ** len(filters)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise([channels, *filters]):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), *_after(outputs, batch_norm)]
        upward = filters[::-1]
        for inputs, outputs in itertools.pairwise([upward[0], *upward]):
            layers.append(nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1))
            layers += _after(outputs, batch_norm)
        self.net = nn.Sequential(*layers, nn.Conv2d(filters[0], channels, 3, padding=1))

    @property
    def backbone_modules(self) -> tuple[str, ...]:
        """The way down to the code; see `ZooModule.backbone_modules`."""
        return tuple(f"net.{index}" for index in range(len(self.net) // 2))

    @property
    def receptive_radius(self) -> int:
        return 4 * self.grid

    def restore(self, noisy: Tensor) -> Tensor:
        height, width = noisy.shape[-2:]
        made: Tensor = self.net(pad_to_multiple(noisy, self.grid))[..., :height, :width]
        return noisy - made if self.residual else torch.sigmoid(made)


def _after(channels: int, batch_norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()] if batch_norm else [nn.ReLU()]
