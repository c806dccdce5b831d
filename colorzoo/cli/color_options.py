"""The options of `colorzoo colorize` that say how to colour."""

import argparse
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorzoo.cli.arguments import path_argument
from colorzoo.errors import OutputExistsError, UsageError

if TYPE_CHECKING:
    from colorzoo.inference.color_adjustments import ColorAdjustments


def add_color_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--working-size", type=int, metavar="PIXELS", help="longer side that the network sees")
    parser.add_argument(
        "--saturation",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="strength of the colours: 0 is grey, 1 as the model has them, 4 the most (default: 1)",
    )
    parser.add_argument(
        "--hint",
        action="append",
        default=[],
        metavar="X,Y=#RRGGBB",
        help="the colour at a point of the image, in pixels from its upper left corner; may be given again",
    )
    parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="fade colours of which the model is less sure than this, from 0 to 1 (default: 0)",
    )
    parser.add_argument(
        "--like",
        type=path_argument,
        metavar="FILE",
        help="an image in colour: what looks alike is coloured alike, where the model is unsure",
    )
    parser.add_argument(
        "--variants",
        type=int,
        default=1,
        metavar="N",
        help="colour each image in so many plausible ways, up to 7: OUT.1.jpg, ..., and OUT.sheet.jpg (default: 1)",
    )
    parser.add_argument(
        "--confidence-map",
        type=path_argument,
        metavar="FILE",
        help="also write how sure the model is: white where it is",
    )


def parse_adjustments(args: argparse.Namespace) -> "ColorAdjustments":
    """Return the options as one object, but for --like, which needs the model.

    Raises:
        UsageError: If one makes no sense, whatever the image and the model.
    """
    from colorzoo.inference.color_adjustments import ColorAdjustments

    hints = [_parse_hint(text) for text in args.hint]
    try:
        return ColorAdjustments(args.working_size, args.saturation, hints, args.min_confidence)
    except ValueError as error:
        raise UsageError(str(error)) from error


def follow_reference(adjustments: "ColorAdjustments", colorizer: Any, path: Path) -> "ColorAdjustments":
    """Return the options with the image that --like names, which the model looks at once for all.

    Raises:
        UsageError: If it is not in colour.
        UnreadableImageError: If it is missing or no image.
        NoDistributionError: If the model follows no reference.
    """
    try:
        return replace(adjustments, like=colorizer.read_reference(path))
    except ValueError as error:
        raise UsageError(f"--like: {error}") from error


def check_confidence_map(args: argparse.Namespace) -> None:
    """Refuse a file for the map of several images, one that is in the way, and one of no known format.

    Raises:
        UsageError: If there are several images, or the suffix names no format.
        OutputExistsError: If the file exists.
    """
    from colorzoo.io.atomic import format_of

    if len(args.inputs) != 1 or args.inputs[0].is_dir() or args.all_pages:
        raise UsageError("--confidence-map is a file for one image; colour them one by one")
    if args.confidence_map.resolve() in {path.resolve() for path in (*args.inputs, args.output) if path is not None}:
        raise UsageError(f"--confidence-map {args.confidence_map} is the image itself; give another name")
    try:
        format_of(args.confidence_map)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if args.confidence_map.exists() and not args.overwrite:
        raise OutputExistsError(f"{args.confidence_map} exists; choose another name, or add --overwrite")


def _parse_hint(text: str) -> tuple[tuple[float, float], str]:
    found = re.fullmatch(r"([^,=]+),([^,=]+)=(.*)", text)
    try:
        if found is None:
            raise ValueError
        point = float(found[1]), float(found[2])
        if not all(map(math.isfinite, point)):
            raise ValueError
    except ValueError as error:
        raise UsageError(f"--hint is {text}; give X,Y=#RRGGBB, such as 120,80=#b03a2e") from error
    return point, found[3]
