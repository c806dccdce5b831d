"""The option --variants: a file for each way to colour an image, and all of them on one sheet."""

import argparse
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

import PIL.Image
import PIL.ImageDraw

from colorzoo.base.colorizer import Colorizer
from colorzoo.cli.batch import ImageFiles, Pair
from colorzoo.cli.if_color import Transform
from colorzoo.cli.paths import output_exists_error
from colorzoo.errors import UsageError
from colorzoo.inference.color_variants import check_count
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import RasterFile

_SIDE = 640
"""Longest side of an image on the sheet, in pixels."""
_GAP = 8


def check_variants(args: argparse.Namespace) -> None:
    """Refuse a count that is out of its range, and options that are for one result.

    Raises:
        UsageError: If there is no such count, or another option does not go with it.
    """
    try:
        check_count(args.variants)
    except ValueError as error:
        raise UsageError(f"--variants: {error}") from error
    for option, given in {"--report": args.report is not None, "--all-pages": args.all_pages}.items():
        if given and args.variants > 1:
            raise UsageError(f"{option} is for one result of an image; leave out it or --variants")


def plan_variants(
    pairs: Sequence[Pair], colorizer: Colorizer, others: Sequence[Transform], args: argparse.Namespace
) -> tuple[list[Pair], Callable[..., ImageFiles]]:
    """Return the pairs with sheets for targets, such as photo.sheet.jpg, and what makes the files of a run.

    Args:
        pairs: Source and target of each image.
        colorizer: The model.
        others: What makes the second variant and those after it.
        args: The options of the command.

    Raises:
        UsageError: If the model has no variants.
    """
    if not colorizer.predicts_distribution():
        raise UsageError(f"{args.model} knows one colour for each place, so it has no variants; take photo_unet")
    sheets = [(source, target.with_name(f"{target.stem}.sheet{target.suffix}")) for source, target in pairs]
    return sheets, partial(VariantFiles, others=others, skip_existing=args.skip_existing)


@dataclass(frozen=True)
class VariantFiles(ImageFiles):
    """Writes the variants of an image, and at last the sheet, which is the target and stands for all.

    Args:
        others: What makes the second variant and those after it.
        skip_existing: Leave variants as they are that an interrupted run has written.
    """

    others: Sequence[Transform] = ()
    skip_existing: bool = False

    def outputs(self, target: Path) -> Sequence[Path]:
        stem = target.stem.removesuffix(".sheet")
        numbers = range(1, len(self.others) + 2)
        return [*(target.with_name(f"{stem}.{number}{target.suffix}") for number in numbers), target]

    @contextmanager
    def claim(self, target: Path) -> Iterator[None]:
        with super().claim(target):
            existing = [path for path in self.outputs(target) if os.path.lexists(path)]
            if existing and not (self.overwrite or self.skip_existing):
                raise output_exists_error(existing[0])
            yield

    def read(self, file: RasterFile) -> Iterator[RasterImage]:
        return repeat(file.read(), len(self.others) + 1)

    def _transform_others(self, pages: Iterator[RasterImage]) -> Iterator[RasterImage]:
        for transform, image in zip(self.others, pages, strict=True):
            yield transform(image)[0] or image

    def write(self, pages: Iterator[RasterImage], target: Path) -> None:
        *variants, sheet = self.outputs(target)
        shown = []
        for path, image in zip(variants, pages, strict=True):
            shown.append(_small(image))
            if self.overwrite or not path.exists():
                super().write(iter([image]), path)
        super().write(iter([RasterImage.of(contact_sheet(shown))]), sheet)


def contact_sheet(images: Sequence[PIL.Image.Image]) -> PIL.Image.Image:
    """Lay images of one size out in rows, on white, each with its number.

    Args:
        images: In RGB or RGBA.

    Example:
        >>> contact_sheet([PIL.Image.new("RGB", (60, 40))] * 3).size
        (144, 104)
    """
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    width, height = (length + _GAP for length in images[0].size)
    sheet = PIL.Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    draw = PIL.ImageDraw.Draw(sheet)
    for place, image in enumerate(images):
        x, y = place % columns * width + _GAP, place // columns * height + _GAP
        sheet.paste(image, (x, y), image if image.mode == "RGBA" else None)
        draw.text((x + _GAP, y + _GAP), str(place + 1), "white", font_size=24, stroke_width=2, stroke_fill="black")
    return sheet


def _small(image: RasterImage) -> PIL.Image.Image:
    picture = image.to_pil()
    picture.thumbnail((_SIDE, _SIDE))
    return picture
