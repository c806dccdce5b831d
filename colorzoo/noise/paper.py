"""Damage of paper and emulsion: folds, cracks, worn edges."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from colorzoo.noise.damage import Damage
from colorzoo.noise.strokes import Canvas, Points, draw_blob, draw_path, draw_place, vary_width
from colorzoo.noise.synthesis import Level, as_range


@dataclass(frozen=True, kw_only=True)
class Folds(Damage):
    """Folds from edge to edge: nearly straight, broken open, of ragged edges.

    Args:
        jag: How much they zigzag, in radians.
        branches: Smaller cracks that leave a fold, on average.
    """

    count: Level = (1, 2)
    width: Level = (0.8, 7.0)
    light_share: float = 0.9
    flaking: Level = (0.2, 0.8)
    jag: Level = (0.1, 0.5)
    branches: Level = (0, 4)
    by_area: ClassVar = False
    shadow: ClassVar[float] = 0.4
    limits: ClassVar = Damage.limits | {"jag": (0.0, 3.0), "branches": (0.0, 100.0)}

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        jag, branches = random.uniform(*as_range(self.jag)), random.uniform(*as_range(self.branches))
        reach = math.hypot(canvas.height, canvas.width)
        heading = random.uniform(0, 2 * math.pi)
        start = draw_place(canvas, random) - reach * np.array([math.cos(heading), math.sin(heading)])
        width = self.draw_width(random)
        path = draw_path(start, heading, 2 * reach, 0.03, jag, random)
        canvas.add_stroke(path, vary_width(width, len(path), 0.35, random))
        inside = [place for place in path if 0 <= place[0] < canvas.width and 0 <= place[1] < canvas.height]
        for _ in range(random.poisson(branches) if inside else 0):
            place = inside[random.integers(len(inside))]
            self.add_branch(canvas, place, heading, reach, 0.6 * width, random)

    def add_branch(
        self, canvas: Canvas, place: Points, heading: float, reach: float, width: float, random: np.random.Generator
    ) -> None:
        """Draw a crack that leaves a line, and ends in a point."""
        turned = heading + random.choice([-1, 1]) * random.uniform(0.4, 1.4)
        path = draw_path(place, turned, reach * random.uniform(0.03, 0.3), 0.4, 0.4, random)
        tapered = np.linspace(1, 0.3, len(path))
        canvas.add_stroke(path, tapered * vary_width(width, len(path), 0.3, random))


@dataclass(frozen=True, kw_only=True)
class Cracks(Folds):
    """Cracks of the emulsion: crooked, of changing width, branched, ending anywhere, with chips broken off beside them.

    Args:
        length: As a share of the image's diagonal.
    """

    count: Level = (1, 4)
    width: Level = (0.5, 3.0)
    flaking: Level = (0.0, 0.5)
    length: Level = (0.05, 0.5)
    limits: ClassVar = Folds.limits | {"length": (0.001, 3.0)}

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        jag, branches = random.uniform(*as_range(self.jag)), random.uniform(*as_range(self.branches))
        reach = math.hypot(canvas.height, canvas.width)
        heading, width = random.uniform(0, 2 * math.pi), self.draw_width(random)
        length = random.uniform(*as_range(self.length)) * reach
        path = draw_path(draw_place(canvas, random), heading, length, 0.35, jag, random)
        ends = np.minimum(1, np.minimum(np.arange(len(path)), np.arange(len(path))[::-1]) / 4 + 0.3)
        canvas.add_stroke(path, ends * vary_width(width, len(path), 0.45, random))
        for _ in range(random.poisson(branches)):
            place = path[random.integers(len(path))]
            self.add_branch(canvas, place, heading, length, 0.6 * width, random)
            chip = draw_blob(place + random.normal(0, width, 2), random.uniform(0.5, 1.5) * width, 0.3, random)
            canvas.add_blob(chip)


@dataclass(frozen=True, kw_only=True)
class WornEdges(Damage):
    """Sides of the image where paper or emulsion has come off, in shreds."""

    count: Level = (1, 4)
    width: Level = (2.0, 10.0)
    light_share: float = 0.8
    flaking: Level = (0.0, 0.2)
    by_area: ClassVar = False
    shadow: ClassVar = 0.4

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        ends = np.array([[0, 0], [canvas.width, 0], [canvas.width, canvas.height], [0, canvas.height]], dtype=float)
        side = random.integers(4)
        start, along = ends[side], ends[(side + 1) % 4] - ends[side]
        points = max(5, round(np.hypot(*along) / 2))
        outside = start + np.linspace(0, 1, points)[:, None] * along
        tears = np.where(random.random(points) < 0.02, random.uniform(3, 15, points), 1.0)
        ragged = np.convolve(tears, [0.1, 0.25, 0.3, 0.25, 0.1], mode="same")
        depth = ragged * vary_width(self.draw_width(random) / 2, points, 0.5, random)
        inward = np.array([-along[1], along[0]]) / np.hypot(*along)
        canvas.add_blob(np.concatenate([outside, (outside + depth[:, None] * inward)[::-1]]))
