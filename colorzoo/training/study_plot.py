"""A study as a picture: the mean of one figure, its spread over the seeds, and what needs no model beside it."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorzoo.errors import DataError
from colorzoo.metrics import BASELINES

Rows = Sequence[Mapping[str, str]]
_DASHES = ("--", ":", "-.")
_WIDE = 10
"""Dots whose largest figure is more than so many times the smallest lie on a logarithmic axis."""


@dataclass(frozen=True)
class Axis:
    """A number that a study varies: its variants become curves over it.

    Args:
        argument: The argument of a run that takes the values.
        values: The numbers, rising.
        label: What they are, for the plot.
        log: Space them by their logarithms.

    Raises:
        DataError: If there are not at least two rising numbers, or one of them has no logarithm.
    """

    argument: str
    values: Sequence[float]
    label: str
    log: bool = False

    def __post_init__(self) -> None:
        if not all(isinstance(value, int | float) for value in self.values):
            raise DataError(f"the axis {self.label!r} has the values {self.values}; give numbers")
        if len(self.values) < 2 or sorted(set(self.values)) != list(self.values):
            raise DataError(f"the axis {self.label!r} has the values {self.values}; give at least two, rising")
        if self.log and self.values[0] <= 0:
            raise DataError(
                f"the axis {self.label!r} begins at {self.values[0]}; only positive numbers have logarithms"
            )


def plot_study(path: Path, rows: Rows, axis: Axis | None = None) -> None:
    """Draw the first figure of a study that is no baseline, and its baselines as dashed lines.

    A figure called ``half_x`` stands beside half of the baselines' ``x``.

    Args:
        path: Where the SVG is written.
        rows: The table, with ``variant``, ``seed``, ``figure`` and ``value``, and with an axis ``at``.
        axis: What the curves run along; None draws a row of dots for each variant.

    Raises:
        DataError: If matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DataError("a study's plot needs matplotlib: pip install 'colorzoo[plots]'") from error
    figures = [row["figure"] for row in rows if not row["figure"].startswith(tuple(BASELINES))]
    if not figures:
        raise DataError("a study of baselines alone has nothing to draw; ask for a figure such as mse")
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    size = (7, 1.2 + 0.3 * len(variants)) if axis is None else (8, 4)
    canvas = Figure(figsize=size, layout="constrained")
    axes = canvas.add_subplot()
    seeds = len({row["seed"] for row in rows})
    label = f"{figures[0]}, test pictures" + (f" (mean and deviation of {seeds} seeds)" if seeds > 1 else ", one seed")
    if axis is None:
        _draw_dots(axes, rows, figures[0], variants)
        axes.set_xlabel(label)
    else:
        _draw_curves(axes, rows, figures[0], variants, axis)
        axes.set_ylabel(label.replace(" (", "\n("))
        canvas.legend(loc="outside right upper", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "colorzoo"}):  # small, and the same bytes every time
        canvas.savefig(path, metadata={"Date": None})


def _draw_dots(axes: Any, rows: Rows, figure: str, variants: Sequence[str]) -> None:
    """One row a variant, and an upright line for each baseline."""
    for height, variant in enumerate(variants):
        seen = _values(rows, figure, variant=variant)
        axes.plot(seen, [height] * len(seen), "o", color="0.75", markersize=4)
        axes.errorbar(statistics.fmean(seen), height, xerr=_spread(seen), fmt="o", color="tab:blue", capsize=3)
    for prefix, name in BASELINES.items():
        if baseline := _baseline(rows, prefix, figure):
            axes.axvline(statistics.fmean(baseline), linestyle="--", color="tab:red", linewidth=1)
            axes.annotate(name, (statistics.fmean(baseline), -0.7), color="tab:red", fontsize=8)
    shown = _values(rows, figure)
    if 0 < _WIDE * min(shown) < max(shown):
        axes.set_xscale("log")
        _write_out(axes.xaxis)
    axes.set_yticks(range(len(variants)), variants)
    axes.set_ylim(len(variants) - 0.5, -0.9)


def _draw_curves(axes: Any, rows: Rows, figure: str, variants: Sequence[str], axis: Axis) -> None:
    """One curve a variant, and one for each baseline, whose figure may depend on the axis too."""
    for variant in variants:
        seen = [_values(rows, figure, variant=variant, at=str(value)) for value in axis.values]
        means, spreads = [statistics.fmean(values) for values in seen], [_spread(values) for values in seen]
        (curve,) = axes.plot(axis.values, means, "o-", markersize=4, label=variant)
        axes.errorbar(axis.values, means, yerr=spreads, fmt="none", ecolor=curve.get_color(), capsize=3)
    baselines = [name for name in BASELINES if _baseline(rows, name, figure)]
    for index, prefix in enumerate(baselines):
        means = [statistics.fmean(_baseline(rows, prefix, figure, at=str(value))) for value in axis.values]
        style = {"linestyle": _DASHES[index % len(_DASHES)], "color": "0.4", "linewidth": 1.2}
        axes.plot(axis.values, means, label=BASELINES[prefix], **style)
    axes.set_yscale("log")
    _write_out(axes.yaxis)
    if axis.log:
        axes.set_xscale("log")
    axes.set_xticks(axis.values, [f"{value:g}" for value in axis.values])
    axes.minorticks_off()
    axes.set_xlabel(axis.label)


def _write_out(axis: Any) -> None:
    """Give a logarithmic axis plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:.6f}".rstrip("0").rstrip("."))
    axis.set_minor_formatter(NullFormatter())


def _baseline(rows: Rows, prefix: str, figure: str, **where: str) -> list[float]:
    if figure.startswith("half_"):
        return [value / 2 for value in _baseline(rows, prefix, figure.removeprefix("half_"), **where)]
    return _values(rows, f"{prefix}{figure}", **where)


def _values(rows: Rows, figure: str, **where: str) -> list[float]:
    return [float(row["value"]) for row in rows if {**where, "figure": figure}.items() <= row.items()]


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
