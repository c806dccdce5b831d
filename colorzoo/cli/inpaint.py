"""The command inpaint: a hole in an image, filled with copies of its surroundings."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from colorzoo.errors import UsageError


def add_inpaint_command(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("inpaint", help="fill a hole in an image with copies of its surroundings")
    parser.add_argument("input", type=Path, metavar="IN", help="an image file")
    parser.add_argument("--mask", type=Path, required=True, help="an image of the same size; white marks the hole")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the file to write")
    parser.add_argument(
        "--window", type=int, default=15, metavar="PIXELS", help="side of the patches that are compared (default: 15)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another filling (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    parser.set_defaults(run=_inpaint)


def _inpaint(args: argparse.Namespace) -> int:
    """Fill one image; after Ctrl-C, write the part that is filled."""
    from colorzoo.cli.paths import output_exists_error
    from colorzoo.inpainting.efros_leung import Inpainting
    from colorzoo.io.atomic import format_of
    from colorzoo.io.pil_file import read_image, write_image

    if args.window < 3 or args.window % 2 == 0:
        raise UsageError(f"--window is {args.window}; give an odd number of pixels, at least 3")
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; give a number from 0 on")
    if args.output.resolve() in (args.input.resolve(), args.mask.resolve()):
        raise UsageError(f"the output {args.output} is one of the inputs; give another name with -o")
    try:
        if args.output.exists() and not args.overwrite:
            raise output_exists_error(args.output)
        format_of(args.output)
        filling = Inpainting(read_image(args.input), args.mask, args.window, args.seed)
        interrupted = not _run_with_progress(filling, filling.total)
        write_image(filling.picture(), args.output, args.overwrite)
    except (OSError, ValueError, MemoryError) as error:
        print(f"colorzoo: {error}", file=sys.stderr)
        return 1
    if interrupted:
        progress = f"{filling.filled} of {filling.total} pixels are filled"
        print(f"colorzoo: interrupted; {progress} in {args.output}", file=sys.stderr)
        return 1
    print(args.output)
    return 0


def _run_with_progress(work: Iterable[int], total: int) -> bool:
    """Exhaust an iterator of counts, shown on a terminal; return False if Ctrl-C ended it."""
    shown = sys.stderr.isatty()
    try:
        for done in work:
            if shown:
                print(f"\r{done} of {total} pixels", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        return False
    finally:
        if shown:
            print(file=sys.stderr)
    return True
