"""Studies: one config under several settings and seeds, as a table with mean and spread, and as a plot.

python benchmarks/study.py configs/studies/fusion_cnn_loss.yaml
"""

import argparse
import csv
import io
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from colorzoo.errors import DataError
from colorzoo.io.atomic import atomic_replace
from colorzoo.metrics import BASELINES
from colorzoo.training.arguments import find_config
from colorzoo.training.cli import run

_KEYS = {"config", "common", "variants", "seeds", "metrics", "output"}
Rows = Sequence[Mapping[str, str]]
_DASHES = ("--", ":", "-.")
_WIDE = 10
"""Dots whose largest metric is more than so many times the smallest lie on a logarithmic axis."""


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


def main() -> None:
    """Run one study, and say where its table is."""
    parser = argparse.ArgumentParser(description="Train and test variants of a config, and tabulate the metrics.")
    parser.add_argument("study", type=Path, help="a file of configs/studies")
    print(run_study(parser.parse_args().study))


def run_study(path: Path) -> Path:
    """Train and test every variant with every seed; what the table already holds is not run again.

    The weights of the last epoch are tested: a study compares settings at one budget, and chooses nothing. A table made
    with other settings must be deleted first.

    Args:
        path: A YAML file with ``config``, ``common`` (arguments of every run), ``variants`` (a name
            and its arguments, among them perhaps a ``config`` of its own), ``seeds``, ``metrics`` (of the test, without
            ``test/``) and ``output`` (a CSV file). It may have an ``axis``, the arguments of `Axis`: every variant is
            then run at every value.

    Returns:
        The table, with the value in a column ``at`` if there is an axis; beside it lie a summary with the mean and the
        standard deviation over the seeds, and a plot.

    Raises:
        DataError: If the file lacks one of these keys or has others.
    """
    path = find_config(path)
    study: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if set(study) - {"axis"} != _KEYS:
        raise DataError(f"{path} must have exactly the keys {sorted(_KEYS)}, and may have axis; it has {sorted(study)}")
    axis = _axis(path, study)
    output = Path(study["output"])
    rows = _read(output)
    for seed in study["seeds"]:
        for where, arguments in _runs(study, axis):
            run_of = {**where, "seed": str(seed)}
            if any(run_of.items() <= row.items() for row in rows):
                continue
            metrics = _run_one(study, {**study["common"], **arguments}, seed)
            if missing := [metric for metric in study["metrics"] if f"test/{metric}" not in metrics]:
                raise DataError(f"{path} asks for {missing[0]!r}; the test gives {', '.join(sorted(metrics))}")
            for metric in study["metrics"]:
                rows.append({**run_of, "metric": metric, "value": f"{metrics[f'test/{metric}']:.6g}"})
            _write(output, rows)
    _write_summary(output, rows)
    plot_study(output.with_suffix(".svg"), rows, axis)
    return output


def _axis(path: Path, study: Mapping[str, Any]) -> Axis | None:
    if "axis" not in study:
        return None
    try:
        return Axis(**study["axis"])
    except TypeError as error:
        raise DataError(f"the axis of {path} is not understood; it has argument, values, label and log") from error


def _runs(study: Mapping[str, Any], axis: Axis | None) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield what names each run in the table, and its arguments."""
    for variant, arguments in study["variants"].items():
        if axis is None:
            yield {"variant": variant}, arguments
            continue
        for value in axis.values:
            yield {"variant": variant, "at": str(value)}, {**arguments, axis.argument: value}


def _run_one(study: Mapping[str, Any], arguments: Mapping[str, Any], seed: int) -> dict[str, float]:
    settings = {"config": study["config"], **arguments, "seed_everything": seed}
    config = settings.pop("config")
    cli = run(["fit", "--config", config, *(f"--{key}={value}" for key, value in settings.items())])
    metrics = cli.trainer.test(cli.model, datamodule=cli.datamodule, verbose=False)
    return {name: float(value) for name, value in metrics[0].items()}


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    atomic_replace(path, text.getvalue().encode())


def _write_summary(path: Path, rows: list[dict[str, str]]) -> None:
    values: dict[tuple[str, ...], list[float]] = {}
    named = [name for name in rows[0] if name not in ("seed", "value")]
    for row in rows:
        values.setdefault(tuple(row[name] for name in named), []).append(float(row["value"]))
    header = [*named, "mean", "standard deviation", "seeds"]
    lines = [_line(header), "|---" * len(header) + "|"]
    for name, seen in values.items():
        spread = f"{statistics.stdev(seen):.3g}" if len(seen) > 1 else ""
        lines.append(_line([*name, f"{statistics.fmean(seen):.4g}", spread, str(len(seen))]))
    path.with_suffix(".md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plot_study(path: Path, rows: Rows, axis: Axis | None = None) -> None:
    """Draw the first metric of a study that is no baseline, and its baselines as dashed lines.

    A metric called ``half_x`` stands beside half of the baselines' ``x``.

    Args:
        path: Where the SVG is written.
        rows: The table, with ``variant``, ``seed``, ``metric`` and ``value``, and with an axis ``at``.
        axis: What the curves run along; None draws a row of dots for each variant.
    """
    metrics = [row["metric"] for row in rows if not row["metric"].startswith(tuple(BASELINES))]
    if not metrics:
        raise DataError("a study of baselines alone has nothing to draw; ask for a metric such as mse")
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    size = (7, 1.2 + 0.3 * len(variants)) if axis is None else (8, 4)
    canvas = Figure(figsize=size, layout="constrained")
    axes = canvas.add_subplot()
    seeds = len({row["seed"] for row in rows})
    label = f"{metrics[0]}, test images" + (f" (mean and deviation of {seeds} seeds)" if seeds > 1 else ", one seed")
    if axis is None:
        _draw_dots(axes, rows, metrics[0], variants)
        axes.set_xlabel(label)
    else:
        _draw_curves(axes, rows, metrics[0], variants, axis)
        axes.set_ylabel(label.replace(" (", "\n("))
        canvas.legend(loc="outside right upper", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "colorzoo"}):  # small, and the same bytes every time
        canvas.savefig(path, metadata={"Date": None})


def _draw_dots(axes: Any, rows: Rows, metric: str, variants: Sequence[str]) -> None:
    """One row a variant, and an upright line for each baseline."""
    for height, variant in enumerate(variants):
        seen = _values(rows, metric, variant=variant)
        axes.plot(seen, [height] * len(seen), "o", color="0.75", markersize=4)
        axes.errorbar(statistics.fmean(seen), height, xerr=_spread(seen), fmt="o", color="tab:blue", capsize=3)
    for prefix, name in BASELINES.items():
        if baseline := _baseline(rows, prefix, metric):
            axes.axvline(statistics.fmean(baseline), linestyle="--", color="tab:red", linewidth=1)
            axes.annotate(name, (statistics.fmean(baseline), -0.7), color="tab:red", fontsize=8)
    shown = _values(rows, metric)
    if 0 < _WIDE * min(shown) < max(shown):
        axes.set_xscale("log")
        _write_out(axes.xaxis)
    axes.set_yticks(range(len(variants)), variants)
    axes.set_ylim(len(variants) - 0.5, -0.9)


def _draw_curves(axes: Any, rows: Rows, metric: str, variants: Sequence[str], axis: Axis) -> None:
    """One curve a variant, and one for each baseline, whose metric may depend on the axis too."""
    for variant in variants:
        seen = [_values(rows, metric, variant=variant, at=str(value)) for value in axis.values]
        means, spreads = [statistics.fmean(values) for values in seen], [_spread(values) for values in seen]
        (curve,) = axes.plot(axis.values, means, "o-", markersize=4, label=variant)
        axes.errorbar(axis.values, means, yerr=spreads, fmt="none", ecolor=curve.get_color(), capsize=3)
    baselines = [name for name in BASELINES if _baseline(rows, name, metric)]
    for index, prefix in enumerate(baselines):
        means = [statistics.fmean(_baseline(rows, prefix, metric, at=str(value))) for value in axis.values]
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
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:.6f}".rstrip("0").rstrip("."))
    axis.set_minor_formatter(NullFormatter())


def _baseline(rows: Rows, prefix: str, metric: str, **where: str) -> list[float]:
    if metric.startswith("half_"):
        return [value / 2 for value in _baseline(rows, prefix, metric.removeprefix("half_"), **where)]
    return _values(rows, f"{prefix}{metric}", **where)


def _values(rows: Rows, metric: str, **where: str) -> list[float]:
    return [float(row["value"]) for row in rows if {**where, "metric": metric}.items() <= row.items()]


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
