"""An output file: there whole or not at all, under the name that was asked for, in the format that its suffix says."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import IO, NoReturn

import PIL.Image

from colorzoo.errors import ColorzooError, OutputExistsError, UnwritableError
from colorzoo.io.owned_file import create_owned, release, temporary_path

_CURES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room within the quota",
    errno.EFBIG: "allow larger files, or write to another disk",
    errno.ENAMETOOLONG: "choose a shorter name",
}


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
        raise ValueError(f"cannot tell an image format from {path.name!r}; end the name in .png, .jpg or .tif")
    return name


def refuse_existing(path: Path, overwrite: bool = False) -> None:
    """Refuse a file that is there already, before the work whose result it would hold.

    Args:
        path: The file.
        overwrite: It may be replaced.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
    """
    if os.path.lexists(path) and not overwrite:
        raise OutputExistsError(f"{path} exists; choose another name or allow overwriting")


class _CheckedWriter(io.BufferedWriter):
    """Writes everything itself: an encoder that had the descriptor would write past it, and miss a full disk."""

    def fileno(self) -> NoReturn:
        raise io.UnsupportedOperation("an encoder gets no descriptor")


@contextmanager
def atomic_write(path: Path, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """Give a stream whose contents get the file's name once all are on the disk; if anything fails, none does.

    Args:
        path: The file; missing folders are made.
        overwrite: Replace a file that is already there.

    Yields:
        The stream to write to, which may seek.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
        UnwritableError: If the folder cannot be written to, or the disk is full.
    """
    refuse_existing(path, overwrite)
    temporary = temporary_path(path.parent)
    with make_folder(path.parent):
        # Not mkstemp, whose files are private: to ask for the umask is to change it, for all threads.
        owned = create_owned(temporary)
    try:
        with _CheckedWriter(io.FileIO(os.dup(owned.fileno()), "w")) as stream:
            yield stream
            with _named_errors(path):
                stream.flush()
                os.fsync(owned.fileno())
                stream.close()
        with _named_errors(path):
            if sys.platform == "win32":  # which renames no open file
                owned.close()
            _publish(temporary, path, overwrite)
            _sync_folder(path.parent)
    except OSError as error:
        if error.errno not in _CURES or isinstance(error, ColorzooError):
            raise
        raise _unwritable(path, error) from error
    finally:
        release(owned, temporary)


def atomic_replace(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole, in place of what bears its name.

    Args:
        path: The file; missing folders are made.
        data: All that it is to hold.
    """
    with atomic_write(path, overwrite=True) as stream:
        stream.write(data)


@contextmanager
def make_folder(folder: Path) -> Iterator[None]:
    """Make a folder, with those above it, for the files that the block creates.

    Args:
        folder: The folder, which may exist.

    Raises:
        UnwritableError: If it cannot be made, or the block cannot create a file in it.
    """
    try:
        missing = list(takewhile(lambda above: not above.exists(), (folder, *folder.parents)))
        folder.mkdir(parents=True, exist_ok=True)
        for made in missing:
            _sync_folder(made.parent)
        yield
    except OSError as error:
        cure = _CURES.get(error.errno or 0, "choose another folder")
        reason = "it is no folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise UnwritableError(f"{folder} cannot be written to ({reason}); {cure}") from error


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before the work whose results it would hold; it is made if missing.

    Args:
        folder: The folder.

    Raises:
        UnwritableError: If a file cannot be made in it.
    """
    temporary = temporary_path(folder)
    with make_folder(folder):
        release(create_owned(temporary), temporary)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, ColorzooError):
            raise
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UnwritableError:
    cure = _CURES.get(error.errno or 0, "choose another name or folder")
    return UnwritableError(f"{path} cannot be written ({error.strerror or error}); {cure}")


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
        refuse_existing(path)
        os.rename(temporary, path)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, as far as the system can: not all know this for folders."""
    with suppress(PermissionError, IsADirectoryError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
                raise
        finally:
            os.close(descriptor)
