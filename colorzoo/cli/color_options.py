"""What `colorzoo colorize` is told of the colours: options, and what they come to."""

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorzoo.errors import OutputExistsError, UsageError

if TYPE_CHECKING:
    from colorzoo.base.colorizer import Colorizer
    from colorzoo.io.raster import RasterImage


def add_color_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
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
        help="the colour at a point of the picture, in pixels from its upper left corner; may be given again",
    )
    parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="fade colours of which the model is less sure than this, from 0 to 1 (default: 0)",
    )
    parser.add_argument(
        "--confidence-map", type=Path, metavar="FILE", help="also write how sure the model is: white where it is"
    )


def adjustments_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options as arguments of `Colorizer.colorize`.

    Raises:
        UsageError: If one makes no sense, whatever the picture and the model.
    """
    from colorzoo.inference.color_adjustments import ColorAdjustments

    control = {
        "saturation": args.saturation,
        "hints": [_hint(given) for given in args.hint],
        "min_confidence": args.min_confidence,
    }
    try:
        ColorAdjustments(**control)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return control


def check_confidence_map(args: argparse.Namespace) -> None:
    """Refuse a file for the map of several pictures, one that is in the way, and one of no known format.

    Raises:
        UsageError: If there are several pictures, or the suffix names no format.
        OutputExistsError: If the file exists.
    """
    from colorzoo.io.atomic import format_of

    if len(args.inputs) != 1 or args.inputs[0].is_dir() or args.all_frames:
        raise UsageError("--confidence-map is a file for one picture; colour them one by one")
    if args.confidence_map.resolve() in {path.resolve() for path in (*args.inputs, args.output) if path is not None}:
        raise UsageError(f"--confidence-map {args.confidence_map} is the picture itself; give another name")
    try:
        format_of(args.confidence_map)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if args.confidence_map.exists() and not args.overwrite:
        raise OutputExistsError(f"{args.confidence_map} exists; choose another name, or add --overwrite")


def describe_options(args: argparse.Namespace) -> list[str]:
    """Say in words what was asked for beyond the model's own colours."""
    asked = [f"saturation {args.saturation:g}"] if args.saturation != 1 else []
    asked += [f"hint {hint}" for hint in args.hint]
    return asked + ([f"min confidence {args.min_confidence:g}"] if args.min_confidence else [])


def colorize_with_options(colorizer: "Colorizer", scan: "RasterImage", args: argparse.Namespace) -> "RasterImage":
    """Colour a picture as the options say, and write the map if there is to be one."""
    from colorzoo.io.pil_file import write_image

    coloured = colorizer.colorize(scan, args.working_size, **args.control)
    if args.confidence_map is not None:
        write_image(colorizer.confidence(scan, args.working_size), args.confidence_map, args.overwrite)
    return coloured


def _hint(given: str) -> tuple[tuple[float, float], str]:
    found = re.fullmatch(r"([^,=]+),([^,=]+)=(.*)", given)
    try:
        if found is None:
            raise ValueError
        point = float(found[1]), float(found[2])
        if not all(map(math.isfinite, point)):
            raise ValueError
    except ValueError as error:
        raise UsageError(f"--hint is {given}; give X,Y=#RRGGBB, such as 120,80=#b03a2e") from error
    return point, found[3]
