"""A film whose run was killed goes on where it was, and becomes what it would have become."""

import os
import signal

import numpy as np
import pytest
from films import frames, make, make_moving, packets

from colorzoo.video import transcode
from colorzoo.video.transcode import transform_video


class Average:
    """Averages each frame with those before; is killed, or interrupted, at one of them."""

    def __init__(self, stop=None, error=None):
        self.state, self.seen, self._stop, self._error = {}, 0, stop, error

    def __call__(self, levels):
        if self.seen == self._stop:
            if self._error is not None:
                raise self._error
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen += 1
        mean = (levels + self.state.get("mean", levels).astype(np.float64)) / 2
        self.state = {"mean": mean}
        return mean.astype(np.uint8)


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(transcode, "SEGMENT_FRAMES", 3)


def kill_at(stop, source, target):
    child = os.fork()
    if not child:
        transform_video(source, target, Average(stop), made_by="average")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_killed_film_becomes_what_it_would_have_become(suffix, tmp_path):
    source = make(tmp_path / f"in{suffix}", codec="libvpx-vp9" if suffix == ".webm" else "libx264")
    whole, target = tmp_path / f"whole{suffix}", tmp_path / "out" / f"film{suffix}"
    transform_video(source, whole, Average(), made_by="average")
    kill_at(2, source, target)
    kill_at(5, source, target)
    assert not target.exists()
    change = Average()
    remarks = transform_video(source, target, change, made_by="average")
    assert remarks == ("its first 3 frames are of an earlier run, which was interrupted",)
    assert change.seen == 7, "3 of 10 frames were done"
    assert left_in(target.parent) == [target.name]
    for kind in ("video", "audio"):
        assert packets(target, kind) == packets(whole, kind)
    assert [time for time, _ in frames(target)] == [time for time, _ in frames(whole)]


def test_the_last_segment_may_be_done_and_the_film_not(tmp_path, monkeypatch):
    source = make_moving(tmp_path / "in.mkv", 6)
    with monkeypatch.context() as patch:
        patch.setattr(transcode, "VideoMuxer", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            transform_video(source, tmp_path / "out.mkv", Average(), made_by="average")
    with pytest.raises(KeyboardInterrupt):
        transform_video(source, tmp_path / "out.mkv", Average(5, KeyboardInterrupt()), made_by="average")
    change = Average()
    transform_video(source, tmp_path / "out.mkv", change, made_by="average")
    assert change.seen == 3
    assert len(frames(tmp_path / "out.mkv")) == 6


def test_what_was_made_of_something_else_is_not_used_and_removed(tmp_path):
    source = make_moving(tmp_path / "in.mkv", 6)
    target = tmp_path / "out.mkv"
    for changed in ("options", "source"):
        with pytest.raises(KeyboardInterrupt):
            transform_video(source, target, Average(5, KeyboardInterrupt()), made_by="average")
        before = left_in(tmp_path)
        assert len(before) == 2
        if changed == "source":
            os.utime(source, (1, 1))
        change = Average(5, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            transform_video(source, target, change, made_by="average" if changed == "source" else "other")
        assert len(left_in(tmp_path)) == 2
        assert left_in(tmp_path) != before
        transform_video(source, target, Average(), made_by="average")
        assert left_in(tmp_path) == ["in.mkv", "out.mkv"]
        target.unlink()


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_segment_that_is_damaged_is_made_again(damage, tmp_path):
    source, target = make_moving(tmp_path / "in.mkv", 9), tmp_path / "out.mkv"
    with pytest.raises(KeyboardInterrupt):
        transform_video(source, target, Average(8, KeyboardInterrupt()), made_by="average")
    second = next(tmp_path.glob(".out.mkv.*.parts/3-6.npz"))
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 1
    second.write_bytes(data[: len(data) // 2] if damage == "cut" else data)
    change = Average()
    transform_video(source, target, change, made_by="average")
    assert change.seen == 6
    transform_video(source, tmp_path / "whole.mkv", Average())
    assert packets(target, "video") == packets(tmp_path / "whole.mkv", "video")
