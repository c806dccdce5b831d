"""The networks of the Pix2Pix tutorials, after Isola et al. (CVPR 2017): a U-Net of 54 million numbers, a PatchGAN."""

import torch
from torch import Tensor, nn

_WIDTH = 64


class TutorialUNet(nn.Module):
    """Convolutions of stride 2 down to a single position and up again, with a skip on every level.

    Args:
        size: Edge of the images in pixels, a power of 2; 256 gives the 54 million.
        outputs: Channels of the answer, in [-1, 1].
    """

    def __init__(self, size: int = 256, outputs: int = 2) -> None:
        super().__init__()
        depth = size.bit_length() - 1
        widths = [_WIDTH * min(2**level, 8) for level in range(depth)]
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            convolution = nn.Conv2d(widths[level - 1] if level else 1, width, 4, 2, 1, bias=False)
            activation = [nn.LeakyReLU(0.2)] if level else []
            norm = [nn.BatchNorm2d(width)] if 0 < level < depth - 1 else []
            self.down.append(nn.Sequential(*activation, convolution, *norm))
        self.up = nn.ModuleList()
        for level in reversed(range(1, depth)):
            inputs = widths[level] if level == depth - 1 else 2 * widths[level]
            convolution = nn.ConvTranspose2d(inputs, widths[level - 1], 4, 2, 1, bias=False)
            dropout = [nn.Dropout(0.5)] if 3 < level < depth - 1 else []
            self.up.append(nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(widths[level - 1]), *dropout))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], outputs, 4, 2, 1), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """L* ``(B, 1, H, W)`` on [-1, 1] -> a*b* / 110 ``(B, 2, H, W)``."""
        levels = []
        for down in self.down:
            x = down(x)
            levels.append(x)
        x = levels.pop()
        for up in self.up:
            x = torch.cat([up(x), levels.pop()], dim=1)
        ab: Tensor = self.last(x)
        return ab


def tutorial_patch_gan() -> nn.Sequential:
    """Return the discriminator that judges patches of 70x70: L* and a*b* ``(B, 3, H, W)`` -> a logit for each."""
    layers: list[nn.Module] = [nn.Conv2d(3, _WIDTH, 4, 2, 1), nn.LeakyReLU(0.2)]
    for inputs, outputs, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))
