"""L*a*b* to 8-bit sRGB for large images: what `lab_to_rgb` does, in a twentieth of its time.

Lab's cube is a cube and no general power, and the 8-bit level is looked up rather than computed. The same index tells
what sRGB cannot show, for which bisection needs linear light only and is done for many strips at once.
"""

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorzoo.color.conversions import WHITE, XYZ_TO_RGB
from colorzoo.color.gamut import BRIGHTEST, DARKEST, largest_chroma_share
from colorzoo.color.srgb import decode_srgb_curve

# "Roots" are 116 f(X), 116 f(Z) and 116 f(Y) = L* + 16 in CIE's notation: cubes above 24, and below it a line of the
# slope that the cube has there.
_OFFSET = 16.0
_KNEE = 24.0
_SHIFTS = (116 / 500, -116 / 200)
# Linear light of the gamut is counted in steps, each at most a fifth of an 8-bit level; a table of them fits the
# innermost cache. Indices in (-1, _STEPS) are in gamut; truncation to integers maps them to 0 ... _STEPS - 1.
_STEPS = 16384
_SCALE = (_STEPS + 1) / (BRIGHTEST - DARKEST)
_BLACK = -DARKEST * _SCALE - 1
_BATCH = 1 << 16
"""Pixels outside the gamut that are corrected at a time."""


class Srgb8Writer:
    """Rows of an image ``(H, W, 3)`` in sRGB of 8 bits, made of L*a*b* some rows at a time.

    What lies outside sRGB loses chroma, never lightness or hue. Levels differ by at most 1 from those of
    `color.lab_to_rgb`, rounded.

    Example:
        >>> levels = torch.empty(1, 1, 3, dtype=torch.uint8)
        >>> image = Srgb8Writer(levels)
        >>> image.write(slice(0, 1), torch.tensor([[50.0]]), shifts(torch.zeros(1, 2, 1, 1))[0])
        >>> image.finish()
        >>> levels.tolist()
        [[[119, 119, 119]]]
    """

    def __init__(self, levels: Tensor) -> None:
        self._levels = levels
        self._vivid: list[tuple[Tensor, Tensor]] = []
        self._waiting = 0
        self._floats = torch.empty(3, 3, 0, dtype=torch.float32)
        self._steps = torch.empty(3, 0, dtype=torch.int32)

    def write(self, rows: slice, lightness: Tensor, shift: Tensor) -> None:
        """Set some rows of L* ``(rows, W)`` and what `shifts` made of their finite a* and b*, ``(2, rows, W)``."""
        count = lightness.numel()
        if count != self._floats.shape[2]:
            self._floats = torch.empty(3, 3, count, dtype=torch.float32)
            self._steps = torch.empty(3, count, dtype=torch.int32)
        roots, space = self._floats[0], self._floats[1:]
        torch.add(lightness.reshape(-1), _OFFSET, out=roots[2])
        torch.add(shift.reshape(2, -1), roots[2], out=roots[:2])
        steps = self._steps.copy_(_linear(roots, space))
        outside = np.flatnonzero(~_inside(steps))
        first = rows.start * lightness.shape[1]
        if len(outside):
            indices = torch.from_numpy(outside)
            self._vivid.append((indices + first, roots.index_select(1, indices)))
            self._waiting += len(outside)
            steps.clamp_(0, _STEPS - 1)
        pixels = self._levels.view(-1, 3)[first : first + count]
        for channel in range(3):
            torch.index_select(_levels(), 0, steps[channel], out=pixels[:, channel])
        if self._waiting > _BATCH:
            self.finish()

    def finish(self) -> None:
        """Give the pixels that are outside sRGB as much of their chroma as it can show, once all rows are written."""
        if self._vivid:
            indices, roots = (torch.cat(parts, dim=-1) for parts in zip(*self._vivid, strict=True))
            for first in range(0, len(indices), _BATCH):
                some = slice(first, first + _BATCH)
                self._levels.view(-1, 3).index_copy_(0, indices[some], _reduced(roots[:, some]))
        self._vivid, self._waiting = [], 0


def shifts(ab: Tensor) -> Tensor:
    """Return what a* and b* ``(B, 2, H, W)`` add to L* on the way to X and Z; resizing may come before or after."""
    return ab * ab.new_tensor(_SHIFTS)[:, None, None]


def _linear(roots: Tensor, space: Tensor) -> Tensor:
    """Return linear RGB ``(3, N)``, in steps, in the second of two such spaces."""
    cubes, linear = space
    torch.pow(torch.clamp(roots, min=_KNEE, out=linear), 3, out=cubes)
    # The line passes through the cube of the knee, which `_matrix` takes away once again.
    cubes.add_(torch.clamp(roots, max=_KNEE, out=linear), alpha=3 * _KNEE**2)
    matrix, black = _matrix()
    return torch.addmm(black, matrix, cubes, out=linear)


def _inside(steps: Tensor) -> NDArray[np.bool_]:
    """Tell which pixels of ``(3, N)`` sRGB can show."""
    # As unsigned, what is below 0 is large.
    return np.logical_and.reduce(steps.numpy().view(np.uint32) < _STEPS)  # type: ignore[no-any-return]


def _reduced(roots: Tensor) -> Tensor:
    """Bisect the largest share of the chroma that sRGB can show; return levels ``(N, 3)``."""
    neutral = roots[2:]
    chroma = roots - neutral
    tried, space = torch.empty_like(roots), roots.new_empty(2, *roots.shape)
    steps = torch.empty(roots.shape, dtype=torch.int32)

    def is_inside(share: Tensor) -> Tensor:
        steps.copy_(_linear(torch.addcmul(neutral, chroma, share, out=tried), space))
        return torch.from_numpy(_inside(steps))

    share = largest_chroma_share(is_inside, torch.zeros_like(neutral))
    steps.copy_(_linear(torch.addcmul(neutral, chroma, share, out=tried), space)).clamp_(0, _STEPS - 1)
    return torch.index_select(_levels(), 0, steps.view(-1)).view(3, -1).T


@functools.cache
def _matrix() -> tuple[Tensor, Tensor]:
    """From the cubes to steps, and the step at which black lies."""
    matrix = torch.tensor(XYZ_TO_RGB, dtype=torch.float64) * torch.tensor(WHITE, dtype=torch.float64)
    matrix = matrix[:, [0, 2, 1]] * (_SCALE / 116**3)  # the roots are those of X, Z and Y
    return matrix.float(), (_BLACK - 3 * _KNEE**3 * matrix.sum(dim=1, keepdim=True)).float()


@functools.cache
def _levels() -> Tensor:
    """8-bit sRGB level at each step of linear light, in its middle."""
    edges = decode_srgb_curve((torch.arange(255, dtype=torch.float64) + 0.5) / 255)
    light = (torch.arange(_STEPS, dtype=torch.float64) + 0.5 - _BLACK) / _SCALE
    return torch.bucketize(light, edges).to(torch.uint8)
