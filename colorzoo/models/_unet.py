"""The U-Net of Ronneberger, Fischer and Brox (MICCAI 2015) in the form of Isola et al. (CVPR 2017), and its blocks."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from colorzoo.models._padding import pad_to_multiple

Norm = Callable[[int], nn.Module]

GROUP = 8
"""Channels that `group_norm` normalises together."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Normalise channels, a multiple of `GROUP`, in groups."""
    return nn.GroupNorm(channels // GROUP, channels)


NORMS: dict[str, Norm] = {"batch": nn.BatchNorm2d, "group": group_norm}


class UNet(nn.Module):
    """Convolutions to few positions and up with skip connections; there are at most ``4 * width`` channels."""

    def __init__(self, width: int, depth: int, norm: Norm) -> None:
        super().__init__()
        widths = [min(width * 2**level, 4 * width) for level in range(depth + 1)]
        steps = list(itertools.pairwise(widths))
        self.stem = block(1, widths[0], norm)
        self.down = nn.ModuleList(
            nn.Sequential(block(above, below, norm, kernel_size=4, stride=2), block(below, below, norm))
            for above, below in steps
        )
        # All but the deepest step up also hear the level of the way down that they start from.
        self.up = nn.ModuleList(
            _up_block(below if level == depth else 2 * below, above, norm)
            for level, (above, below) in enumerate(steps, 1)
        )
        self.out = nn.Conv2d(2 * widths[0], 2, kernel_size=3, padding=1)

    def forward(self, seen: Tensor) -> Tensor:
        """L* ``(B, 1, H, W)`` on [-1, 1] -> a*b* / 110 ``(B, 2, H, W)``."""
        height, width = seen.shape[-2:]
        levels = [self.stem(pad_to_multiple(seen, 2 ** len(self.down)))]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up in reversed(self.up):
            x = torch.cat([up(x), levels.pop()], dim=1)
        ab: Tensor = self.out(x).tanh()
        return ab[..., :height, :width]


def block(inputs: int, outputs: int, norm: Norm, kernel_size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, norm, leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding=1, bias=False), norm(outputs), nn.LeakyReLU(0.2)
    )


def _up_block(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False),
        norm(outputs),
        nn.LeakyReLU(0.2),
    )
