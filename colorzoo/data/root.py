"""Where data sets lie."""

import os
from pathlib import Path


def data_root() -> Path:
    """Return ``$COLORZOO_DATA``, or else ``~/.cache/colorzoo/data``."""
    return Path(os.environ.get("COLORZOO_DATA") or Path.home() / ".cache" / "colorzoo" / "data")
