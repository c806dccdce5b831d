"""Publish a run: measure its checkpoint once on the test images, and write file, card and results row."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from colorzoo._version import __version__
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import CheckpointError, DataError
from colorzoo.hub import checkpoint_file
from colorzoo.hub.model_card import write_reports
from colorzoo.hub.record import SUFFIX, CheckpointInfo, CheckpointRef
from colorzoo.metrics import BASELINES
from colorzoo.training.cli import ColorzooCLI, run
from colorzoo.training.half_precision import to_half_precision
from colorzoo.zoo import list_models

_LICENCE = "Apache-2.0"
# One process and full precision: metrics must not depend on the machine that publishes.
_EXACTLY = (
    "--trainer.accelerator=cpu",
    "--trainer.devices=1",
    "--trainer.precision=32-true",
    "--trainer.logger=false",
)
_FIRST = ("mse", "psnr", "ssim", "colorfulness")


def publish(
    checkpoint: Path, name: str, config: Path, folder: Path, notes: str = "", licence: str | None = None
) -> str:
    """Measure a training checkpoint, publish it, and return what was written in one line.

    Args:
        checkpoint: The ``.ckpt`` of a run.
        name: ``MODEL.TAG``; a tag that exists is never replaced.
        config: The config that trained it; its data measure it.
        folder: Where the published files lie.
        notes: What a user should know beside the metrics.
        licence: Of the weights; None for that of the weights it started from, or Apache-2.0.

    Raises:
        CheckpointError: If the name is taken or of another model, or config or data are not those of the run.
    """
    trained = checkpoint_file.read(checkpoint)
    model, _, tag = name.partition(".")
    if model != trained.model or model not in list_models() or not tag:
        raise CheckpointError(
            f"{checkpoint} holds a {trained.model}; publish it as {trained.model}.TAG, not as {name!r}"
        )
    target = folder / f"{name}{SUFFIX}"
    if target.exists():
        raise CheckpointError(f"{target} is published, and a tag's bytes never change; choose another tag")
    validated = _run("validate", config, checkpoint)
    if validated.model.hparams != trained.hparams:
        raise CheckpointError(f"{checkpoint} was trained with {trained.hparams}, but {config} says otherwise")
    _check_data(checkpoint, validated.datamodule)
    stored = to_half_precision(trained, validated.datamodule)
    with TemporaryDirectory() as temporary:
        rounded = Path(temporary) / "rounded.ckpt"
        checkpoint_file.write_ckpt(replace(stored, path=rounded))
        record = _record(_run("test", config, rounded), config, notes)
        licence = licence or (trained.base.licence if trained.base else "") or record.licence
        record = replace(record, licence=licence, base=trained.base, data=_data_with_base(record.data, trained.base))
    digest = checkpoint_file.write(replace(stored, path=target, record=record))
    write_reports(folder, list_models())
    return f"{target}  {digest}"


def _data_with_base(data: str, base: CheckpointRef | None) -> str:
    """Say what a model was trained on, with the data of the weights it started from."""
    if base is None:
        return data
    return f"{data}; started from {base.name}" + (f", trained on {base.data}" if base.data else "")


def _run(verb: str, config: Path, checkpoint: Path) -> ColorzooCLI:
    arguments = [verb, "--config", str(config), "--model.weights", str(checkpoint), *_EXACTLY]
    return run(arguments)


def _check_data(checkpoint: Path, data: ImageDataModule) -> None:
    """Refuse to measure a run on other data than it was trained with: its test images may be training ones."""
    content: Mapping[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    states = [value for value in content.values() if isinstance(value, dict) and "split_hash" in value]
    if not states:
        raise CheckpointError(f"{checkpoint} does not say on which data it was trained")
    try:
        data.load_state_dict(states[0])
    except DataError as error:
        raise CheckpointError(f"{checkpoint} and the config do not belong together: {error}") from error


def _record(cli: ColorzooCLI, config: Path, notes: str) -> CheckpointInfo:
    data, model = cli.datamodule, cli.model
    measured = {name.removeprefix("test/"): float(value) for name, value in cli.trainer.callback_metrics.items()}
    baselines: dict[str, dict[str, float]] = {}
    metrics: dict[str, float] = {}
    for name, value in measured.items():
        prefix = next((prefix for prefix in BASELINES if name.startswith(prefix)), None)
        if prefix is not None:
            baselines.setdefault(BASELINES[prefix], {})[name.removeprefix(prefix)] = value
        elif name != "loss":
            metrics[name] = value
    if "accuracy" in metrics:
        baselines["most frequent class"] = {"accuracy": _majority_share(data.load_split("test").label)}
    order = [*_FIRST, *sorted(set(metrics) - set(_FIRST))]
    return CheckpointInfo(
        task=model.task,
        data=_described(data, "train"),
        split_hash=data.split_hash(),
        recipe=config.as_posix(),
        evaluated_on=_described(data, "test"),
        metrics={name: metrics[name] for name in order if name in metrics},
        baselines=baselines,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        licence=_LICENCE,
        paper=model.paper,
        code_version=__version__,
        notes=notes,
    )


def _described(data: ImageDataModule, split: str) -> str:
    noise = data.noise if split == "train" else data.eval_noise
    return data.describe(split) if noise is None else f"{data.describe(split)}, with {noise.describe()}"


def _majority_share(label: torch.Tensor) -> float:
    return max(Counter(label.tolist()).values()) / len(label)
