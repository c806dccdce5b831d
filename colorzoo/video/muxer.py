"""Writes a video file: encoded frames, and copies of the other streams."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from colorzoo.errors import UnreadableVideoError
from colorzoo.video.encoder import ENCODER_OPTIONS, VideoSettings, codec_of, container_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_UNTRUE = ("ALPHA_MODE", "BPS", "NUMBER_OF_", "_STATISTICS", "ENCODER")
"""Tags of a moving image that are no longer so."""


class VideoMuxer:
    """Writes a video file: encoded frames, and copies of the other streams; a context manager, completed by `finish`.

    Args:
        stream: Where to write.
        target: The name that it will have, whose suffix chooses the format.
        source: The video that the frames come from.
        video: Its moving image.
        settings: Those of the frames.
        note: What to add to the file's comment.
        copying: Keep the other streams too.

    Raises:
        ValueError: If the format does not hold a stream of the source.
        UnreadableVideoError: If the source has a stream that no format could hold.
    """

    def __init__(
        self,
        stream: IO[bytes],
        target: Path,
        source: "InputContainer",
        video: "VideoStream",
        settings: VideoSettings,
        note: str = "",
        *,
        copying: bool = True,
    ) -> None:
        import av

        self._target, self._settings = target, settings
        self.remarks: list[str] = []
        """What could not be kept."""
        self.lost = 0
        """How many packets of other streams were damaged."""
        self._decoded: set[int] = set()
        with self._naming_errors():
            self._out = av.open(stream, "w", format=container_of(target))
            self._out.metadata.update(_metadata(source.metadata, note))
            name = codec_of(target)
            self._video: VideoStream = self._out.add_stream(  # type: ignore[assignment]
                name, rate=settings.rate, options=ENCODER_OPTIONS[name]
            )
            self._video.time_base = settings.time_base
            settings.configure(self._video.codec_context)
            if settings.matrix is not None:
                self._video.set_display_matrix(settings.matrix)
            self._video.metadata.update(
                {name: text for name, text in video.metadata.items() if not name.upper().startswith(_UNTRUE)}
            )
            self._copies = {
                other.index: copy
                for other in source.streams
                if copying and other is not video and (copy := self._add_copied_stream(other))
            }
            if chapters := source.chapters():
                self._out.set_chapters(chapters)
            self._out.start_encoding()

    def write(self, packet: Any) -> None:
        """Write the next packet of `SegmentEncoder`."""
        packet.stream, packet.time_base = self._video, self._settings.time_base
        with self._naming_errors():
            self._out.mux(packet)

    def copy(self, packet: Any) -> None:
        """Copy a packet of another stream, if that is kept; one that is damaged is left out and counted."""
        copy = self._copies.get(packet.stream.index)
        if copy is None or not packet.size:
            return
        import av

        try:
            if packet.stream.index in self._decoded:
                for frame in packet.decode():
                    self._out.mux(copy.encode(frame))
            else:
                packet.stream = copy
                self._out.mux(packet)
        except (av.error.InvalidDataError, av.error.ArgumentError):
            self.lost += 1

    def finish(self) -> None:
        """Write the end of the file."""
        with self._naming_errors():
            self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error in the body is the one to report, not that the end of the file could not be written.
        with suppress(Exception):
            self._out.close()

    def _add_copied_stream(self, other: Any) -> Any:
        """Return the copy of a stream, or None with a remark."""
        if other.type == "attachment":
            self._out.add_attachment(other.metadata.get("filename", ""), other.mimetype or "", other.data or b"")
            return None
        if other.type not in ("audio", "subtitle"):
            if "timecode" not in other.metadata:  # that is also said of the moving image, whose copy says it again
                self.remarks.append(f"stream {other.index} ({other.type}) is left out")
            return None
        codec = other.codec_context.name if other.codec_context else "unknown"
        try:
            copy = self._out.add_stream_from_template(other)
        except ValueError as error:
            if codec.startswith("pcm_"):  # such as of DVDs and Blu-rays: the same samples in another order of bytes
                deep = other.format.bytes > 2
                copy = self._out.add_stream(f"pcm_s{32 if deep else 16}le", rate=other.rate, layout=other.layout)
                self._decoded.add(other.index)
            elif container_of(self._target) == "matroska":
                self.remarks.append(
                    f"stream {other.index} ({other.type}, {codec}) is left out, as .mkv does not hold it"
                )
                return None
            else:
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
            if container_of(self._target) == "matroska" and isinstance(
                error, av.error.ArgumentError | av.error.InvalidDataError
            ):
                raise UnreadableVideoError(
                    f"{self._target} cannot be written ({error.strerror}), as its source is damaged"
                ) from error
            raise ValueError(
                f"{self._target} cannot be written as it should ({error.strerror}); try a name that ends in .mkv"
            ) from error


def _metadata(given: dict[str, str], note: str) -> dict[str, str]:
    # The brands are those of the file, and the muxer has its own.
    kept = {name: text for name, text in given.items() if not name.endswith(("_brand", "_brands", "_version"))}
    return kept | ({"comment": "\n".join(filter(None, (kept.get("comment"), note)))} if note else {})
