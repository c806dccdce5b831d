"""The commands that make a picture of each picture: colorize, denoise and restore, of files and whole folders.

Nothing heavy is imported before one of them runs, so that the command line starts at once.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from colorzoo.cli.color_options import (
    add_color_options,
    adjustments_of,
    check_confidence_map,
    colorize_with_options,
    describe_options,
)
from colorzoo.cli.video_options import add_video_options, split_images_and_videos
from colorzoo.errors import UsageError, describe_error

if TYPE_CHECKING:
    from colorzoo.cli.if_color import Transform
    from colorzoo.io.raster import RasterImage
    from colorzoo.noise.synthesis import NoiseKind

_SUFFIXES = {"colorize": "-color", "denoise": "-clean", "restore": "-restored"}
COLORIZER = "photo_unet"


def add_image_commands(commands: Any) -> None:
    """Add the commands to those of the parser."""
    colorize = _verb(commands, "colorize", "colour grey photographs, and videos")
    colorize.add_argument("-m", "--model", default=COLORIZER, metavar="NAME", help="a model, or a checkpoint's path")
    colorize.add_argument("--working-size", type=int, metavar="PIXELS", help="longer side that the network sees")
    add_color_options(colorize)
    add_video_options(colorize)
    _add_if_color(colorize)

    denoise = _verb(commands, "denoise", "take the noise out of photographs")
    _add_denoiser(denoise, "-m", "--model")
    _add_strength(denoise)

    restore = _verb(commands, "restore", "take the noise out of photographs, and colour them")
    _add_denoiser(restore, "--denoiser")
    colour = restore.add_mutually_exclusive_group()
    colour.add_argument("--colorizer", default=COLORIZER, metavar="NAME", help=f"likewise (default: {COLORIZER})")
    colour.add_argument("--no-color", action="store_true", help="leave the colours as they are")
    _add_strength(restore)
    _add_if_color(restore)


def _verb(commands: Any, verb: str, purpose: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(verb, help=purpose)
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="IN",
        help="picture files, folders of them, and patterns ('scans/**/*.tif')",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help=f"a file (with a suffix) for one file, else a folder (default: IN{_SUFFIXES[verb]})",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    existing.add_argument("--skip-existing", action="store_true", help="leave out pictures whose outputs exist")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write a page of HTML with each picture before and after"
    )
    parser.add_argument("--all-frames", action="store_true", help="do all pages of a file, not the first; writes TIFF")
    parser.add_argument("--max-megapixels", type=float, metavar="N", help="refuse larger pictures (default: 300)")
    parser.add_argument(
        "--no-provenance",
        dest="provenance",
        action="store_false",
        help="leave out of the metadata what was done (default: model, its SHA-256 and parameters, into the XMP)",
    )
    parser.set_defaults(run=_run, verb=verb)
    return parser


def _add_denoiser(parser: argparse.ArgumentParser, *options: str) -> None:
    parser.add_argument(
        *options,
        dest="denoiser",
        action="append",
        metavar="NAME",
        help="a model, or a checkpoint's path; may be given again (default: the published one for each kind of noise)",
    )


def _add_strength(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strength",
        default="auto",
        metavar="SHARE",
        help="how far to go, from 0 to 1; auto leaves clean pictures alone (default: auto)",
    )


def _add_if_color(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--if-color",
        choices=("skip", "keep", "recolor"),
        default="recolor",
        help="pictures in colour: write nothing, keep their colours, or colour them anew (default: recolor)",
    )


def _run(args: argparse.Namespace) -> int:
    """Do each picture; one that fails is reported in a line, and the others are done all the same."""
    from colorzoo.cli.batch import run_images
    from colorzoo.cli.paths import resolve_outputs
    from colorzoo.io.pil_file import MAX_MEGAPIXELS

    failures: list[str] = []
    if args.max_megapixels is None:
        args.max_megapixels = MAX_MEGAPIXELS
    if not args.max_megapixels > 0:
        raise UsageError(f"--max-megapixels is {args.max_megapixels:g}; give a number above 0")
    if args.verb == "colorize":
        if args.working_size is not None and args.working_size < 1:
            raise UsageError(f"--working-size is {args.working_size}; give a number of pixels, at least 1")
        args.control = adjustments_of(args)
        if args.confidence_map is not None:
            check_confidence_map(args)
    else:
        args.strength = _strength(args.strength)
    pairs = resolve_outputs(
        args.inputs, args.output, _SUFFIXES[args.verb], lambda error: failures.append(describe_error(error))
    )
    pairs, clips = split_images_and_videos(pairs, args)
    if clips:
        from colorzoo.cli.videos import run_videos

        if status := run_videos(clips, _loaded(args.model, "colourise", args.device), args, failures):
            return status
    return run_images(
        pairs,
        _transform(args),
        title=f"colorzoo {args.verb}",
        all_frames=args.all_frames,
        max_megapixels=args.max_megapixels,
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        report=args.report,
        failures=failures,
    )


def _strength(given: str) -> float | Literal["auto"]:
    if given == "auto":
        return "auto"
    try:
        strength = float(given)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength is {given}; give a number from 0 (nothing) to 1 (all the way), or auto")
    return strength


def _transform(args: argparse.Namespace) -> "Transform":
    """Return what makes another picture of one, and says what it found and did if there is more to say than that."""
    from colorzoo.cli.if_color import dispatch_by_tone

    if args.verb == "colorize":
        colour = _colouring(args)
        return colour if args.if_color == "recolor" else dispatch_by_tone(colour, args.if_color)
    if args.verb == "restore" and args.no_color and args.if_color != "recolor":
        raise UsageError("--if-color says nothing with --no-color, which leaves all colours as they are; give one")
    return _restoring(args)


def _restoring(args: argparse.Namespace) -> "Transform":
    """Return the transform of denoise and restore; pictures that stay in colour have de-noisers of their own."""
    from colorzoo.cli.if_color import dispatch_by_tone
    from colorzoo.inference.toning import classify_tone
    from colorzoo.pipeline import COLOR_RESTORERS, RESTORERS

    models = _denoisers(args, RESTORERS)
    if args.verb == "restore" and not args.no_color:
        kept = _steps(_denoisers(args, COLOR_RESTORERS), args) if args.if_color == "keep" else None
        colour = _steps([*models, _loaded(args.colorizer, "colourise", args.device)], args)
        return dispatch_by_tone(colour, args.if_color, kept)
    clean = _steps(models, args)
    if args.denoiser:
        return clean
    clean_color = _steps(_denoisers(args, COLOR_RESTORERS), args)
    # Of a toned print the channels have one noise in common, which is not what those for colour have learnt.
    return lambda scan: (clean_color if classify_tone(scan).kind == "color" else clean)(scan)


def _denoisers(args: argparse.Namespace, restorers: "Mapping[NoiseKind, str]") -> list[Any]:
    """Load the de-noisers that are asked for, else the published ones for each kind of noise."""
    return [_loaded(name, "de-noise", args.device) for name in args.denoiser or restorers.values()]


def _colouring(args: argparse.Namespace) -> "Transform":
    """Return the transform that a colouriser is."""
    colorizer = _loaded(args.model, "colourise", args.device)
    parameters = "; ".join([f"working size {args.working_size or colorizer.working_size}", *describe_options(args)])

    def transform(scan: "RasterImage") -> "tuple[RasterImage, str]":
        return _signed(colorize_with_options(colorizer, scan, args), args, [colorizer], parameters), ""

    return transform


def _steps(models: list[Any], args: argparse.Namespace) -> "Transform":
    """Return the transform that models one after another are."""
    from colorzoo.pipeline import Pipeline

    pipeline = Pipeline(models, args.strength)

    def transform(scan: "RasterImage") -> "tuple[RasterImage, str]":
        steps = list(pipeline.steps(scan))
        told = "; ".join(step.describe() for step in steps)
        return _signed(steps[-1].image, args, models, f"strength {args.strength}; {told}"), told

    return transform


def _signed(scan: Any, args: argparse.Namespace, models: list[Any], parameters: str) -> "RasterImage":
    from colorzoo.io.xmp_history import add_history_entry

    return add_history_entry(scan, args.verb, models, parameters) if args.provenance else scan


def _loaded(name: str, purpose: Literal["colourise", "de-noise"], device: str) -> Any:
    """Return a model on its device, or refuse one that is for something else."""
    from colorzoo.base.colorizer import Colorizer
    from colorzoo.base.denoiser import Denoiser
    from colorzoo.zoo import load

    model = load(name)
    if not isinstance(model, Colorizer if purpose == "colourise" else Denoiser):
        raise UsageError(f"{name} does not {purpose}; colorzoo list shows what does")
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"the device {device!r} cannot be used here: {error}") from error
