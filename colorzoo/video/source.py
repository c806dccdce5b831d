"""Reads video files: what they hold, frame by frame, and how much of it is missing. Needs PyAV.

FFmpeg opens playlists, scripts and network addresses too. A film is a file of its own: only formats that hold their
content themselves are read, and only from the disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colorzoo.errors import UnreadableVideoError, UsageError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TIMED = ("mov", "matroska")
"""Formats whose headers tell the duration of the complete file."""
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mxf,asf,flv,ogg,nut,rm,gxf,ivf,wtv,nuv,lxf"
_FORMATS = f"{CONTAINERS},mpegvideo,m4v,h264,hevc,dv,av1,obu,vc1"
"""Not those that name other files (concat, hls, dash, image2, imf, ...), nor devices, nor images."""
_ASF, _ASF_PROPERTIES = (bytes.fromhex(guid) for guid in ("3026b2758e66cf11", "a1dcab8c47a9cf118ee400c00c205365"))
_SLACK = Fraction(1, 10)
"""Seconds by which the packets may end before that duration."""
_REGULAR = 10
"""Frames from which on their times tell a rate."""
_MAX_PIXELS = 300_000_000


@dataclass
class VideoSource:
    """A video that `inspect_video` has looked through, without decoding more than its first frame.

    Args:
        path: The file.
        first: Its first frame.
        frame_count: How many there are; of a damaged file, how many the complete one had, as far as that can be told.
        damage: What is wrong with the file, in words; empty if nothing is known.
        remarks: What else is worth a word.
        max_pixels: Larger frames are not decoded.
    """

    path: Path
    first: "VideoFrame"
    frame_count: int
    damage: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    max_pixels: int = _MAX_PIXELS

    @property
    def width(self) -> int:
        """Of a frame as it is stored, in pixels."""
        return self.first.width

    @property
    def height(self) -> int:
        """Likewise."""
        return self.first.height

    def frames(self) -> "Iterator[VideoFrame]":
        """Decode all frames; what cannot be decoded is left out and counted in `damage`."""
        av, decoded, lost, patched = _av(), 0, 0, 0
        with open_container(self.path) as (container, video):
            video.codec_context.options = {"max_pixels": str(self.max_pixels)}
            for packet in demux(container, video):
                try:
                    for frame in packet.decode():
                        decoded += 1
                        patched += frame.is_corrupt
                        yield frame
                except av.FFmpegError:
                    lost += 1
        for number, how in ((lost, "cannot be decoded"), (patched, "can be decoded only in part")):
            if number:
                self.damage.append(f"{number} of its frames {how}")
        if self.damage:
            self.damage.append(f"{decoded} of {max(decoded, self.frame_count)} frames could be read")


@contextmanager
def open_container(path: Path, formats: str = _FORMATS) -> "Iterator[tuple[InputContainer, VideoStream]]":
    """Open a file, and find its moving image: of several the first, and no cover art.

    Args:
        path: The file.
        formats: FFmpeg's names of those that are read.

    Yields:
        The open file, and the stream.

    Raises:
        UnreadableVideoError: If the file is missing, of another kind, or holds no video of a known codec.
        UsageError: If PyAV is not installed.
    """
    av = _av()
    if not path.is_file():
        raise UnreadableVideoError(f"{path} does not exist or is no file; check the name")
    with _messages() as messages:
        try:
            # With "file:", a name such as "concat:a|b" is no address.
            options = {"protocol_whitelist": "file", "format_whitelist": formats}
            container = av.open(f"file:{path}", "r", container_options=options, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            cut = "moov atom not found" in str((messages, getattr(error, "log", "")))
            reason = "it was cut off before its index, which stands at the end" if cut else _reason(error)
            raise UnreadableVideoError(f"{path} is not a video that can be read ({reason})") from error
    with container:
        cover_art = av.stream.Disposition.attached_pic
        videos = [stream for stream in container.streams.video if not stream.disposition & cover_art]
        if not videos:
            raise UnreadableVideoError(f"{path} holds no video, only {_kinds(container)}; give another file")
        if videos[0].codec_context is None:
            raise UnreadableVideoError(f"{path} is of a codec that FFmpeg does not decode; convert it")
        # With several, those of a damaged VP9 film wait for each other for ever; and the network is what takes time.
        videos[0].codec_context.thread_count = 1
        yield container, videos[0]


def inspect_video(path: Path, max_pixels: int = _MAX_PIXELS) -> VideoSource:
    """Look through a video before anything is computed: how long it is, and whether that is all there.

    Args:
        path: The file. Of several images in it the first counts, and cover art does not.
        max_pixels: Frames that are larger are not decoded.

    Raises:
        UnreadableVideoError: If the file is missing, or holds no video, or no frame of it can be decoded, or larger
            ones than allowed.
        UsageError: If PyAV is not installed.
    """
    av, first = _av(), None
    with open_container(path) as (container, video):
        if video.width * video.height > max_pixels:
            raise UnreadableVideoError(
                f"{path} has frames of {video.width}x{video.height} pixels; allow more with --max-megapixels"
            )
        video.codec_context.options = {"max_pixels": str(max_pixels)}
        count, reached, shown = 0, Fraction(0), Fraction(0)
        ticks: list[int] = []
        damage: list[str] = []
        unknown = 1 / Fraction(video.average_rate or 25)
        for packet in demux(container, damage=damage):
            is_video = packet.stream.index == video.index
            count += is_video and (packet.size > 0 or packet.dts is not None)
            if is_video and first is None:
                with suppress(av.FFmpegError):
                    first = next(iter(packet.decode()), None)
            if packet.pts is not None and packet.size:
                if is_video:
                    ticks.append(packet.pts)
                length = packet.duration * packet.time_base if packet.duration else unknown
                reached = max(reached, packet.pts * packet.time_base + length)
                shown = reached if is_video else shown
                if packet.is_corrupt:
                    damage.append("a packet in it is damaged or cut off")
        if first is None:
            reason = f" ({'; '.join(damage)})" if damage else ""
            raise UnreadableVideoError(f"{path} has a video stream without a frame{reason}; give another file")
        expected = reached
        if container.duration and container.format.name.startswith(_TIMED):
            expected = Fraction(container.duration + max(0, container.start_time or 0), 1_000_000)
            if reached < expected - _SLACK:
                damage.append(f"it ends after {float(reached):.1f} of {float(expected):.1f} seconds")
        told = video.frames
        if container.format.name == "avi":  # which also counts empty places, that stand for longer frames
            missing = shown < told * unknown - _SLACK
        else:  # MXF tells the number of frames as a duration; others count frames that an edit list leaves out
            told = video.duration or 0 if container.format.name == "mxf" else told
            missing = container.format.name == "mxf" and count < told
        if missing:
            damage.append(f"it has {count} of the {told} frames that its header tells")
        damage += _missing_bytes(path)
        remarks = [] if damage else _gaps(ticks, video.time_base or Fraction(0))
        about = round(expected * Fraction(video.average_rate or 0))
        expected_count = told or max(count, about) if damage else count
        return VideoSource(path, first, expected_count, list(dict.fromkeys(damage)), remarks, max_pixels)


def _gaps(ticks: list[int], time_base: Fraction) -> list[str]:
    """Tell of frames that seem to be missing: times are regular but for gaps of several frames and a quarter second."""
    steps = np.diff(np.unique(ticks))
    if len(steps) < _REGULAR:
        return []
    step = np.median(steps)
    gaps = np.flatnonzero(steps > max(3 * step, 1 / (4 * time_base)))
    if not len(gaps) or np.mean(abs(steps - step) <= max(1, step / 10)) < 0.9:
        return []
    count = int(sum(np.rint(steps[gaps] / step) - 1))
    start = float((np.unique(ticks)[gaps[0]]) * time_base)
    return [f"about {count} frames are missing or never were there, the first after {start:.1f} seconds"]


def _missing_bytes(path: Path) -> list[str]:
    """Tell what an ASF or WMV file lacks of the size in its header, which FFmpeg does not compare."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    start = head.find(_ASF_PROPERTIES)
    told, live = (int.from_bytes(head[start + at : start + at + 8], "little") for at in (40, 88))
    size = path.stat().st_size
    cut = head.startswith(_ASF) and start > 0 and not live & 1 and size < told
    return [f"it has {size} of the {told} bytes that its header tells"] if cut else []


def demux(container: "InputContainer", *streams: Any, damage: list[str] | None = None) -> Iterator[Any]:
    """Yield the packets, as far as they can be read.

    Args:
        container: An open file.
        streams: Which are wanted; all if none are named.
        damage: Gets what FFmpeg says of damaged places, which it skips.
    """
    if damage is None:
        with suppress(_av().FFmpegError):
            yield from container.demux(*streams)
        return
    with _messages() as messages:
        try:
            yield from container.demux(*streams)
        except _av().FFmpegError as error:
            damage.append(f"it cannot be read to its end ({_reason(error)})")
    places = [
        text.strip().splitlines()[0] for _, name, text in messages if name == container.format.name and text.strip()
    ]
    if places:
        damage.append(f"a place in it is damaged (FFmpeg: {places[0]})")


@contextmanager
def _messages() -> Iterator[list[tuple[int, str, str]]]:
    """Yield the list that gets FFmpeg's messages on errors, which are nowhere else to be had."""
    av = _av()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)  # of another file
    try:
        with av.logging.Capture(local=False) as messages:
            yield messages
    finally:
        av.logging.set_level(None)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _kinds(container: "InputContainer") -> str:
    return " and ".join(sorted({stream.type for stream in container.streams})) or "nothing"


def _av() -> Any:
    with suppress(ImportError):
        import av

        return av
    raise UsageError("videos need PyAV, which is not installed; pip install 'colorzoo[video]'")
