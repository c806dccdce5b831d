"""Writes video files: new frames, and copies of the other streams."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from colorzoo.errors import UsageError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
"""Not AVI, which stores no times: with H.264 in it, players show each frame one too late."""
_OPTIONS = {
    "libx264": {"crf": "17", "preset": "medium"},
    "libvpx-vp9": {"crf": "24", "b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "3"},
}
"""Constant quality, visually almost lossless."""
_BT709 = 1
_UNSPECIFIED = 2
_LIMITED = 1


def is_writable_video(path: Path) -> bool:
    """Tell whether `container_of` has an answer."""
    return path.suffix.lower() in _CONTAINERS


def container_of(path: Path) -> str:
    """Return FFmpeg's name for the format that a video's suffix stands for.

    Args:
        path: The file's name.

    Raises:
        UsageError: If such files are not written here.

    Example:
        >>> container_of(Path("clip.mkv"))
        'matroska'
    """
    try:
        return _CONTAINERS[path.suffix.lower()]
    except KeyError:
        raise UsageError(f"cannot write a video to {path.name!r}; end the name in {' or '.join(_CONTAINERS)}") from None


class VideoEncoder:
    """Encodes frames and copies other streams into a video file; a context manager, completed by `finish`.

    Args:
        stream: Where to write.
        target: The name that it will have, whose suffix chooses the format.
        source: The video that the frames come from.
        video: Its moving picture.
        first: Its first frame, which has the size, the rotation and the colour tags of all.
        note: What to add to the file's comment.

    Raises:
        ValueError: If the format does not hold a stream of the source.
    """

    def __init__(
        self,
        stream: IO[bytes],
        target: Path,
        source: "InputContainer",
        video: "VideoStream",
        first: "VideoFrame",
        note: str = "",
    ) -> None:
        import av

        self._target = target
        self._remarks: list[str] = []
        with self._naming_errors():
            self._out = av.open(stream, "w", format=container_of(target))
            self._out.metadata.update(_metadata(source.metadata, note))
            self._video = self._add_video_stream(video, first)
            self._copies = {
                other.index: copy
                for other in source.streams
                if other is not video and (copy := self._add_copied_stream(other))
            }
            if chapters := source.chapters():
                self._out.set_chapters(chapters)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What could not be kept."""
        return tuple(self._remarks)

    def write(self, levels: NDArray[np.uint8], ticks: int, duration: int = 0) -> None:
        """Write the next frame.

        Args:
            levels: sRGB, ``(H, W, 3)``.
            ticks: When it is shown, in the source's units of time.
            duration: For how long, likewise; 0 if that is not known.
        """
        import av

        frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(
            format=self._video.pix_fmt,
            dst_colorspace="ITU709",
            src_color_range="JPEG",
            dst_color_range="MPEG",
            interpolation="AREA",
        )
        frame.colorspace, frame.color_range = _BT709, _LIMITED
        frame.color_primaries, frame.color_trc = self._primaries, self._transfer
        frame.pts, frame.time_base, frame.duration = ticks, self._base, duration or 0
        with self._naming_errors():
            self._out.mux(self._video.encode(frame))

    def copy(self, packet: Any) -> None:
        """Copy a packet of another stream, if that is kept."""
        copy = self._copies.get(packet.stream.index)
        if copy is not None and packet.size:
            packet.stream = copy
            with self._naming_errors():
                self._out.mux(packet)

    def finish(self) -> None:
        """Flush the encoder, and write the end of the file."""
        with self._naming_errors():
            self._out.mux(self._video.encode())
            self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error in the body is the one to report, not that the end of the file could not be written.
        with suppress(Exception):
            self._out.close()

    def _add_video_stream(self, video: "VideoStream", first: "VideoFrame") -> "VideoStream":
        name = "libvpx-vp9" if self._out.format.name == "webm" else "libx264"
        rate = video.average_rate or video.guessed_rate or Fraction(25)
        stream: VideoStream = self._out.add_stream(name, rate=rate, options=_OPTIONS[name])  # type: ignore[assignment]
        context = stream.codec_context
        stream.width, stream.height = first.width, first.height
        stream.pix_fmt = "yuv420p"
        if name == "libx264" and (first.width % 2 or first.height % 2):
            stream.pix_fmt = "yuv444p"
            self._remarks.append(
                f"{first.width}x{first.height} is odd, which H.264 has only as 4:4:4; not all players show that"
            )
        if max(component.bits for component in first.format.components) > 8:
            self._remarks.append("its levels of more than 8 bits are written as 8")
        self._base = video.time_base or Fraction(1, 1000)
        stream.time_base = context.time_base = self._base
        context.colorspace, context.color_range = _BT709, _LIMITED
        self._primaries, self._transfer = _or_bt709(first.color_primaries), _or_bt709(first.color_trc)
        context.color_primaries, context.color_trc = self._primaries, self._transfer
        if video.sample_aspect_ratio:
            context.sample_aspect_ratio = video.sample_aspect_ratio
        if (matrix := _display_matrix(first)) is not None:
            stream.set_display_matrix(matrix)
        stream.metadata.update(video.metadata)
        return stream

    def _add_copied_stream(self, other: Any) -> Any:
        """Return the copy of a stream, or None with a remark."""
        if other.type == "attachment":
            self._out.add_attachment(other.metadata.get("filename", ""), other.mimetype or "", other.data or b"")
            return None
        if other.type not in ("audio", "subtitle"):
            self._remarks.append(f"stream {other.index} ({other.type}) is left out")
            return None
        try:
            copy = self._out.add_stream_from_template(other)
        except ValueError as error:
            codec = other.codec_context.name if other.codec_context else "unknown"
            raise ValueError(
                f"{self._target.suffix} holds no {other.type} of the kind {codec}, which is copied as it is; "
                "end the name in .mkv"
            ) from error
        copy.metadata.update(other.metadata)
        copy.disposition = other.disposition
        return copy

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        import av

        try:
            yield
        except av.FFmpegError as error:
            raise ValueError(
                f"{self._target} cannot be written as it should ({error.strerror}); try a name that ends in .mkv"
            ) from error


def _metadata(given: dict[str, str], note: str) -> dict[str, str]:
    # The brands are those of the file, and the muxer has its own.
    kept = {name: text for name, text in given.items() if not name.endswith(("_brand", "_brands", "_version"))}
    return kept | ({"comment": "\n".join(filter(None, (kept.get("comment"), note)))} if note else {})


def _or_bt709(tag: int) -> int:
    return _BT709 if tag in (0, _UNSPECIFIED) else tag


def _display_matrix(frame: "VideoFrame") -> list[int] | None:
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else [int(value) for value in np.frombuffer(data, np.int32)]
