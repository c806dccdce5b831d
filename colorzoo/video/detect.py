"""Tells which files are videos."""

from pathlib import Path

from colorzoo.errors import UnreadableVideoError, UsageError
from colorzoo.io.find import OTHER_SUFFIXES
from colorzoo.io.pil_file import SUFFIXES
from colorzoo.video.source import CONTAINERS, open_container

VIDEO_SUFFIXES = frozenset(
    (
        *(
            ".mp4",
            ".m4v",
            ".mov",
            ".qt",
            ".mkv",
            ".webm",
            ".avi",
            ".divx",
            ".wmv",
            ".asf",
            ".flv",
            ".f4v",
            ".ogv",
            ".ogm",
        ),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".vro", ".mod", ".tod", ".ts", ".mts", ".m2t", ".m2ts"),
        *(
            ".3gp",
            ".3g2",
            ".mxf",
            ".gxf",
            ".dv",
            ".dif",
            ".rm",
            ".rmvb",
            ".nut",
            ".ivf",
            ".wtv",
            ".h264",
            ".264",
            ".hevc",
        ),
    )
)
"""The files that count as videos without a look into them."""
_IMAGE_BRANDS = ("heic", "heix", "mif1", "msf1", "avif", "avis", "crx")
"""Photographs that are stored in a film's format."""


def is_video(path: Path) -> bool:
    """Tell whether a file is a video: by its suffix, or, if the suffix says nothing, by its content.

    Args:
        path: The file.

    Example:
        >>> is_video(Path("VTS_01_1.VOB")), is_video(Path("photo.jpg"))
        (True, False)
    """
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return True
    if suffix in SUFFIXES | OTHER_SUFFIXES:
        return False
    try:
        with open_container(path, CONTAINERS) as (container, _):
            return container.metadata.get("major_brand", "").strip() not in _IMAGE_BRANDS
    except (UnreadableVideoError, UsageError):
        return False
