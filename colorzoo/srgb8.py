"""L*a*b* to sRGB of 8 bits for large pictures: what `color.lab_to_rgb` does, in a twentieth of its time.

Lab's cube is a cube and no general power, the 8-bit level is looked up rather than computed, and bisection, for the
colours that sRGB cannot show, needs linear light only and is done for many strips at once.
"""

import functools
from typing import Any

import numpy as np
import torch
from kornia.color import rgb_to_linear_rgb
from numpy.typing import NDArray
from torch import Tensor

from colorzoo.color import BRIGHTEST, CHROMA_BISECTIONS, DARKEST, WHITE, XYZ_TO_RGB

# "Roots" are 116 f(X), 116 f(Z) and 116 f(Y) = L* + 16 in CIE's notation: cubes above 24, and below it a line of the
# slope that the cube has there.
_OFFSET = 16.0
_KNEE = 24.0
_SHIFTS = (116 / 500, -116 / 200)
# A step of linear light is at most a fifth of an 8-bit level, and the table fits the innermost cache.
_STEPS = 16384
_MARGIN = 64  # of the table on both sides: more than the tolerance of the gamut
_WAITING = 1 << 18


class Srgb8:
    """A picture in sRGB of 8 bits, made of L*a*b* some rows at a time.

    What lies outside sRGB loses chroma, never lightness or hue. Levels differ by at most 1 from those of
    `color.lab_to_rgb`, rounded.

    Example:
        >>> picture = Srgb8(1, 1)
        >>> picture.write(slice(0, 1), torch.tensor([[50.0]]), shifts(torch.zeros(1, 2, 1, 1))[0])
        >>> picture.finished().tolist()
        [[[119, 119, 119]]]
    """

    def __init__(self, height: int, width: int) -> None:
        self._levels = torch.empty(height, width, 3, dtype=torch.uint8)
        self._vivid: list[tuple[Tensor, Tensor]] = []
        self._waiting = 0
        self._floats = torch.empty(3, 3, 0)
        self._steps = torch.empty(0, dtype=torch.int32)

    def write(self, rows: slice, lightness: Tensor, shift: Tensor) -> None:
        """Set some rows.

        Args:
            rows: Which, with start and stop.
            lightness: L* in [0, 100], ``(rows, W)``.
            shift: What `shifts` made of a* and b*, ``(2, rows, W)``; finite.
        """
        count = lightness.numel()
        if count != self._floats.shape[2]:
            self._floats = torch.empty(3, 3, count)
            self._steps = torch.empty(3 * count, dtype=torch.int32)
        roots, space = self._floats[0], self._floats[1:]
        torch.add(lightness.reshape(-1), _OFFSET, out=roots[2])
        torch.add(shift.reshape(2, -1), roots[2], out=roots[:2])
        linear = _linear(roots, space)
        outside = np.flatnonzero(_distance(linear, space[1]).numpy() > _reach())
        if len(outside):
            indices = torch.from_numpy(outside)
            self._vivid.append((indices + rows.start * lightness.shape[1], roots.index_select(1, indices)))
            self._waiting += len(outside)
            linear.clamp_(0, _STEPS + 2 * _MARGIN - 1)
        levels = torch.index_select(_levels(), 0, self._steps.copy_(linear.view(-1)))
        for channel, plane in enumerate(levels.view(3, *lightness.shape)):
            self._levels[rows, :, channel] = plane
        if self._waiting > _WAITING:
            self._reduce()

    def finished(self) -> NDArray[Any]:
        """Return the levels, ``(H, W, 3)``, once all rows are written."""
        self._reduce()
        return self._levels.numpy()

    def _reduce(self) -> None:
        """Give the pixels that are outside sRGB as much of their chroma as it can show."""
        if self._vivid:
            indices, roots = zip(*self._vivid, strict=True)
            self._levels.view(-1, 3).index_copy_(0, torch.cat(indices), _reduced(torch.cat(roots, dim=1)))
        self._vivid, self._waiting = [], 0


def shifts(ab: Tensor) -> Tensor:
    """Return what a* and b* ``(B, 2, H, W)`` add to L* on the way to X and Z; resizing may come before or after."""
    return ab * ab.new_tensor(_SHIFTS)[:, None, None]


def _linear(roots: Tensor, space: Tensor) -> Tensor:
    """Return linear RGB ``(3, N)``, in steps of the table, in the first of two such spaces."""
    above = torch.clamp(roots, min=_KNEE, out=space[0])
    cubes = torch.pow(above, 3, out=space[1])
    below = torch.sub(roots, above, out=space[0])
    cubes.add_(below, alpha=3 * _KNEE**2)
    matrix, black = _matrix()
    return torch.addmm(black, matrix, cubes, out=space[0])


def _distance(linear: Tensor, space: Tensor) -> Tensor:
    """Return how far each pixel is from the middle of the range that counts as within sRGB, at its worst channel."""
    low, high = _limits()
    return torch.sub(linear, (low + high) / 2, out=space).abs_().amax(dim=0)


def _reach() -> float:
    low, high = _limits()
    return (high - low) / 2


def _reduced(roots: Tensor) -> Tensor:
    """Bisect the largest share of the chroma that sRGB can show; return levels ``(N, 3)``."""
    neutral = roots[2:]
    chroma = roots - neutral
    tried, space = torch.empty_like(roots), roots.new_empty(2, *roots.shape)
    share, step = torch.zeros_like(neutral), 0.5
    for _ in range(CHROMA_BISECTIONS):
        linear = _linear(torch.addcmul(neutral, chroma, share + step, out=tried), space)
        share.add_(_distance(linear, space[1]) <= _reach(), alpha=step)
        step /= 2
    linear = _linear(torch.addcmul(neutral, chroma, share, out=tried), space)
    return torch.index_select(_levels(), 0, linear.to(torch.int32).view(-1)).view(3, -1).T


@functools.cache
def _matrix() -> tuple[Tensor, Tensor]:
    """From the cubes to steps of the table, and the step at which black lies, with half a step for rounding."""
    matrix = torch.tensor(XYZ_TO_RGB, dtype=torch.float64) * torch.tensor(WHITE, dtype=torch.float64)
    matrix = matrix[:, [0, 2, 1]]  # the roots are those of X, Z and Y
    return (matrix * (_STEPS / 116**3)).float(), torch.full((3, 1), _MARGIN + 0.5)


@functools.cache
def _limits() -> tuple[float, float]:
    """Least and most linear light, in steps of the table, that counts as within sRGB."""
    return _MARGIN + 0.5 + _STEPS * DARKEST, _MARGIN + 0.5 + _STEPS * BRIGHTEST


@functools.cache
def _levels() -> Tensor:
    """8-bit sRGB level at each step of linear light."""
    edges = rgb_to_linear_rgb(((torch.arange(255, dtype=torch.float64) + 0.5) / 255).expand(3, 1, -1))[0, 0]
    steps = (torch.arange(_STEPS + 2 * _MARGIN, dtype=torch.float64) - _MARGIN) / _STEPS
    return torch.bucketize(steps, edges).to(torch.uint8)
