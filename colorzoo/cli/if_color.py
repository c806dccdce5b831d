"""What a command that colours does with images that are not grey."""

from collections.abc import Callable
from typing import Literal

from colorzoo.inference.toning import classify_tone, neutralize
from colorzoo.io.raster import RasterImage

IfColor = Literal["skip", "keep", "recolor"]
Transform = Callable[[RasterImage], tuple[RasterImage | None, str]]
"""Makes another image of one, or None where nothing is to be written, and says what else there is to say of it."""


def dispatch_by_tone(transform: Transform, if_color: IfColor, kept: Transform | None = None) -> Transform:
    """Look at the colours of an image first: a toned one becomes grey before anything else is done.

    Args:
        transform: What is done with grey images, and with those made grey.
        if_color: What is done with images in colour: ``"skip"``, nothing is written; ``"keep"``, they keep their
            colours; ``"recolor"``, the same as with grey ones.
        kept: What ``"keep"`` does with them; None for nothing but copying.

    Returns:
        Another transform, which says in front what it found if the image was not grey.

    Example:
        >>> from PIL.Image import new
        >>> dispatch_by_tone(lambda scan: (scan, "coloured"), "skip")(RasterImage.of(new("RGB", (9, 9), "red")))
        (None, 'in colour, left out')
    """

    def chosen(scan: RasterImage) -> tuple[RasterImage | None, str]:
        found = classify_tone(scan)
        changed: RasterImage | None = scan
        if found.kind == "toned":
            changed, done = transform(neutralize(scan))
            about = f"{found.describe()}, made grey first"
        elif found.kind == "grey" or if_color == "recolor":
            return transform(scan)
        elif if_color == "skip":
            about, changed, done = f"{found.describe()}, left out", None, ""
        else:
            changed, done = (scan, "") if kept is None else kept(scan)
            about = f"{found.describe()}, which it keeps"
        return changed, f"{about}; {done}" if done else about

    return chosen
