"""Arguments that several commands have."""

import argparse
from pathlib import Path


def path_argument(text: str) -> Path:
    """Return an argument as a path; an empty one is an unset variable of the shell, and no name of this folder.

    Args:
        text: The argument.

    Raises:
        ArgumentTypeError: If it is empty or blank.

    Example:
        >>> path_argument("scans")
        PosixPath('scans')
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty; is a variable unset? For the current folder, give .")
    return Path(text)
