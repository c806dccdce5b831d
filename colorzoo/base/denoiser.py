"""The contract of every de-noiser: a noisy image in, the same image without the noise out."""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar, Literal, overload

import PIL.Image
import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.base.module import ZooModule
from colorzoo.data.batches import NoisyBatch
from colorzoo.data.pairs import as_noisy_batch
from colorzoo.hub.record import CheckpointInfo
from colorzoo.inference.network_input import check_network_input, run_in_own_dtype
from colorzoo.io.convert import Array, Image, Kind, Picture, apply_to_channels
from colorzoo.io.raster import RasterImage
from colorzoo.noise.estimation import noise_levels
from colorzoo.noise.synthesis import KINDS, Noise, NoiseKind

Strength = float | Sequence[float] | Literal["auto"]
"""How far to go from the noisy image (0) to the restored one (1): for all, for each of a batch, or by its noise."""

_TILE = 512


class Denoiser(ZooModule):
    """A method that takes the noise out of an image.

    A subclass gives `restore` and `receptive_radius`, and `losses` of its own where it learns from more than the MSE;
    the handling of images is here.
    """

    task: ClassVar[str] = "denoising"
    input_key: ClassVar[str] = "noisy"
    target_key: ClassVar[str] = "clean"
    channels: int = 1
    """1: each channel of an image is restored by itself; 3: the three of a colour image together."""
    grid: int = 1
    """Tiles of a large image begin at multiples of so many pixels, for methods that cut images into squares."""
    noise_for_clean_batches: Noise = Noise(impulse=0.15)
    """Added to the batches of a loader that yields clean images only; a DataModule's ``noise`` comes first."""
    noise_kinds: tuple[NoiseKind, ...] = KINDS
    """Which noise ``strength="auto"`` looks for: that of the training, as a published record tells it; else any."""

    @property
    @abstractmethod
    def receptive_radius(self) -> int:
        """How many pixels to each side a restored pixel may depend on."""

    @abstractmethod
    def restore(self, noisy: Tensor) -> Tensor:
        """Take the noise out.

        Args:
            noisy: ``(B, channels, H, W)`` of any size, in [0, 1] or a little beyond where the noise was not clipped.

        Returns:
            The restored images, not necessarily within [0, 1].
        """

    def read_record(self, record: CheckpointInfo) -> None:
        self.noise_kinds = record.noise or KINDS

    def as_pairs(self, batch: Any) -> NoisyBatch:
        return as_noisy_batch(batch, self.noise_for_clean_batches, color=self.channels == 3)

    def compute_metrics(self, output: Tensor, target: Tensor, given: Tensor) -> dict[str, Tensor]:
        from colorzoo.metrics import denoising_metrics

        return denoising_metrics(output, target, given)

    def losses(self, batch: NoisyBatch) -> dict[str, Tensor]:
        """Return the MSE of the restored pixels; of one channel, each channel counts as an image."""
        noisy, clean = self.as_channel_batch(batch)
        return {"loss": F.mse_loss(self.restore(noisy).float(), clean)}

    def as_channel_batch(self, batch: NoisyBatch) -> tuple[Tensor, Tensor]:
        """Return noisy and clean images as `restore` takes them: if it takes one channel, each by itself."""
        height, width = batch["noisy"].shape[-2:]
        noisy, clean = (batch[key].reshape(-1, self.channels, height, width) for key in ("noisy", "clean"))
        return noisy, clean

    def forward(self, noisy: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            noisy: ``(B, C, H, W)`` in [0, 1]; any C if the channels are restored one by one, else 3, or 1 for grey.

        Returns:
            The restored images of the same shape, in [0, 1], in float32.

        Raises:
            ValueError: If C is another, or the values are integers or clearly not in [0, 1].
        """
        # Noise that was not clipped lies beyond [0, 1], by a few of its deviations.
        check_network_input(self, noisy, least=-2.0, most=3.0)
        if self.channels == 3 and noisy.shape[1:2] == (1,):
            return self.forward(noisy.expand(-1, 3, -1, -1)).mean(dim=1, keepdim=True)
        if noisy.ndim != 4 or (self.channels != 1 and noisy.shape[1] != self.channels):
            wanted = "(B, C, H, W)" if self.channels == 1 else f"(B, {self.channels}, H, W)"
            raise ValueError(f"the images have shape {tuple(noisy.shape)}; give {wanted}")
        folded = noisy.reshape(-1, self.channels, *noisy.shape[-2:])
        return run_in_own_dtype(self, self.restore, folded).clamp(0, 1).reshape(noisy.shape)

    @overload
    def denoise(self, image: Picture, strength: Strength = 1.0) -> PIL.Image.Image: ...
    @overload
    def denoise(self, image: Kind, strength: Strength = 1.0) -> Kind: ...
    def denoise(self, image: Image, strength: Strength = 1.0) -> PIL.Image.Image | Array | Tensor | RasterImage:
        """De-noise one image, or a batch, of any size; the result is of the kind that was given.

        Large images are restored in tiles that overlap by as much as the method reaches, so that no seam shows.

        Args:
            image: A path, a PIL image, an array ``(H, W)`` or ``(H, W, C)``, or a tensor ``(B, C, H, W)`` in [0, 1].
            strength: How far to go from the noisy image (0) to the restored one (1); a sequence has a number for each
                image of a batch. ``"auto"`` looks in each image for the noise that the model is `noise_kinds`, and
                leaves clean ones exactly as they are; see `NoiseLevel.strength`.

        Returns:
            A PIL image for a path or PIL image, else an array or tensor of the same shape.

        Raises:
            UnreadableImageError: If a path is missing or no image.
            ValueError: If the shape, the values or the strength make no sense, or the model is in training mode.
            TypeError: If the kind of image is unknown.

        Example:
            >>> import colorzoo
            >>> colorzoo.create("linear_denoiser").eval().denoise(torch.rand(2, 3, 48, 40)).shape
            torch.Size([2, 3, 48, 40])
        """
        check_strength(strength)
        if self.training:
            raise ValueError("the model is in training mode; call eval()")
        return apply_to_channels(image, lambda noisy: self._denoise_tensor(noisy, strength))

    @torch.no_grad()
    def _denoise_tensor(self, noisy: Tensor, strength: Strength) -> Tensor:
        shares = self._shares(noisy, strength)
        if not any(shares):
            return noisy.clone()
        restored = self._in_tiles(noisy)
        return noisy + noisy.new_tensor(shares)[:, None, None, None] * (restored - noisy)

    def _shares(self, noisy: Tensor, strength: Strength) -> list[float]:
        if isinstance(strength, str):
            return [level.strength(self.noise_kinds) for level in noise_levels(noisy)]
        shares = strengths(strength, len(noisy))
        if len(shares) != len(noisy):
            raise ValueError(f"there are {len(shares)} strengths for {len(noisy)} images; give one for each")
        return shares

    def _in_tiles(self, noisy: Tensor) -> Tensor:
        device = next(self.parameters()).device
        height, width = noisy.shape[-2:]
        # Grey images stay grey; what has fewer channels than the method wants is refused where it is called.
        folded = noisy.reshape(-1, min(self.channels, noisy.shape[1]), height, width)
        restored = torch.empty_like(folded)
        edge, reach = (-(-length // self.grid) * self.grid for length in (_TILE, self.receptive_radius))
        # As many images at a time as have the pixels of a tile, so that memory has a bound.
        count = max(1, edge**2 // (min(edge, height) * min(edge, width)))
        places = (range(0, length, step) for length, step in ((len(folded), count), (height, edge), (width, edge)))
        for first, top, left in product(*places):
            # The tile with its surroundings, and where in it the tile lies.
            above, before = min(top, reach), min(left, reach)
            rows = slice(top - above, top + edge + reach)
            columns = slice(left - before, left + edge + reach)
            given = folded[first : first + count, :, rows, columns]
            tile = self(given.to(device, torch.float32)).to(noisy)
            inner = tile[..., above : above + edge, before : before + edge]
            restored[first : first + count, :, top : top + edge, left : left + edge] = inner
        return restored.reshape(noisy.shape)


def check_strength(strength: Strength) -> None:
    """Raise a ValueError unless it is a number in [0, 1], a sequence of such, or ``"auto"``."""
    possible = (
        strength == "auto" if isinstance(strength, str) else all(0 <= share <= 1 for share in strengths(strength))
    )
    if not possible:
        raise ValueError(f"strength is {strength}; give a number from 0 (nothing) to 1 (all the way), or 'auto'")


def strengths(strength: float | Sequence[float], count: int = 1) -> list[float]:
    """Return a strength for each of so many images, from one for all or from a sequence as it is."""
    if isinstance(strength, Sequence):
        return list(strength)
    return [strength] * count
