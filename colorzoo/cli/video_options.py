"""The options of `colorzoo colorize` for videos, and which inputs are videos; nothing heavy is imported here."""

import argparse
from collections.abc import Sequence
from pathlib import Path

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp", ".ogv")
)
"""The files that count as videos."""

Pair = tuple[Path, Path]


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--temporal-smoothing",
        type=float,
        metavar="WEIGHT",
        help="weight of the previous frames where the image is static, from 0 to below 1 (default: 0.8)",
    )
    parser.add_argument(
        "--as-video", action="store_true", help="take the pictures of a folder for the frames of a video, in order"
    )


def split_images_and_videos(pairs: Sequence[Pair], args: argparse.Namespace) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs that are images, and those of videos, which only ``colorize`` takes."""
    if args.command != "colorize":
        return list(pairs), []
    videos = [pair for pair in pairs if args.as_video or is_video(pair[0])]
    return [pair for pair in pairs if pair not in videos], videos


def is_video(path: Path) -> bool:
    """Tell by its suffix whether a file is a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES
