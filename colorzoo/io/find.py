"""Which files below a folder are images: the one walk of the command line, training data and export."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.io.image_header import check_header
from colorzoo.io.owned_file import PREFIX
from colorzoo.io.pil_file import SUFFIXES

Report = Callable[[Path, UnreadableImageError], None]
"""Told of a path that is left out, and why."""

OTHER_SUFFIXES = frozenset((".heic", ".heif", ".hif", ".jxl", ".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf"))
"""Images that are not read, and that nobody should miss without a word."""


@dataclass(frozen=True)
class FoundImages:
    """What is below a folder.

    Args:
        images: The images, sorted folder by folder.
        hidden: Files and folders that do not count, since their names begin with a dot.
        others: All other files, by their suffix in small letters.
        repeated: Folders that links lead to once more, or in a circle.
        unread: Folders that cannot be read, and why.
    """

    images: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    others: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    repeated: list[Path] = field(default_factory=list)
    unread: dict[Path, UnreadableImageError] = field(default_factory=dict)

    def describe_others(self, suffix: str) -> str:
        """Say how many images of a suffix that is not read are left out."""
        count = len(self.others[suffix])
        files = f"{count} {suffix} files are" if count > 1 else f"1 {suffix} file is"
        return f"{files} left out; convert to one of {', '.join(sorted(SUFFIXES))}"


def find_images(
    folder: Path, exclude: Path | None = None, also: Callable[[Path], bool] = lambda path: False
) -> FoundImages:
    """Find the image files below a folder by their suffix, without opening any.

    Hidden files and folders do not count: a Mac leaves a ``._photo.jpg`` beside each photo.jpg that it copies. Links
    to folders are followed, each folder once, under its own name if it is below the folder.

    Args:
        folder: The folder, of any depth.
        exclude: A folder to leave out, with all below it.
        also: Tells of other files, such as videos, that are wanted as images are.

    Returns:
        The images, and all that is none.
    """
    found = FoundImages()
    seen: set[tuple[int, int]] = set()
    excluded = None if exclude is None else _identity(exclude)
    folders, links = [folder], list[Path]()
    while folders or links:
        parent = folders.pop() if folders else links.pop(0)
        try:
            identity = _identity(parent)
            if parent != folder and identity == excluded is not None:
                continue
            if identity in seen:
                found.repeated.append(parent)
                continue
            with os.scandir(parent) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"{parent} cannot be read ({error.strerror}); check its permissions"
            found.unread[parent] = UnreadableImageError(reason)
            continue
        if identity is not None:
            seen.add(identity)
        below: list[Path] = []
        for entry in entries:
            path = parent / entry.name
            if entry.name[0] == ".":
                if not entry.name.startswith(PREFIX):
                    found.hidden.append(path)
            elif not os.path.isdir(path):
                suffix = path.suffix.lower()
                (found.images if suffix in SUFFIXES or also(path) else found.others[suffix]).append(path)
            else:
                (links if entry.is_symlink() else below).append(path)
        folders += reversed(below)
    return found


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def image_names(root: Path, report: Report | None = None) -> list[str]:
    """Name the images of a folder by their paths below it, such as ``holiday/beach.jpg``; see `find_images`.

    Args:
        root: The folder, of any depth.
        report: Told of each folder that cannot be read, and of the first image of each suffix that is not.

    Raises:
        DataError: If there is no such folder.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give the one that holds your images")
    found = find_images(root)
    if report is not None:
        for folder, error in found.unread.items():
            report(folder, error)
        for suffix in sorted(OTHER_SUFFIXES.intersection(found.others)):
            report(found.others[suffix][0], UnreadableImageError(found.describe_others(suffix)))
    return [path.relative_to(root).as_posix() for path in found.images]


def readable_names(root: Path, report: Report) -> Iterator[str]:
    """Name the images of a folder whose header can be read, which is cheap and finds most damaged files.

    Args:
        root: The folder, of any depth.
        report: Told what is left out, and why.

    Yields:
        The names, such as ``holiday/beach.jpg``.

    Raises:
        DataError: If there is no such folder.
    """
    for name in image_names(root, report):
        path = root / name
        try:
            check_header(path)
        except UnreadableImageError as error:
            report(path, error)
        else:
            yield name
