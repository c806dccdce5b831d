"""Transcodes video files: frames are changed; audio, subtitles, times and rotation stay as they are. Needs PyAV.

A frame is decoded, changed and encoded before the next, so that memory does not grow with the length of the video.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
"""Formats whose headers tell the duration of the complete file."""

_SLACK = Fraction(1, 10)
"""Seconds by which the packets may end before that duration."""


class VideoFile:
    """A video that `open_video` has opened, and whose first frame is decoded; it can be read through once.

    Args:
        source: The file.
        container: The same, open.
        video: Its moving picture.

    Raises:
        UnreadableVideoError: If no frame can be decoded.
    """

    def __init__(self, source: Path, container: "InputContainer", video: "VideoStream") -> None:
        self._source, self._container, self._video = source, container, video
        self._packets = _packets(container, video, source)
        self._read_ahead: list[Any] = []
        """Packets of other streams that come before the first frame, and the frames that are decoded with it."""
        frames: list[VideoFrame] = []
        while not frames:
            packet = next(self._packets, None)
            if packet is None:
                raise UnreadableVideoError(f"{source} has a video stream without a frame; give another file")
            if packet.stream.index == video.index:
                frames = list(_frames(packet, source))
            else:
                self._read_ahead.append(packet)
        self._read_ahead += frames
        self._first = frames[0]
        self.width, self.height = self._first.width, self._first.height
        """Of a frame as it is stored, in pixels."""
        estimate = (container.duration or 0) / 1_000_000 * float(video.average_rate or 0)
        self.frame_count = video.frames or round(estimate)
        """As far as the header tells; 0 if it does not."""

    def transform(
        self,
        target: Path,
        change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        *,
        overwrite: bool = False,
        note: str = "",
    ) -> tuple[str, ...]:
        """Do what `transform_video` does with the file that is open."""
        container_of(target)
        with (
            atomic_write(target, overwrite) as stream,
            VideoEncoder(stream, target, self._container, self._video, self._first, note) as encoder,
        ):
            times = _Times(self._video)
            for content in self._contents():
                if isinstance(content, _av().Packet):
                    encoder.copy(content)
                else:
                    encoder.write(self._change_upright(content, change), times.ticks(content), content.duration)
            encoder.finish()
        return encoder.remarks

    def _contents(self) -> Iterator[Any]:
        """Yield the frames of the video, and the packets of the other streams, in the order of the file."""
        yield from self._read_ahead
        for packet in self._packets:
            if packet.stream.index == self._video.index:
                yield from _frames(packet, self._source)
            else:
                yield packet

    def _change_upright(
        self, frame: "VideoFrame", change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    ) -> NDArray[np.uint8]:
        """Rotate a frame upright, change it, and rotate it back."""
        turns = round(self._first.rotation / 90)
        levels = frame.reformat(
            self.width, self.height, "rgb24", src_color_range=frame.color_range or None, dst_color_range="JPEG"
        ).to_ndarray()
        changed = change(np.ascontiguousarray(np.rot90(levels, turns)))
        return np.ascontiguousarray(np.rot90(changed, -turns))


def transform_video(
    source: Path,
    target: Path,
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    *,
    overwrite: bool = False,
    note: str = "",
) -> tuple[str, ...]:
    """Change each frame of a video; the rest of the file is copied.

    Audio, subtitles and attachments are copied byte for byte, times as they are, whatever the frame rate does. The
    picture is H.264 (VP9 in WebM) of 8 bits, BT.709 of limited range, and tagged so.

    Args:
        source: The video.
        target: The file to write; its suffix chooses the format.
        change: Makes sRGB ``(H, W, 3)`` of sRGB, upright frame by upright frame, in order.
        overwrite: Replace a file that is already there.
        note: What to add to the comment in the file's metadata.

    Returns:
        Remarks on what could not be kept.

    Raises:
        UnreadableVideoError: If the file is missing, holds no video, or cannot be decoded to its end.
        OutputExistsError: If the target is there and ``overwrite`` is False.
        UsageError: If PyAV is not installed, or does not write such a file.
        ValueError: If the format does not hold a stream of the source.
    """
    container_of(target)
    with open_video(source) as video:
        return video.transform(target, change, overwrite=overwrite, note=note)


@contextmanager
def open_video(source: Path) -> Iterator[VideoFile]:
    """Open a video, once for all that is read from it.

    Args:
        source: The file. Of several pictures in it the first counts, and cover art does not.

    Yields:
        The video, with its first frame decoded.

    Raises:
        UnreadableVideoError: If the file is missing, or holds no video, or no frame of it can be decoded.
        UsageError: If PyAV is not installed.
    """
    av = _av()
    if not source.is_file():
        raise UnreadableVideoError(f"{source} does not exist or is no file; check the name")
    try:
        container = av.open(str(source), "r", metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableVideoError(f"{source} is not a video that can be read ({_reason(error)})") from error
    with container:
        cover_art = av.stream.Disposition.attached_pic
        videos = [stream for stream in container.streams.video if not stream.disposition & cover_art]
        if not videos:
            raise UnreadableVideoError(f"{source} holds no video, only {_kinds(container)}; give another file")
        videos[0].thread_type = "AUTO"
        yield VideoFile(source, container, videos[0])


class _Times:
    """Presentation times of the frames, in ticks that strictly increase."""

    def __init__(self, video: "VideoStream") -> None:
        rate, base = video.average_rate or Fraction(25), video.time_base or Fraction(1, 1000)
        self._step = max(1, round(1 / (rate * base)))
        self._last: int | None = None

    def ticks(self, frame: "VideoFrame") -> int:
        expected = 0 if self._last is None else self._last + self._step
        ticks = expected if frame.pts is None else int(frame.pts)
        self._last = ticks if self._last is None else max(ticks, self._last + 1)
        return self._last


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
        expected = Fraction(container.duration + max(0, container.start_time or 0), 1_000_000)
        if reached < expected - _SLACK:
            raise UnreadableVideoError(
                f"{source} ends after {float(reached):.1f} of {float(expected):.1f} seconds; it is cut off, get it anew"
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
