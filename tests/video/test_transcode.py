"""Videos: frames are changed, and the rest stays as it was."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from films import TIMES, av, first_field, frames, make, make_moving, packets

from colorzoo.errors import OutputExistsError, UnreadableVideoError, UsageError
from colorzoo.video.source import inspect_video
from colorzoo.video.transcode import transform_video


def redden(levels):
    red = levels.copy()
    red[..., 0] = np.minimum(levels[..., 0].astype(int) + 60, 255)
    return red


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_frames_are_changed_and_sound_and_times_stay(suffix, tmp_path):
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    source, target = make(tmp_path / f"in{suffix}", codec=codec), tmp_path / "deep" / f"out{suffix}"
    assert transform_video(source, target, redden, note="colorize; a model") == ()
    assert packets(target, "audio") == packets(source, "audio")
    assert len(packets(target, "audio")) > 10
    before, after = frames(source), frames(target)
    assert [time for time, _ in after] == [time for time, _ in before] == [time / 10 for time in TIMES]
    for (_, old), (_, new) in zip(before, after, strict=True):
        expected = redden(old.to_ndarray(format="rgb24"))
        assert np.abs(new.to_ndarray(format="rgb24").astype(int) - expected)[20:].mean() < 4
        assert (new.color_range, new.colorspace, new.color_primaries, new.color_trc) == (1, 1, 1, 1)
    with av.open(str(target)) as container:
        told = {name.lower(): text for name, text in container.metadata.items()}
        assert told["title"] == "Kesä"
        assert told["comment"] == "colorize; a model"
        assert [stream.language for stream in container.streams] == ["fin", None if suffix == ".mov" else "swe"]
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_format_that_is_only_read_can_become_another(tmp_path):
    source = make(tmp_path / "in.avi", times=range(8), sound=False, codec="mpeg4")
    transform_video(source, tmp_path / "out.mkv", redden)
    assert [time for time, _ in frames(tmp_path / "out.mkv")] == [time for time, _ in frames(source)]


@pytest.mark.parametrize(("angle", "brightest"), [(90, "left"), (180, "bottom"), (-90, "right")])
def test_a_turned_clip_is_shown_upright_and_stays_turned(angle, brightest, tmp_path):
    source = make(tmp_path / "in.mp4", matrix=angle)
    shown = []
    transform_video(source, tmp_path / "out.mp4", lambda levels: shown.append(levels) or levels)
    side = {"left": np.s_[:, :10], "right": np.s_[:, -10:], "bottom": np.s_[-10:], "top": np.s_[:10]}[brightest]
    assert shown[0].shape == ((48, 64, 3) if angle == 180 else (64, 48, 3))
    assert shown[0][side].mean() > 200
    _, frame = frames(tmp_path / "out.mp4")[0]
    assert abs(frame.rotation) == abs(angle)
    assert frame.rotation == frames(source)[0][1].rotation
    assert frame.to_ndarray(format="rgb24")[:10].mean() > 200


def test_odd_sizes_are_kept(tmp_path):
    source = make(tmp_path / "in.mp4", size=(63, 47), pix_fmt="yuv444p")
    remarks = transform_video(source, tmp_path / "out.mp4", redden)
    assert "63x47 is odd" in remarks[0]
    assert {(frame.width, frame.height) for _, frame in frames(tmp_path / "out.mp4")} == {(63, 47)}


def test_full_range_and_other_primaries_are_understood(tmp_path):
    source = make(tmp_path / "in.mp4", pix_fmt="yuvj420p", color_range=2, color_primaries=6, color_trc=6)
    shown = []
    transform_video(source, tmp_path / "out.mp4", lambda levels: shown.append(levels) or levels)
    _, frame = frames(tmp_path / "out.mp4")[0]
    assert (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 6, 6)
    luma = frames(source)[0][1].to_ndarray(format="gray")[-5:]
    assert np.abs(shown[0][-5:].astype(int) - luma[..., None]).max() <= 2
    assert np.abs(frame.to_ndarray(format="rgb24")[-5:].astype(int) - shown[0][-5:]).mean() < 3


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bad_input_is_told_and_leaves_nothing(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 1000)
    (tmp_path / "empty.mp4").write_bytes(b"")
    make(tmp_path / "sound.mp4", video=False)
    whole = make(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    expected = {
        "missing.mp4": "does not exist",
        "junk.mp4": "is not a video",
        "empty.mp4": "is not a video",
        "sound.mp4": "only audio",
        "cut.mp4": "cut off before its index",
    }
    for name, message in expected.items():
        with pytest.raises(UnreadableVideoError, match=message):
            transform_video(tmp_path / name, out / "out.mp4", redden)
        assert left_in(out) == [], name


def test_a_video_without_frames_is_told(tmp_path):
    source = make(tmp_path / "none.mkv", times=(), sound=True)
    with pytest.raises(UnreadableVideoError, match=r"without a frame|holds no video"):
        transform_video(source, tmp_path / "out.mkv", redden)
    assert left_in(tmp_path) == ["none.mkv"]


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    source = make(tmp_path / "in.mp4")
    with pytest.raises(UsageError, match=r"end the name in \.mp4"):
        transform_video(source, tmp_path / "out.gif", redden)
    with pytest.raises(ValueError, match=r"no audio of the kind aac.*\.mkv"):
        transform_video(source, tmp_path / "out.webm", redden)
    (tmp_path / "out.mp4").write_text("precious")
    with pytest.raises(OutputExistsError):
        transform_video(source, tmp_path / "out.mp4", redden)
    assert (tmp_path / "out.mp4").read_text() == "precious"
    assert left_in(tmp_path) == ["in.mp4", "out.mp4"]
    transform_video(source, tmp_path / "out.mp4", redden, overwrite=True)
    assert len(frames(tmp_path / "out.mp4")) == len(TIMES)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_interrupted_leaves_nothing(error, tmp_path):
    source, count = make(tmp_path / "in.mp4"), []

    def fail(levels):
        count.append(1)
        if len(count) == 4:
            raise error
        return levels

    with pytest.raises(error):
        transform_video(source, tmp_path / "out.mp4", fail)
    assert left_in(tmp_path) == ["in.mp4"]


def test_without_pyav_the_error_says_what_to_install(tmp_path, monkeypatch):
    source = make(tmp_path / "in.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r"pip install 'colorzoo\[video\]'"):
        inspect_video(source)


def test_subtitles_attachments_and_chapters_are_copied(tmp_path):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(source), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        words = out.add_mux_stream("subrip")
        words.time_base = Fraction(1, 1000)
        out.add_attachment("font.ttf", "application/x-truetype-font", b"letters")
        out.set_chapters(
            [{"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {"title": "Alku"}}]
        )
        for index in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8))
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        line = av.Packet("Hyvää yötä".encode())
        line.stream, line.time_base, line.pts, line.dts, line.duration = words, Fraction(1, 1000), 100, 100, 300
        out.mux(line)
    assert transform_video(source, target, redden) == ()
    assert packets(target, "subtitle") == packets(source, "subtitle") == [(0.1, "Hyvää yötä".encode())]
    with av.open(str(target)) as container:
        attached = next(stream for stream in container.streams if stream.type == "attachment")
        assert (attached.metadata["filename"], attached.data) == ("font.ttf", b"letters")
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Alku"]


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_stay_fields_in_their_order(order, tmp_path):
    codec = "mpeg2video" if order == "tff" else "dvvideo"
    size = {"tff": (64, 48), "bff": (720, 576)}[order]
    source = make_moving(tmp_path / "in.avi", 3, codec=codec, size=size, fields=order)

    def light_top(levels):
        levels[::2], levels[1::2] = 200, 50
        return levels

    transform_video(source, tmp_path / "out.mkv", light_top)
    assert all(frame.interlaced_frame for _, frame in frames(tmp_path / "out.mkv"))
    assert (first_field(tmp_path / "out.mkv") > 128) == (order == "tff")
    remark = "it is interlaced, which WebM does not say; end the name in .mkv"
    assert remark in transform_video(source, tmp_path / "out.webm", light_top)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("in.mov", "prores_ks", "yuva444p10le"), ("in.mov", "png", "rgba"), ("in.webm", "libvpx-vp9", "yuva420p")],
)
def test_transparency_that_is_lost_is_told(name, codec, pix_fmt, tmp_path):
    source = make_moving(tmp_path / name, 2, codec=codec, pix_fmt=pix_fmt)
    assert "its transparency is left out" in transform_video(source, tmp_path / "out.mkv", redden)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert "ALPHA_MODE" not in container.streams.video[0].metadata


def encode_sound(stream):
    waves = (np.sin(np.arange(9600) / 20) * 9000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(waves[None], format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 48000, 0
    resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=48000, frame_size=stream.frame_size)
    return [
        packet
        for piece in (*resampler.resample(frame), *resampler.resample(None), None)
        for packet in stream.encode(piece)
    ]


def make_with_sounds(path, sounds, codec="libx264", **tags):
    with av.open(str(path), "w", format=tags.pop("format", None)) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(12, 11)
        stream.metadata.update(tags)
        tracks = [out.add_stream(sound, rate=48000, layout="stereo") for sound in sounds.values()]
        for track, language in zip(tracks, sounds, strict=True):
            track.metadata["language"] = language
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * index, np.uint8))
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        for track in tracks:
            out.mux(encode_sound(track))
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_all_sounds_the_timecode_and_the_shape_of_pixels_are_kept(suffix, tmp_path):
    source = make_with_sounds(tmp_path / "in.mov", {"fin": "pcm_s16le", "swe": "alac"}, timecode="01:02:03:04")
    assert transform_video(source, tmp_path / f"out{suffix}", redden) == ()
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(12, 11)
        tags = {name.lower(): text for name, text in container.streams.video[0].metadata.items()}
        assert tags["timecode"] == "01:02:03:04"
        assert [stream.codec_context.name for stream in container.streams.audio] == ["pcm_s16le", "alac"]
        languages = [stream.language or "und" for stream in container.streams.audio]
    with av.open(str(source)) as container:
        assert languages == [stream.language or "und" for stream in container.streams.audio]


def samples(path):
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])


@pytest.mark.parametrize(("suffix", "sound"), [("vob", "pcm_dvd"), ("m2ts", "pcm_bluray")])
def test_the_sound_of_discs_keeps_its_samples(suffix, sound, tmp_path):
    container = {"m2ts": "mpegts"}.get(suffix, suffix)
    source = make_with_sounds(tmp_path / f"in.{suffix}", {"fin": sound}, "mpeg2video", format=container)
    assert transform_video(source, tmp_path / "out.mkv", redden) == ()
    assert np.array_equal(samples(tmp_path / "out.mkv"), samples(source))
    assert len(samples(source)) > 9000


def test_frames_that_change_their_size_are_told(tmp_path):
    parts = [
        make_moving(tmp_path / f"{width}.m2v", 4, "mpeg2video", size=(width, 48)).read_bytes() for width in (64, 80)
    ]
    (tmp_path / "in.m2v").write_bytes(b"".join(parts))
    remarks = transform_video(tmp_path / "in.m2v", tmp_path / "out.mkv", redden)
    assert "frames of another size are written as 64x48" in remarks
    assert {(frame.width, frame.height) for _, frame in frames(tmp_path / "out.mkv")} == {(64, 48)}


def test_deep_levels_and_hdr_metadata_that_are_lost_are_told(tmp_path):
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    # Without B-frames and threads: with them, x265 may give two packets the same decoding time.
    plain = "log-level=none:repeat-headers=1:bframes=0:frame-threads=1"
    hdr = {"x265-params": f"{plain}:hdr10=1:master-display={display}:max-cll=1000,400"}
    source = make_moving(tmp_path / "in.mkv", 2, "libx265", pix_fmt="yuv420p10le", **hdr)
    assert transform_video(source, tmp_path / "out.mkv", redden) == (
        "its levels of more than 8 bits are written as 8",
        "its HDR metadata is left out",
    )


def test_closed_captions_are_kept_or_told(tmp_path):
    source = make_moving(tmp_path / "in.m2v", 3, "mpeg2video", g=1)
    caption = b"\0\0\1\xb2GA94\3\x42\xff\xfc\x94\x20\xfcAB\xff"
    source.write_bytes(source.read_bytes().replace(b"\0\0\1\1", caption + b"\0\0\1\1"))
    assert transform_video(source, tmp_path / "out.mkv", redden) == ()
    shown = [bytes(frame.side_data["A53_CC"]) for _, frame in frames(tmp_path / "out.mkv")]
    assert shown == [b"\xfc\x94\x20\xfcAB"] * 3
    remark = "its closed captions are left out; end the name in .mkv"
    assert transform_video(source, tmp_path / "out.webm", redden) == (remark,)
