"""The commands colorize, denoise and restore, for files and whole folders.

Nothing heavy is imported before one of them runs, so that the command line starts at once.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from colorzoo.cli.arguments import path_argument
from colorzoo.cli.color_options import add_color_options, check_confidence_map, follow_reference, parse_adjustments
from colorzoo.cli.run_summary import RunSummary
from colorzoo.cli.video_options import add_as_video_option, add_smoothing_option, split_images_and_videos
from colorzoo.errors import UsageError

if TYPE_CHECKING:
    from colorzoo.cli.batch import ImageFiles
    from colorzoo.cli.if_color import Transform
    from colorzoo.cli.model_loader import ModelLoader
    from colorzoo.inference.color_adjustments import ColorAdjustments
    from colorzoo.io.raster import RasterImage
    from colorzoo.noise.synthesis import NoiseKind

_SUFFIXES = {"colorize": "-color", "denoise": "-clean", "restore": "-restored"}
COLORIZER = "photo_unet"


def add_image_commands(commands: Any) -> None:
    """Add the commands to those of the parser."""
    colorize = _add_command(commands, "colorize", "colour grey photographs, and videos", _run_colorize)
    colorize.add_argument("-m", "--model", default=COLORIZER, metavar="NAME", help="a model, or a checkpoint's path")
    add_color_options(colorize)
    add_smoothing_option(colorize)
    add_as_video_option(colorize)
    _add_if_color(colorize)

    denoise = _add_command(commands, "denoise", "remove noise from photographs", _run_denoise)
    _add_denoiser(denoise, "-m", "--model")
    _add_strength(denoise)

    restore = _add_command(commands, "restore", "remove noise from photographs, and colour them", _run_denoise)
    _add_denoiser(restore, "--denoiser")
    colour = restore.add_mutually_exclusive_group()
    colour.add_argument("--colorizer", default=COLORIZER, metavar="NAME", help=f"likewise (default: {COLORIZER})")
    colour.add_argument("--no-color", action="store_true", help="leave the colours as they are")
    _add_strength(restore)
    add_smoothing_option(restore)
    _add_if_color(restore)


def _add_command(
    commands: Any, command: str, purpose: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(command, help=purpose)
    parser.add_argument(
        "inputs",
        nargs="+",
        type=path_argument,
        metavar="IN",
        help="files of images and videos, folders of them, and patterns ('scans/**/*.tif')",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=path_argument,
        metavar="OUT",
        help=f"a file (with a suffix) for one file, else a folder (default: IN{_SUFFIXES[command]})",
    )
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, mps or xpu (default: auto, a GPU if there is one with room)"
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    existing.add_argument("--skip-existing", action="store_true", help="leave out images whose outputs exist")
    parser.add_argument(
        "--report", type=path_argument, metavar="FILE", help="write a page of HTML with each image before and after"
    )
    parser.add_argument("--all-pages", action="store_true", help="do all pages of a file, not the first; writes TIFF")
    parser.add_argument("--max-megapixels", type=float, metavar="N", help="refuse larger images (default: 300)")
    parser.add_argument(
        "--no-provenance",
        dest="provenance",
        action="store_false",
        help="leave out of the metadata what was done (default: model, its SHA-256 and parameters, into the XMP)",
    )
    parser.set_defaults(run=run, command=command, as_video=False, temporal_smoothing=None)
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
        help="how far to go, from 0 to 1; auto leaves clean images alone (default: auto)",
    )


def _add_if_color(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--if-color",
        choices=("skip", "keep", "recolor"),
        default="recolor",
        help="images in colour: write nothing, keep their colours, or colour them anew (default: recolor)",
    )


def _run_colorize(args: argparse.Namespace) -> int:
    from colorzoo.cli.model_loader import ModelLoader

    _check_megapixels(args)
    adjustments = parse_adjustments(args)
    if args.confidence_map is not None:
        check_confidence_map(args)
    if args.variants != 1:
        from colorzoo.cli.variants import check_variants

        check_variants(args)
    summary = RunSummary()
    images, videos = split_images_and_videos(_resolve_outputs(args, summary), args)
    colorizer = ModelLoader(args.device).load(args.model, "colourise")
    if args.like is not None:
        adjustments = follow_reference(adjustments, colorizer, args.like)
    if videos:
        from colorzoo.cli.videos import color_videos

        if status := color_videos(videos, colorizer, adjustments, args, summary, len(images)):
            return status
    transform, *others = (
        _colorize_transform(colorizer, replace(adjustments, variant=number), args)
        for number in range(1, args.variants + 1)
    )
    make_files = None
    if others:
        from colorzoo.cli.variants import plan_variants

        images, make_files = plan_variants(images, colorizer, others, args)
    return _run_images(images, transform, args, summary, make_files)


def _run_denoise(args: argparse.Namespace) -> int:
    """Run denoise or restore."""
    from colorzoo.cli.model_loader import ModelLoader

    _check_megapixels(args)
    args.strength = _parse_strength(args.strength)
    summary = RunSummary()
    images, videos = split_images_and_videos(_resolve_outputs(args, summary), args)
    loader = ModelLoader(args.device)
    if videos:
        from colorzoo.cli.videos import restore_videos

        if status := restore_videos(videos, loader, args, summary, len(images)):
            return status
    return _run_images(images, _restore_transform(loader, args), args, summary)


def _check_megapixels(args: argparse.Namespace) -> None:
    from colorzoo.io.pil_file import MAX_MEGAPIXELS

    if args.max_megapixels is None:
        args.max_megapixels = MAX_MEGAPIXELS
    if not args.max_megapixels > 0:
        raise UsageError(f"--max-megapixels is {args.max_megapixels:g}; give a number above 0")


def _resolve_outputs(args: argparse.Namespace, summary: RunSummary) -> list[tuple[Path, Path]]:
    from colorzoo.cli.paths import resolve_outputs

    return resolve_outputs(args.inputs, args.output, _SUFFIXES[args.command], summary, args.all_pages)


def _run_images(
    pairs: list[tuple[Path, Path]],
    transform: "Transform",
    args: argparse.Namespace,
    summary: RunSummary,
    make_files: "Callable[..., ImageFiles] | None" = None,
) -> int:
    from colorzoo.cli.batch import run_images

    return run_images(
        pairs,
        transform,
        title=f"colorzoo {args.command}",
        all_pages=args.all_pages,
        max_megapixels=args.max_megapixels,
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        report=args.report,
        summary=summary,
        make_files=make_files,
    )


def _parse_strength(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength is {text}; give a number from 0 (nothing) to 1 (all the way), or auto")
    return strength


def _colorize_transform(colorizer: Any, adjustments: "ColorAdjustments", args: argparse.Namespace) -> "Transform":
    """Return what colours an image as the options say, and writes the map if there is to be one."""
    from colorzoo.cli.if_color import dispatch_by_tone
    from colorzoo.io.pil_file import write_image

    parameters = adjustments.describe(colorizer.working_size)

    def transform(image: "RasterImage") -> "tuple[RasterImage, str]":
        colored = colorizer.colorize_adjusted(image, adjustments)
        if args.confidence_map is not None and adjustments.variant == 1:
            write_image(colorizer.confidence(image, adjustments.working_size), args.confidence_map, args.overwrite)
        return _add_provenance(colored, [colorizer], parameters, args), ""

    return transform if args.if_color == "recolor" else dispatch_by_tone(transform, args.if_color)


def _restore_transform(loader: "ModelLoader", args: argparse.Namespace) -> "Transform":
    """Return the transform of denoise and restore; images that stay in colour have de-noisers of their own."""
    from colorzoo.cli.if_color import dispatch_by_tone
    from colorzoo.inference.toning import classify_tone
    from colorzoo.pipeline import COLOR_RESTORERS, RESTORERS

    if args.command == "restore" and args.no_color and args.if_color != "recolor":
        raise UsageError("--if-color says nothing with --no-color, which leaves all colours as they are; give one")

    def load_denoisers(published: "Mapping[NoiseKind, str]") -> list[Any]:
        return [loader.load(name, "de-noise") for name in args.denoiser or published.values()]

    models = load_denoisers(RESTORERS)
    if args.command == "restore" and not args.no_color:
        kept = _pipeline_transform(load_denoisers(COLOR_RESTORERS), args) if args.if_color == "keep" else None
        restore = _pipeline_transform([*models, loader.load(args.colorizer, "colourise")], args)
        return dispatch_by_tone(restore, args.if_color, kept)
    denoise = _pipeline_transform(models, args)
    if args.denoiser:
        return denoise
    denoise_color = _pipeline_transform(load_denoisers(COLOR_RESTORERS), args)
    # The channels of a toned print share their noise, which is not what the de-noisers for colour have learnt.
    return lambda image: (denoise_color if classify_tone(image).kind == "color" else denoise)(image)


def _pipeline_transform(models: list[Any], args: argparse.Namespace) -> "Transform":
    """Return what shows an image to one model after another, and says what they did."""
    from colorzoo.pipeline import Pipeline

    pipeline = Pipeline(models, args.strength)

    def transform(image: "RasterImage") -> "tuple[RasterImage, str]":
        steps = list(pipeline.steps(image))
        done = "; ".join(step.describe() for step in steps)
        return _add_provenance(steps[-1].image, models, f"strength {args.strength}; {done}", args), done

    return transform


def _add_provenance(image: Any, models: list[Any], parameters: str, args: argparse.Namespace) -> "RasterImage":
    from colorzoo.cli.provenance import history_entry
    from colorzoo.io.xmp_history import add_history_entry

    return add_history_entry(image, history_entry(args.command, models, parameters)) if args.provenance else image
