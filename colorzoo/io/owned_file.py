"""Files of a running process, such as temporary ones: it holds a lock on them, which ends with it however it ends.

Locks decide only who works on what, and what may be removed; what is published is whole without them, too.
"""

import hashlib
import io
import os
import platform
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path

PREFIX = ".colorzoo-"
"""How the names of all of them begin."""

HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
"""This machine: locks may not be seen by another one that has the same folder."""

_CLAIM = "claim"
_DAY = 86_400.0


def temporary_path(folder: Path) -> Path:
    """Return a new name in a folder, short however long the name is that the file will get."""
    return folder / f"{PREFIX}{HOST}-{secrets.token_hex(8)}"


def claim_path(target: Path) -> Path:
    """Return the name of the file that says that somebody is making the target."""
    return target.with_name(f"{PREFIX}{_CLAIM}-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:24]}")


def create_owned(path: Path) -> io.FileIO:
    """Create a file that belongs to this process until `release`.

    Args:
        path: A name of `temporary_path` or `claim_path`.

    Returns:
        The locked file.

    Raises:
        FileExistsError: If the name is taken.
        OSError: If the folder cannot be written to.
    """
    while True:
        owned = io.FileIO(path, "x")
        _lock(owned, wait=True)
        if _has_name(owned, path):
            return owned
        owned.close()  # between creation and lock, another process took it for abandoned


def release(owned: io.FileIO, path: Path) -> None:
    """Remove the name, if the file still has it, and the lock after it."""
    if sys.platform == "win32":  # which removes no open file
        owned.close()
    path.unlink(missing_ok=True)
    with suppress(OSError):  # what was written has been synchronised and closed before, through another descriptor
        owned.close()


def remove_abandoned(folder: Path) -> None:
    """Remove the files in a folder whose processes were killed.

    Args:
        folder: The folder; it need not exist.
    """
    for path in folder.glob(f"{PREFIX}*"):
        remove_if_abandoned(path)


def remove_if_abandoned(path: Path) -> bool:
    """Remove a file if the process that owned it is dead; on another machine, if it is also a day old.

    Args:
        path: The file.

    Returns:
        Whether the name is free now.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            if not _is_abandoned(file, path):
                return False
            path.unlink()
    except FileNotFoundError:
        return True
    except OSError:  # it belongs to somebody else, or is open on Windows
        return False
    return True


def _is_abandoned(file: io.FileIO, path: Path) -> bool:
    host = path.name.removeprefix(PREFIX).partition("-")[0]
    if host == _CLAIM:
        host = file.read(len(HOST)).decode(errors="replace") or HOST  # empty: killed before it wrote
    locked = _lock(file, wait=False)
    old = time.time() - os.fstat(file.fileno()).st_mtime > _DAY
    return locked is not False and ((locked and host == HOST) or old) and _has_name(file, path)


def _lock(file: io.FileIO, wait: bool) -> bool | None:
    """Lock an open file; return False if another process has, and None if the file system knows no locks."""
    if sys.platform == "win32":
        return True  # no lock is needed where nobody can remove an open file
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _has_name(file: io.FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
