"""Linear-regression de-noiser with noise detection: a window's pixels and their differences, one weight each.

Suh, Nassiri Nazif and Kumar, "Old Image De-noising and Auto-Colorization" (CS229, 2017), section II.B: black and white
noise is found where a pixel differs from all four neighbours, and only there the regression learns and replaces.

    5x5 window -> 25 pixels, 20 vertical and 20 horizontal differences, 1 -> 66 weights -> the pixel in the middle
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.denoiser import Denoiser
from colorzoo.data.batches import NoisyBatch


class LinearDenoiser(Denoiser):
    """Linear regression from the window around a pixel, used where the pixel is noise.

    Args:
        radius: Pixels of the window to each side; the document's 5x5 window is 2.
        detector: Which pixels are noise: ``"neighbours"``, the document's, those that differ from all four neighbours
            by more than ``threshold``; ``"extremes"``, those that are black or white; ``"none"``, all of them.
        threshold: Smallest difference that is noise, of pixels in [0, 1].
        fill: Before the regression sees a window, put a mean of the sound pixels nearby wherever there is noise; False
            shows it the noise, as in the document.
        spread: With ``fill``: standard deviation, in pixels, of the bell that weighs the sound pixels.
        weights: Start from a published model or a file; None for weights of zero.

    Raises:
        ValueError: If an argument is unknown or out of its range.

    Example:
        >>> LinearDenoiser().eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 1, 48, 40])
    """

    paper = "Suh, Nassiri Nazif, Kumar: Old Image De-noising and Auto-Colorization (CS229, 2017), section II.B"

    def __init__(
        self,
        radius: int = 2,
        detector: Literal["neighbours", "extremes", "none"] = "neighbours",
        threshold: float = 0.1,
        fill: bool = False,
        spread: float = 0.75,
        weights: str | None = None,
    ) -> None:
        if radius < 1:
            raise ValueError(f"radius is {radius}; the window needs at least 1 pixel to each side")
        if detector not in ("neighbours", "extremes", "none"):
            raise ValueError(f"detector is {detector!r}; give neighbours, extremes or none")
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}; give a difference of pixels in [0, 1]")
        if not spread > 0:
            raise ValueError(f"spread is {spread}; give a positive number of pixels")
        super().__init__()
        self.radius = radius
        self.detector = detector
        self.threshold = threshold
        self.fill = fill
        edge = 2 * radius + 1
        self.theta = nn.Parameter(torch.zeros(edge * edge + 2 * edge * (edge - 1) + 1))
        steps = torch.arange(-radius, radius + 1, dtype=torch.get_default_dtype())
        bell = torch.exp(-steps.square() / (2 * spread**2))
        self.register_buffer("bell", torch.outer(bell, bell)[None, None], persistent=False)

    bell: Tensor

    @property
    def receptive_radius(self) -> int:
        return 2 * self.radius + 1

    def restore(self, noisy: Tensor) -> Tensor:
        noise = self.detected(noisy)
        return torch.where(noise, self._predicted(noisy, noise), noisy)

    def losses(self, batch: NoisyBatch) -> dict[str, Tensor]:
        """Return half the squared error where there is noise; the document's ``half_mse`` is over all inner pixels."""
        noisy, clean = self.as_channel_batch(batch)
        noise = self.detected(noisy)
        predicted = self._predicted(noisy, noise)
        errors = torch.where(noise, (predicted - clean).square(), torch.zeros_like(clean))
        loss = errors.sum() / (2 * noise.sum().clamp(min=1))
        restored = torch.where(noise, predicted, noisy).detach().clamp(0, 1)
        inner = (restored - clean).square()[..., self.radius : -self.radius, self.radius : -self.radius]
        return {"loss": loss, "half_mse": inner.sum() / (2 * max(1, inner.numel()))}

    def detected(self, noisy: Tensor) -> Tensor:
        """Say of each pixel of ``(B, 1, H, W)`` whether it is noise."""
        if self.detector == "none":
            return torch.ones_like(noisy, dtype=torch.bool)
        if self.detector == "extremes":
            return (noisy <= 0) | (noisy >= 1)
        padded = F.pad(noisy, (1, 1, 1, 1), mode="replicate")
        above, below = padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]
        left, right = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:]
        differences = [(noisy - neighbour).abs() for neighbour in (above, below, left, right)]
        # An image's border is no neighbour of itself.
        differences[0][..., 0, :] = differences[1][..., -1, :] = torch.inf
        differences[2][..., 0] = differences[3][..., -1] = torch.inf
        least = torch.stack(differences).amin(dim=0)
        return (least > self.threshold) & least.isfinite()

    def _predicted(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """What the regression says of every pixel."""
        seen = self._filled(noisy, noise) if self.fill else noisy
        padded = F.pad(seen, (self.radius,) * 4, mode="replicate").to(self.theta.dtype)
        # theta is linear in the pixels of the window, differences and all: one convolution.
        return F.conv2d(padded, self._kernel(), self.theta[-1:])

    def _kernel(self) -> Tensor:
        """Weights of the window's pixels: each one's own, and those of the differences that it is part of."""
        edge = 2 * self.radius + 1
        pixels, pairs = edge * edge, edge * (edge - 1)
        down = self.theta[pixels : pixels + pairs].view(edge - 1, edge)
        across = self.theta[pixels + pairs : -1].view(edge, edge - 1)
        kernel = self.theta[:pixels].view(edge, edge)
        kernel = kernel + F.pad(down, (0, 0, 1, 0)) - F.pad(down, (0, 0, 0, 1))
        kernel = kernel + F.pad(across, (1, 0, 0, 0)) - F.pad(across, (0, 1, 0, 0))
        return kernel.view(1, 1, edge, edge)

    def _filled(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """Put the weighted mean of the window's sound pixels wherever there is noise, or leave it if there are none."""
        sound = (~noise).to(noisy.dtype)
        weights = F.conv2d(sound, self.bell, padding=self.radius)
        means = F.conv2d(noisy * sound, self.bell, padding=self.radius) / weights.clamp(min=1e-6)
        return torch.where(noise & (weights > 1e-6), means, noisy)
