"""Images are done several at once, told of in order, and neither errors nor Ctrl-C lose any."""

import os
import signal
import stat
import threading
import time
import warnings
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import PIL.Image
import pytest
import torch

from colorzoo.io.pil_file import read_image as read_picture
from colorzoo.io.pil_file import write_image as write_picture
from colorzoo.runtime.parallel_images import map_images

WAIT = 20
"""Seconds after which a test that waits for another thread fails."""


def numbered(count):
    return [(Path(f"{number}.png"), Path(f"{number}.out")) for number in range(count)]


def number(path):
    return int(path.stem)


@contextmanager
def byte_a_pixel(path):
    with PIL.Image.open(path) as image:
        yield path, image.width * image.height


def unchanged(content):
    return content, None


def nowhere(content, target):
    pass


def names(outcomes):
    return [number(outcome.source) for outcome in outcomes]


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_outcomes_come_in_the_order_of_the_pictures(workers):
    def read_image(path):
        time.sleep(0.02 if number(path) % 3 == 0 else 0)
        return number(path)

    written = {}
    outcomes = list(
        map_images(
            numbered(10),
            read_image,
            lambda content: (content * 10, f"was {content}"),
            lambda content, target: written.update({target: content}),
            workers=workers,
        )
    )
    assert names(outcomes) == list(range(10))
    assert [outcome.remark for outcome in outcomes] == [f"was {content}" for content in range(10)]
    assert written == {Path(f"{content}.out"): content * 10 for content in range(10)}
    assert min(outcomes[index].seconds for index in (0, 3, 6, 9)) >= 0.02


def test_a_picture_is_read_while_another_is_computed():
    second_was_read = threading.Event()

    def read_image(path):
        if number(path) == 1:
            second_was_read.set()
        return number(path)

    def change(content):
        return content, second_was_read.wait(WAIT)

    assert all(outcome.remark for outcome in map_images(numbered(2), read_image, change, nowhere, workers=2))


def test_few_pictures_are_in_memory_and_few_results_wait():
    in_hand, most, begun = set(), [], []
    go_on = threading.Event()

    def read_image(path):
        begun.append(number(path))
        in_hand.add(number(path))
        most.append(len(in_hand))
        if number(path) == 0:
            assert go_on.wait(WAIT)
        return number(path)

    def write_image(content, target):
        in_hand.discard(content)

    outcomes = map_images(numbered(50), read_image, unchanged, write_image, workers=2)
    threading.Timer(0.3, go_on.set).start()
    assert names([next(outcomes)]) == [0]
    assert len(begun) <= 9, "the first took long: no more than a few go before it"
    assert names(outcomes) == list(range(1, 50))
    assert max(most) <= 2


@pytest.mark.parametrize(("memory_budget", "at_once"), [(10_000, 3), (250, 2), (199, 1), (1, 1)])
def test_memory_at_work_is_bounded(tmp_path, memory_budget, at_once):
    pairs = [(tmp_path / f"{index}.png", tmp_path / f"{index}.out") for index in range(9)]
    for source, _ in pairs:
        PIL.Image.new("L", (10, 10)).save(source)
    in_hand, most = set(), []

    def read_image(path):
        in_hand.add(path.stem)
        time.sleep(0.01)
        most.append(len(in_hand))
        return path.stem

    def write_image(content, target):
        in_hand.discard(content)

    options = {"workers": 3, "memory_budget": memory_budget, "open_file": byte_a_pixel}
    assert names(map_images(pairs, read_image, unchanged, write_image, **options)) == list(range(9))
    assert max(most) == at_once


def test_small_pictures_share_the_cores_and_large_ones_have_them_all(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        pairs = [(tmp_path / f"{index}.png", tmp_path / "out") for index in range(8)]
        for source, _ in pairs:
            PIL.Image.new("L", (10 if source.stem < "4" else 40, 10)).save(source)

        def threads(content):
            return None, torch.get_num_threads()

        options = {"memory_budget": 400, "open_file": byte_a_pixel}
        outcomes = list(map_images(pairs, str, threads, nowhere, workers=4, **options))
        assert [outcome.remark for outcome in outcomes] == [1] * 4 + [4] * 4
        assert [outcome.remark for outcome in map_images(pairs[:1], str, threads, nowhere, **options)] == [4]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_an_error_is_told_and_the_others_are_done():
    def change(content):
        if content == "2.png":
            raise KeyError("odd")
        return content, "done"

    outcomes = list(map_images(numbered(5), str, change, nowhere, workers=2))
    assert [type(outcome.error) for outcome in outcomes] == [type(None), type(None), KeyError, type(None), type(None)]
    assert [outcome.remark for outcome in outcomes] == ["done", "done", None, "done", "done"]


def test_nothing_is_written_where_nothing_is_to_be():
    written = []

    def change(content):
        return (content, "kept") if content == "1.png" else (None, "left out")

    outcomes = map_images(numbered(3), str, change, lambda content, target: written.append(content))
    assert [outcome.remark for outcome in outcomes] == ["left out", "kept", "left out"]
    assert written == ["1.png"]


def test_warnings_go_with_their_picture():
    def read_image(path):
        if number(path) % 2:
            warnings.warn(f"{path} is odd", stacklevel=1)
            warnings.warn(f"{path} is odd", stacklevel=1)
        return path

    filters, shown = warnings.filters[:], warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        outcomes = list(map_images(numbered(4), read_image, unchanged, nowhere, workers=2))
    assert [outcome.warnings for outcome in outcomes] == [(), ("1.png is odd",), (), ("3.png is odd",)]
    assert warnings.filters == filters
    assert warnings.showwarning is shown


def test_pictures_that_are_too_large_stay_refused_in_every_thread(tmp_path):
    pairs = [(tmp_path / f"{index}.png", tmp_path / f"{index}.out") for index in range(40)]
    for source, _ in pairs:
        PIL.Image.new("L", (15, 10)).save(source)
    outcomes = list(map_images(pairs, lambda path: read_picture(path, 100 / 1e6), unchanged, nowhere, workers=4))
    assert all("is too large" in str(outcome.error) for outcome in outcomes)


def test_closing_begins_nothing_more():
    begun = []

    def read_image(path):
        begun.append(path)
        time.sleep(0.01)
        return path

    with closing(map_images(numbered(50), read_image, unchanged, nowhere, workers=2)) as outcomes:
        next(outcomes)
    after = len(begun)
    assert after <= 9
    time.sleep(0.05)
    assert len(begun) == after
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("colorzoo")]


@pytest.mark.parametrize("how", ["event", "interrupt"])
def test_when_stopped_what_is_being_written_is_finished(how, terminal):
    written, stop = [], threading.Event()
    five_before, pressed = threading.Event(), threading.Event()

    def write_image(content, target):
        if number(target) == 5:
            assert five_before.wait(WAIT)
            if how == "event":
                stop.set()
            else:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            pressed.set()
            time.sleep(0.2)
        written.append(number(target))
        if len(written) == 5:
            five_before.set()

    def change(content):
        if number(content) > 5:
            assert pressed.wait(WAIT)
            time.sleep(0.5)
        return content, None

    told = []
    with (
        pytest.raises(KeyboardInterrupt) if how == "interrupt" else nullcontext(),
        closing(map_images(numbered(50), Path, change, write_image, workers=2, stop=stop)) as outcomes,
    ):
        told.extend(number(outcome.source) for outcome in outcomes)
    assert sorted(written) == [0, 1, 2, 3, 4, 5]
    assert how == "interrupt" or told == [0, 1, 2, 3, 4, 5]
    assert stop.is_set() == (how == "event")


@pytest.mark.parametrize(("workers", "memory_budget"), [(0, 1), (1, 0)])
def test_at_least_one_of_each_is_needed(workers, memory_budget):
    with pytest.raises(ValueError, match="give at least 1 of each"):
        map_images([], str, unchanged, nowhere, workers=workers, memory_budget=memory_budget)


def test_no_pictures_are_done_at_once():
    assert list(map_images([], str, unchanged, nowhere)) == []


@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
def test_files_of_all_threads_have_the_permissions_of_the_umask(tmp_path, monkeypatch):
    pairs = [(tmp_path / f"{index}.png", tmp_path / "out" / f"{index}.png") for index in range(20)]
    for source, _ in pairs:
        PIL.Image.new("L", (10, 10)).save(source)
    set_umask = os.umask

    def set_umask_slowly(mask):
        before = set_umask(mask)
        time.sleep(0.01)
        return before

    before = set_umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", set_umask_slowly)
        outcomes = list(map_images(pairs, read_picture, unchanged, write_picture, workers=4))
        assert not [outcome for outcome in outcomes if outcome.error]
        assert {stat.S_IMODE(target.stat().st_mode) for _, target in pairs} == {0o640}
        assert set_umask(0o027) == 0o027
    finally:
        set_umask(before)
