"""Which files below a folder are pictures to train on, and what they are called."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import PIL.Image

from colorzoo.errors import DataError
from colorzoo.io.pil_file import SUFFIXES


def image_names(root: Path) -> Iterator[str]:
    """Name the files of a folder whose suffix says that they are pictures, and look at none.

    Args:
        root: The folder, of any depth.

    Yields:
        The names, such as ``holiday/beach.jpg``, in no particular order.

    Raises:
        DataError: If there is no such folder.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give the one that holds your pictures")
    for folder, _, files in os.walk(root):
        below = Path(folder).relative_to(root)
        yield from ((below / name).as_posix() for name in files if Path(name).suffix.lower() in SUFFIXES)


def filter_below(root: Path, report: Callable[[Path, Exception], None]) -> Iterator[str]:
    """Name the pictures of a folder by their paths below it.

    A look at a file's header only: cheap enough for every file, and what is no picture is found at once.

    Args:
        root: The folder, of any depth.
        report: Told of each file that is called a picture and is none, and why.

    Yields:
        The names, such as ``holiday/beach.jpg``, in no particular order.

    Raises:
        DataError: If there is no such folder.
    """
    for name in image_names(root):
        path = root / name
        try:
            PIL.Image.open(path).close()
        except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
            report(path, error)
        else:
            yield name
