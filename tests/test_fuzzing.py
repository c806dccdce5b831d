"""The fuzzer finds what it looks for: other errors, hangs, and memory."""

import mmap
import tempfile
import time
from random import Random

import fuzzing
import pytest
from fuzzing import fuzz, mutate_bytes, mutate_tree


@pytest.fixture(autouse=True)
def briefly(monkeypatch, tmp_path):
    monkeypatch.setenv("COLORZOO_FUZZ", "0.001")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_allowed_errors_are_answers():
    assert fuzz([b"1", b"20"], int, ValueError) > 2


def test_another_error_fails_and_names_the_input():
    with pytest.raises(AssertionError, match=r"IndexError.*it was given .*colorzoo-fuzz"):
        fuzz([b"1"], lambda data: data[0], ValueError)


def test_a_sound_input_that_is_refused_fails():
    with pytest.raises(AssertionError, match="try 0 of seed 0: ValueError"):
        fuzz([b"x"], int, ValueError)


def compute(data):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        pass


@pytest.mark.parametrize(("limit", "hang"), [("CALL_SECONDS", compute), ("WAITING_SECONDS", lambda _: time.sleep(5))])
def test_a_hang_fails(limit, hang, monkeypatch):
    monkeypatch.setattr(fuzzing, limit, 0.05)
    with pytest.raises(AssertionError, match="no answer within"):
        fuzz([b"x"], hang, Exception)


def test_much_memory_fails():
    with pytest.raises(AssertionError, match=r"took .* MiB"):
        fuzz([b"x"], lambda data: mmap.mmap(-1, 50 << 20).write(b"x" * (50 << 20)), Exception, megabytes=20)


def test_the_same_seed_mutates_in_the_same_way():
    tree = {"a": [1, 2, {"b": "c"}], "d": None}
    for mutate, given in ((mutate_bytes, b"some bytes"), (mutate_tree, tree)):
        made = [[repr(mutate(given, Random(seed), [given])) for seed in range(100)] for _ in range(2)]
        assert made[0] == made[1]
        assert len(set(made[0])) > 50
