"""Pairs laid out in rows and columns, to look at."""

from collections.abc import Mapping, Sequence
from typing import Any

import PIL.Image
import torch
from torch import Tensor

from colorzoo.data.datasets import ImageDataset
from colorzoo.data.pair_maker import PairMaker
from colorzoo.data.samplers import SeededDataset, batch_seed


def image_grid(columns: Sequence[Tensor], rows: int) -> Tensor:
    """Lay out batches of images in [0, 1] side by side, one image of each per row, on the CPU.

    Shape:
        ``(B, 1 or 3, H, W)`` each -> ``(3, height, width)``.

    Example:
        >>> image_grid([torch.rand(5, 1, 8, 8), torch.rand(5, 3, 8, 8)], rows=2).shape
        torch.Size([3, 22, 22])
    """
    from torchvision.utils import make_grid

    images = [column[:rows].detach().float().cpu().expand(-1, 3, -1, -1) for column in columns]
    grid: Tensor = make_grid(torch.stack(images, dim=1).flatten(end_dim=1), nrow=len(columns), padding=2)
    return grid.clamp(0, 1)


def draw_pairs(source: ImageDataset, make_pairs: PairMaker, training: bool, rows: int, seed: int) -> PIL.Image.Image:
    """Draw the first pairs of a split, input | target, and their masks if they are damaged; a function of the seed."""
    if rows < 1:
        raise ValueError(f"rows is {rows}; show at least 1")
    batch = SeededDataset(source, seed).__getitems__(list(range(min(rows, len(source)))))
    batch["seed"] = batch_seed(0, 0, seed)
    pairs: Any = make_pairs(batch, training)
    columns = [pairs[key] for key in keys_of(pairs) or ()]
    if "mask" in pairs and pairs["mask"].any():
        columns.append(pairs["mask"])
    return grid_to_pil(image_grid(columns, rows))


def grid_to_pil(grid: Tensor) -> PIL.Image.Image:
    """Turn a grid ``(3, height, width)`` in [0, 1] into a PIL image."""
    return PIL.Image.fromarray((grid * 255).round().byte().movedim(0, -1).numpy())


def keys_of(batch: Any) -> tuple[str, str] | None:
    """Return the keys of input and target in a batch of pairs, or None if it is no such batch."""
    known = [
        keys for keys in (("noisy", "clean"), ("grey", "rgb")) if isinstance(batch, Mapping) and set(keys) <= set(batch)
    ]
    return known[0] if known else None
