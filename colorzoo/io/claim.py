"""Several runs share a folder: each says which file it is making, so that no other does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colorzoo.io.atomic import make_folder
from colorzoo.io.owned_file import HOST, claim_path, create_owned, release, remove_if_abandoned

FileVersion = tuple[int, int] | None
"""Tells the versions of a file apart; None for no file."""


def version_of(path: Path) -> FileVersion:
    """Return what changes whenever a file is published anew."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # names that no file can have are not there either
        return None
    return status.st_ino, status.st_mtime_ns


@contextmanager
def claim(target: Path, seen: FileVersion = None) -> Iterator[bool]:
    """Claim a file that is to be made, until the block ends; the claim of a killed process is taken over.

    Args:
        target: The file; missing folders are made.
        seen: What `version_of` returned when the file was found to be missing, or to be replaced.

    Yields:
        Whether it is ours to make: False if another process is making it, or has made it since it was seen.

    Raises:
        UnwritableError: If the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, claim(Path(folder, "a.png")) as ours:
        ...     with claim(Path(folder, "a.png")) as also_ours:
        ...         print(ours, also_ours)
        True False
    """
    path = claim_path(target)
    with make_folder(target.parent):
        while True:
            try:
                owned = create_owned(path)
                break
            except FileExistsError:
                if not remove_if_abandoned(path):
                    owned = None
                    break
    if owned is None:
        yield False
        return
    try:
        owned.write(HOST.encode())
        yield version_of(target) == seen
    finally:
        release(owned, path)
