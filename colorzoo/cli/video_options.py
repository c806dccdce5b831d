"""What `colorzoo colorize` is told of clips, and which of its inputs are some; nothing heavy is imported here."""

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
        "--smooth",
        type=float,
        metavar="SHARE",
        help="what colours of a video keep of those before, where nothing moves: 0 is nothing, below 1 (default: 0.8)",
    )
    parser.add_argument(
        "--frames", action="store_true", help="the pictures of a folder are the frames of a clip, in order"
    )


def split_images_and_videos(pairs: Sequence[Pair], args: argparse.Namespace) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs that are pictures, and those of clips, of which only ``colorize`` knows."""
    parts: tuple[list[Pair], list[Pair]] = [], []
    for pair in pairs:
        parts[args.verb == "colorize" and (args.frames or is_video(pair[0]))].append(pair)
    return parts


def is_video(path: Path) -> bool:
    """Tell by its suffix whether a file is a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES
