"""Video files: the frames of one changed, all else - sound, subtitles, times, rotation - as it was. Needs PyAV.

A frame is decoded, changed and encoded before the next, so that a film needs no more memory than a scene.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from colorzoo.errors import UnreadableVideoError, UsageError
from colorzoo.io.atomic import atomic_write
from colorzoo.video.encoder import VideoEncoder, container_of

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TIMED = ("mov", "matroska")
"""Formats whose files say how long they are, as they were when they were whole."""

_SLACK = Fraction(1, 10)
"""Seconds by which such a length may differ from that of what is there."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, by its header and its first frame.

    Args:
        width: Of a frame as it is stored, in pixels.
        height: Likewise.
        frames: How many there are, as far as the header tells; 0 if it does not.
        first: The first frame.
    """

    width: int
    height: int
    frames: int
    first: "VideoFrame"


def probe(source: Path) -> VideoInfo:
    """Decode the first frame of a video.

    Args:
        source: The file.

    Raises:
        UnreadableVideoError: If the file is missing, or holds no video, or no frame of it can be decoded.
        UsageError: If PyAV is not installed.
    """
    with _opened(source) as (container, video):
        for frame in container.decode(video):
            estimate = (container.duration or 0) / 1_000_000 * float(video.average_rate or 0)
            return VideoInfo(frame.width, frame.height, video.frames or round(estimate), frame)
    raise UnreadableVideoError(f"{source} has a video stream without a frame; give another file")


def transform_video(
    source: Path,
    target: Path,
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    *,
    overwrite: bool = False,
    note: str = "",
) -> tuple[str, ...]:
    """Change each frame of a video; the rest of the file is copied.

    Sound, subtitles and attachments are copied byte for byte, times as they are, whatever the frame rate does. The
    picture is H.264 (VP9 in WebM) of 8 bits, BT.709 of limited range, and says so.

    Args:
        source: The video.
        target: The file to write; its suffix chooses the format.
        change: Makes sRGB ``(H, W, 3)`` of sRGB, upright frame by upright frame, in order.
        overwrite: Replace a file that is already there.
        note: What to add to the comment that the file carries.

    Returns:
        Remarks on what could not be kept.

    Raises:
        UnreadableVideoError: If the file is missing, holds no video, or cannot be decoded to its end.
        OutputExistsError: If the target is there and ``overwrite`` is False.
        UsageError: If PyAV is not installed, or does not write such a file.
        ValueError: If the format does not hold a stream of the source.
    """
    container_of(target)
    seen = probe(source)
    with atomic_write(target, overwrite) as stream, _opened(source) as (container, video):
        with VideoEncoder(stream, target, container, video, seen.first, note) as encoder:
            times = _Times(video)
            for packet in _packets(container, video, source):
                if packet.stream.index != video.index:
                    encoder.copy(packet)
                    continue
                for frame in _frames(packet, source):
                    encoder.write(_changed(frame, seen, change), times.ticks(frame), frame.duration)
            encoder.finish()
        return encoder.remarks


class _Times:
    """When each frame is shown, in ticks that always go up."""

    def __init__(self, video: "VideoStream") -> None:
        rate, base = video.average_rate or Fraction(25), video.time_base or Fraction(1, 1000)
        self._step = max(1, round(1 / (rate * base)))
        self._last: int | None = None

    def ticks(self, frame: "VideoFrame") -> int:
        expected = 0 if self._last is None else self._last + self._step
        ticks = expected if frame.pts is None else int(frame.pts)
        self._last = ticks if self._last is None else max(ticks, self._last + 1)
        return self._last


def _changed(
    frame: "VideoFrame", seen: VideoInfo, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Change a frame upright, and turn it back."""
    turns = round(seen.first.rotation / 90)
    levels = frame.reformat(
        seen.width, seen.height, "rgb24", src_color_range=frame.color_range or None, dst_color_range="JPEG"
    ).to_ndarray()
    changed = change(np.ascontiguousarray(np.rot90(levels, turns)))
    return np.ascontiguousarray(np.rot90(changed, -turns))


@contextmanager
def _opened(source: Path) -> "Iterator[tuple[InputContainer, VideoStream]]":
    """Open a video file and find its moving picture; the picture of a record's sleeve is none."""
    av = _av()
    if not source.is_file():
        raise UnreadableVideoError(f"{source} does not exist or is no file; check the name")
    try:
        container = av.open(str(source), "r", metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableVideoError(f"{source} is not a video that can be read ({_reason(error)})") from error
    with container:
        sleeve = av.stream.Disposition.attached_pic
        videos = [stream for stream in container.streams.video if not stream.disposition & sleeve]
        if not videos:
            raise UnreadableVideoError(f"{source} holds no video, only {_kinds(container)}; give another file")
        videos[0].thread_type = "AUTO"
        yield container, videos[0]


def _packets(container: "InputContainer", video: "VideoStream", source: Path) -> Iterator[Any]:
    """Yield all packets, and refuse a file that ends before the time that its header tells."""
    av, reached, unknown = _av(), Fraction(0), 1 / Fraction(video.average_rate or 25)
    packets, timed = container.demux(), container.format.name.startswith(_TIMED)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.FFmpegError as error:
            raise _damaged(source, error) from error
        if packet.pts is not None and packet.size:
            length = packet.duration * packet.time_base if packet.duration else unknown
            reached = max(reached, packet.pts * packet.time_base + length)
            if packet.is_corrupt and timed:
                raise UnreadableVideoError(f"{source} ends within a packet; it is cut off, get it anew")
        yield packet
    if container.duration and timed:
        told = Fraction(container.duration + max(0, container.start_time or 0), 1_000_000)
        if reached < told - _SLACK:
            raise UnreadableVideoError(
                f"{source} ends after {float(reached):.1f} of {float(told):.1f} seconds; it is cut off, get it anew"
            )


def _frames(packet: Any, source: Path) -> "Iterator[VideoFrame]":
    try:
        yield from packet.decode()
    except _av().FFmpegError as error:
        raise _damaged(source, error) from error


def _damaged(source: Path, error: Exception) -> UnreadableVideoError:
    return UnreadableVideoError(f"{source} cannot be decoded to its end ({_reason(error)}); it is damaged or cut off")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _kinds(container: "InputContainer") -> str:
    return " and ".join(sorted({stream.type for stream in container.streams})) or "nothing"


def _av() -> Any:
    with suppress(ImportError):
        import av

        return av
    raise UsageError("videos need PyAV, which is not installed; pip install 'colorzoo[video]'")
