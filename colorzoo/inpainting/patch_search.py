"""Search for the windows of an image that are most similar to a given one: the inner loop of inpainting."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

_TOLERANCE = 0.1
_SLACK = 1e-9
"""More than the rounding errors of the FFTs; windows this close to the tolerance are compared exactly."""
_CHUNK = 1 << 18
"""Values that the exact comparison takes at a time."""


class PatchIndex:
    """Index of the square windows of an image that contain no hole.

    Comparing a window T with all of them, S, is a correlation: sum w (S - T)^2 = sum w S^2 - 2 sum w T S + sum w T^2.
    FFTs do it for all windows at once, in memory for a few images, and in a time that does not depend on the window's
    size. Which windows are chosen is decided by the sum on the left, taken for the few that come into question.
    Windows that are equal, as there are many in flat parts, are compared once.

    Args:
        picture: ``(H, W, C)``, values in [0, 1].
        hole: ``(H, W)``, True where nothing is known.
        size: Side of the windows, in pixels.

    Raises:
        ValueError: If there is no such window; the message names the largest size for which there is one.
    """

    def __init__(self, picture: FloatArray, hole: BoolArray, size: int) -> None:
        corners = _corners(hole, size)
        if not corners.any():
            raise ValueError(_no_window_message(hole, size))
        rows, columns = np.nonzero(corners)
        self._centres: IndexArray = (rows + size // 2) * hole.shape[1] + columns + size // 2
        _, first, self._kinds = np.unique(_fingerprints(picture, size)[corners], return_index=True, return_inverse=True)
        # From here on there is one window of each kind.
        self._rows, self._columns = rows[first], columns[first]
        self._windows = sliding_window_view(picture, (size, size), axis=(0, 1))
        self._shape = _fast_length(hole.shape[0]), _fast_length(hole.shape[1])
        planes = np.concatenate([(picture**2).sum(2, keepdims=True), -2 * picture], axis=2)
        self._spectra = np.fft.rfft2(planes.transpose(2, 0, 1), s=self._shape)

    def nearest(self, template: FloatArray, weight: FloatArray) -> tuple[IndexArray, FloatArray]:
        """Find the windows whose error is at most 1.1 times that of the best.

        Args:
            template: What to compare with, values in [0, 1].
            weight: How much its pixels count, 0 where they are not known; not 0 everywhere.

        Shape:
            ``(size, size, C)`` and ``(size, size)`` -> ``(N,)`` and ``(N,)``.

        Returns:
            The windows' centre pixels as indices of the flattened image, ascending, and their errors: squared
            differences, averaged over channels and, with the weights, over pixels.
        """
        template = template.transpose(2, 0, 1)
        weight = weight / (weight.sum() * len(template))
        weighted = weight * template
        kernels = np.fft.rfft2(np.concatenate([weight[None], weighted]), s=self._shape)
        correlation = np.fft.irfft2((self._spectra * kernels.conj()).sum(0), s=self._shape)
        errors = correlation[self._rows, self._columns] + (weighted * template).sum()
        near = np.flatnonzero(errors <= (errors.min() + _SLACK) * (1 + _TOLERANCE) + _SLACK)
        exact = np.full(len(errors), np.inf)
        some = max(1, _CHUNK // template.size)
        for few in (near[start : start + some] for start in range(0, len(near), some)):
            squares = (self._windows[self._rows[few], self._columns[few]] - template) ** 2
            exact[few] = (squares * weight).sum((1, 2, 3))
        chosen = np.flatnonzero((exact <= exact.min() * (1 + _TOLERANCE))[self._kinds])
        return self._centres[chosen], exact[self._kinds[chosen]]


def _corners(hole: BoolArray, size: int) -> BoolArray:
    """Return True for the upper left corner of each window without a hole in it; no rows where no window fits."""
    if min(hole.shape) < size:
        return np.zeros((0, 0), dtype=np.bool_)
    rows = sliding_window_view(hole, size, axis=0).any(-1)
    return np.asarray(~sliding_window_view(rows, size, axis=1).any(-1))


def _no_window_message(hole: BoolArray, size: int) -> str:
    smaller = next((side for side in range(size - 2, 1, -2) if _corners(hole, side).any()), None)
    cure = "too little of it is known" if smaller is None else f"use a smaller window, at most {smaller}"
    return f"no window of {size}x{size} pixels lies in the image and is wholly known; {cure}"


def _fingerprints(picture: FloatArray, size: int) -> NDArray[np.uint64]:
    """Return a number for each window, the same for equal ones; of different ones, two in 2^60 share theirs."""
    height, width, channels = picture.shape
    factors = np.random.default_rng(0).integers(1 << 63, size=2 * size + channels, dtype=np.uint64) * 2 + 1
    ranks = np.unique(picture, return_inverse=True)[1].reshape(height, width, channels).astype(np.uint64)
    rows = sliding_window_view(ranks @ factors[2 * size :], size, axis=0) @ factors[:size]
    return np.asarray(sliding_window_view(rows, size, axis=1) @ factors[size : 2 * size])


def _fast_length(length: int) -> int:
    """Return the next number without prime factors above 5, for which FFTs are fast."""
    rest = length
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    return length if rest == 1 else _fast_length(length + 1)
