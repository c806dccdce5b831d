"""The command inpaint: a hole in an image, filled with copies of its surroundings."""

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from colorzoo.cli.arguments import path_argument
from colorzoo.cli.terminal import print_message, print_remark, print_result
from colorzoo.errors import PictureWarning, UsageError

if TYPE_CHECKING:
    from colorzoo.io.raster import RasterImage


def add_inpaint_command(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("inpaint", help="fill a hole in an image with copies of its surroundings")
    parser.add_argument("input", type=path_argument, metavar="IN", help="an image file")
    parser.add_argument(
        "--mask",
        type=path_argument,
        required=True,
        help="an image of the same size, white in the hole, or a layer painted there",
    )
    parser.add_argument("-o", "--output", type=path_argument, required=True, metavar="OUT", help="the file to write")
    parser.add_argument(
        "--window", type=int, default=15, metavar="PIXELS", help="side of the patches that are compared (default: 15)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another filling (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    parser.add_argument("--all-pages", action="store_true", help="do all pages of a file, not the first; writes TIFF")
    parser.add_argument(
        "--no-provenance", dest="provenance", action="store_false", help="leave out of the metadata what was done"
    )
    parser.set_defaults(run=_inpaint)


def _inpaint(args: argparse.Namespace) -> int:
    """Fill one file; after Ctrl-C, write the part that is filled."""
    from colorzoo.cli.paths import output_exists_error
    from colorzoo.io.atomic import format_of
    from colorzoo.io.raster_file import open_raster, write_pages, write_raster

    if args.window < 3 or args.window % 2 == 0:
        raise UsageError(f"--window is {args.window}; give an odd number of pixels, at least 3")
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; give a number from 0 on")
    if args.output.resolve() in (args.input.resolve(), args.mask.resolve()):
        raise UsageError(f"the output {args.output} is one of the inputs; give another name with -o")
    done = _Done()
    try:
        if args.output.exists() and not args.overwrite:
            raise output_exists_error(args.output)
        format_of(args.output)
        with warnings.catch_warnings(record=True) as remarks, open_raster(args.input) as file:
            warnings.simplefilter("always", PictureWarning)
            if args.all_pages:
                write_pages(_fill(file.read_pages(), args, done), args.output, args.overwrite)
            else:
                write_raster(next(_fill(iter([file.read()]), args, done)), args.output, args.overwrite)
    except (OSError, ValueError, MemoryError) as error:
        print_message(str(error))
        return 1
    for remark in [*done.remarks, *(str(warning.message) for warning in remarks)]:
        print_remark(f"{args.input}: {remark}")
    if done.interrupted:
        progress = f"{done.filled} of {done.total} pixels are filled"
        print_message(f"interrupted; {progress} in {args.output}")
        return 1
    print_result(args.output)
    return 0


class _Done:
    """How far the work is, and what is to be said of it."""

    def __init__(self) -> None:
        self.filled = self.total = 0
        self.interrupted = False
        self.remarks: list[str] = []


def _fill(pages: "Iterator[RasterImage]", args: argparse.Namespace, done: _Done) -> "Iterator[RasterImage]":
    """Fill one page after another; from Ctrl-C on, yield the others as they are."""
    from colorzoo.cli.provenance import history_entry
    from colorzoo.inpainting.efros_leung import Inpainting
    from colorzoo.io.xmp_history import add_history_entry

    for page in pages:
        filling = Inpainting(page, args.mask, args.window, args.seed)
        if not done.interrupted:
            done.interrupted = not _run_with_progress(filling, filling.total)
        filled: RasterImage = filling.picture()
        if args.provenance and filling.filled:
            entry = history_entry("inpaint", [], f"{filling.filled} pixels; window {args.window}; seed {args.seed}")
            filled = add_history_entry(filled, entry)
        done.filled, done.total = done.filled + filling.filled, done.total + filling.total
        done.remarks += filled.remarks
        yield filled


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
