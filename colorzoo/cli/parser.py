"""The parser of all commands; ``fit`` and its like are handed to LightningCLI.

This file imports no Lightning and no torch, so that help and small commands answer at once.
"""

import argparse
import io
import signal
import sys
from collections.abc import Sequence

from colorzoo._version import __version__
from colorzoo.cli.export import add_export_command
from colorzoo.cli.images import add_image_commands
from colorzoo.cli.inpaint import add_inpaint_command
from colorzoo.cli.shard import add_shard_command
from colorzoo.cli.signals import raise_on_signals
from colorzoo.cli.terminal import discard, print_message
from colorzoo.cli.zoo import add_publishing_commands, add_zoo_commands
from colorzoo.errors import ColorzooError
from colorzoo.runtime.malloc import retain_freed_memory

_TRAINING = {
    "fit": "train a model",
    "validate": "measure a model on validation images",
    "test": "measure a model on test images",
    "predict": "colour or restore the images of a data set",
}
LIGHTNING_COMMANDS = frozenset({*_TRAINING, "publish"})
"""Commands that need Lightning; the others run in a process that never imports it."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        args: The arguments; None for those of the process.

    Returns:
        0 if all was done, 1 if a part of it failed, 2 if the command could not be run as it stands, 128 plus the number
        of the signal that ended it.
    """
    args = list(sys.argv[1:] if args is None else args)
    retain_freed_memory()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may contain characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if args and args[0] in _TRAINING:
            from colorzoo.training.cli import run

            run(args)
            return 0
        parsed = _parser().parse_args(args)
        with raise_on_signals():
            status = int(parsed.run(parsed))
            sys.stdout.flush()
            return status
    except ColorzooError as error:
        print_message(str(error))
        return 2
    except KeyboardInterrupt as error:
        print_message("interrupted")
        return 128 + getattr(error, "number", signal.SIGINT)
    except BrokenPipeError:  # `colorzoo list | head -2`
        discard(sys.stdout)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="colorzoo",
        description="Colourise and restore images, and train the models that do it.",
        epilog="Each command explains itself: colorzoo COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"colorzoo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_image_commands(commands)
    add_inpaint_command(commands)
    add_zoo_commands(commands)
    add_export_command(commands)
    add_publishing_commands(commands)
    add_shard_command(commands)
    for verb, purpose in _TRAINING.items():
        commands.add_parser(verb, help=f"{purpose} (colorzoo {verb} --help)", add_help=False)
    return parser
