"""Which files below a folder are images: the one walk of the command line, training data and export."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.io.image_header import check_header
from colorzoo.io.pil_file import SUFFIXES

Report = Callable[[Path, UnreadableImageError], None]
"""Told of a path that is left out, and why."""

OTHER_SUFFIXES = frozenset((".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".psd", ".tga", ".dng", ".nef", ".cr2"))
"""Images that are not read, and that nobody should miss without a word."""


def find_images(
    folder: Path,
    report: Report | None = None,
    report_others: Report | None = None,
    exclude: Path | None = None,
    also: Callable[[Path], bool] = lambda path: False,
) -> list[Path]:
    """Find the image files below a folder by their suffix, without opening any.

    Hidden files and folders do not count: a Mac leaves a ``._photo.jpg`` beside each photo.jpg that it copies.

    Args:
        folder: The folder, of any depth.
        report: Told of each folder that cannot be read.
        report_others: Told of the first file of each suffix, such as .gif, of images that are left out.
        exclude: A folder to leave out, with all below it.
        also: Tells of other files, such as videos, that are wanted.

    Returns:
        The paths, sorted folder by folder.
    """
    found: list[Path] = []
    others: dict[str, list[Path]] = {}
    unread: list[OSError] = []
    excluded = None if exclude is None else exclude.resolve()
    for parent, folders, files in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(
            name
            for name in folders
            if name[0] != "." and (excluded is None or Path(parent, name).resolve() != excluded)
        )
        for path in (Path(parent, name) for name in sorted(files) if name[0] != "."):
            if (suffix := path.suffix.lower()) in SUFFIXES or also(path):
                found.append(path)
            elif suffix in OTHER_SUFFIXES:
                others.setdefault(suffix, []).append(path)
    if report is not None:
        for error in unread:
            reason = f"{error.filename} cannot be read ({error.strerror}); check its permissions"
            report(Path(error.filename), UnreadableImageError(reason))
    if report_others is not None:
        for suffix, paths in others.items():
            count = f"{len(paths)} {suffix} files are" if len(paths) > 1 else f"1 {suffix} file is"
            reason = f"{count} left out; convert to one of {', '.join(sorted(SUFFIXES))}"
            report_others(paths[0], UnreadableImageError(reason))
    return found


def image_names(root: Path, report: Report | None = None) -> list[str]:
    """Name the images of a folder by their paths below it, such as ``holiday/beach.jpg``; see `find_images`.

    Args:
        root: The folder, of any depth.
        report: Told what is left out, and why.

    Raises:
        DataError: If there is no such folder.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder; give the one that holds your pictures")
    return [path.relative_to(root).as_posix() for path in find_images(root, report, report)]


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
