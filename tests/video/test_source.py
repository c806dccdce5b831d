"""Films are looked through before they are computed: damage is told, and nothing else is opened."""

import os

import pytest
from films import av, frames, make, make_moving

from colorzoo.errors import DamagedVideoError, UnreadableVideoError
from colorzoo.video.detect import is_video
from colorzoo.video.source import inspect_video
from colorzoo.video.transcode import transform_video


def keep(levels):
    return levels


KINDS = {
    "a.mp4": {"g": 4},
    "a.mkv": {"g": 4},
    "a.avi": {"codec": "mpeg4"},
    "a.flv": {"codec": "flv"},
    "a.asf": {"codec": "wmv2"},
    "a.mxf": {"codec": "mpeg2video"},
    "a.ts": {"g": 4},
}


@pytest.mark.parametrize("name", KINDS)
def test_of_a_film_cut_off_what_is_there_is_kept_and_the_rest_is_told(name, tmp_path):
    source = make_moving(tmp_path / name, 30, **KINDS[name])
    assert transform_video(source, tmp_path / "whole.mkv", keep) == ()
    assert len(frames(tmp_path / "whole.mkv")) == 30
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 7 // 10])
    with pytest.raises(DamagedVideoError, match=r"cut off.* frames could be read; .*out\.mkv has") as caught:
        transform_video(source, tmp_path / "out.mkv", keep)
    count = len(frames(tmp_path / "out.mkv"))
    assert 0 < count < 30
    assert f"{count} of " in str(caught.value)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mxf", "a.ts"])
def test_frames_missing_in_the_middle_are_told(name, tmp_path):
    source = make_moving(tmp_path / name, 30, **KINDS[name])
    data = bytearray(source.read_bytes())
    half = len(data) // 2
    data[half : half + len(data) // 10] = bytes(len(data) // 10)
    source.write_bytes(data)
    with pytest.raises(DamagedVideoError, match="damaged"):
        transform_video(source, tmp_path / "out.mkv", keep)
    assert 15 < len(frames(tmp_path / "out.mkv")) < 30


def test_damage_is_known_before_anything_is_computed(tmp_path):
    source = make_moving(tmp_path / "a.mkv", 30, g=4)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    video = inspect_video(source)
    assert "it ends after" in " ".join(video.damage)
    assert video.frame_count == 30
    assert inspect_video(source).damage == video.damage, "as often as it is looked at"


def test_frames_that_a_regular_film_lacks_are_told_where_nothing_else_shows_them(tmp_path):
    times = [index for index in range(16) if not 5 <= index < 10]
    gap = make(tmp_path / "gap.mkv", times=times, sound=False)
    assert transform_video(gap, tmp_path / "out.mkv", keep) == (
        "about 5 frames are missing or never were there, the first after 0.4 seconds",
    )


def test_frames_larger_than_allowed_are_not_decoded(tmp_path):
    source = make_moving(tmp_path / "a.mp4", 3)
    with pytest.raises(UnreadableVideoError, match="64x48 pixels"):
        inspect_video(source, max_pixels=64 * 48 - 1)


def test_an_unknown_codec_is_told(tmp_path):
    source = make_moving(tmp_path / "a.avi", 3, codec="mpeg4")
    source.write_bytes(source.read_bytes().replace(b"FMP4", b"ZZZ9"))
    with pytest.raises(UnreadableVideoError, match="a codec that FFmpeg does not decode"):
        inspect_video(source)


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile whole.mkv\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nwhole.mkv\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>whole.mkv</BaseURL>'
    "</Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "ism": "#EXTM3U\nhttp://127.0.0.1:9/x.ts\n",
}


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.m3u8", "film"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_text_that_names_other_files_opens_none(kind, name, tmp_path):
    os.mkfifo(tmp_path / "whole.mkv")  # whoever opens it waits for ever
    source = tmp_path / name
    source.write_text(PLAYLISTS[kind])
    with pytest.raises(UnreadableVideoError, match="is not a video that can be read"):
        inspect_video(source)
    assert not is_video(source) or source.suffix in (".mp4", ".mkv")


@pytest.mark.parametrize("name", ["concat:whole.mkv|whole.mkv", "pipe:0", "http:x.mkv"])
def test_a_name_that_looks_like_an_address_is_the_name_of_a_file(name, tmp_path, monkeypatch):
    make_moving(tmp_path / "whole.mkv", 3)
    monkeypatch.chdir(tmp_path)
    os.rename("whole.mkv", name)
    source = inspect_video(type(tmp_path)(name))
    assert (source.frame_count, source.damage) == (3, [])


def test_films_are_known_by_their_content(tmp_path):
    film = make_moving(tmp_path / "a.mkv", 3)
    assert is_video(film.rename(tmp_path / "film.bak"))
    assert is_video(film.with_name("00001.M2TS"))
    for name, data in {"a.txt": b"text", "b": b"", "c.wav": b"RIFF\0\0\0\0WAVE", "photo.jpg": b"x"}.items():
        (tmp_path / name).write_bytes(data)
        assert not is_video(tmp_path / name), name
    assert not is_video(tmp_path)
    assert not is_video(make(tmp_path / "sound.m4a", video=False))
    with av.open(str(tmp_path / "photo.x"), "w", format="avif") as out:
        stream = out.add_stream("libaom-av1" if "libaom-av1" in av.codecs_available else "libsvtav1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode())
    assert not is_video(tmp_path / "photo.x"), "a photograph in a film's format"
