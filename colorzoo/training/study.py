"""Studies: the same recipe under several settings and seeds, as a table with mean and spread."""

import csv
import io
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from colorzoo.errors import DataError
from colorzoo.io.atomic import atomic_replace
from colorzoo.training.arguments import find_config
from colorzoo.training.cli import run
from colorzoo.training.study_plot import Axis, plot_study

_KEYS = {"recipe", "common", "variants", "seeds", "figures", "output"}


def run_study(path: Path) -> Path:
    """Train and test every variant with every seed; what the table already holds is not run again.

    The weights of the last epoch are tested: a study compares settings at one budget, and chooses nothing. A table made
    with other settings must be deleted first.

    Args:
        path: A YAML file with ``recipe`` (a configuration), ``common`` (arguments of every run), ``variants`` (a name
            and its arguments, among them perhaps a ``recipe`` of its own), ``seeds``, ``figures`` (of the test, without
            ``test/``) and ``output`` (a CSV file). It may have an ``axis``, the arguments of `Axis`: every variant is
            then run at every value.

    Returns:
        The table, with the value in a column ``at`` if there is an axis; beside it lie a summary with the mean and the
        standard deviation over the seeds, and a plot.

    Raises:
        DataError: If the file lacks one of these keys or has others, or matplotlib is missing.
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
            figures = _run_one(study, {**study["common"], **arguments}, seed)
            if missing := [figure for figure in study["figures"] if f"test/{figure}" not in figures]:
                raise DataError(f"{path} asks for {missing[0]!r}; the test gives {', '.join(sorted(figures))}")
            for figure in study["figures"]:
                rows.append({**run_of, "figure": figure, "value": f"{figures[f'test/{figure}']:.6g}"})
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
    settings = {"recipe": study["recipe"], **arguments, "seed_everything": seed}
    recipe = settings.pop("recipe")
    cli = run(["fit", "--config", recipe, *(f"--{key}={value}" for key, value in settings.items())])
    figures = cli.trainer.test(cli.model, datamodule=cli.datamodule, verbose=False)
    return {name: float(value) for name, value in figures[0].items()}


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
