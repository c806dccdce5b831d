"""The photographs on which colourisers are measured, and the models that are asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import colorzoo
from colorzoo.data.photo_sources import PhotoSource

SETS = {
    "photos": PhotoSource("photos", val_images=400, eval_size=160),
    "kodachrome": PhotoSource("kodachrome", val_images=200, eval_size=88),
    "imagenette": PhotoSource("imagenette", val_images=500, eval_size=224),
    "bsds": PhotoSource("bsds", val_images=12, eval_size=224),
}
IN_COLOR = 8.0
"""Colourfulness above which a photograph counts as one in colour."""


def load_models(names: Sequence[str]) -> dict[str, Any]:
    """Return published models, or those of files, by what a table calls them."""
    return {Path(name).name if "/" in name else name: colorzoo.load(name) for name in names}
