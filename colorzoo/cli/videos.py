"""`colorzoo colorize` for video files, and for folders of frames."""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from colorzoo.cli.batch import INTERRUPTED
from colorzoo.cli.paths import output_exists_error
from colorzoo.cli.provenance import history_entry
from colorzoo.cli.video_options import is_video
from colorzoo.errors import ColorzooError, UnreadableVideoError, UsageError, describe_error
from colorzoo.inference.color_adjustments import ColorAdjustments
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp_history import add_history_entry
from colorzoo.video.clip_colorizer import VideoColorizer
from colorzoo.video.encoder import container_of, is_writable_video
from colorzoo.video.smoothing import DEFAULT_SMOOTHING, TemporalSmoothing
from colorzoo.video.transcode import open_video

if TYPE_CHECKING:
    from colorzoo.base.colorizer import Colorizer

Pair = tuple[Path, Path]


def run_videos(
    pairs: Sequence[Pair],
    colorizer: "Colorizer",
    adjustments: ColorAdjustments,
    args: argparse.Namespace,
    failures: MutableSequence[str],
) -> int:
    """Colour videos, one after another, and the images of each folder as the frames of one.

    Args:
        pairs: Source and target of each video or frame.
        colorizer: The model.
        adjustments: How to colour.
        args: The other options of ``colorzoo colorize``.
        failures: What failed is added to it.

    Returns:
        130 after Ctrl-C, else 0.

    Raises:
        UsageError: If an option is asked for that videos do not have.
    """
    smoothing = _check_options(args)
    parameters = f"{adjustments.describe(colorizer.working_size)}; temporal smoothing {smoothing:g}"
    entry = history_entry("colorize", [colorizer], parameters) if args.provenance else ""
    for job in _jobs(pairs):
        video = is_video(job[0][0])
        colorize = VideoColorizer(colorizer, adjustments, smoothing)
        try:
            if video:
                _color_video(*job[0], colorize, entry, args)
            else:
                _color_frames(job, colorize, entry, args)
        except KeyboardInterrupt:
            left = f"nothing of {job[0][1]} is left" if video else "each frame that is named is whole"
            for text in (*failures, f"interrupted; {left}"):
                print(f"colorzoo: {text}", file=sys.stderr)
            return INTERRUPTED
        except (ColorzooError, OSError, ValueError, RuntimeError, MemoryError) as error:
            failures.append(describe_error(error, job[0][0]))
    return 0


def _check_options(args: argparse.Namespace) -> float:
    """Refuse options that are for images; return the temporal smoothing."""
    for_images = {
        "--hint": bool(args.hint),
        "--confidence-map": args.confidence_map is not None,
        "--report": args.report is not None,
        "--all-pages": args.all_pages,
        "--if-color": args.if_color != "recolor",
    }
    for option, given in for_images.items():
        if given:
            raise UsageError(f"{option} is for pictures; leave it out for videos and --as-video")
    smoothing = DEFAULT_SMOOTHING if args.temporal_smoothing is None else args.temporal_smoothing
    try:
        TemporalSmoothing(smoothing)
    except ValueError as error:
        raise UsageError(f"--temporal-smoothing: {error}") from error
    return float(smoothing)


def _jobs(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Return each video, and the frames of each folder in the order of the numbers in their names."""
    videos, folders = [], defaultdict(list)
    for pair in pairs:
        if is_video(pair[0]):
            videos.append([_with_writable_suffix(pair)])
        else:
            folders[pair[0].parent].append(pair)
    return videos + [sorted(frames, key=lambda pair: _natural_key(pair[0].name)) for frames in folders.values()]


def _with_writable_suffix(pair: Pair) -> Pair:
    """Return a pair whose target, if its suffix is only that of the source, is of a format that can be written."""
    source, target = pair
    same = source.suffix.lower() == target.suffix.lower()
    return (source, target.with_suffix(".mkv")) if same and not is_writable_video(target) else pair


def _natural_key(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts ``frame2`` before ``frame10``."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def _color_video(source: Path, target: Path, colorize: VideoColorizer, entry: str, args: argparse.Namespace) -> None:
    if args.skip_existing and target.exists():
        print(f"colorzoo: {target} exists and is left as it is", file=sys.stderr)
        return
    if target.exists() and not args.overwrite:
        raise output_exists_error(target)
    container_of(target)
    with open_video(source) as video:
        if video.width * video.height > args.max_megapixels * 1e6:
            size = f"{video.width}x{video.height} pixels"
            raise UnreadableVideoError(f"{source} has {size}; allow more with --max-megapixels")
        with tqdm(total=video.frame_count or None, unit="frame", disable=None, dynamic_ncols=True) as bar:

            def colorize_and_count(levels: Any) -> Any:
                colored = colorize(levels)
                bar.update()
                return colored

            remarks = video.transform(target, colorize_and_count, overwrite=args.overwrite, note=entry)
    print(target, flush=True)
    for remark in remarks:
        print(f"{source}: {remark}", file=sys.stderr)


def _color_frames(frames: Sequence[Pair], colorize: VideoColorizer, entry: str, args: argparse.Namespace) -> None:
    existing = [target for _, target in frames if target.exists()]
    if existing and not (args.overwrite or args.skip_existing):
        raise output_exists_error(existing[0])
    for source, target in tqdm(frames, unit="frame", disable=None, dynamic_ncols=True):
        frame = read_raster(source, args.max_megapixels).in_srgb()
        # Those that exist are coloured too: smoothing goes on from their colours.
        colored = frame.with_color(colorize(frame.levels))
        if args.skip_existing and target.exists():
            continue
        write_raster(add_history_entry(colored, entry) if entry else colored, target, args.overwrite)
        with tqdm.external_write_mode():
            print(target, flush=True)
