"""Shapes of damage, drawn four times as large as they are so that their edges are smooth."""

import math
from collections.abc import Iterator

import numpy as np
import PIL.Image
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ImageChops, ImageDraw
from torch import Tensor

_SCALE = 4

Points = NDArray[np.float64]
"""Places (x, y) in pixels, ``(N, 2)``."""


class Canvas:
    """White shapes on black, of an image's size.

    Args:
        height: In pixels.
        width: In pixels.

    Example:
        >>> canvas = Canvas(8, 8)
        >>> canvas.add_stroke(np.array([[0.0, 4.0], [8.0, 4.0]]), widths=2.0)
        >>> round(float(canvas.coverage()[0, :, 4].sum()), 2)
        2.0
    """

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width
        self._image = PIL.Image.new("L", (_SCALE * width, _SCALE * height))
        self._draw = ImageDraw.Draw(self._image)

    def add_stroke(self, points: Points, widths: float | NDArray[np.float64]) -> None:
        """Draw a line through some points, of one width or one at each point, in pixels."""
        places = [tuple(place) for place in (_SCALE * points).tolist()]
        sizes = np.broadcast_to(_SCALE * np.asarray(widths, dtype=np.float64), len(points)).tolist()
        for start, end, size in zip(places, places[1:], sizes, strict=False):
            self._draw.line([start, end], 255, max(1, round(size)))
            if size > 2 * _SCALE:  # round joints, which thinner lines do not need
                self._draw.circle(end, size / 2, 255)

    def add_blob(self, corners: Points) -> None:
        """Fill a polygon."""
        self._draw.polygon([tuple(place) for place in (_SCALE * corners).tolist()], 255)

    def add_shape(self, shape: PIL.Image.Image, left: float, top: float) -> None:
        """Add a grey image, of which a pixel is as large as one of the canvas."""
        size = (_SCALE * shape.width, _SCALE * shape.height)
        at = (round(_SCALE * left), round(_SCALE * top))
        layer = PIL.Image.new("L", self._image.size)
        layer.paste(shape.resize(size, PIL.Image.Resampling.BILINEAR), at)
        self._image.paste(ImageChops.lighter(self._image, layer))

    def coverage(self) -> Tensor:
        """Return the share of each pixel that is covered, ``(1, height, width)``."""
        reduced = np.array(self._image.reduce(_SCALE), dtype=np.float32)
        return torch.from_numpy(reduced)[None] / 255


def draw_place(canvas: Canvas, random: Generator) -> Points:
    """Draw a place anywhere on a canvas, ``(2,)``."""
    return random.uniform((0, 0), (canvas.width, canvas.height))


def draw_path(start: Points, heading: float, length: float, curl: float, jag: float, random: Generator) -> Points:
    """Draw a crooked line, a point every two pixels.

    Args:
        start: Where it begins, ``(2,)``.
        heading: Direction at first, in radians.
        length: In pixels.
        curl: How much it bends, in radians over ten pixels.
        jag: How much it zigzags, in radians a point.
        random: Where the random numbers come from.
    """
    count = max(2, round(length / 2))
    bends = np.convolve(random.normal(0, curl / 5, count + 8), np.full(9, 1 / 3), mode="valid")
    headings = heading + np.cumsum(bends) + random.normal(0, jag, count)
    steps = 2 * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(steps, axis=0)])


def draw_blob(center: Points, radius: float, roughness: float, random: Generator) -> Points:
    """Return the corners of a roundish blob, ``(N, 2)``."""
    count = 10 + round(radius)
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    radii = radius * np.exp(random.normal(0, roughness, count))
    ratio, turn = random.uniform(0.4, 1.0), random.uniform(0, math.pi)
    ellipse = np.stack([radii * np.cos(angles), ratio * radii * np.sin(angles)], axis=1)
    rotation: Points = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return center + ellipse @ rotation


def vary_width(width: float, count: int, variation: float, random: Generator) -> NDArray[np.float64]:
    """Return the width at each of so many points along a line, smoothly varied by a factor."""
    smooth = np.convolve(random.normal(0, 1, count + 4), np.full(5, 5**-0.5), mode="valid")
    return width * np.exp(variation * smooth)


def split_path(points: Points, gaps: float, random: Generator) -> Iterator[Points]:
    """Interrupt a line, leaving out about a share of it."""
    place = 0
    while place < len(points) - 1:
        whole = 1 + int(random.exponential(12))
        part = points[place : place + whole + 1]
        if len(part) > 1:
            yield part
        place += whole + int(random.exponential(12 * gaps / (1 - gaps)))
