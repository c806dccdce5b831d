"""The command line: pictures and lists are answered here; training verbs are handed to LightningCLI.

This file imports no Lightning, so that colouring one photograph does not wait for it.
"""

import argparse
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from colorzoo._version import __version__
from colorzoo.cli.export import add_export_command
from colorzoo.cli.images import add_image_commands
from colorzoo.errors import ColorzooError, UsageError
from colorzoo.runtime.malloc import retain_freed_memory

_TRAINING = {
    "fit": "train a model",
    "validate": "measure a model on validation pictures",
    "test": "measure a model on test pictures",
    "predict": "colour or restore a data set's pictures",
}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        args: The arguments; None for those of the process.

    Returns:
        0 if everything was done, 1 if something was not, 2 if the command made no sense.
    """
    given = list(sys.argv[1:] if args is None else args)
    retain_freed_memory()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The name of a picture may hold what the terminal's encoding does not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if given and given[0] in _TRAINING:
            from colorzoo.training.cli import run

            run(given)
            return 0
        parsed = _parser().parse_args(given)
        return int(parsed.run(parsed))
    except ColorzooError as error:
        print(f"colorzoo: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="colorzoo",
        description="Colourise and restore pictures, and train the models that do it.",
        epilog="Each command explains itself: colorzoo COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"colorzoo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add_image_commands(commands)

    inpaint = commands.add_parser("inpaint", help="fill a hole in a picture with copies of what is around it")
    inpaint.add_argument("input", type=Path, metavar="IN", help="a picture file")
    inpaint.add_argument("--mask", type=Path, required=True, help="a picture of the same size; white is hole")
    inpaint.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the file to write")
    inpaint.add_argument(
        "--window", type=int, default=15, metavar="PIXELS", help="side of what is compared (default: 15)"
    )
    inpaint.add_argument("--seed", type=int, default=0, help="another one gives another filling (default: 0)")
    inpaint.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    inpaint.set_defaults(run=_inpaint)

    listing = commands.add_parser("list", help="list the models with figure, baseline, size and licence")
    listing.set_defaults(run=_list)

    info = commands.add_parser("info", help="show the record of a published checkpoint")
    info.add_argument("name", help="a model, or a checkpoint's path")
    info.set_defaults(run=_info)

    add_export_command(commands)

    publish = commands.add_parser("publish", help="measure a run's checkpoint and publish it with card and results")
    publish.add_argument("checkpoint", type=Path, help="the .ckpt of a run")
    publish.add_argument("name", help="MODEL.TAG to publish it as")
    publish.add_argument("--config", type=Path, required=True, help="the recipe that trained it; its data measure it")
    publish.add_argument("--folder", type=Path, default=Path("checkpoints"), help="where to (default: checkpoints)")
    publish.add_argument("--notes", default="", help="what a user should know beside the figures")
    publish.set_defaults(run=_publish)

    study = commands.add_parser("study", help="train and test variants of a recipe into one table")
    study.add_argument("study", type=Path, help="a file of configs/studies")
    study.set_defaults(run=_study)

    _add_shard(commands)
    for verb, purpose in _TRAINING.items():
        commands.add_parser(verb, help=f"{purpose} (colorzoo {verb} --help)", add_help=False)
    return parser


def _add_shard(commands: Any) -> None:
    shard = commands.add_parser(
        "shard", help="pack a folder of photographs into shards, to train on more than a disk holds"
    )
    shard.add_argument("source", type=Path, metavar="PHOTOS", help="a folder of pictures, of any depth")
    shard.add_argument(
        "target", type=Path, metavar="SHARDS", help="the folder to make; an interrupted one is gone on with"
    )
    shard.add_argument("--seed", type=int, default=0, help="another one splits differently (default: 0)")
    shard.add_argument("--val-fraction", type=float, default=0.1, metavar="SHARE", help="what validates (default: 0.1)")
    shard.add_argument("--test-fraction", type=float, default=0.1, metavar="SHARE", help="what tests (default: 0.1)")
    shard.add_argument(
        "--shorter-side",
        type=int,
        metavar="PIXELS",
        help="reduce larger pictures to this and store JPEG (default: each file's own bytes)",
    )
    shard.add_argument(
        "--shard-megabytes", type=float, default=64.0, metavar="MB", help="size of a shard at most (default: 64)"
    )
    shard.set_defaults(run=_shard)


def _shard(args: argparse.Namespace) -> int:
    from colorzoo.cli.shard_progress import run_make_shards

    return run_make_shards(
        args.source,
        args.target,
        seed=args.seed,
        val_fraction=args.val_fraction,
        test_fraction=args.test_fraction,
        shorter_side=args.shorter_side,
        shard_bytes=int(args.shard_megabytes * 1_000_000),
    )


def _inpaint(args: argparse.Namespace) -> int:
    """Fill one picture; what is filled when Ctrl-C is pressed is written all the same."""
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
        interrupted = not _iterate(filling, filling.total)
        write_image(filling.picture(), args.output, args.overwrite)
    except (OSError, ValueError, MemoryError) as error:
        print(f"colorzoo: {error}", file=sys.stderr)
        return 1
    if interrupted:
        left = f"{filling.filled} of {filling.total} pixels are filled"
        print(f"colorzoo: interrupted; {left} in {args.output}", file=sys.stderr)
        return 1
    print(args.output)
    return 0


def _iterate(work: Iterable[int], total: int) -> bool:
    """Do work that tells how far it is, with a line about it on a terminal; return False if Ctrl-C ended it."""
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


def _list(args: argparse.Namespace) -> int:
    from colorzoo.hub.model_card import listing

    print(listing())
    return 0


def _info(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from colorzoo.zoo import info

    print(json.dumps(asdict(info(args.name)), indent=2))
    return 0


def _publish(args: argparse.Namespace) -> int:
    from colorzoo.training.publish import publish

    print(publish(args.checkpoint, args.name, args.config, args.folder, args.notes))
    return 0


def _study(args: argparse.Namespace) -> int:
    from colorzoo.training.study import run_study

    print(run_study(args.study))
    return 0
