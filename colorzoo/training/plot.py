"""A study as a picture: the mean of one figure a variant, its spread over the seeds, and what needs no model."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from colorzoo.errors import DataError
from colorzoo.metrics import BASELINES


def plot_study(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Draw the first figure of a study that is no baseline, and its baselines as lines.

    Args:
        path: Where the SVG is written.
        rows: The table, with ``variant``, ``seed``, ``figure`` and ``value``.

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
    figure = figures[0]
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    values = {variant: _values(rows, figure, variant) for variant in variants}
    canvas = Figure(figsize=(7, 1.2 + 0.3 * len(variants)), layout="constrained")
    axes = canvas.add_subplot()
    for height, seen in enumerate(values.values()):
        axes.plot(seen, [height] * len(seen), "o", color="0.75", markersize=4)
        spread = statistics.stdev(seen) if len(seen) > 1 else 0.0
        axes.errorbar(statistics.fmean(seen), height, xerr=spread, fmt="o", color="tab:blue", capsize=3)
    for prefix, name in BASELINES.items():
        if baseline := _values(rows, f"{prefix}{figure}"):
            axes.axvline(statistics.fmean(baseline), linestyle="--", color="tab:red", linewidth=1)
            axes.annotate(name, (statistics.fmean(baseline), -0.7), color="tab:red", fontsize=8)
    axes.set_yticks(range(len(variants)), variants)
    axes.set_ylim(len(variants) - 0.5, -0.9)
    seeds = len(values[variants[0]])
    axes.set_xlabel(
        f"{figure}, test pictures" + (f" (mean and deviation of {seeds} seeds)" if seeds > 1 else ", one seed")
    )
    axes.spines[["top", "right"]].set_visible(False)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "colorzoo"}):  # small, and the same bytes every time
        canvas.savefig(path, metadata={"Date": None})


def _values(rows: Sequence[Mapping[str, str]], figure: str, variant: str | None = None) -> list[float]:
    return [float(row["value"]) for row in rows if row["figure"] == figure and variant in (None, row["variant"])]
