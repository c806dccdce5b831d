"""`colorzoo colorize` of videos and of folders of frames."""

import signal
import threading

import numpy as np
import PIL.Image
import pytest
from films import TIMES, frames, make, make_moving, packets

from colorzoo import zoo
from colorzoo.cli import main, videos
from colorzoo.cli.images import COLORIZER
from colorzoo.io.claim import claim
from colorzoo.video import transcode

av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'colorzoo[video]'")


@pytest.fixture
def clip(tmp_path):
    return make(tmp_path / "clip.mp4")


def test_a_video_gets_colours_beside_it(clip, capsys):
    assert main(["colorize", str(clip)]) == 0
    out = clip.with_name("clip-color.mp4")
    captured = capsys.readouterr()
    assert captured.out.strip() == str(out)
    assert captured.err == ""
    assert len(frames(out)) == len(TIMES)
    levels = frames(out)[5][1].to_ndarray(format="rgb24").astype(int)
    assert np.abs(levels[..., 0] - levels[..., 2]).max() > 8
    assert packets(out, "audio") == packets(clip, "audio")
    with av.open(str(out)) as container:
        assert COLORIZER in container.metadata["comment"]
        assert "temporal smoothing 0.8" in container.metadata["comment"]


def test_the_model_is_loaded_once_for_images_and_videos(clip, tmp_path, monkeypatch):
    PIL.Image.new("L", (40, 30), 90).save(tmp_path / "a.png")
    loaded, load = [], zoo.load
    monkeypatch.setattr(zoo, "load", lambda *args, **options: loaded.append(args) or load(*args, **options))
    inputs = [str(clip), str(tmp_path / "a.png")]
    assert main(["colorize", *inputs, "-o", str(tmp_path / "out")]) == 0
    assert len(loaded) == 1


def test_pictures_and_videos_may_be_mixed(clip, tmp_path, capsys):
    PIL.Image.new("L", (40, 30), 90).save(tmp_path / "a.png")
    out = tmp_path / "out"
    assert main(["colorize", str(clip), str(tmp_path / "a.png"), "-o", str(out), "--no-provenance"]) == 0
    assert sorted(capsys.readouterr().out.split()) == [str(out / "a.png"), str(out / "clip.mp4")]
    with av.open(str(out / "clip.mp4")) as container:
        assert "comment" not in container.metadata


def test_what_exists_stays_or_is_skipped_or_replaced(clip, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    assert main(["colorize", str(clip), "-o", str(out)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main(["colorize", str(clip), "-o", str(out), "--skip-existing"]) == 0
    assert out.read_text() == "precious"
    assert main(["colorize", str(clip), "-o", str(out), "--overwrite"]) == 0
    assert len(frames(out)) == len(TIMES)


def test_a_video_of_a_format_that_is_only_read_becomes_mkv(tmp_path, capsys):
    old = make(tmp_path / "old.avi", times=range(3), sound=False, codec="mpeg4")
    assert main(["colorize", str(old)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "old-color.mkv")
    assert main(["colorize", str(old), "-o", str(tmp_path / "new.gif")]) == 1
    assert "end the name in .mp4" in capsys.readouterr().err


def test_one_bad_video_does_not_stop_the_others(clip, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_text("bad")
    assert main(["colorize", str(tmp_path / "bad.mp4"), str(clip), "-o", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out.strip() == str(tmp_path / "out" / "clip.mp4")
    assert captured.err.count("\n") == 1
    assert "bad.mp4 is not a video" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hint", "1,1=#ff0000"], "--hint is for images"),
        (["--if-color", "skip"], "--if-color is for images"),
        (["--all-pages"], "--all-pages is for images"),
        (["--temporal-smoothing", "1"], "below 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(clip, capsys, arguments, message):
    assert main(["colorize", str(clip), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not clip.with_name("clip-color.mp4").exists()


def test_ctrl_c_leaves_nothing_half_written(clip, monkeypatch, capsys, terminal):
    def pressed(self, levels):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return levels

    monkeypatch.setattr(videos.VideoColorizer, "__call__", pressed)
    assert main(["colorize", str(clip)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]


@pytest.fixture
def shots(tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    noise = np.random.default_rng(0)
    still = np.asarray(PIL.Image.fromarray(noise.integers(0, 255, (5, 6), dtype=np.uint8)).resize((96, 80)))
    for number in (1, 2, 10):
        grain = still + noise.normal(0, 9, still.shape)
        PIL.Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(folder / f"f{number}.png")
    return folder


def pixels(path):
    with PIL.Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_frames_of_a_folder_are_one_clip_in_the_order_of_their_numbers(shots, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["colorize", str(shots), "-o", str(out), "--as-video"]) == 0
    assert [line.rpartition("/")[2] for line in capsys.readouterr().out.split()] == ["f1.png", "f2.png", "f10.png"]
    assert main(["colorize", str(shots), "-o", str(tmp_path / "alone")]) == 0
    assert np.array_equal(pixels(out / "f1.png"), pixels(tmp_path / "alone" / "f1.png"))
    assert not np.array_equal(pixels(out / "f10.png"), pixels(tmp_path / "alone" / "f10.png"))
    whole = pixels(out / "f10.png")
    (out / "f10.png").unlink()
    capsys.readouterr()
    assert main(["colorize", str(shots), "-o", str(out), "--as-video"]) == 1
    assert "0 done, 2 skipped, 0 refused, 1 failed, of 3" in capsys.readouterr().err
    assert main(["colorize", str(shots), "-o", str(out), "--as-video", "--skip-existing"]) == 0
    assert "1 done, 2 skipped, 0 refused, 0 failed, of 3; skipped: 2 exist" in capsys.readouterr().err
    assert np.array_equal(pixels(out / "f10.png"), whole), "resuming changes no colour"


def test_a_bad_frame_does_not_stop_the_others_and_is_named(shots, tmp_path, capsys):
    (shots / "f2.png").write_bytes(b"no frame")
    out = tmp_path / "out"
    assert main(["colorize", str(shots), "-o", str(out), "--as-video"]) == 1
    captured = capsys.readouterr()
    assert captured.out.split() == [str(out / "f1.png"), str(out / "f10.png")]
    assert captured.err.count("\n") == 2
    assert "f2.png is not an image" in captured.err


def test_a_damaged_film_is_done_as_far_as_it_goes_and_not_named_as_done(tmp_path, capsys):
    film = make_moving(tmp_path / "cut.avi", 30, codec="mpeg4")
    film.write_bytes(film.read_bytes()[: film.stat().st_size * 2 // 3])
    assert main(["colorize", str(film)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    count = len(frames(tmp_path / "cut-color.mkv"))
    assert f"{count} of 30 frames could be read; {tmp_path / 'cut-color.mkv'} has what could be read" in captured.err


@pytest.mark.parametrize(
    ("name", "kind"), [("VTS_01_1.VOB", "vob"), ("00001.m2ts", "mpegts"), ("film.bak", "matroska"), ("a.mxf", "mxf")]
)
def test_films_of_discs_and_cameras_are_done(name, kind, tmp_path, capsys):
    source = make_moving(tmp_path / name, 3, codec="mpeg2video", format=kind)
    assert main(["colorize", str(source), "-o", str(tmp_path / "out.mkv")]) == 0
    assert capsys.readouterr().err == ""
    assert len(frames(tmp_path / "out.mkv")) == 3


def test_films_of_a_folder_are_done_among_its_images(tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    PIL.Image.new("L", (40, 30), 90).save(folder / "a.png")
    (folder / "notes.txt").write_text("text")
    make_moving(folder / "a.avi", 2, codec="mpeg4")
    make_moving(folder / "a.mkv", 2)
    make_moving(folder / "deep" / "b.VOB", 2, codec="mpeg2video", format="vob")
    expected = ["a.avi.mkv", "a.mkv", "a.png", "deep/b.mkv"]
    assert main(["colorize", str(folder), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    assert sorted(captured.out.split()) == [str(out / name) for name in expected]
    assert "4 done, 1 skipped, 0 refused, 0 failed, of 5; skipped: 1 .txt files" in captured.err
    (out / "a.mkv").unlink()
    assert main(["colorize", str(folder), "-o", str(out), "--skip-existing"]) == 0
    assert "1 done, 4 skipped, 0 refused, 0 failed, of 5; skipped: 1 .txt files, 3 exist" in capsys.readouterr().err
    report = ["--overwrite", "--report", str(tmp_path / "page.html")]
    assert main(["colorize", str(folder), "-o", str(out), *report]) == 1
    captured = capsys.readouterr()
    assert captured.out.split() == [str(out / "a.png")]
    assert captured.err.count("is a video, and --report is for images") == 3


def test_an_unknown_codec_does_not_stop_the_others(clip, tmp_path, capsys):
    odd = make_moving(tmp_path / "a.avi", 3, codec="mpeg4")
    odd.write_bytes(odd.read_bytes().replace(b"FMP4", b"ZZZ9"))
    assert main(["colorize", str(odd), str(clip), "-o", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out.split() == [str(tmp_path / "out" / "clip.mp4")]
    assert "a.avi is of a codec that FFmpeg does not decode" in captured.err


def noise_of(path):
    return np.mean([np.abs(np.diff(frame.to_ndarray(format="gray").astype(int))).mean() for _, frame in frames(path)])


def test_films_are_denoised(tmp_path, capsys):
    film = make_moving(tmp_path / "noise.mkv", 2)
    assert main(["denoise", str(film), "--strength", "1"]) == 0
    assert noise_of(tmp_path / "noise-clean.mkv") < 0.8 * noise_of(film)
    with av.open(str(tmp_path / "noise-clean.mkv")) as container:
        assert "denoise; cnn_denoiser" in container.metadata["COMMENT"]


@pytest.mark.parametrize(("limit", "status"), [("inf", 0), ("0.001", 1)])
def test_the_limit_of_megapixels_holds_for_films(limit, status, clip, capsys):
    assert main(["colorize", str(clip), "--max-megapixels", limit]) == status
    assert ("64x48 pixels" in capsys.readouterr().err) == bool(status)


def test_films_are_restored(clip, capsys):
    assert main(["restore", str(clip), "--temporal-smoothing", "0.5"]) == 0
    out = clip.with_name("clip-restored.mp4")
    assert capsys.readouterr().out.split() == [str(out)]
    levels = frames(out)[5][1].to_ndarray(format="rgb24").astype(int)
    assert np.abs(levels[..., 0] - levels[..., 2]).max() > 8
    with av.open(str(out)) as container:
        comment = container.metadata["comment"]
    assert COLORIZER in comment
    assert "strength auto; temporal smoothing 0.5" in comment
    assert packets(out, "audio") == packets(clip, "audio")


def test_an_interrupted_film_goes_on_with_the_colors_it_had(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(transcode, "SEGMENT_FRAMES", 3)
    assert main(["colorize", str(clip), "-o", str(tmp_path / "whole.mp4")]) == 0
    colorize, seen = videos.VideoColorizer.__call__, []

    def stop(self, levels):
        seen.append(1)
        if len(seen) == 8:
            raise KeyboardInterrupt
        return colorize(self, levels)

    monkeypatch.setattr(videos.VideoColorizer, "__call__", stop)
    arguments = ["colorize", str(clip), "-o", str(tmp_path / "out.mp4")]
    assert main(arguments) == 130
    assert main(arguments) == 0
    assert len(seen) == 8 + 4
    assert "its first 6 frames are of an earlier run" in capsys.readouterr().err
    assert packets(tmp_path / "out.mp4", "video") == packets(tmp_path / "whole.mp4", "video")
    assert not list(tmp_path.glob(".*"))


def test_a_film_that_another_run_is_making_is_left_to_that(clip, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    with claim(out):
        assert main(["colorize", str(clip), "-o", str(out)]) == 0
    assert "is made by another run" in capsys.readouterr().err
    assert not out.exists()


def test_names_are_shown_as_one_line_each(clip, tmp_path, capsys):
    odd = clip.rename(tmp_path / "a\nfilm.mp4")
    assert main(["colorize", str(odd)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a\\nfilm-color.mp4\n"
