"""Two ways of doing the same work, taking turns, and the row of the table that comes of it."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Work = Callable[[], float]
"""Does some work; returns how much, in images or whatever is counted."""

ROUNDS = 3
"""So many turns each has at least."""


@dataclass
class Turns:
    """Work a second of both ways, turn by turn: by the clock, and by the processor's time of all their processes."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    ours_cpu: list[float] = field(default_factory=list)
    theirs_cpu: list[float] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Ours over theirs, pair by pair: what else the machine does changes both of a pair."""
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]

    def cpu_ratio(self) -> float | None:
        """Median of the same by the processor's time, which other programs change less."""
        pairs = zip(self.ours_cpu, self.theirs_cpu, strict=True)
        return statistics.median(mine / other for mine, other in pairs) if self.ours_cpu else None


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        what: What is compared.
        ours: colorzoo's figure, with its unit.
        theirs: The peer's, or that of the limit.
        ratio: Median of the pairs; None where nothing was measured, and ``note`` says why.
        low: Least of the pairs.
        high: Greatest of the pairs.
        cpu_ratio: The same by the processor's time, where it says anything.
        must: What the ratio must reach; None where nothing was promised.
        aim: What it should reach.
        at_most: The ratio must not exceed these instead.
        note: What one has to know.
    """

    what: str
    ours: str
    theirs: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    cpu_ratio: float | None = None
    must: float | None = None
    aim: float | None = None
    at_most: bool = False
    note: str = ""

    def verdict(self) -> str:
        """Say whether the ratio reaches what it must, and the aim."""
        if self.ratio is None:
            return "not measured"
        if self.must is None or self.aim is None:
            return "-"
        sign = -1 if self.at_most else 1
        if sign * self.ratio >= sign * self.aim:
            return "aim reached"
        return "must reached" if sign * self.ratio >= sign * self.must else "missed"

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        spread = f" ({self.low:.2f} to {self.high:.2f})" if self.low is not None and self.high is not None else ""
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}{spread}"
        cpu = "-" if self.cpu_ratio is None else f"{self.cpu_ratio:.2f}"
        bound = "<=" if self.at_most else ">="
        target = "-" if self.must is None else f"{bound} {self.must:g} / {self.aim:g}"
        return self.what, self.ours, self.theirs, ratio, cpu, target, self.verdict()


HEADING = ("what", "colorzoo", "beside", "ratio (spread)", "by CPU time", "must / aim", "verdict")


def compared(what: str, turns: Turns, unit: str, **options: float | bool | str | None) -> Row:
    """Make a row of turns.

    Args:
        what: What is compared.
        turns: Rates of both.
        unit: Of the rates.
        options: The other fields of `Row`.
    """
    ratios = turns.ratios()
    ours, theirs = (f"{_short(statistics.median(rates))} {unit}" for rates in (turns.ours, turns.theirs))
    spread = {"low": min(ratios), "high": max(ratios), "cpu_ratio": turns.cpu_ratio()}
    return Row(what, ours, theirs, statistics.median(ratios), **(spread | options))  # type: ignore[arg-type]


def take_turns(ours: Work, theirs: Work, seconds: float, rounds: int = ROUNDS, warm_up: bool = True) -> Turns:
    """Let both work in turn until the time is up; who begins changes from pair to pair.

    Args:
        ours: A turn of colorzoo.
        theirs: A turn of the peer.
        seconds: For both together.
        rounds: Pairs at least, however long they take.
        warm_up: One turn each first, which does not count.
    """
    turns = Turns()
    if warm_up:
        ours()
        theirs()
    for order in _rounds(seconds, rounds):
        for way in ("ours", "theirs")[::order]:
            rate, cpu_rate = _rates(ours if way == "ours" else theirs)
            getattr(turns, way).append(rate)
            getattr(turns, f"{way}_cpu").append(cpu_rate)
    return turns


def cpu_seconds() -> float:
    """Processor's time of this process and of its child processes; of those that run, where Linux tells it."""
    ended = os.times().children_user + os.times().children_system
    return time.process_time() + ended + sum(_cpu_seconds_of(child.pid) for child in multiprocessing.active_children())


def _rounds(seconds: float, least: int) -> Iterator[int]:
    end = time.perf_counter() + seconds
    done = 0
    while done < least or time.perf_counter() < end:
        yield 1 if done % 2 == 0 else -1
        done += 1


def _rates(work: Work) -> tuple[float, float]:
    begun, worked = time.perf_counter(), cpu_seconds()
    amount = work()
    return amount / (time.perf_counter() - begun), amount / max(1e-6, cpu_seconds() - worked)


def _cpu_seconds_of(process: int | None) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
