"""What is generated from the published files: model cards, the results table, and the list a terminal shows."""

import csv
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from colorzoo.errors import CheckpointError
from colorzoo.hub import checkpoint_file
from colorzoo.hub.record import SUFFIX, Checkpoint, CheckpointInfo
from colorzoo.io.atomic import atomic_replace

RESULTS = "results.csv"
_OVERVIEW_MARKS = ("<!-- generated: models -->\n", "<!-- end of generated: models -->")
_COLUMNS = ("checkpoint", "figure", "value", "baseline", "baseline_value", "evaluated_on", "recipe", "kib", "licence")
_UNITS = {
    "mse": ("MSE on [0, 1]", 100.0, "%"),
    "psnr": ("PSNR, mean over images", 1.0, "dB"),
    "ssim": ("SSIM, mean over images", 1.0, ""),
    "half_mse": ("half the MSE, of pixels whose window lies within the image", 100.0, "%"),
    "colorfulness": ("colourfulness (Hasler-Suesstrunk)", 1.0, ""),
    "own_mse": ("MSE of the network's own RGB on [0, 1] (four times that on [-1, 1])", 100.0, "%"),
    "generator_mse": ("MSE on [0, 1] of the generator alone", 100.0, "%"),
    "generator_psnr": ("PSNR of the generator alone", 1.0, "dB"),
    "accuracy": ("accuracy of the class head, grey input", 100.0, "%"),
    "ab_mse": ("MSE of a*b* scaled by 220 to [0, 1]", 100.0, "%"),
    "cross_entropy": ("cross entropy of the class head", 1.0, "nats"),
}


def write_reports(folder: Path, models: Sequence[str]) -> list[Path]:
    """Write a card for each published file of a folder, one results table, and the overview in the project's README.

    A file that cannot be read is named by a warning, and left out.

    Args:
        folder: Where the ``.safetensors`` files lie.
        models: The names of all methods, in the order of the overview.

    Returns:
        The files that were written.
    """
    checkpoints, errors = checkpoint_file.read_sound(sorted(folder.glob(f"*{SUFFIX}")))
    for error in errors:
        warnings.warn(str(error), stacklevel=2)
    written = {folder / RESULTS: results_table(checkpoints)}
    written |= {checkpoint.path.with_suffix(".md"): card(checkpoint) for checkpoint in checkpoints}
    readme = folder.parent / "README.md"
    if folder.name == "checkpoints" and readme.is_file() and _OVERVIEW_MARKS[0] in readme.read_text(encoding="utf-8"):
        before, _, rest = readme.read_text(encoding="utf-8").partition(_OVERVIEW_MARKS[0])
        after = rest.partition(_OVERVIEW_MARKS[1])[2]
        overview = markdown_table(overview_rows(checkpoints, models))
        written[readme] = f"{before}{_OVERVIEW_MARKS[0]}{overview}{_OVERVIEW_MARKS[1]}{after}"
    for path, text in written.items():
        atomic_replace(path, text.encode())
    return sorted(written)


def results_table(checkpoints: list[Checkpoint]) -> str:
    """Return the results as CSV: one row for each figure and each of its baselines."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for checkpoint in checkpoints:
        record = _record(checkpoint)
        size = round(checkpoint.path.stat().st_size / 1024)
        for figure, value in record.metrics.items():
            beside = [(baseline, f"{base:.6g}") for baseline, base in _baselines(record, figure)]
            for baseline in beside or [("", "")]:
                numbers = (f"{value:.6g}", *baseline)
                about = (record.evaluated_on, record.recipe, size, record.licence)
                table.writerow((checkpoint.path.stem, figure, *numbers, *about))
    return text.getvalue()


def card(checkpoint: Checkpoint) -> str:
    """Return the model card of a published file as Markdown."""
    record = _record(checkpoint)
    name = checkpoint.path.stem
    # The package finds its own folder by name; from another one a file is loaded by its path.
    loadable = name if checkpoint.path.parent.name == "checkpoints" else checkpoint.path.as_posix()
    hparams = ", ".join(f"`{key}={value!r}`" for key, value in checkpoint.hparams.items())
    figures = [
        (_label(figure), f"**{_number(figure, value)}**", _beside(record, figure))
        for figure, value in record.metrics.items()
    ]
    lines = [
        f"# {name}",
        "",
        f"{record.task.capitalize()}. {record.paper}.",
        "",
        f'```python\nimport colorzoo\n\nmodel = colorzoo.load("{loadable}")\n```',
        "",
        markdown_table([("figure", "value", "without a model"), *figures]),
        f"- Measured on: {record.evaluated_on}",
        f"- Trained on: {record.data}",
        *([f"- Started from: {record.base.describe()}"] if record.base else []),
        f"- Fingerprint of the splits: `{record.split_hash}`",
        f"- Measure it again: `colorzoo test --config {record.recipe} --model.weights {loadable}`",
        f"- Train it again: `colorzoo fit --config {record.recipe}`",
        f"- Hyper-parameters: {hparams}",
        f"- Size: {_count(record.parameters)} parameters, {_size(checkpoint.path)}"
        + (f" and the tensors of {record.tensors_of.describe()}" if record.tensors_of else ""),
        f"- Licence of the weights: {record.licence}",
        f"- Published by colorzoo {record.code_version}",
    ]
    if record.notes:
        # Two headers were written when studies were a command of the package.
        lines += ["", record.notes.replace("colorzoo study ", "python benchmarks/study.py ")]
    return "\n".join([*lines, "", "_Generated by `colorzoo publish`; do not edit._", ""])


def format_list(checkpoints: list[Checkpoint], models: Sequence[str]) -> str:
    """Return a table of all methods and their published checkpoints, for a terminal."""
    rows = overview_rows(checkpoints, models)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)


def overview_rows(checkpoints: list[Checkpoint], models: Sequence[str]) -> list[tuple[str, ...]]:
    """Return a heading and a row for each published checkpoint, or for the method if it has none."""
    rows: list[tuple[str, ...]] = [("checkpoint", "figure", "without a model", "size", "licence")]
    for model in models:
        mine = [checkpoint for checkpoint in checkpoints if checkpoint.model == model]
        for checkpoint in mine:
            record = _record(checkpoint)
            figure = next(iter(record.metrics))
            value = f"{_label(figure)} {_number(figure, record.metrics[figure])}"
            beside, size = _beside(record, figure), _size(checkpoint.path)
            size += f" beside {record.tensors_of.name}" if record.tensors_of else ""
            rows.append((checkpoint.path.stem, value, beside, size, record.licence))
        if not mine:
            rows.append((model, "not published: create and train it", "", "", ""))
    return rows


def markdown_table(rows: list[tuple[str, ...]]) -> str:
    """Return rows, the first of which is the heading, as a Markdown table."""
    lines = [rows[0], tuple("---" for _ in rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _record(checkpoint: Checkpoint) -> CheckpointInfo:
    if checkpoint.record is None:
        raise CheckpointError(f"{checkpoint.path} carries no record")
    return checkpoint.record


def _baselines(record: CheckpointInfo, figure: str) -> list[tuple[str, float]]:
    return [(name, values[figure]) for name, values in record.baselines.items() if figure in values]


def _beside(record: CheckpointInfo, figure: str) -> str:
    return ", ".join(f"{name} {_number(figure, value)}" for name, value in _baselines(record, figure))


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M" if parameters >= 10_000 else f"{parameters:,}"


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 2**20:.1f} MiB" if size >= 2**17 else f"{size / 2**10:.1f} KiB"


def _label(figure: str) -> str:
    return _UNITS.get(figure, (figure, 1.0, ""))[0]


def _number(figure: str, value: float) -> str:
    _, factor, unit = _UNITS.get(figure, (figure, 1.0, ""))
    digits = 1 if figure == "accuracy" else 3
    return f"{value * factor:.{digits}f} {unit}".strip()
