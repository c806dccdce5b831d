"""An output file: there whole or not at all, under the name that was asked for, in the format that its suffix says."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import PIL.Image

from colorzoo.errors import OutputExistsError


def format_of(path: Path) -> str:
    """Return Pillow's name for the format that a file's suffix stands for.

    Args:
        path: The file's name.

    Raises:
        ValueError: If the suffix names no format that Pillow writes.

    Example:
        >>> format_of(Path("picture.jpg"))
        'JPEG'
    """
    name = PIL.Image.registered_extensions().get(path.suffix.lower())
    if name is None or name not in PIL.Image.SAVE:
        raise ValueError(f"cannot tell a picture format from {path.name!r}; end the name in .png, .jpg or .tif")
    return name


def refuse_existing(path: Path, overwrite: bool = False) -> None:
    """Refuse a file that is there already, before the work whose result it would hold.

    Args:
        path: The file.
        overwrite: It may be replaced.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
    """
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists; choose another name or allow overwriting")


@contextmanager
def atomic_write(path: Path, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """Give a stream whose contents get the file's name once all of them are written; if anything fails, none does.

    Args:
        path: The file; missing folders are made.
        overwrite: Replace a file that is already there.

    Yields:
        The stream to write to, which may seek.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
        OSError: If the folder cannot be written to.
    """
    refuse_existing(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not mkstemp, whose files are private: to ask for the umask is to change it, for all threads.
        temporary = path.with_name(f".colorzoo-{secrets.token_hex(8)}{path.suffix}")
        stream = temporary.open("xb")
    except OSError as error:
        raise OSError(f"{path.parent} cannot be written to ({error.strerror}); choose another folder") from error
    try:
        with stream:
            yield stream
        _publish(temporary, path, overwrite)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_replace(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole, in place of what bears its name.

    Args:
        path: The file; missing folders are made.
        data: All that it is to hold.
    """
    with atomic_write(path, overwrite=True) as stream:
        stream.write(data)


def _publish(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give a finished file its name, in one step."""
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        # A link, unlike a rename, fails where another process has made the file meanwhile.
        os.link(temporary, path)
    except FileExistsError as error:
        raise OutputExistsError(f"{path} exists; choose another name or allow overwriting") from error
    except OSError:
        os.rename(temporary, path)
