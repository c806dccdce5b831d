"""The command line."""

import sys
from typing import NoReturn

from colorzoo.cli.parser import LIGHTNING_COMMANDS, main
from colorzoo.runtime import process

__all__ = ["console", "main"]


def console() -> NoReturn:
    """Run the command of this process and exit; only the commands that train or measure import Lightning."""
    process.inference_only = not LIGHTNING_COMMANDS.intersection(sys.argv[1:2])
    sys.exit(main())
