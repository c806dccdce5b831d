"""Damaged films of many containers end in one of our errors, soon, and in little memory; see fuzzing.py."""

import multiprocessing
import os
import shutil

import pytest
from films import make, make_moving
from fuzzing import fuzz

from colorzoo.errors import UnreadableVideoError
from colorzoo.video.detect import is_video
from colorzoo.video.transcode import transform_video


def films(folder):
    films = [
        make(folder / "sound.mkv"),
        make(folder / "sound.mp4"),
        make(folder / "sound.webm", codec="libvpx-vp9"),
        *(make_moving(folder / f"a{suffix}", 5) for suffix in (".mov", ".ts", ".flv")),
        make_moving(folder / "a.avi", 5, codec="mpeg4"),
        make_moving(folder / "b.avi", 5, codec="mjpeg", pix_fmt="yuvj420p"),
        make_moving(folder / "a.vob", 5, codec="mpeg2video"),
        make_moving(folder / "a.mxf", 5, codec="mpeg2video"),
        make_moving(folder / "a.asf", 5, codec="wmv2"),
        make_moving(folder / "alpha.mov", 2, codec="prores_ks", pix_fmt="yuva444p10le"),
    ]
    return [film.read_bytes() for film in films]


def fuzz_films(folder):
    source = folder / "film"
    (folder / "out").mkdir()

    def transcode(data):
        source.write_bytes(data)
        is_video(source)
        try:
            transform_video(source, folder / "out" / "film.mkv", lambda levels: levels, overwrite=True)
        finally:
            assert not [path for path in (folder / "out").iterdir() if path.name != "film.mkv"]

    fuzz(films(folder), transcode, UnreadableVideoError)


def test_damaged_films(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=fuzz_films, args=(tmp_path,))
    process.start()
    process.join(60 * float(os.environ.get("COLORZOO_FUZZ", 0)) + 60)
    if process.is_alive():  # Python's own alarm does not ring while FFmpeg waits for its threads
        process.kill()
        process.join()
    shutil.rmtree(tmp_path)
    if process.exitcode:  # FFmpeg, too, may crash
        pytest.fail(
            f"status {process.exitcode}; it was given the newest colorzoo-fuzz-* of the folder for temporary files"
        )
