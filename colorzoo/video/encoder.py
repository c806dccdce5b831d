"""Encodes the frames of a video: which settings of the source are kept, and how."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colorzoo.errors import UsageError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream

_CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
"""Not AVI, which stores no times: with H.264 in it, players show each frame one too late."""
ENCODER_OPTIONS = {
    "libx264": {"crf": "17", "preset": "medium"},
    "libvpx-vp9": {"crf": "24", "b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "3"},
}
"""Constant quality, visually almost lossless."""
_LOST = {
    "MASTERING_DISPLAY_METADATA": "HDR metadata is",
    "DYNAMIC_HDR_PLUS": "HDR metadata is",
    "DOVI_METADATA": "HDR metadata is",
    "STEREO3D": "tags of 3D or 360 degrees are",
    "SPHERICAL": "tags of 3D or 360 degrees are",
}
"""What frames may have beside their pixels that is not written."""
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


def codec_of(path: Path) -> str:
    """Return FFmpeg's name for the encoder of a video's moving image."""
    return "libvpx-vp9" if container_of(path) == "webm" else "libx264"


class VideoSettings:
    """What an encoder is told of a source, and what of it cannot be kept.

    Args:
        target: The name that the video will have.
        video: The moving image of the source.
        first: Its first frame, which has the size, the rotation, the fields and the colour tags of all.
    """

    def __init__(self, target: Path, video: "VideoStream", first: "VideoFrame") -> None:
        h264 = codec_of(target) == "libx264"
        self.width, self.height = first.width, first.height
        self.rate = video.average_rate or video.guessed_rate or Fraction(25)
        self.time_base = video.time_base or Fraction(1, 1000)
        self.primaries, self.transfer = _or_bt709(first.color_primaries), _or_bt709(first.color_trc)
        self.aspect_ratio = video.sample_aspect_ratio
        self.matrix = _display_matrix(first)
        self.interlaced = first.interlaced_frame and h264
        self.pix_fmt = "yuv420p"
        self.remarks: list[str] = []
        """What could not be kept."""
        if h264 and (first.width % 2 or first.height % 2):
            self.pix_fmt = "yuv444p"
            self.remarks.append(
                f"{first.width}x{first.height} is odd, which H.264 has only as 4:4:4; not all players show that"
            )
        if max(component.bits for component in first.format.components) > 8:
            self.remarks.append("its levels of more than 8 bits are written as 8")
        if any(component.is_alpha for component in first.format.components) or video.metadata.get("alpha_mode") == "1":
            self.remarks.append("its transparency is left out")
        if first.interlaced_frame and not h264:
            self.remarks.append("it is interlaced, which WebM does not say; end the name in .mkv")
        if "A53_CC" in first.side_data and not h264:
            self.remarks.append("its closed captions are left out; end the name in .mkv")
        side_data: Any = first.side_data
        lost = {_LOST[data.type.name] for data in side_data if data.type.name in _LOST}
        self.remarks += [f"its {name} left out" for name in sorted(lost)]

    def __str__(self) -> str:
        return str({name: value for name, value in vars(self).items() if name != "remarks"} | ENCODER_OPTIONS)

    def configure(self, context: Any) -> None:
        """Tell an encoder."""
        from av.codec.context import Flags

        context.width, context.height, context.pix_fmt = self.width, self.height, self.pix_fmt
        context.time_base, context.framerate = self.time_base, self.rate
        context.colorspace, context.color_range = _BT709, _LIMITED
        context.color_primaries, context.color_trc = self.primaries, self.transfer
        if self.aspect_ratio:
            context.sample_aspect_ratio = self.aspect_ratio
        if self.interlaced:
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me


class SegmentEncoder:
    """Encodes some successive frames of a video by themselves, so that `VideoMuxer` can put them behind others.

    Args:
        target: The name that the video will have, whose suffix chooses the codec.
        settings: Those of the source.
    """

    def __init__(self, target: Path, settings: VideoSettings) -> None:
        import av

        self._settings = settings
        self._context: Any = av.CodecContext.create(codec_of(target), "w")
        self._context.options = ENCODER_OPTIONS[codec_of(target)]
        self._context.flags |= av.codec.context.Flags.global_header
        settings.configure(self._context)

    def encode(self, frame: "VideoFrame", ticks: int, duration: int = 0) -> list[Any]:
        """Encode the next frame.

        Args:
            frame: Of sRGB, with what the frame of the source has beside its pixels.
            ticks: When it is shown, in the source's units of time.
            duration: For how long, likewise; 0 if that is not known.

        Returns:
            The packets that are ready.
        """
        changed = frame.reformat(
            format=self._context.pix_fmt,
            dst_colorspace="ITU709",
            src_color_range="JPEG",
            dst_color_range="MPEG",
            interpolation="AREA",
        )
        changed.colorspace, changed.color_range = _BT709, _LIMITED
        changed.color_primaries, changed.color_trc = self._settings.primaries, self._settings.transfer
        changed.pts, changed.time_base, changed.duration = ticks, self._settings.time_base, duration or 0
        changed.pict_type = 0  # the encoder's choice, not the source's
        return list(self._context.encode(changed))

    def finish(self) -> list[Any]:
        """Return the packets that were not ready before."""
        return list(self._context.encode())


def _or_bt709(tag: int) -> int:
    return _BT709 if tag in (0, _UNSPECIFIED) else tag


def _display_matrix(frame: "VideoFrame") -> list[int] | None:
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else [int(value) for value in np.frombuffer(data, np.int32)]
