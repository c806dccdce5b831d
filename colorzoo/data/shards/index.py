"""The index beside shards: the names of their images by split, and how these were drawn."""

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from colorzoo.errors import DataError, UsageError
from colorzoo.io.atomic import atomic_replace

INDEX = "colorzoo.json"
"""The index of a folder of shards, which is written last."""

IN_PROGRESS = ".colorzoo-begun.json"
"""Its name until all shards are written."""


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
        atomic_replace(path, json.dumps({"colorzoo_shards": 1, **asdict(self)}).encode())

    @classmethod
    def read(cls, path: Path, source: str) -> "ShardIndex":
        """Read it from a file.

        Args:
            path: The file.
            source: What an error calls the shards.

        Raises:
            DataError: If it is no such file, or a later version's.
        """
        try:
            fields: dict[str, Any] = json.loads(path.read_bytes())
            if fields.pop("colorzoo_shards") != 1:
                raise DataError(f"the shards in {source} are of a later version of colorzoo; update it")
            index = cls(**fields)
            index.names["train"], index.names["val"], index.names["test"]
            return index
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{INDEX} of {source} is damaged ({error}); copy the shards again") from error


def check_litdata() -> None:
    """Check that litdata is installed, which reads and writes shards.

    Raises:
        UsageError: If it is not.
    """
    if find_spec("litdata") is None:
        raise UsageError("shards need litdata, which is not installed; pip install 'colorzoo[streaming]'")
