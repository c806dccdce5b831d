"""The commands that make a picture of each picture: colorize, denoise and restore, of files and whole folders.

Nothing heavy is imported before one of them runs, so that the command line starts at once.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from colorzoo.control_options import add_control, check_confidence_map, control_of, controlled, described
from colorzoo.errors import OutputExistsError, UsageError

if TYPE_CHECKING:
    from colorzoo.scan import Scan

    Transform = Callable[[Scan], tuple[Scan, str]]
    """Makes another picture of one, and says what it found and did if there is more to say than that."""

_SUFFIXES = {"colorize": "-color", "denoise": "-clean", "restore": "-restored"}
_COLORIZER = "fusion_cnn"


def add_picture_verbs(commands: Any) -> None:
    """Add the commands to those of the parser."""
    colorize = _verb(commands, "colorize", "colour grey photographs")
    colorize.add_argument("-m", "--model", default=_COLORIZER, metavar="NAME", help="a model, or a checkpoint's path")
    colorize.add_argument("--working-size", type=int, metavar="PIXELS", help="longer side that the network sees")
    add_control(colorize)

    denoise = _verb(commands, "denoise", "take the noise out of photographs")
    denoise.add_argument(
        "-m", "--model", default="linear_denoiser", metavar="NAME", help="a model, or a checkpoint's path"
    )
    _add_strength(denoise)

    restore = _verb(commands, "restore", "take the noise out of photographs, and colour them")
    restore.add_argument(
        "--denoiser",
        action="append",
        metavar="NAME",
        help="a model, or a checkpoint's path; may be given again (default: the published one for each kind of noise)",
    )
    colour = restore.add_mutually_exclusive_group()
    colour.add_argument("--colorizer", default=_COLORIZER, metavar="NAME", help=f"likewise (default: {_COLORIZER})")
    colour.add_argument("--no-color", action="store_true", help="leave the colours as they are")
    _add_strength(restore)


def _verb(commands: Any, verb: str, purpose: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(verb, help=purpose)
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="picture files, and folders of them")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help=f"a file (with a suffix) for one file, else a folder (default: IN{_SUFFIXES[verb]})",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
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


def _add_strength(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strength",
        default="auto",
        metavar="SHARE",
        help="how far to go, from 0 to 1; auto leaves clean pictures alone (default: auto)",
    )


def _run(args: argparse.Namespace) -> int:
    """Do each picture; one that fails is reported in a line, and the others are done all the same."""
    from colorzoo.picture_file import MAX_MEGAPIXELS
    from colorzoo.picture_paths import paired

    failures: list[Exception] = []

    def report(error: Exception, source: Path | None = None) -> None:
        failures.append(error)
        about = f"{source}: " if source is not None and str(source) not in str(error) else ""
        print(f"colorzoo: {about}{error}", file=sys.stderr)

    if args.max_megapixels is None:
        args.max_megapixels = MAX_MEGAPIXELS
    if not args.max_megapixels > 0:
        raise UsageError(f"--max-megapixels is {args.max_megapixels:g}; give a number above 0")
    if args.verb == "colorize":
        if args.working_size is not None and args.working_size < 1:
            raise UsageError(f"--working-size is {args.working_size}; give a number of pixels, at least 1")
        args.control = control_of(args)
        if args.confidence_map is not None:
            check_confidence_map(args)
    else:
        args.strength = _strength(args.strength)
    pairs = paired(args.inputs, args.output, _SUFFIXES[args.verb], report)
    transform = _transform(args)
    for source, target in pairs:
        try:
            if target.exists() and not args.overwrite:
                raise OutputExistsError(f"{target} exists; choose another name with -o, or add --overwrite")
            told = _do(source, target, transform, args)
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            report(error, source)
        else:
            print(target, flush=True)
            for line in told:
                print(f"{source}: {line}", file=sys.stderr)
    return 1 if failures else 0


def _do(source: Path, target: Path, transform: "Transform", args: argparse.Namespace) -> list[str]:
    """Read, transform and write what is in one file, and return what there is to say about it."""
    from colorzoo.scan_file import read_frames, read_scan, write_frames, write_scan

    told: list[str] = []

    def transformed(scan: "Scan") -> "Scan":
        result, words = transform(scan)
        told.extend(line for line in (*result.remarks, words) if line)
        return result

    if args.all_frames:
        frames: Iterator[Scan] = read_frames(source, args.max_megapixels)
        write_frames((transformed(frame) for frame in frames), target, args.overwrite)
    else:
        write_scan(transformed(read_scan(source, args.max_megapixels)), target, args.overwrite)
    return told


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
    from colorzoo.pipeline import RESTORERS, Pipeline
    from colorzoo.provenance import signed

    models: list[Any]
    if args.verb == "colorize":
        colorizer = _loaded(args.model, "colourise", args.device)
        models = [colorizer]
        parameters = "; ".join([f"working size {args.working_size or colorizer.working_size}", *described(args)])

        def change(scan: "Scan") -> "tuple[Scan, str]":
            return controlled(colorizer, scan, args), ""
    else:
        names = [args.model] if args.verb == "denoise" else args.denoiser or list(RESTORERS.values())
        models = [_loaded(name, "de-noise", args.device) for name in names]
        if args.verb == "restore" and not args.no_color:
            models.append(_loaded(args.colorizer, "colourise", args.device))
        pipeline = Pipeline(models, args.strength)
        parameters = f"strength {args.strength}"

        def change(scan: "Scan") -> "tuple[Scan, str]":
            steps = list(pipeline.steps(scan))
            return steps[-1].image, "; ".join(step.describe() for step in steps)  # type: ignore[return-value]

    def transform(scan: "Scan") -> "tuple[Scan, str]":
        result, told = change(scan)
        if args.provenance:
            result = signed(result, args.verb, models, "; ".join(part for part in (parameters, told) if part))
        return result, told

    return transform


def _loaded(name: str, purpose: Literal["colourise", "de-noise"], device: str) -> Any:
    """Return a model on its device, or refuse one that is for something else."""
    from colorzoo.colorizer import Colorizer
    from colorzoo.denoiser import Denoiser
    from colorzoo.zoo import load

    model = load(name)
    if not isinstance(model, Colorizer if purpose == "colourise" else Denoiser):
        raise UsageError(f"{name} does not {purpose}; colorzoo list shows what does")
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"the device {device!r} cannot be used here: {error}") from error
