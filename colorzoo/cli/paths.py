"""Which image files a command reads, and where each result goes."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path

from colorzoo.cli.video_options import with_writable_suffixes
from colorzoo.errors import OutputExistsError, UnreadableImageError, UsageError
from colorzoo.io.find import find_images
from colorzoo.io.pil_file import SUFFIXES
from colorzoo.video.detect import is_video


def resolve_outputs(
    inputs: Sequence[Path], output: Path | None, suffix: str, report: Callable[[OSError], None]
) -> list[tuple[Path, Path]]:
    """Return the output of each input, and of each image below a folder.

    Args:
        inputs: Files, folders, and patterns such as ``scans/**/*.tif`` for shells that do not expand them. Hidden files
            of a folder do not count, nor do those below the output.
        output: A file for a single file; else a folder, below which the tree of an input folder or of a pattern is
            repeated; None for names beside the inputs.
        suffix: Appended to these names.
        report: Told of each folder that holds no image or cannot be read, and each pattern that nothing matches.

    Returns:
        Source and target of each image, no target twice.

    Raises:
        UsageError: If two images would get the same target, or a target is an input.
    """
    pairs: list[tuple[Path, Path]] = []
    for path in inputs:
        if path.is_dir():
            root = _beside(path, suffix) if output is None else _folder(output, inputs)
            pairs += [(source, root / source.relative_to(path)) for source in _images_below(path, root, report)]
        elif has_magic(str(path)) and not path.exists():
            start, found = _matches(path, output, report)
            if output is None:
                pairs += [(source, source.with_name(f"{source.stem}{suffix}{source.suffix}")) for source in found]
            else:
                pairs += [(source, _folder(output, inputs) / source.relative_to(start)) for source in found]
        elif output is None:
            pairs.append((path, path.with_name(f"{path.stem}{suffix}{path.suffix}")))
        elif len(inputs) == 1 and output.suffix and not output.is_dir():
            pairs.append((path, output))
        else:
            pairs.append((path, _folder(output, inputs) / path.name))
    pairs = with_writable_suffixes(pairs)
    twice = [target for target, uses in Counter(target for _, target in pairs).items() if uses > 1]
    if twice:
        raise UsageError(f"two inputs would both be written to {twice[0]}; do them in two commands")
    originals = {source.resolve() for source, _ in pairs}
    if replaced := [target for _, target in pairs if target.resolve() in originals]:
        raise UsageError(f"the output {replaced[0]} is one of the inputs; give another name or folder with -o")
    return pairs


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


def _matches(pattern: Path, output: Path | None, report: Callable[[OSError], None]) -> tuple[Path, list[Path]]:
    """Return the folder that a pattern starts from, and the files that match it, in order."""
    start = Path(*takewhile(lambda part: not has_magic(part), pattern.parts))
    results = None if output is None else output.resolve()
    files = (Path(match) for match in sorted(set(glob(str(pattern), recursive=True))))
    found = [path for path in files if path.is_file() and results not in path.resolve().parents]
    if not found:
        report(UnreadableImageError(f"no file matches {pattern}; check the pattern"))
    return start, found


def _images_below(folder: Path, output: Path, report: Callable[[OSError], None]) -> list[Path]:
    """Return the images below a folder, in order, without those of an output below it."""
    failures: list[Exception] = []
    found = find_images(
        folder,
        lambda _, error: failures.append(error),
        # A format that is not read, such as .gif, is worth a word, but fails nothing that was asked for.
        report_others=lambda _, error: print(f"colorzoo: {error}", file=sys.stderr),
        exclude=output,
        also=is_video,
    )
    for error in failures:
        report(UnreadableImageError(str(error)))
    if not found and not failures:
        report(UnreadableImageError(f"{folder} holds no image; those end in {', '.join(sorted(SUFFIXES))}"))
    return found


def output_exists_error(target: Path) -> OutputExistsError:
    """Return the error that refuses an output which is there already."""
    return OutputExistsError(f"{target} exists; choose another name with -o, or add --overwrite")
