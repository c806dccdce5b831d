"""The benchmark of speed compares what it says, and says where it could not."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(script, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return script("benchmarks/performance.py")


def test_a_row_runs_alone(benchmark, monkeypatch):
    from performance import fit

    monkeypatch.setattr(fit, "fit_small", lambda seconds: fit._fit("fusion_cnn", 8, 2, 1, seconds))
    row = benchmark.measured("fit_small", 0.0)
    assert row.ratio == pytest.approx(sorted((row.low, row.ratio, row.high))[1])
    assert 0 < row.low <= row.ratio <= row.high
    assert row.ours.endswith("pictures/s")
    assert row.cpu_ratio > 0


def test_every_row_has_its_function(benchmark):
    from importlib.util import find_spec

    for name, file in benchmark.ROWS.items():
        assert f"def {name}(seconds: float" in Path(find_spec(f"performance.{file}").origin).read_text()
    assert set(benchmark.LONGER) <= set(benchmark.ROWS)


def test_a_peer_that_is_not_installed_leaves_its_row_empty(benchmark, monkeypatch):
    monkeypatch.setitem(benchmark.ROWS, "absent", "absent_peer")
    row = benchmark.measured("absent", 1.0)
    assert row.verdict() == "not measured"
    assert "absent_peer is not installed" in benchmark.document([row], ["one machine"])


@pytest.mark.parametrize(
    ("ratio", "at_most", "verdict"),
    [
        (1.0, False, "missed"),
        (2.5, False, "must reached"),
        (4.0, False, "aim reached"),
        (5.0, True, "missed"),
        (3.0, True, "must reached"),
        (1.0, True, "aim reached"),
    ],
)
def test_verdicts(benchmark, ratio, at_most, verdict):
    bounds = {"must": 4, "aim": 2} if at_most else {"must": 2, "aim": 4}
    assert benchmark.Row("", "", "", ratio, at_most=at_most, **bounds).verdict() == verdict


def test_ratios_are_those_of_pairs_and_turns_alternate(benchmark):
    from performance.comparison import compared, take_turns

    order = []
    turns = take_turns(lambda: order.append("ours") or 2.0, lambda: order.append("theirs") or 1.0, 0.0, rounds=4)
    assert order[2:] == ["ours", "theirs", "theirs", "ours", "ours", "theirs", "theirs", "ours"]
    turns.ours, turns.theirs = [2.0, 30.0, 8.0], [1.0, 10.0, 4.0]
    row = compared("", turns, "pictures/s", must=1, aim=2)
    assert (row.low, row.ratio, row.high) == (2.0, 2.0, 3.0)
    assert row.cells()[1:4] == ("8 pictures/s", "4 pictures/s", "2.00 (2.00 to 3.00)")
