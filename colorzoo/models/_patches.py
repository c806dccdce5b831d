"""What de-noisers of one square share: larger images are cut into squares, and each is restored by itself."""

from abc import abstractmethod

from torch import Tensor
from torch.nn import functional as F

from colorzoo.base.denoiser import Denoiser
from colorzoo.models._padding import pad_to_multiple


class PatchDenoiser(Denoiser):
    """Restores every image square by square, for it knows squares of one size only; a subclass gives `restore_patches`.

    Args:
        channels: 1 restores each channel by itself, 3 the three of a colour image together.
        size: Edge of the square in pixels.
    """

    def __init__(self, channels: int, size: int) -> None:
        if channels not in (1, 3) or size < 1:
            raise ValueError(f"channels is {channels} and size is {size}; give 1 or 3 channels, and at least 1 pixel")
        super().__init__()
        self.channels = channels
        self.grid = size
        self.pixels = channels * size * size

    @abstractmethod
    def restore_patches(self, squares: Tensor) -> Tensor:
        """Take the noise out of squares, ``(N, pixels)`` -> ``(N, pixels)``."""

    @property
    def receptive_radius(self) -> int:
        return self.grid

    def squares(self, images: Tensor) -> Tensor:
        """Cut images into squares, the border repeated: ``(B, channels, H, W)`` -> ``(B, squares, pixels)``."""
        return self._cut(images).flatten(start_dim=1, end_dim=2)

    def restore(self, noisy: Tensor) -> Tensor:
        height, width = noisy.shape[-2:]
        squares = self._cut(noisy)
        restored = self.restore_patches(squares.flatten(end_dim=2)).view_as(squares)
        return F.pixel_shuffle(restored.movedim(3, 1), self.grid)[..., :height, :width]

    def _cut(self, images: Tensor) -> Tensor:
        """Return squares at their places, ``(B, down, across, pixels)``."""
        return F.pixel_unshuffle(pad_to_multiple(images, self.grid), self.grid).movedim(1, 3).contiguous()
