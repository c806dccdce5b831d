"""Inpainting by texture synthesis, without a model: holes are filled pixel by pixel with copies of known pixels.

Efros and Leung (1999): the known pixels around the one to fill are compared with every window of the image that has
no hole. The comparison is a correlation, computed with FFTs.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import PIL.Image
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from colorzoo.inpainting.mask import as_hole
from colorzoo.inpainting.patch_search import BoolArray, FloatArray, IndexArray, PatchIndex
from colorzoo.io.convert import Array, Image, Kind, Picture, to_batch
from colorzoo.io.pil_file import read_image
from colorzoo.io.raster import RasterImage

Progress = Callable[[int, int], object]
"""Is called with the number of pixels filled so far, and of all that are to be filled."""

# The constants of the authors' pseudo-code; its errors are weighted means of squares of differences in [0, 1].
_WINDOW_PER_SIGMA = 6.4
_FIRST_LIMIT = 0.3
_RAISE = 1.1

_REACH = 256
"""Pixels around the holes' bounding box that are searched: a hole in a large photograph need not wait for all of it."""


@overload
def inpaint(
    image: Picture, mask: Image, window: int = 15, seed: int = 0, progress: Progress | None = None
) -> PIL.Image.Image: ...
@overload
def inpaint(image: Kind, mask: Image, window: int = 15, seed: int = 0, progress: Progress | None = None) -> Kind: ...
def inpaint(
    image: Image, mask: Image, window: int = 15, seed: int = 0, progress: Progress | None = None
) -> PIL.Image.Image | Array | Tensor | RasterImage:
    """Fill the holes of an image by non-parametric sampling; the result is of the kind that was given.

    Efros and Leung, "Texture Synthesis by Non-parametric Sampling", ICCV 1999. Each pixel is a copy of a known one,
    all its channels (alpha, palette index) included; all pixels outside the hole stay as they are. What is copied
    lies in the holes' bounding box or within 256 pixels (if the window is larger: within a window) of it. Memory grows
    with that region, by up to 180 bytes a pixel and image; time with it and with the number of pixels in the hole.

    Args:
        image: A path, a PIL image, an array ``(H, W)`` or ``(H, W, 1 or 3)``, or a tensor ``(B, 1 or 3, H, W)`` in
            [0, 1]. Images of a batch are filled one by one, each as it would be alone.
        mask: A path, a PIL image, or an array or tensor ``(H, W)``. White is hole, and so is True: at least half of the
            range, or the brighter of two levels where there are but two. On a layer that is transparent elsewhere, what
            is painted is hole, in whatever colour. One for all images of a batch.
        window: Side, in pixels, of the surroundings that are compared; odd, at least 3. It should hold the largest
            regular feature of the texture.
        seed: Equal seeds give equal images.
        progress: Called after each pixel, with the number of pixels filled and of all to fill.

    Returns:
        A PIL image of the same mode for a path or PIL image, an array or tensor like the one given.

    Raises:
        UnreadableImageError: If a path is missing or no image.
        ValueError: If shape or values make no sense, the mask has another size, marks nothing or everything, or nowhere
            a whole window is known; the message names the largest window that is.
        TypeError: If the kind of image or mask is unknown.

    Example:
        >>> import colorzoo, numpy as np
        >>> stripes = np.tile(np.array([0, 0, 255, 255], np.uint8), (16, 4))
        >>> hole = np.zeros((16, 16), bool)
        >>> hole[5:9, 6:11] = True
        >>> bool((colorzoo.inpaint(np.where(hole, 77, stripes), hole, window=5) == stripes).all())
        True
    """
    filling = Inpainting(image, mask, window, seed)
    for filled in filling:
        if progress is not None:
            progress(filled, filling.total)
    result: PIL.Image.Image | Array | Tensor | RasterImage = filling.picture()
    return result


class Inpainting:
    """The work of `inpaint` as an iterator, a pixel at a time; it can be stopped, looked at and continued.

    Args:
        image: As for `inpaint`.
        mask: As for `inpaint`.
        window: As for `inpaint`.
        seed: As for `inpaint`.

    Raises:
        ValueError: As `inpaint`.

    Example:
        >>> hole = np.zeros((16, 16), bool)
        >>> hole[4:6, 4:6] = True
        >>> filling = Inpainting(np.zeros((16, 16)), hole, window=3)
        >>> next(filling), next(filling), filling.total
        (1, 2, 4)
    """

    def __init__(self, image: Image, mask: Image, window: int = 15, seed: int = 0) -> None:
        if window < 3 or window % 2 == 0:
            raise ValueError(f"window is {window}; give an odd number of pixels, at least 3")
        self._image = read_image(image) if isinstance(image, str | Path) else image
        pictures = to_batch(self._image).detach().cpu().double().permute(0, 2, 3, 1).numpy()
        count, height, width, _ = pictures.shape
        hole = as_hole(mask, height, width)
        self.total = count * int(hole.sum())
        region = tuple(_extent(np.asarray(hole.any(axis)), max(_REACH, window)) for axis in (1, 0))
        self._places = np.arange(height * width).reshape(height, width)[region].ravel()
        self._syntheses = [_PatchSynthesis(picture[region], hole[region], window, seed) for picture in pictures]

    @property
    def filled(self) -> int:
        """How many pixels are filled, of `total`."""
        return sum(len(synthesis.sources) for synthesis in self._syntheses)

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        """Fill a pixel, and return how many are filled."""
        if self.filled == self.total:
            raise StopIteration
        self._syntheses[self.filled * len(self._syntheses) // self.total].step()
        return self.filled

    def picture(self) -> Any:
        """Return the image as far as it is filled; the rest of the hole is as it was.

        Returns:
            A PIL image for a path or PIL image, else an array, a tensor or a scan: as the one given, hence untyped.
        """
        if isinstance(self._image, Tensor):
            count, channels, height, width = self._image.shape
            origins = torch.arange(height * width).repeat(count, 1)
            for own, synthesis in zip(origins.numpy(), self._syntheses, strict=True):
                targets, sources = self._copies(synthesis)
                own[targets] = sources
            origins = origins.to(self._image.device)[:, None].expand(-1, channels, -1)
            return self._image.flatten(2).gather(2, origins).view(self._image.shape)
        if isinstance(self._image, np.ndarray):
            return self._filled(self._image)
        if isinstance(self._image, RasterImage):
            alpha = self._image.alpha
            return replace(
                self._image,
                levels=self._filled(self._image.levels),
                alpha=None if alpha is None else self._filled(alpha),
            )
        image = self._image.copy()
        access: Any = image.load()
        for synthesis in self._syntheses:
            for target, source in zip(*self._copies(synthesis), strict=True):
                row, column = divmod(int(target), image.width)
                from_row, from_column = divmod(int(source), image.width)
                access[column, row] = access[from_column, from_row]
        return image

    def _filled(self, array: Array) -> Array:
        pixels = array.reshape(-1, *array.shape[2:]).copy()
        for synthesis in self._syntheses:
            targets, sources = self._copies(synthesis)
            pixels[targets] = pixels[sources]
        return pixels.reshape(array.shape)

    def _copies(self, synthesis: "_PatchSynthesis") -> tuple[IndexArray, IndexArray]:
        """Return where the filled pixels are in the flattened image, and where they were copied from."""
        return self._places[list(synthesis.sources.keys())], self._places[list(synthesis.sources.values())]


class _PatchSynthesis:
    """Fills the holes of one image inwards, in the order of the authors' pseudo-code."""

    def __init__(self, picture: FloatArray, hole: BoolArray, window: int, seed: int) -> None:
        self.sources: dict[int, int] = {}
        """The pixels filled so far, and which they are copies of; both as indices of the flattened image."""
        self._radius = window // 2
        margin = (self._radius, self._radius)
        picture = np.where(hole[..., None], 0, picture)
        self._hole = hole.copy()
        # Nothing is known beyond the border. With it, the window around (row, column) begins at (row, column).
        self._known = np.pad(~hole, margin)
        self._picture = np.pad(picture, (margin, margin, (0, 0)))
        self._patches = PatchIndex(picture, hole, window)
        gaussian = np.exp(-0.5 * (np.arange(-self._radius, self._radius + 1) * _WINDOW_PER_SIGMA / window) ** 2)
        self._kernel: FloatArray = np.outer(gaussian, gaussian)
        self._generator = np.random.default_rng(seed)
        self._limit = _FIRST_LIMIT
        self._queue: list[int] = []
        self._any_filled = True

    def step(self) -> None:
        """Fill one pixel; it leaves the queue only when filled, so that an interruption does no harm."""
        size, width = len(self._kernel), self._hole.shape[1]
        accepted = False
        while not accepted:
            if not self._queue:
                self._begin_pass()
            target = self._queue[-1]
            row, column = divmod(target, width)
            around = np.s_[row : row + size, column : column + size]
            centres, errors = self._patches.nearest(self._picture[around], self._kernel * self._known[around])
            pick = self._generator.integers(len(centres))
            accepted = bool(errors[pick] < self._limit)
            if accepted:
                self._copy(int(centres[pick]), target)
            self._queue.pop()

    def _copy(self, source: int, target: int) -> None:
        (row, column), (from_row, from_column) = (divmod(index, self._hole.shape[1]) for index in (target, source))
        radius = self._radius
        self._picture[row + radius, column + radius] = self._picture[from_row + radius, from_column + radius]
        self._known[row + radius, column + radius] = True
        self._hole[row, column] = False
        self._any_filled = True
        self.sources[target] = source

    def _begin_pass(self) -> None:
        """List the hole's pixels that have known neighbours, those with most of them last, equals in random order."""
        if not self._any_filled:
            self._limit *= _RAISE
            self._any_filled = True
        known = np.pad(~self._hole, 1)
        neighbours = sliding_window_view(known, (3, 3)).sum((2, 3)).ravel()
        edge = self._generator.permutation(np.flatnonzero(self._hole.ravel() & (neighbours > 0)))
        self._queue = edge[np.argsort(-neighbours[edge], kind="stable")][::-1].tolist()
        self._any_filled = False


def _extent(occupied: BoolArray, reach: int) -> slice:
    """Return the range from the first to the last True, and as far beyond as reach and array allow."""
    first, last = np.flatnonzero(occupied)[[0, -1]]
    return slice(max(0, int(first) - reach), int(last) + 1 + reach)
