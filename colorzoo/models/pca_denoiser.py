"""PCA de-noiser: a square's principal components are kept, and what lies outside of them is dropped as noise.

Patel, Kalbag and Rajput, "Symptotic Analysis of Autoencoder Architectures for Image Colorization and Noise Reduction"
(DS303, CMInDS, IIT Bombay, 2022): the noisy digits of MNIST, projected on their first components and back.

    square - mean of the noisy -> the first axes -> gain of each -> back into pixels + mean of the clean
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from colorzoo.base.closed_form import ClosedFormModule
from colorzoo.data.batches import NoisyBatch
from colorzoo.models._patches import PatchDenoiser


class PCADenoiser(PatchDenoiser, ClosedFormModule):
    """Projection of squares of one size on their principal axes, fitted in closed form rather than by descent.

    The defaults are the document's. Its noise has a mean, and one mean for noisy and clean squares leaves that in;
    ``recentre`` takes it out. Noise along the axes that are kept stays in; ``shrink`` takes out as much of it as is
    best for each axis by itself.

    Args:
        components: Axes that are kept, those along which the squares vary most.
        fitted_on: The squares whose axes these are: ``"noisy"`` or ``"clean"``.
        shrink: Multiply each component by its Wiener gain, covariance of clean and noisy over the variance of noisy;
            False leaves it as it is.
        recentre: Subtract the mean of the noisy squares and add that of the clean ones; False has one mean for both,
            that of the squares in ``fitted_on``.
        channels: 1 restores each channel by itself, 3 the three of a colour image together.
        size: Edge in pixels of the square.
        weights: Start from a published model or a file; None for random axes through the origin.

    Raises:
        ValueError: If an argument is unknown or out of its range.

    Example:
        >>> PCADenoiser(components=16, size=8).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 1, 48, 40])
    """

    paper = "Patel, Kalbag, Rajput: Symptotic Analysis of Autoencoder Architectures (DS303, IIT Bombay, 2022)"

    def __init__(
        self,
        components: int = 80,
        fitted_on: Literal["noisy", "clean"] = "noisy",
        shrink: bool = False,
        recentre: bool = False,
        channels: int = 1,
        size: int = 28,
        weights: str | None = None,
    ) -> None:
        if fitted_on not in ("noisy", "clean"):
            raise ValueError(f"fitted_on is {fitted_on!r}; give noisy or clean")
        super().__init__(channels=channels, size=size)
        if not 1 <= components <= self.pixels:
            raise ValueError(f"components is {components}; a square of {self.pixels} values has 1 to {self.pixels}")
        self.fitted_on = fitted_on
        self.shrink = shrink
        self.recentre = recentre
        self.axes = nn.Parameter(nn.init.orthogonal_(torch.empty(components, self.pixels)))
        self.gains = nn.Parameter(torch.ones(components))
        self.noisy_mean = nn.Parameter(torch.zeros(self.pixels))
        self.clean_mean = nn.Parameter(torch.zeros(self.pixels))

    def restore_patches(self, squares: Tensor) -> Tensor:
        components = (squares - self.noisy_mean) @ self.axes.T
        return (self.gains * components) @ self.axes + self.clean_mean

    def statistics(self, batch: NoisyBatch) -> dict[str, Tensor]:
        """Return the count of squares, and sums and products of the values of noisy, then clean, squares."""
        noisy, clean = self.squares(batch["noisy"].float()), self.squares(batch["clean"].float())
        pairs = torch.cat([noisy, clean], dim=2).flatten(end_dim=1)
        return {"squares": pairs.new_tensor(len(pairs)), "sums": pairs.sum(dim=0), "products": pairs.T @ pairs}

    @torch.no_grad()
    def solve(self, statistics: Mapping[str, Tensor]) -> None:
        squares, sums, products = (statistics[name].double().cpu() for name in ("squares", "sums", "products"))
        means = sums / squares
        covariance = products / squares - torch.outer(means, means)
        noisy, clean = slice(None, self.pixels), slice(self.pixels, None)
        own = noisy if self.fitted_on == "noisy" else clean
        axes = torch.linalg.eigh(covariance[own, own]).eigenvectors.T.flip(0)[: len(self.axes)]
        self.axes.copy_(axes)
        self.noisy_mean.copy_(means[noisy if self.recentre else own])
        self.clean_mean.copy_(means[clean if self.recentre else own])
        if self.shrink:
            shared, seen = ((axes @ covariance[rows, noisy] * axes).sum(dim=1) for rows in (clean, noisy))
            self.gains.copy_(shared / seen.clamp(min=1e-12))
