"""Films of several kinds, made and looked into, for tests of videos."""

from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'colorzoo[video]'")

TIMES = (0, 1, 2, 5, 6, 7, 20, 21, 22, 23)
"""In tenths of a second: no frame rate is constant here."""


def make(path, size=(64, 48), times=TIMES, sound=True, video=True, matrix=None, codec="libx264", options=None, **tags):
    with av.open(str(path), "w", container_options=options) as out:
        if video:
            stream = out.add_stream(codec, rate=10)
            stream.width, stream.height = size
            stream.pix_fmt = tags.pop("pix_fmt", "yuv420p")
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.metadata["language"] = "fin"
            for name, value in tags.items():
                setattr(stream.codec_context, name, value)
            if matrix:
                stream.set_display_rotation(matrix)
        if sound:
            audio = out.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48000)
            audio.metadata["language"] = "swe"
        out.metadata["title"] = "Kesä"
        for index, time in enumerate(times if video else ()):
            levels = np.full((size[1], size[0], 3), 40 + 15 * index, np.uint8)
            levels[: size[1] // 3] = 230
            frame = av.VideoFrame.from_ndarray(levels)
            frame.pts, frame.time_base = time * 100, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        if sound:
            waves = np.sin(np.arange(48000 * 2) / 20).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(waves[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 0
            if path.suffix == ".webm":
                resampler = av.AudioResampler(format="flt", layout="mono", rate=48000, frame_size=960)
                frames = [*resampler.resample(frame), *resampler.resample(None)]
            else:
                frames = [frame]
            for piece in frames:
                out.mux(audio.encode(piece))
            out.mux(audio.encode())
        if video:
            out.mux(stream.encode())
    return path


def packets(path, kind):
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [
            (round(float(packet.pts * packet.time_base), 3), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def frames(path):
    with av.open(str(path)) as container:
        return [(round(float(frame.time), 2), frame) for frame in container.decode(video=0)]


def make_moving(path, count=12, codec="libx264", rate=25, size=(64, 48), pix_fmt="yuv420p", fields=None, **options):
    """Make a film of noise that moves; with fields "tff" or "bff", each line of a frame is of the time of its field."""
    still = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    container = {"container_options": {"movflags": "faststart"}} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", format=options.pop("format", None), **container) as out:
        stream = out.add_stream(codec, rate=rate, options={name: str(value) for name, value in options.items()})
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if fields:
            stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(np.roll(still, 2 * index, axis=1)).reformat(format=pix_fmt)
            frame.pts, frame.time_base = index, 1 / Fraction(rate)
            out.mux(stream.encode(_with_fields(frame, fields) if fields else frame))
        out.mux(stream.encode())
    return path


def _with_fields(frame, order):
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add("setfield", order), graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def first_field(path):
    """Return the brightness of the field that is shown first."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base or Fraction(1, 25)
    )
    graph.link_nodes(source, graph.add("separatefields"), graph.add("buffersink")).configure()
    graph.push(frame)
    return float(graph.pull().to_ndarray(format="gray").mean())
