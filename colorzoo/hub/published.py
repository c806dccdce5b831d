"""Published checkpoint files: in which folders they lie, and what a name stands for."""

import os
from pathlib import Path

from colorzoo.errors import CheckpointError, UnknownModelError, describe_unknown
from colorzoo.hub.record import SUFFIX

DEFAULT_TAGS = "DEFAULT_TAGS"


def package_folders() -> list[Path]:
    """Return where the files lie that ship with the package: in a wheel within it, in a checkout beside it."""
    package = Path(__file__).parent.parent
    return [package / "checkpoints", package.parent / "checkpoints"]


def folders() -> list[Path]:
    """Return the folders that hold published files: ``$COLORZOO_HOME``, then the one that ships with the package."""
    places = package_folders()
    if home := os.environ.get("COLORZOO_HOME"):
        if not Path(home).is_dir():
            raise CheckpointError(f"COLORZOO_HOME names {home}, which is no folder; make it or unset the variable")
        places.insert(0, Path(home))
    return [place for place in places if place.is_dir()]


def published() -> dict[str, Path]:
    """Return the file of each published ``name.tag``; the first folder that has one wins."""
    files: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            files.setdefault(path.stem, path)
    return files


def default_tags() -> dict[str, str]:
    """Return the tag that a model's name alone stands for, of each model that has several and names one.

    They stand in ``DEFAULT_TAGS`` beside the published files, a line a model: its name and the tag.

    Raises:
        CheckpointError: If a line is none.
    """
    tags: dict[str, str] = {}
    for folder in folders():
        path = folder / DEFAULT_TAGS
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for line in filter(str.strip, text.splitlines()):
            model, *tag = line.split()
            if len(tag) != 1:
                raise CheckpointError(f"{path} is damaged: each line must hold a model and one of its tags")
            tags.setdefault(model, tag[0])
    return tags


def locate(name: str | Path) -> Path:
    """Return the file of a published name, or the path itself if it is one.

    Args:
        name: ``"fusion_cnn"``, ``"fusion_cnn.cifar10"``, or the path of a ``.safetensors`` or ``.ckpt`` file.

    Returns:
        A path; whether there is a file is for `read` to say.

    Raises:
        CheckpointError: If it is an address.
        UnknownModelError: If nothing published has this name, or several tags have and none is the default.
    """
    if "://" in str(name):
        raise CheckpointError(f"{name} is an address; download the file and give its path")
    path = Path(name)
    if path.suffix in (SUFFIX, ".ckpt"):
        return path
    files = published()
    if str(name) in files:
        return files[str(name)]
    tags = [known for known in files if known.partition(".")[0] == name]
    chosen = f"{name}.{default_tags().get(str(name), '')}"
    if chosen in files or len(tags) == 1:
        return files[chosen if chosen in files else tags[0]]
    if tags:
        raise UnknownModelError(f"{name} is published as {', '.join(tags)}; name one of them")
    raise UnknownModelError(describe_unknown(str(name), list(files), "published checkpoint"))
