"""What a command prints: one line for each thing, whatever names and messages hold, and however long anybody reads."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from colorzoo.errors import UnwritableError

# What moves the cursor, breaks lines or turns the direction of reading; letters of all languages stay.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    r"""Return a text with its control characters as a programmer writes them, so that it is one harmless line.

    Args:
        text: Such as a file's name.

    Example:
        >>> escape_controls("holiday\n\x1b[2J.png")
        'holiday\\n\\x1b[2J.png'
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def print_result(target: Path) -> None:
    """Print the name of a finished file to standard output.

    Args:
        target: The file.

    Raises:
        UnwritableError: If the list of names goes into a file, and the disk is full.
    """
    _print_line(str(target), sys.stdout)


def print_message(text: str) -> None:
    """Print a message to standard error, after the name of the program."""
    print_remark(f"colorzoo: {text}")


def print_remark(text: str) -> None:
    """Print a line to standard error as it is."""
    _print_line(text, sys.stderr)


def _print_line(text: str, stream: TextIO) -> None:
    try:
        print(escape_controls(text), file=stream, flush=True)
    except BrokenPipeError:  # `| head -2`: whoever read has enough, and the work goes on
        discard(stream)
    except OSError as error:
        discard(stream)
        if stream is sys.stdout:
            raise UnwritableError(f"the names of results cannot be printed ({error.strerror})") from error


def discard(stream: TextIO) -> None:
    """Lead a stream that nobody reads into nothing, so that Python does not fail on it at the end."""
    with suppress(OSError, ValueError), open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), stream.fileno())
