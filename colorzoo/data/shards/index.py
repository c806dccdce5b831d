"""The index beside shards: the names of their images by split, and how these were drawn."""

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import NoneType

from colorzoo.errors import DataError, UsageError
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.strict_json import parse_json

INDEX = "colorzoo.json"
"""The index of a folder of shards, which is written last."""

IN_PROGRESS = ".colorzoo-begun.json"
"""Its name until all shards are written."""

_VERSION = 2
_SPLITS = ("train", "val", "test")
_LONGEST = 4096


@dataclass(frozen=True)
class ShardIndex:
    """With which options shards were made, and which images they hold.

    Args:
        seed: Seed of the splits.
        val_fraction: Share of the images that validate.
        test_fraction: Share of the images that test.
        shorter_side: What the shorter side of larger images was reduced to, in pixels; None for the files' own bytes.
        names: The images of each split, in the order in which they are stored.
    """

    seed: int
    val_fraction: float
    test_fraction: float
    shorter_side: int | None
    names: dict[str, list[str]]

    def write(self, path: Path) -> None:
        """Write it to a file, atomically."""
        atomic_replace(path, json.dumps({"colorzoo_shards": _VERSION, **asdict(self)}).encode())

    @classmethod
    def read(cls, path: Path, source: str) -> "ShardIndex":
        """Read it from a file.

        Args:
            path: The file.
            source: What an error calls the shards.

        Raises:
            DataError: If it is no such file, or another version's.
        """
        try:
            fields = parse_json(path.read_bytes())
            if fields.pop("colorzoo_shards") != _VERSION:
                raise DataError(f"the shards in {source} are of another version of colorzoo; make them again")
            index = cls(**fields)
            index.check()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{INDEX} of {source} is damaged ({error}); copy the shards again") from error
        return index

    def check(self) -> None:
        """Check what was read.

        Raises:
            ValueError: If a value is not of its kind, or a name is there twice or leads out of the folder.
        """
        numbers = (self.seed, self.val_fraction, self.test_fraction)
        if not all(type(number) in (int, float) for number in numbers) or type(self.seed) is not int:
            raise ValueError("the seed or a fraction is no number")
        if type(self.shorter_side) not in (int, NoneType):
            raise ValueError("the shorter side is no number")
        lists = self.names if isinstance(self.names, dict) else {}
        if set(lists) != set(_SPLITS) or not all(isinstance(names, list) for names in lists.values()):
            raise ValueError(f"it does not name the images of {', '.join(_SPLITS)}")
        names = [name for split in _SPLITS for name in self.names[split]]
        for name in names:
            check_name(name)
        if len(set(names)) < len(names):
            raise ValueError("it names an image twice")


def check_name(name: object) -> None:
    """Refuse an image's name that is no path below a folder, on any system.

    Args:
        name: Of the image.

    Raises:
        ValueError: If it is empty or absolute, or leads out of the folder.

    Example:
        >>> check_name("holiday/beach.jpg")
    """
    if not isinstance(name, str) or not name or "\0" in name or len(name) > _LONGEST:
        raise ValueError("it has an image without a name")
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise ValueError(f"the name {name[:200]!r} leads out of the folder")


def check_litdata() -> None:
    """Check that litdata is installed, which reads and writes shards.

    Raises:
        UsageError: If it is not.
    """
    if find_spec("litdata") is None:
        raise UsageError("shards need litdata, which is not installed; pip install 'colorzoo[streaming]'")
