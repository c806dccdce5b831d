"""Transcodes video files: frames are changed; audio, subtitles, times and rotation stay as they are. Needs PyAV.

A frame is decoded, changed and encoded before the next, so that memory does not grow with the length of the video. The
frames are encoded in segments, each written as soon as it is done; the file is made of them at the end.
"""

import heapq
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from colorzoo._version import __version__
from colorzoo.errors import DamagedVideoError, UnreadableVideoError
from colorzoo.io.atomic import atomic_write, refuse_existing
from colorzoo.video.encoder import SegmentEncoder, VideoSettings, container_of
from colorzoo.video.muxer import VideoMuxer
from colorzoo.video.segments import Segments
from colorzoo.video.source import VideoSource, demux, inspect_video, open_container

if TYPE_CHECKING:
    from av import VideoFrame

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Makes sRGB ``(H, W, 3)`` of sRGB, upright frame by upright frame, in order."""

SEGMENT_FRAMES = 100
"""A killed run loses at most so many frames."""


def transform_video(
    source: Path | VideoSource,
    target: Path,
    change: Change,
    *,
    overwrite: bool = False,
    note: str = "",
    made_by: str = "",
    progress: Callable[[int], object] = bool,
) -> tuple[str, ...]:
    """Change each frame of a video; the rest of the file is copied.

    Audio, subtitles and attachments are copied byte for byte, times as they are, whatever the frame rate does. The
    image is H.264 (VP9 in WebM) of 8 bits, BT.709 of limited range, and tagged so; fields stay fields.

    Args:
        source: The video, or what `inspect_video` has said of it.
        target: The file to write; its suffix chooses the format.
        change: Makes sRGB ``(H, W, 3)`` of sRGB, upright frame by upright frame, in order.
        overwrite: Replace a file that is already there.
        note: What to add to the comment in the file's metadata.
        made_by: All that the frames depend on beside the source: model and parameters, in words. With it, what is done
            of a run that ends early is kept in a hidden folder beside the target, and the next run goes on from there;
            what ``change`` carries from frame to frame is then its ``state``, a dict of arrays that can be set.
        progress: Called with 1 for each frame that is done, and with the number of those of an earlier run.

    Returns:
        Remarks on what could not be kept.

    Raises:
        DamagedVideoError: If a part of the source is missing or damaged; the rest of it is written.
        UnreadableVideoError: If the file is missing, or holds no video that can be decoded.
        OutputExistsError: If the target is there and ``overwrite`` is False.
        UsageError: If PyAV is not installed, or does not write such a file.
        ValueError: If the format does not hold a stream of the source.
    """
    container_of(target)
    video = source if isinstance(source, VideoSource) else inspect_video(source)
    refuse_existing(target, overwrite)
    with open_container(video.path) as (container, stream):
        settings = VideoSettings(target, stream, video.first)
        # What the format does not hold is told before the frames are computed, and not after.
        copying = True
        try:
            trial = VideoMuxer(BytesIO(), target, container, stream, settings, note)
        except UnreadableVideoError:
            copying = False
            trial = VideoMuxer(BytesIO(), target, container, stream, settings, note, copying=False)
            video.damage.append("its sound and other streams cannot be copied")
        with trial:
            remarks = [*video.remarks, *settings.remarks, *trial.remarks]
    with ExitStack() as stack:
        if not made_by:
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=".colorzoo-", dir=target.parent))
            segments = Segments(Path(folder, target.name), "")
        else:
            status = video.path.stat()
            made_of = (video.path.resolve(), status.st_size, status.st_mtime_ns, made_by, str(settings))
            segments = Segments(target, f"{__version__} {made_of}")
            if segments.frame_count:
                change.state = segments.state  # type: ignore[attr-defined]
                remarks.append(f"its first {segments.frame_count} frames are of an earlier run, which was interrupted")
        remarks += _encode(video, settings, target, change, segments, progress)
        with (
            atomic_write(target, overwrite) as out,
            open_container(video.path) as (container, stream),
            VideoMuxer(out, target, container, stream, settings, note, copying=copying) as muxer,
        ):
            others = [other for other in container.streams if other is not stream and copying]
            copies = demux(container, *others) if others else iter(())
            merged = heapq.merge(
                ((_seconds(packet, settings.time_base), muxer.write, packet) for packet in segments.packets()),
                ((_seconds(packet, packet.time_base), muxer.copy, packet) for packet in copies),
                key=lambda entry: entry[0],
            )
            for _, write, packet in merged:
                write(packet)
            muxer.finish()
            if muxer.lost:
                video.damage.append(f"{muxer.lost} packets of sound or other streams cannot be copied")
        segments.remove()
    if video.damage:
        raise DamagedVideoError(
            f"{video.path} is damaged or cut off: {'; '.join(video.damage)}; {target} has what could be read"
        )
    return tuple(remarks)


def _encode(
    video: VideoSource,
    settings: VideoSettings,
    target: Path,
    change: Change,
    segments: Segments,
    progress: Callable[[int], object],
) -> list[str]:
    """Change and encode the frames that the segments lack; return remarks on them."""
    remarks: dict[str, None] = {}
    turns = round(video.first.rotation / 90)
    progress(segments.frame_count)
    frames = islice(_timed(video, settings), segments.frame_count, None)
    for first in frames:
        encoder, packets, number = SegmentEncoder(target, settings), [], segments.frame_count
        for ticks, frame in chain([first], islice(frames, SEGMENT_FRAMES - 1)):
            if (frame.width, frame.height) != (settings.width, settings.height):
                remarks[f"frames of another size are written as {settings.width}x{settings.height}"] = None
            if frame.interlaced_frame and not settings.interlaced:
                remarks["frames in it are interlaced, which its first is not; they are marked as progressive"] = None
            packets += encoder.encode(_changed(frame, settings, turns, change), ticks, frame.duration)
            number += 1
            progress(1)
        segments.add(number, packets + encoder.finish(), getattr(change, "state", {}))
    return list(remarks)


def _changed(frame: "VideoFrame", settings: VideoSettings, turns: int, change: Change) -> "VideoFrame":
    """Rotate a frame upright, change it, and rotate it back; what it has beside its pixels stays."""
    rgb = frame.reformat(
        settings.width,
        settings.height,
        "rgb24",
        src_color_range=frame.color_range or None,
        dst_color_range="JPEG",
    )
    rgb.make_writable()
    changed = change(np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns)))
    plane: Any = rgb.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(settings.height, plane.line_size)
    rows[:, : 3 * settings.width] = np.rot90(changed, -turns).reshape(settings.height, -1)
    return rgb


def _timed(video: VideoSource, settings: VideoSettings) -> "Iterator[tuple[int, VideoFrame]]":
    """Yield the frames with their presentation times, in ticks that strictly increase."""
    step = max(1, round(1 / (settings.rate * settings.time_base)))
    last: int | None = None
    for frame in video.frames():
        expected = 0 if last is None else last + step
        ticks = expected if frame.pts is None else int(frame.pts)
        last = ticks if last is None else max(ticks, last + 1)
        yield last, frame


def _seconds(packet: Any, time_base: Fraction) -> float:
    ticks = packet.pts if packet.dts is None else packet.dts
    return float((ticks or 0) * time_base)
