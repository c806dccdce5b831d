"""The commands about models and their checkpoints: list, info and publish."""

import argparse
from pathlib import Path
from typing import Any

from colorzoo.cli.terminal import print_message


def add_zoo_commands(commands: Any) -> None:
    """Add the commands that show published checkpoints."""
    listing = commands.add_parser("list", help="list the models with their metric, baseline, size and licence")
    listing.set_defaults(run=_list)

    info = commands.add_parser("info", help="show the record of a published checkpoint")
    info.add_argument("name", help="a model, or the path of a checkpoint")
    info.set_defaults(run=_info)


def add_publishing_commands(commands: Any) -> None:
    """Add the command that measures a model by its config."""
    publish = commands.add_parser("publish", help="measure a run's checkpoint and publish it with card and results")
    publish.add_argument("checkpoint", type=Path, help="the .ckpt of a run")
    publish.add_argument("name", help="MODEL.TAG to publish it as")
    publish.add_argument("--config", type=Path, required=True, help="the config that trained it; its data measure it")
    publish.add_argument(
        "--folder", type=Path, default=Path("checkpoints"), help="where to publish (default: checkpoints)"
    )
    publish.add_argument("--notes", default="", help="what a user should know besides the metrics")
    publish.add_argument(
        "--licence", help="licence of the weights (default: that of the weights it started from, or Apache-2.0)"
    )
    publish.set_defaults(run=_publish)


def _list(args: argparse.Namespace) -> int:
    from colorzoo.hub import checkpoint_file, published
    from colorzoo.hub.model_card import format_list
    from colorzoo.zoo import list_models

    checkpoints, errors = checkpoint_file.read_sound(published.published().values())
    print(format_list(checkpoints, list_models()))
    for error in errors:
        print_message(str(error))
    return 1 if errors else 0


def _info(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from colorzoo.zoo import info

    print(json.dumps(asdict(info(args.name)), indent=2))
    return 0


def _publish(args: argparse.Namespace) -> int:
    from colorzoo.training.publish import publish

    print(publish(args.checkpoint, args.name, args.config, args.folder, args.notes, args.licence))
    return 0
