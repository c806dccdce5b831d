"""Random augmentation of whole batches, on their device."""

import torch
from torch import Tensor
from torch.nn import functional as F

from colorzoo.runtime.batch_random import SharedRandom


def random_flip(rgb: Tensor, draws: SharedRandom | None = None) -> Tensor:
    """Mirror each image of ``(B, 3, H, W)`` with probability one half."""
    mirror = _of(draws, rgb).rand(len(rgb)) < 0.5
    return _chosen([rgb, rgb.flip(-1)], mirror)


def random_rot90(rgb: Tensor, draws: SharedRandom | None = None) -> Tensor:
    """Rotate each square image of ``(B, 3, H, H)`` by 0, 90, 180 or 270 degrees; raise a ValueError for others."""
    if rgb.shape[-2] != rgb.shape[-1]:
        raise ValueError(
            f"images of {rgb.shape[-1]}x{rgb.shape[-2]} cannot be turned; set rot90=False, or crop squares"
        )
    quarters = _of(draws, rgb).randint(4, len(rgb), 1, 1, 1).flatten()
    return _chosen([rgb.rot90(turn, dims=(2, 3)) for turn in range(4)], quarters)


def random_shift(rgb: Tensor, most: int, draws: SharedRandom | None = None) -> Tensor:
    """Shift each image of ``(B, 3, H, W)`` by up to ``most`` pixels each way, repeating the border."""
    batch, _, height, width = rgb.shape
    padded = F.pad(rgb.float(), (most,) * 4, mode="replicate").to(rgb.dtype).movedim(1, -1)
    down, right = _of(draws, rgb).randint(2 * most + 1, batch, 2).T
    rows = down[:, None] + torch.arange(height, device=rgb.device)
    columns = right[:, None] + torch.arange(width, device=rgb.device)
    picture = torch.arange(batch, device=rgb.device)
    return padded[picture[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def _chosen(variants: list[Tensor], which: Tensor) -> Tensor:
    """Take each image from one of several batches."""
    count = len(which)
    # Copies whole images, where `torch.where` goes byte by byte.
    return torch.cat(variants).index_select(0, which * count + torch.arange(count, device=which.device))


def _of(draws: SharedRandom | None, rgb: Tensor) -> SharedRandom:
    return draws or SharedRandom(device=rgb.device)
