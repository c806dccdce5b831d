"""`colorzoo colorize` for what moves: video files, and folders of frames."""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, MutableSequence, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from colorzoo.cli.batch import INTERRUPTED
from colorzoo.cli.color_options import describe_options
from colorzoo.cli.paths import output_exists_error
from colorzoo.cli.video_options import is_video
from colorzoo.errors import ColorzooError, UnreadableVideoError, UsageError, describe_error
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp_history import add_history_entry, entry_text
from colorzoo.video.clip_colorizer import VideoColorizer
from colorzoo.video.encoder import is_written
from colorzoo.video.smoothing import DEFAULT_SMOOTHING, TemporalSmoothing
from colorzoo.video.transcode import probe, transform_video

if TYPE_CHECKING:
    from colorzoo.base.colorizer import Colorizer

Pair = tuple[Path, Path]


def run_videos(
    pairs: Sequence[Pair], colorizer: "Colorizer", args: argparse.Namespace, failures: MutableSequence[str]
) -> int:
    """Colour videos, one after another, and the pictures of each folder as a clip.

    Args:
        pairs: Source and target of each video or frame.
        colorizer: The model.
        args: The options of ``colorzoo colorize``.
        failures: What failed is added to it.

    Returns:
        130 after Ctrl-C, else 0.

    Raises:
        UsageError: If an option is asked for that clips do not have.
    """
    smooth = _checked(args)
    for job in _jobs(pairs):
        video = is_video(job[0][0])
        colour = VideoColorizer(
            colorizer,
            args.working_size,
            smooth=smooth,
            saturation=args.saturation,
            min_confidence=args.min_confidence,
        )
        parameters = "; ".join(
            [
                f"working size {args.working_size or colorizer.working_size}",
                f"smooth {smooth:g}",
                *describe_options(args),
            ]
        )
        try:
            if video:
                _color_video(*job[0], colour, entry_text("colorize", [colorizer], parameters), args)
            else:
                sign = partial(add_history_entry, verb="colorize", models=[colorizer], parameters=parameters)
                _color_frames(job, colour, sign, args)
        except KeyboardInterrupt:
            left = f"nothing of {job[0][1]} is left" if video else "each frame that is named is whole"
            for text in (*failures, f"interrupted; {left}"):
                print(f"colorzoo: {text}", file=sys.stderr)
            return INTERRUPTED
        except (ColorzooError, OSError, ValueError, RuntimeError, MemoryError) as error:
            failures.append(describe_error(error, job[0][0]))
    return 0


def _checked(args: argparse.Namespace) -> float:
    """Refuse options that are for pictures; return the share of smoothing."""
    asked = {
        "--hint": bool(args.hint),
        "--confidence-map": args.confidence_map is not None,
        "--report": args.report is not None,
        "--all-frames": args.all_frames,
        "--if-color": args.if_color != "recolor",
    }
    for option, given in asked.items():
        if given:
            raise UsageError(f"{option} is for pictures; leave it out for videos and --frames")
    smooth = DEFAULT_SMOOTHING if args.smooth is None else args.smooth
    try:
        TemporalSmoothing(smooth)
    except ValueError as error:
        raise UsageError(f"--smooth: {error}") from error
    return float(smooth)


def _jobs(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Return each video, and the frames of each folder in the order of the numbers in their names."""
    videos, folders = [], defaultdict(list)
    for pair in pairs:
        if is_video(pair[0]):
            videos.append([_writable(pair)])
        else:
            folders[pair[0].parent].append(pair)
    return videos + [sorted(frames, key=lambda pair: _numbered(pair[0].name)) for frames in folders.values()]


def _writable(pair: Pair) -> Pair:
    """Return a pair whose target, if its suffix is only that of the source, is of a format that is written."""
    source, target = pair
    same = source.suffix.lower() == target.suffix.lower()
    return (source, target.with_suffix(".mkv")) if same and not is_written(target) else pair


def _numbered(name: str) -> list[tuple[int, str]]:
    """Return what sorts ``frame2`` before ``frame10``."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def _color_video(source: Path, target: Path, colour: VideoColorizer, note: str, args: Any) -> None:
    if args.skip_existing and target.exists():
        print(f"colorzoo: {target} exists and is left as it is", file=sys.stderr)
        return
    if target.exists() and not args.overwrite:
        raise output_exists_error(target)
    seen = probe(source)
    if seen.width * seen.height > args.max_megapixels * 1e6:
        size = f"{seen.width}x{seen.height} pixels"
        raise UnreadableVideoError(f"{source} has {size}; allow more with --max-megapixels")
    with tqdm(total=seen.frames or None, unit="frame", disable=None, dynamic_ncols=True) as bar:
        note = note if args.provenance else ""
        remarks = transform_video(source, target, _counted(colour, bar), overwrite=args.overwrite, note=note)
    print(target, flush=True)
    for remark in remarks:
        print(f"{source}: {remark}", file=sys.stderr)


def _counted(colour: VideoColorizer, bar: Any) -> Callable[[Any], Any]:
    def counted(levels: Any) -> Any:
        coloured = colour(levels)
        bar.update()
        return coloured

    return counted


def _color_frames(
    frames: Sequence[Pair], colour: VideoColorizer, sign: Callable[[RasterImage], RasterImage], args: Any
) -> None:
    there = [target for _, target in frames if target.exists()]
    if there and not (args.overwrite or args.skip_existing):
        raise output_exists_error(there[0])
    for source, target in tqdm(frames, unit="frame", disable=None, dynamic_ncols=True):
        seen = read_raster(source, args.max_megapixels).in_srgb()
        # Those that are there are coloured too: the ones after them go on from their colours.
        scan = seen.with_color(colour(seen.levels))
        if args.skip_existing and target.exists():
            continue
        write_raster(sign(scan) if args.provenance else scan, target, args.overwrite)
        with tqdm.external_write_mode():
            print(target, flush=True)
