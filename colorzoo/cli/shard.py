"""The command shard: photographs packed into shards for training."""

import argparse
from typing import Any

from colorzoo.cli.arguments import path_argument


def add_shard_command(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser(
        "shard", help="pack a folder of photographs into shards, to train on more than a disk holds"
    )
    parser.add_argument("source", type=path_argument, metavar="PHOTOS", help="a folder of images, of any depth")
    parser.add_argument(
        "target",
        type=path_argument,
        metavar="SHARDS",
        help="the folder to make; the same command resumes an interrupted one",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the split (default: 0)")
    parser.add_argument(
        "--val-fraction", type=float, default=0.1, metavar="F", help="part of the images for validation (default: 0.1)"
    )
    parser.add_argument(
        "--test-fraction", type=float, default=0.1, metavar="F", help="part of the images for the test (default: 0.1)"
    )
    parser.add_argument(
        "--shorter-side",
        type=int,
        metavar="PIXELS",
        help="reduce larger images to this and store JPEG (default: each file's own bytes)",
    )
    parser.add_argument(
        "--shard-megabytes", type=float, default=64.0, metavar="MB", help="largest size of a shard (default: 64)"
    )
    parser.set_defaults(run=_shard)


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
