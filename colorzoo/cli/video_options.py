"""The options of `colorzoo colorize` for videos, and which inputs are videos; nothing heavy is imported here."""

import argparse
from collections.abc import Sequence
from pathlib import Path

Pair = tuple[Path, Path]


def add_smoothing_option(parser: argparse.ArgumentParser) -> None:
    """Add the option of commands that colour."""
    parser.add_argument(
        "--temporal-smoothing",
        type=float,
        metavar="WEIGHT",
        help="of films: weight of the previous frames where the image is static, from 0 to below 1 (default: 0.8)",
    )


def add_as_video_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that makes a film of images."""
    parser.add_argument(
        "--as-video", action="store_true", help="take the images of a folder for the frames of a film, in order"
    )


def split_images_and_videos(pairs: Sequence[Pair], args: argparse.Namespace) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs that are images, and those of videos, frames of a clip included."""
    from colorzoo.video.detect import is_video

    videos = {pair: None for pair in pairs if args.as_video or is_video(pair[0])}
    return [pair for pair in pairs if pair not in videos], list(videos)


def with_writable_suffixes(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs with .mkv for the suffix of each video that would go into a format that is only read."""
    from colorzoo.video.detect import is_video
    from colorzoo.video.encoder import is_writable_video

    def is_only_read(source: Path, target: Path) -> bool:
        return source.suffix.lower() == target.suffix.lower() and not is_writable_video(target) and is_video(source)

    moved = {pair for pair in pairs if is_only_read(*pair)}
    taken = {target for _, target in set(pairs) - moved}
    named = []
    for source, target in pairs:
        if (source, target) in moved:
            target = target.with_suffix(".mkv")
            if target in taken:  # such as of film.avi beside film.mkv
                target = target.with_name(f"{target.stem}{source.suffix}.mkv")
            taken.add(target)
        named.append((source, target))
    return named
