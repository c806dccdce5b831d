"""Colour hints: what a person says the colour is at a point goes as far as the image looks alike.

Each hint reaches by the geodesic distance of Yatziv and Sapiro, "Fast Image and Video Colorization Using Chrominance
Blending" (IEEE TIP 2006): the least change of lightness on any way there. As in Levin, Lischinski and Weiss,
"Colorization using Optimization" (SIGGRAPH 2004), a change counts for less where the surroundings vary: texture is no
edge. Farther than that the colours of the model stay.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import rgb_to_lab

Hint = tuple[tuple[float, float], str]
"""A point (x, y), in pixels of the upright image from its upper left corner, and its colour as ``#rrggbb``."""

GUIDE_SIZE = 256
"""Longer side, in pixels, at which hints find their way."""

# In units of L*: where a hint has lost two thirds of its say, what crossing the whole image costs without any edge,
# and the texture of the surroundings in which a change counts half.
_REACH = 35.0
_CROSSING = 40.0
_ROUGH = 5.0
_WINDOW = 7
_PLATEAU = 4  # the colour holds within the reach and ends with it, where a Gaussian (2) would fade all the way
_FALL = 4  # of the say of one hint beside another, with distance
_SWEEPS = 32
_EXACT = 0.1  # of a distance; far below what shows


def check_hints(hints: Sequence[Hint]) -> None:
    """Raise a ValueError that says why if something is no list of hints, as far as can be told without an image."""
    wanted = 'give hints as [((x, y), "#rrggbb"), ...]'
    if isinstance(hints, str):
        raise ValueError(f"hints is {hints!r}; {wanted}")
    for hint in hints:
        try:
            (x, y), colour = hint
            finite = math.isfinite(x) and math.isfinite(y)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the hint {hint!r} is no point and colour; {wanted}") from error
        if not finite:
            raise ValueError(f"the hint {hint!r} is at no place in the image; give x and y in pixels")
        if not isinstance(colour, str) or not re.fullmatch("#[0-9a-fA-F]{6}", colour):
            raise ValueError(f"the colour {colour!r} of a hint is not of the form #rrggbb, such as #b03a2e")


def propagate_hints(ab: Tensor, guide: Tensor, hints: Sequence[Hint], height: int, width: int) -> Tensor:
    """Put the colours of hints over a model's a*b*, and raise a ValueError if a point is outside the image.

    Args:
        ab: The model's a* and b*, ``(1, 2, h, w)``.
        guide: L* of the image, ``(1, 1, H, W)``, at most `GUIDE_SIZE` pixels on the longer side.
        hints: Points and colours.
        height: Of the whole image in pixels, which the points refer to.
        width: Likewise.

    Returns:
        a* and b* ``(1, 2, max(h, H), max(w, W))`` that are, at a hint, those of its colour.
    """
    for hint in hints:
        x, y = hint[0]
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"the hint {hint!r} is outside the image, which has {width} x {height} pixels")
    rows, columns = guide.shape[-2:]
    points = [(int((y + 0.5) * rows / height), int((x + 0.5) * columns / width)) for (x, y), _ in hints]
    distances = _distances(guide[0, 0].cpu().numpy(), points)
    says = (distances + 1e-3) ** -_FALL
    hinted = np.einsum("khw,kc->chw", says / says.sum(axis=0), _chroma([colour for _, colour in hints]))
    share = np.exp(-((distances.min(axis=0) / _REACH) ** _PLATEAU))
    size = (max(rows, ab.shape[2]), max(columns, ab.shape[3]))
    here, there, far = (
        F.interpolate(plane.to(ab.device, torch.float32), size, mode="bilinear")
        for plane in (ab, torch.from_numpy(hinted)[None], torch.from_numpy(share)[None, None])
    )
    return torch.lerp(here, there, far)


def _chroma(colours: Sequence[str]) -> NDArray[Any]:
    """Return a* and b* of ``#rrggbb`` colours, ``(K, 2)``."""
    levels = torch.tensor([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255
    return rgb_to_lab(levels.T[None, :, :, None])[0, 1:, :, 0].T.numpy()


def _distances(lightness: NDArray[Any], points: Sequence[tuple[int, int]]) -> NDArray[Any]:
    """Return the geodesic distance of each pixel of ``(H, W)`` from each point, ``(K, H, W)``.

    Rows are swept down and up until nothing changes; within a row, the best way from the left or the right is a running
    minimum over the distances less the way so far.
    """
    distances = np.full((len(points), *lightness.shape), 1e9)
    for index, (y, x) in enumerate(points):
        distances[index, y, x] = 0
    weight = _ROUGH / (_ROUGH + _texture(lightness))
    step = _CROSSING / max(lightness.shape)
    along = weight[:, 1:] * np.abs(np.diff(lightness, axis=1)) + step
    way = np.concatenate([np.zeros((len(lightness), 1)), np.cumsum(along, axis=1)], axis=1)
    for _ in range(_SWEEPS):
        before = distances.copy()
        for order in (1, -1):
            _sweep(distances[:, ::order], lightness[::order], weight[::order], way[::order], step)
        if np.abs(before - distances).max() < _EXACT:
            break
    return distances


def _sweep(
    distances: NDArray[Any], lightness: NDArray[Any], weight: NDArray[Any], way: NDArray[Any], step: float
) -> None:
    """Lower the distances of each row by ways from the row above it and along it, from the first row to the last."""
    for y in range(len(lightness)):
        row = distances[:, y]
        if y:
            above = distances[:, y - 1]
            change = weight[y] * np.abs(lightness[y] - lightness[y - 1]) + step
            np.minimum(row, above + change, out=row)
            for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
                change = weight[y, here] * np.abs(lightness[y, here] - lightness[y - 1, there]) + step * math.sqrt(2)
                np.minimum(row[:, here], above[:, there] + change, out=row[:, here])
        np.minimum(row, np.minimum.accumulate(row - way[y], axis=1) + way[y], out=row)
        np.minimum(row, np.minimum.accumulate((row + way[y])[:, ::-1], axis=1)[:, ::-1] - way[y], out=row)


def _texture(lightness: NDArray[Any]) -> NDArray[Any]:
    """Return the median change between neighbours around each pixel: texture changes all over, an edge along a line."""
    changes = np.zeros_like(lightness)
    changes[:, 1:] = np.abs(np.diff(lightness, axis=1))
    changes[1:] = np.maximum(changes[1:], np.abs(np.diff(lightness, axis=0)))
    padded = np.pad(changes, _WINDOW // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_WINDOW, _WINDOW))
    median: NDArray[Any] = np.median(windows, axis=(2, 3))
    return median
