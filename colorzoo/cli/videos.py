"""The commands colorize, denoise and restore for video files, and colorize for folders of frames."""

import argparse
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from tqdm import tqdm

from colorzoo.cli.paths import output_exists_error
from colorzoo.cli.provenance import history_entry
from colorzoo.cli.run_summary import RunSummary
from colorzoo.cli.signals import INTERRUPTED
from colorzoo.cli.terminal import print_message, print_remark, print_result
from colorzoo.errors import UsageError, describe_error
from colorzoo.inference.color_adjustments import ColorAdjustments
from colorzoo.inference.toning import classify_tone
from colorzoo.io.claim import claim, version_of
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp_history import add_history_entry
from colorzoo.pipeline import COLOR_RESTORERS, RESTORERS, Pipeline
from colorzoo.video.clip_colorizer import VideoColorizer, VideoRestorer
from colorzoo.video.detect import is_video
from colorzoo.video.encoder import container_of
from colorzoo.video.segments import remove_segments
from colorzoo.video.smoothing import DEFAULT_SMOOTHING, TemporalSmoothing
from colorzoo.video.source import inspect_video
from colorzoo.video.transcode import transform_video

if TYPE_CHECKING:
    from colorzoo.base.colorizer import Colorizer
    from colorzoo.cli.model_loader import ModelLoader

Pair = tuple[Path, Path]


def color_videos(
    pairs: Sequence[Pair],
    colorizer: "Colorizer",
    adjustments: ColorAdjustments,
    args: argparse.Namespace,
    summary: RunSummary,
    images: int,
) -> int:
    """Colour videos, one after another, and the images of each folder as the frames of one.

    Args:
        pairs: Source and target of each video or frame.
        colorizer: The model.
        adjustments: How to colour.
        args: The other options of ``colorzoo colorize``.
        summary: What became of them is added to it.
        images: How many images are to be done after them.

    Returns:
        130 after Ctrl-C, else 0.

    Raises:
        UsageError: If an option is asked for that videos do not have, and there are only videos.
    """
    if not _check_options(pairs, args, summary, alone=not images):
        return 0
    smoothing = _smoothing(args)
    parameters = f"{adjustments.describe(colorizer.working_size)}; temporal smoothing {smoothing:g}"
    entry = history_entry("colorize", [colorizer], parameters)
    return _run(pairs, lambda: VideoColorizer(colorizer, adjustments, smoothing), entry, args, summary, images)


def restore_videos(
    pairs: Sequence[Pair],
    loader: "ModelLoader",
    args: argparse.Namespace,
    summary: RunSummary,
    images: int,
) -> int:
    """De-noise the frames of videos, and colour them if the command does: see `color_videos`.

    Args:
        pairs: Source and target of each video.
        loader: Of the models.
        args: The options of ``colorzoo denoise`` or ``colorzoo restore``.
        summary: What became of them is added to it.
        images: How many images are to be done after them.

    Returns:
        130 after Ctrl-C, else 0.

    Raises:
        UsageError: If an option is asked for that videos do not have, and there are only videos.
    """
    if not _check_options(pairs, args, summary, alone=not images):
        return 0
    smoothing = _smoothing(args)
    grey, color = (
        Pipeline([loader.load(name, "de-noise") for name in args.denoiser or published.values()], args.strength)
        for published in (RESTORERS, COLOR_RESTORERS)
    )
    coloring = args.command == "restore" and not args.no_color
    colorizer = loader.load(args.colorizer, "colourise") if coloring else None

    def denoise(levels: NDArray[Any]) -> NDArray[Any]:
        # As for images: what is coloured anew is restored channel by channel, and so are toned prints.
        in_color = colorizer is None and levels.ndim == 3 and classify_tone(levels).kind == "color"
        return (color if in_color else grey)(levels)

    def restorer() -> VideoRestorer:
        return VideoRestorer(denoise, colorizer and VideoColorizer(colorizer, smoothing=smoothing))

    models = dict.fromkeys([*grey.models, *([colorizer] if colorizer else color.models)])
    parameters = f"strength {args.strength}" + (f"; temporal smoothing {smoothing:g}" if colorizer else "")
    return _run(pairs, restorer, history_entry(args.command, list(models), parameters), args, summary, images)


def _run(
    pairs: Sequence[Pair],
    make_change: Callable[[], VideoColorizer | VideoRestorer],
    entry: str,
    args: argparse.Namespace,
    summary: RunSummary,
    images: int,
) -> int:
    """Change one clip after another; one that fails does not stop the others."""
    total = summary.total + len(pairs) + images
    for job in _jobs(pairs):
        video = is_video(job[0][0])
        try:
            if video:
                _change_video(*job[0], make_change(), entry, args, summary)
            else:
                _change_frames(job, make_change(), entry, args, summary)
        except KeyboardInterrupt:
            left = "the same command goes on where it was" if video else "each frame that is named is whole"
            for text in (*summary.messages(), f"interrupted at {job[0][0]}; {left}"):
                print_message(text)
            summary.left = total - summary.total
            if summary.of_folder:
                print_remark(summary.describe())
            return INTERRUPTED
        except Exception as error:
            _add_failure(describe_error(error, job[0][0]), job, summary)
    return 0


def _add_failure(message: str, job: Sequence[Pair], summary: RunSummary) -> None:
    summary.failed.append(message)
    summary.skip("frames beside one that failed", len(job) - 1)


def _check_options(pairs: Sequence[Pair], args: argparse.Namespace, summary: RunSummary, *, alone: bool) -> bool:
    """Refuse options that are for images: all videos fail, or the command if it has nothing else to do."""
    for_images = {
        "--hint": bool(getattr(args, "hint", None)),
        "--variants": getattr(args, "variants", 1) > 1,
        "--confidence-map": getattr(args, "confidence_map", None) is not None,
        "--report": args.report is not None,
        "--all-pages": args.all_pages,
        "--if-color": getattr(args, "if_color", "recolor") != "recolor",
    }
    for option, given in for_images.items():
        if given and alone:
            raise UsageError(f"{option} is for images; leave it out for videos and --as-video")
        if given:
            summary.failed += [
                f"{job[0][0]} is a video, and {option} is for images; do it alone" for job in _jobs(pairs)
            ]
            return False
    return True


def _smoothing(args: argparse.Namespace) -> float:
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
            videos.append([pair])
        else:
            folders[pair[0].parent].append(pair)
    return videos + [sorted(frames, key=lambda pair: _natural_key(pair[0].name)) for frames in folders.values()]


def _natural_key(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts ``frame2`` before ``frame10``."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def _change_video(
    source: Path,
    target: Path,
    change: VideoColorizer | VideoRestorer,
    entry: str,
    args: argparse.Namespace,
    summary: RunSummary,
) -> None:
    if target.exists() and not args.overwrite:
        remove_segments(target)
        if not args.skip_existing:
            raise output_exists_error(target)
        print_message(f"{target} exists and is left as it is")
        summary.skip("exist")
        return
    container_of(target)
    with claim(target, version_of(target)) as ours:
        if not ours:
            print_message(f"{target} is made by another run, and left to that")
            summary.skip("made by another run")
            return
        remarks = _write_video(source, target, change, entry, args)
    summary.done += 1
    print_result(target)
    for remark in remarks:
        print_remark(f"{source}: {remark}")


def _write_video(
    source: Path, target: Path, change: VideoColorizer | VideoRestorer, entry: str, args: argparse.Namespace
) -> Sequence[str]:
    video = inspect_video(source, int(min(args.max_megapixels * 1e6, 2**31 - 1)))
    if video.damage:
        print_remark(f"{source}: it is damaged or cut off; what can be read of it is done")
    with tqdm(total=video.frame_count, unit="frame", disable=None, dynamic_ncols=True) as bar:
        note = entry if args.provenance else ""
        return transform_video(
            video, target, change, overwrite=args.overwrite, note=note, made_by=entry, progress=bar.update
        )


def _change_frames(
    frames: Sequence[Pair],
    change: VideoColorizer | VideoRestorer,
    entry: str,
    args: argparse.Namespace,
    summary: RunSummary,
) -> None:
    """Change the frames of a folder; one that fails does not stop the others, and smoothing goes on behind it."""
    existing = [target for _, target in frames if target.exists()]
    if existing and not (args.overwrite or args.skip_existing):
        raise output_exists_error(existing[0])
    for source, target in tqdm(frames, unit="frame", disable=None, dynamic_ncols=True):
        try:
            frame = read_raster(source, args.max_megapixels).in_srgb()
            # Those that exist are coloured too: smoothing goes on from their colours.
            colored = frame.with_color(change(frame.levels))
            if args.skip_existing and target.exists():
                summary.skip("exist")
                continue
            write_raster(add_history_entry(colored, entry) if args.provenance else colored, target, args.overwrite)
        except Exception as error:
            summary.failed.append(describe_error(error, source))
            continue
        summary.done += 1
        with tqdm.external_write_mode():
            print_result(target)
