"""Residual CNN de-noiser: a small U-Net at half resolution predicts the noise, whatever its level.

It predicts the noise after Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN
for Image Denoising" (TIP 2017), at half resolution after Zhang, Zuo and Zhang, "FFDNet" (TIP 2018), in the shape of
Zhang et al., "Plug-and-Play Image Restoration with Deep Denoiser Prior" (TPAMI 2022), and without biases after Mohan
et al., "Robust and interpretable blind image denoising via bias-free convolutional neural networks" (ICLR 2020).

    noisy -> 2x2 pixels as channels -> widths[0] -> widths[1] -> ... and back, each level heard again -> minus noise
"""

import itertools
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.denoiser import Denoiser
from colorzoo.data.batches import NoisyBatch
from colorzoo.models._padding import padding_to_multiple
from colorzoo.noise.filters import switching_mean

_SHUFFLE = 2
_FINEST = 1e-5
"""Squared error below which an image counts as restored: 50 dB."""


class CNNDenoiser(Denoiser):
    """U-Net of residual blocks without norms and biases: scale the image, and its noise, and so does the answer.

    Args:
        channels: 1 restores each channel by itself, 3 the three of a colour image together.
        widths: Channels at a half of the resolution, a quarter, an eighth ...
        blocks: Residual blocks on each level, down as well as up.
        noise: ``"gaussian"``: any level, every pixel is mended. ``"impulse"``: salt and pepper; only what is black or
            white is mended, and the network is told which it was.
        loss: ``"mse"``, or the negative ``"psnr"`` of each image up to 50 dB: little noise counts as much as a lot.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If an argument is unknown or out of its range.

    Example:
        >>> CNNDenoiser(widths=[8, 16]).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 1, 48, 40])
    """

    paper = (
        "Zhang, Zuo, Chen, Meng, Zhang: Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising "
        "(TIP 2017)"
    )
    added_hparams: ClassVar[tuple[str, ...]] = ("loss",)
    backbone_modules = ("net.first", "net.encoder", "net.down", "net.deepest")

    def __init__(
        self,
        channels: int = 1,
        widths: Sequence[int] = (32, 64, 96),
        blocks: int = 2,
        noise: Literal["gaussian", "impulse"] = "gaussian",
        loss: Literal["mse", "psnr"] = "mse",
        weights: str | None = None,
    ) -> None:
        widths = list(widths)
        if channels not in (1, 3):
            raise ValueError(f"channels is {channels}; give 1 or 3")
        if min(widths, default=0) < 1 or blocks < 1:
            raise ValueError(f"widths ({widths}) and blocks ({blocks}) must be positive, and at least one width given")
        if noise not in ("gaussian", "impulse"):
            raise ValueError(f"noise is {noise!r}; give 'gaussian' or 'impulse'")
        if loss not in ("mse", "psnr"):
            raise ValueError(f"loss is {loss!r}; give 'mse' or 'psnr'")
        super().__init__()
        self.channels = channels
        self.noise = noise
        self.loss = loss
        self.grid = _SHUFFLE * 2 ** (len(widths) - 1)
        self._blocks = blocks
        self._depth = len(widths)
        pixels = channels * _SHUFFLE**2
        # Of impulses, where there was salt and where pepper comes along.
        seen = 3 * pixels if noise == "impulse" else pixels
        self.net = _ResidualUNet(seen, pixels, widths, blocks)

    @property
    def receptive_radius(self) -> int:
        filled = 5 if self.noise == "impulse" else 0
        ends = 2 * _SHUFFLE
        convolutions = [4 * self._blocks] * (self._depth - 1) + [2 * self._blocks]
        levels = sum((_SHUFFLE << level) * count for level, count in enumerate(convolutions))
        return filled + ends + levels + self.grid

    def losses(self, batch: NoisyBatch) -> dict[str, Tensor]:
        if self.loss == "mse":
            return super().losses(batch)
        noisy, clean = self.as_channel_batch(batch)
        errors = (self.restore(noisy).float() - clean).square().mean(dim=(1, 2, 3))
        return {"loss": 10 * (errors + _FINEST).log10().mean()}

    def restore(self, noisy: Tensor) -> Tensor:
        if self.noise == "gaussian":
            return noisy - self._predicted(noisy)
        pepper, salt = noisy <= 0, noisy >= 1
        filled = switching_mean(noisy)
        mended = filled - self._predicted(torch.cat([filled, pepper.to(noisy), salt.to(noisy)], dim=1))
        return torch.where(pepper | salt, mended, noisy)

    def _predicted(self, seen: Tensor) -> Tensor:
        """What is to be subtracted; an image is mirrored to a multiple of the deepest level's stride."""
        height, width = seen.shape[-2:]
        # Not repeated: noise drawn out into lines would pass for a thing of the image.
        rows, columns = (_mirrored(length, self.grid, seen.device) for length in (height, width))
        padded = seen[..., rows, :][..., columns]
        noise: Tensor = F.pixel_shuffle(self.net(F.pixel_unshuffle(padded, _SHUFFLE)), _SHUFFLE)
        return noise[..., :height, :width]


def _mirrored(length: int, multiple: int, device: torch.device) -> Tensor:
    """Indices of so many places and of those mirrored at the last one, to and fro if they are few."""
    places = torch.arange(length + padding_to_multiple(length, multiple), device=device)
    there_and_back = places % places.new_full((), torch.sym_max(1, 2 * length - 2))
    return torch.where(there_and_back < length, there_and_back, 2 * length - 2 - there_and_back)


class _ResidualUNet(nn.Module):
    """Residual blocks on every level; what a level made on the way down is added on the way up."""

    def __init__(self, inputs: int, outputs: int, widths: list[int], blocks: int) -> None:
        super().__init__()
        steps = list(itertools.pairwise(widths))
        self.first = nn.Conv2d(inputs, widths[0], 3, padding=1, bias=False)
        self.encoder = nn.ModuleList(_blocks(above, blocks) for above, _ in steps)
        self.down = nn.ModuleList(nn.Conv2d(above, below, 2, stride=2, bias=False) for above, below in steps)
        self.deepest = _blocks(widths[-1], blocks)
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, above, 2, stride=2, bias=False) for above, below in steps)
        self.decoder = nn.ModuleList(_blocks(above, blocks) for above, _ in steps)
        self.last = nn.Conv2d(widths[0], outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        levels = []
        for encoder, down in zip(self.encoder, self.down, strict=True):
            levels.append(encoder(x))
            x = down(levels[-1])
        x = self.deepest(x)
        for up, decoder in zip(reversed(self.up), reversed(self.decoder), strict=True):
            x = decoder(up(x) + levels.pop())
        noise: Tensor = self.last(x)
        return noise


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.second(F.relu(self.first(x)))
        return x + added


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_ResidualBlock(width) for _ in range(count)))
