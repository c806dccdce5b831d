"""Which image files a command reads, and where each result goes."""

import os
from collections import Counter
from collections.abc import Sequence
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path

from colorzoo.cli.run_summary import RunSummary
from colorzoo.cli.terminal import print_message
from colorzoo.cli.video_options import with_writable_suffixes
from colorzoo.errors import OutputExistsError, UsageError
from colorzoo.io.atomic import format_of
from colorzoo.io.find import OTHER_SUFFIXES, find_images
from colorzoo.io.pil_file import SUFFIXES
from colorzoo.video.detect import is_video

Pair = tuple[Path, Path]

_KEPT = frozenset(("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "DIB", "JPEG2000", "TGA"))
"""Formats that hold a coloured image, so that a result has that of its source; else it is a PNG."""


def resolve_outputs(
    inputs: Sequence[Path], output: Path | None, suffix: str, summary: RunSummary, all_pages: bool = False
) -> list[Pair]:
    """Return the output of each input, and of each image below a folder.

    Args:
        inputs: Files, folders, and patterns such as ``scans/**/*.tif`` for shells that do not expand them. Hidden files
            of a folder do not count, nor do those below the output.
        output: A file for a single file; else a folder, below which the tree of an input folder or of a pattern is
            repeated; None for names beside the inputs.
        suffix: Appended to these names.
        summary: Gets what is in folders beside images, folders that cannot be read, and patterns that nothing matches.
        all_pages: What is not written in its own format becomes a TIFF instead of a PNG.

    Returns:
        Source and target of each image, no target twice.

    Raises:
        UsageError: If two images would get the same target, or a target is an input.
    """
    pairs: list[Pair] = []
    for path in inputs:
        if os.path.isdir(path):
            root = _beside(path, suffix) if output is None else _folder(output, inputs)
            pairs += [(source, root / source.relative_to(path)) for source in _images_below(path, root, summary)]
        elif has_magic(str(path)) and not os.path.exists(path):
            start, found = _matches(path, output, summary)
            if output is None:
                pairs += [(source, _renamed(source, suffix)) for source in found]
            else:
                pairs += [(source, _folder(output, inputs) / source.relative_to(start)) for source in found]
        elif output is None:
            pairs.append((path, _renamed(path, suffix)))
        elif len(inputs) == 1 and output.suffix and not os.path.isdir(output):
            pairs.append((path, output))
        else:
            pairs.append((path, _folder(output, inputs) / path.name))
    pairs = _in_writable_formats(with_writable_suffixes(pairs), output, ".tif" if all_pages else ".png")
    twice = [target for target, uses in Counter(target for _, target in pairs).items() if uses > 1]
    if twice:
        raise UsageError(f"two inputs would both be written to {twice[0]}; do them in two commands")
    originals = {os.path.realpath(source) for source, _ in pairs}
    if replaced := [target for _, target in pairs if os.path.realpath(target) in originals]:
        raise UsageError(f"the output {replaced[0]} is one of the inputs; give another name or folder with -o")
    return pairs


def _renamed(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.stem}{suffix}{path.suffix}")


def _in_writable_formats(pairs: Sequence[Pair], output: Path | None, other: str) -> list[Pair]:
    """Append a suffix to each image that cannot be written in the format of its source, and say so once for each."""
    told: set[str] = set()
    chosen = []
    for source, target in pairs:
        if target != output and not _is_kept(target) and not is_video(source):
            if (suffix := source.suffix.lower()) in SUFFIXES - told:
                told.add(suffix)
                print_message(f"{suffix} files do not hold every result; theirs are named {suffix}{other}")
            target = target.with_name(f"{target.name}{other}")
        chosen.append((source, target))
    return chosen


def _is_kept(target: Path) -> bool:
    try:
        return format_of(target) in _KEPT or target.suffix.lower() in (".ppm", ".pnm")
    except ValueError:
        return False


def _beside(folder: Path, suffix: str) -> Path:
    named = folder.resolve() if folder.name in ("", "..") else folder
    if not named.name:
        raise UsageError(f"there is nothing beside {folder}; say with -o where the results go")
    return named.with_name(f"{named.name}{suffix}")


def _folder(output: Path, inputs: Sequence[Path]) -> Path:
    if output.is_file():
        many = f"there are {len(inputs)} inputs" if len(inputs) > 1 else f"{inputs[0]} is a folder"
        raise UsageError(f"{output} is a file, but {many}; give a folder")
    return output


def _matches(pattern: Path, output: Path | None, summary: RunSummary) -> tuple[Path, list[Path]]:
    """Return the folder that a pattern starts from, and the files that match it, in order."""
    start = Path(*takewhile(lambda part: not has_magic(part), pattern.parts))
    results = None if output is None else Path(os.path.realpath(output))
    files = (Path(match) for match in sorted(set(glob(str(pattern), recursive=True))))
    found = [path for path in files if not os.path.isdir(path) and results not in Path(os.path.realpath(path)).parents]
    if not found:
        summary.refused.append(f"no file matches {pattern}; check the pattern")
    summary.of_folder = True
    return start, found


def _images_below(folder: Path, output: Path, summary: RunSummary) -> list[Path]:
    """Return the images below a folder, in order, without those of an output below it; count what else is there."""
    found = find_images(folder, exclude=output, also=is_video)
    summary.of_folder = True
    summary.refused += [str(error) for error in found.unread.values()]
    summary.skip("hidden", len(found.hidden))
    summary.skip("folders that links lead to again", len(found.repeated))
    for suffix, paths in found.others.items():
        summary.skip(f"{suffix} files" if suffix else "files without a suffix", len(paths))
        # A format that is not read is worth a word, but fails nothing that was asked for.
        if suffix in OTHER_SUFFIXES:
            print_message(found.describe_others(suffix))
    if not found.images and not found.unread:
        summary.refused.append(f"{folder} holds no image; those end in {', '.join(sorted(SUFFIXES))}")
    return found.images


def output_exists_error(target: Path) -> OutputExistsError:
    """Return the error that refuses an output which is there already."""
    return OutputExistsError(f"{target} exists; choose another name with -o, or add --overwrite")
