"""Damage of photographs and films: dust, hair, scratches, stains, and shapes of a user's folder."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from colorzoo.errors import DataError
from colorzoo.io.find import image_names
from colorzoo.noise.degradations import Degradation, Degraded
from colorzoo.noise.photographic import blur, smooth_noise
from colorzoo.noise.strokes import Canvas, draw_blob, draw_path, draw_place, split_path, vary_width
from colorzoo.noise.synthesis import Level, as_range

_VISIBLE = 0.2
"""Where damage covers as much of a pixel, it counts."""
_AREA = 256 * 256


@dataclass(frozen=True, kw_only=True)
class Damage(Degradation):
    """Shapes that hide the image. A subclass draws them.

    Args:
        count: Shapes on 256x256 pixels, in proportion to the image's area; of stains, folds and the like: in all.
        width: In pixels: of lines their width, else the diameter.
        light_share: Share of the images whose shapes are light, down to white; of the others they are dark.
        opacity: How much of the image they hide.
        softness: Standard deviation of the blur of their edges, in pixels.
        flaking: 0: shapes are whole; 1: worn off in many places.
    """

    count: Level
    width: Level
    light_share: float = 0.7
    opacity: Level = (0.6, 1.0)
    softness: Level = (0.2, 0.6)
    flaking: Level = (0.0, 0.3)

    by_area: ClassVar[bool] = True
    tint: ClassVar[float] = 0.15
    """How far the shapes may be from white, or black, towards yellow and brown."""
    shadow: ClassVar[float] = 0.0
    """How dark it is beside light shapes that stand out, and how light beside dark ones."""
    grain: ClassVar[float] = 1.0
    """Size of what is worn off, in pixels."""
    limits: ClassVar = {
        "count": (0.0, 10000.0),
        "width": (0.1, 1000.0),
        "light_share": (0.0, 1.0),
        "opacity": (0.0, 1.0),
        "softness": (0.0, 50.0),
        "flaking": (0.0, 1.0),
    }

    def apply(self, images: Degraded, random: torch.Generator) -> Degraded:
        numbers = np.random.default_rng(int(torch.randint(1 << 62, (), generator=random)))
        height, width = images.noisy.shape[-2:]
        canvas = Canvas(height, width)
        wanted = self.draw("count", random) * (height * width / _AREA if self.by_area else 1)
        for _ in range(numbers.poisson(wanted) if self.by_area else round(wanted)):
            self.add_one(canvas, numbers)
        cover = self._worn(blur(canvas.coverage(), self.draw("softness", random)), random)
        cover = (self.draw("opacity", random) * cover).clamp(0, 1)
        light = float(torch.rand((), generator=random)) < self.light_share
        tints = torch.rand(len(images.noisy), 1, 1, generator=random).sort(dim=0, descending=not light).values
        tone = self.tint * torch.rand((), generator=random) * tints
        beside = cover.roll(numbers.integers(-2, 3, 2).tolist(), dims=(1, 2)) - cover
        noisy = torch.lerp(images.noisy, tone if light else 1 - tone, self.shadow * beside.clamp(min=0))
        noisy = torch.lerp(noisy, 1 - tone if light else tone, cover)
        return images._replace(noisy=noisy, mask=torch.maximum(images.mask, (cover > _VISIBLE).float()))

    @abstractmethod
    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        """Draw one shape."""

    def _worn(self, cover: Tensor, random: torch.Generator) -> Tensor:
        flaking = self.draw("flaking", random)
        worn = smooth_noise(cover.shape, self.grain, random)
        return cover * (1 - flaking * (1 + worn).clamp(0, 1.5))

    def draw_width(self, random: np.random.Generator) -> float:
        """Draw a width: small ones are more frequent."""
        return _between(self.width, random.beta(1, 2))


@dataclass(frozen=True, kw_only=True)
class Dust(Damage):
    """Specks, most of them of one or two pixels, in swarms.

    Args:
        swarm: Specks of one swarm, on average.
    """

    count: Level = (2, 25)
    width: Level = (0.8, 6.0)
    swarm: float = 2.0
    limits: ClassVar = Damage.limits | {"swarm": (1.0, 1000.0)}

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        center = middle = draw_place(canvas, random)
        for _ in range(1 + random.poisson(self.swarm - 1)):
            canvas.add_blob(draw_blob(center, self.draw_width(random) / 2, 0.25, random))
            center = middle + 12 * random.standard_t(2, 2)


@dataclass(frozen=True, kw_only=True)
class Hair(Damage):
    """Hairs and lint: bent lines; short, wide and much bent ones are lint.

    Args:
        length: In pixels.
        curl: How much they bend, in radians over ten pixels.
    """

    count: Level = (0.5, 6)
    width: Level = (0.6, 2.5)
    length: Level = (6, 90)
    curl: Level = (0.1, 0.8)
    limits: ClassVar = Damage.limits | {"length": (1.0, 10000.0), "curl": (0.0, 10.0)}

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        length = _between(self.length, random.beta(1, 1.5))
        curl = random.uniform(*as_range(self.curl))
        path = draw_path(draw_place(canvas, random), random.uniform(0, 2 * math.pi), length, curl, 0.1, random)
        canvas.add_stroke(path, vary_width(self.draw_width(random), len(path), 0.15, random))


@dataclass(frozen=True, kw_only=True)
class Scratches(Damage):
    """Straight thin lines, interrupted, in groups of nearly one direction.

    Args:
        length: In pixels.
        vertical_share: Share of the groups that run upright, as those of films do.
        gaps: Which share of a scratch is missing.
    """

    count: Level = (0.5, 4)
    width: Level = (0.4, 1.6)
    length: Level = (10, 250)
    vertical_share: float = 0.3
    gaps: Level = (0.05, 0.6)
    limits: ClassVar = Damage.limits | {"length": (1.0, 10000.0), "vertical_share": (0.0, 1.0), "gaps": (0.0, 0.95)}

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        gaps = random.uniform(*as_range(self.gaps))
        upright = random.random() < self.vertical_share
        heading = math.pi / 2 if upright else random.uniform(0, 2 * math.pi)
        middle = draw_place(canvas, random)
        for _ in range(1 + random.poisson(0.7)):
            length = _between(self.length, random.random())
            turned = heading + random.normal(0, 0.01 if upright else 0.08)
            path = draw_path(middle + random.normal(0, 6, 2), turned, length, 0.02, 0.02, random)
            width = self.draw_width(random)
            for part in split_path(path, gaps, random):
                canvas.add_stroke(part, vary_width(width, len(part), 0.2, random))


@dataclass(frozen=True, kw_only=True)
class Stains(Damage):
    """Spots of a liquid or of mould: large, half transparent, with a rim.

    Args:
        rim: How much stronger the rim is than the inside.
    """

    count: Level = (1, 3)
    width: Level = (15, 120)
    light_share: float = 0.4
    opacity: Level = (0.25, 0.8)
    softness: Level = (0.7, 3.0)
    flaking: Level = (0.0, 0.4)
    rim: Level = (0.0, 0.6)
    by_area: ClassVar = False
    tint: ClassVar = 0.6
    grain: ClassVar = 5.0
    limits: ClassVar = Damage.limits | {"rim": (0.0, 1.0)}

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        center = draw_place(canvas, random)
        radius = self.draw_width(random) / 2
        for _ in range(1 + random.poisson(2)):
            canvas.add_blob(draw_blob(center + random.normal(0, radius / 2, 2), radius, 0.12, random))

    def _worn(self, cover: Tensor, random: torch.Generator) -> Tensor:
        rim = self.draw("rim", random)
        inside = blur(cover, 3.0)
        return super()._worn(cover * (1 - rim * inside.clamp(0, 1) ** 2), random)


@dataclass(frozen=True, kw_only=True)
class Shapes(Damage):
    """Real shapes: light on black, from images of a folder, turned and mirrored at random.

    Args:
        folder: The images, at any depth.
        pattern: Which of their names, such as ``"hair_*"``.
        width: Edge of an image on the canvas, in pixels.
    """

    folder: str
    pattern: str = "*"
    count: Level = (1, 8)
    width: Level = (20, 200)

    def add_one(self, canvas: Canvas, random: np.random.Generator) -> None:
        paths = _shape_files(self.folder, self.pattern)
        shape = _read_shape(paths[random.integers(len(paths))]).rotate(random.uniform(0, 360), expand=True)
        if random.random() < 0.5:
            shape = shape.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
        share = self.draw_width(random) / max(shape.size)
        shape = shape.resize([max(1, round(share * edge)) for edge in shape.size], reducing_gap=2.0)
        left, top = draw_place(canvas, random) - np.array(shape.size) / 2
        canvas.add_shape(shape, left, top)


def _between(level: Level, share: float) -> float:
    """Return what lies at a share of the way through a range, by factors: sizes are alike if their ratio is."""
    low, high = as_range(level)
    return float(low * (high / low) ** share)


@cache
def _shape_files(folder: str, pattern: str) -> list[Path]:
    paths = [Path(folder) / name for name in sorted(image_names(Path(folder))) if Path(name).match(pattern)]
    if not paths:
        raise DataError(f"no shapes {pattern} in {folder}; correct the folder or the pattern")
    return paths


@cache
def _read_shape(path: Path) -> PIL.Image.Image:
    with PIL.Image.open(path) as image:
        return image.convert("L")
