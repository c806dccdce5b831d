"""Images of 8 or 16 bits in strips of rows, so that no float copy of a large one is ever made."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import LUMINANCE, grey_to_lightness, lab_to_rgb
from colorzoo.color.srgb import decode_srgb_curve, encode_srgb_curve
from colorzoo.color.srgb8 import Srgb8Writer, shifts
from colorzoo.inference.guided_upsampling import chroma_at, guided_coefficients
from colorzoo.runtime.threads import map_threads

_PIXELS = 1 << 17
"""Pixels of a strip: a few planes of so many floats stay in the cache."""
_BANDS = 2
"""Per thread: few, since each has set-up cost, yet enough to balance the load."""
_LEAST = 8
"""Strips of a band: with fewer, a thread costs more than it saves."""


class IntegerImage:
    """The L* of an image of 8 or 16 bits, grey ``(H, W)`` or RGB ``(H, W, 3)``, a few rows at a time.

    That of grey is what `color.grey_to_lightness` gives; that of RGB differs by at most 0.01 from `color.rgb_to_lab`.
    """

    def __init__(self, levels: NDArray[Any]) -> None:
        self.height, self.width = levels.shape[:2]
        self.count = 1
        self._dtype = levels.dtype
        top = int(np.iinfo(levels.dtype).max)
        if levels.ndim == 2:
            self._steps, self._lightness = levels, _lightness_of_grey(top)
        elif all(bool((levels[rows] == levels[rows, :, :1]).all()) for rows in self._rows()):
            self._steps, self._lightness = np.ascontiguousarray(levels[..., 0]), _lightness_of_grey(top)
        else:
            self._steps, self._lightness = np.empty(levels.shape[:2], np.uint16), _lightness_of_luminance()
            tables = _luminance_of_channels(top)
            for rows in self._rows():
                channels = [_look_up(table, levels[rows, :, index]) for index, table in enumerate(tables)]
                self._steps[rows] = (channels[0] + channels[1] + channels[2]).numpy()

    def strips(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield rows and their L*, ``(rows, W)`` in [0, 100], from top to bottom."""
        for rows in self._rows():
            yield rows, self._lightness_of(rows)

    def lightness_at(self, height: int, width: int) -> Tensor:
        """Return the L* at another size: `F.interpolate`, bilinear and antialiased, of the whole, but for rounding.

        Shape:
            ``(1, 1, height, width)``.
        """
        # Down before columns: weights times rows is a small product of matrices, which is fast.
        down = torch.zeros(height, self.width, dtype=torch.float32)
        total = torch.zeros(height, 1, dtype=torch.float32)

        def shrink(rows: slice) -> tuple[slice, Tensor, Tensor]:
            targets, weights = _bilinear_weights(self.height, height, rows)
            return targets, torch.mm(weights, self._lightness_of(rows)), weights.sum(dim=1, keepdim=True)

        for parts in map_threads(lambda strips: [shrink(rows) for rows in strips], self._bands()):
            for targets, sums, weights in parts:
                down[targets] += sums
                total[targets] += weights
        return F.interpolate((down / total)[None, None], (height, width), mode="bilinear", antialias=True)

    def merge_ab(self, ab: Tensor, guided: bool = False) -> NDArray[Any]:
        """Return RGB levels with this L* and with a*b*, which are up-sampled.

        Of 8 bits they differ by at most 1 from those of `color.lab_to_rgb`, rounded.

        Args:
            ab: a* and b*, ``(1, 2, h, w)``.
            guided: Let them follow the edges of L*, as `upsample_guided` does; otherwise it is done bilinearly.

        Shape:
            ``(H, W, 3)``.
        """
        ab = ab.detach().float().cpu()
        if not bool(torch.isfinite(ab).all()):
            raise ValueError("the model answered with a*b* that are no numbers; its weights may be damaged")
        is_8bit = self._dtype == np.uint8
        chroma = shifts(ab) if is_8bit else ab
        if guided:
            chroma = guided_coefficients(chroma, self.lightness_at(*ab.shape[-2:]))
        columns = F.interpolate(chroma, (chroma.shape[2], self.width), mode="bilinear")[0]
        return self._merge_8bit(columns) if is_8bit else self._merge_16bit(columns)

    def _merge_8bit(self, columns: Tensor) -> NDArray[Any]:
        levels = torch.empty(self.height, self.width, 3, dtype=torch.uint8)

        def fill(strips: Sequence[slice]) -> None:
            picture = Srgb8Writer(levels)
            for rows in strips:
                lightness = self._lightness_of(rows)
                picture.write(rows, lightness, self._chroma_of(columns, lightness, rows))
            picture.finish()

        for _ in map_threads(fill, self._bands()):
            pass
        return levels.numpy()

    def _merge_16bit(self, columns: Tensor) -> NDArray[Any]:
        rgb = np.empty((self.height, self.width, 3), np.uint16)
        for rows, lightness in self.strips():
            lab = torch.cat([lightness[None], self._chroma_of(columns, lightness, rows)])
            rgb[rows] = np.rint(lab_to_rgb(lab[None])[0].movedim(0, 2).numpy() * 65535)
        return rgb

    def _chroma_of(self, columns: Tensor, lightness: Tensor, rows: slice) -> Tensor:
        """Return some rows of a*b*, which are two planes, or the coefficients of L* that give them."""
        chroma = _upsample_rows(columns, self.height, rows)
        return chroma if len(chroma) == 2 else chroma_at(chroma, lightness[None])

    def _lightness_of(self, rows: slice) -> Tensor:
        return _look_up(self._lightness, self._steps[rows])

    def _bands(self) -> list[list[slice]]:
        """Divide the strips into bands for the threads; strips do not depend on one another."""
        strips = list(self._rows())
        count = max(_LEAST, -(-len(strips) // (_BANDS * torch.get_num_threads())))
        return [strips[first : first + count] for first in range(0, len(strips), count)]

    def _rows(self) -> Iterator[slice]:
        count = max(1, _PIXELS // self.width)
        return (slice(first, min(first + count, self.height)) for first in range(0, self.height, count))


def _look_up(table: Tensor, steps: NDArray[Any]) -> Tensor:
    indices = torch.from_numpy(steps.astype(np.int32, order="C"))
    return torch.index_select(table, 0, indices.view(-1)).view(indices.shape)


def _bilinear_weights(length: int, shorter: int, rows: slice) -> tuple[slice, Tensor]:
    """Return which rows of the shorter image some rows of the longer one go into, and with what weights."""
    scale = length / shorter
    targets = slice(max(0, int(rows.start / scale - 1.5)), min(shorter, int(rows.stop / scale + 2.5)))
    centres = (np.arange(targets.start, targets.stop) + 0.5) * scale
    distances = np.abs(np.arange(rows.start, rows.stop) + 0.5 - centres[:, None]) / max(1.0, scale)
    return targets, torch.from_numpy(np.maximum(1 - distances, 0).astype(np.float32))


def _upsample_rows(columns: Tensor, height: int, rows: slice) -> Tensor:
    """Return some rows of what ``(C, h, W)`` is when up-sampled bilinearly to a height."""
    count = columns.shape[1]
    # In float32 and in this order, as torch does it.
    positions = (np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5)) * np.float32(count / height)
    positions = np.clip(positions - np.float32(0.5), 0, count - 1)
    first, last = int(positions[0]), min(count, int(positions[-1]) + 2)
    weights = np.maximum(1 - np.abs(positions[:, None] - np.arange(first, last, dtype=np.float32)), 0)
    return torch.matmul(torch.from_numpy(weights), columns[:, first:last])


@functools.cache
def _lightness_of_grey(top: int) -> Tensor:
    """L* of each grey level."""
    return grey_to_lightness((torch.arange(top + 1, dtype=torch.float32) / top)[None, None, None]).flatten()


@functools.cache
def _luminance_of_channels(top: int) -> tuple[Tensor, ...]:
    """What each level of red, green and blue adds to the luminance, from 0 to 65,535."""
    grey = torch.arange(top + 1, dtype=torch.float64) / top
    linear = decode_srgb_curve(grey)
    return tuple((share * 65535 * linear + 1 / 6).float() for share in LUMINANCE)


@functools.cache
def _lightness_of_luminance() -> Tensor:
    """L* of each step of luminance."""
    grey = encode_srgb_curve(torch.arange(65536, dtype=torch.float64) / 65535)
    return grey_to_lightness(grey[None, None, None]).flatten()
