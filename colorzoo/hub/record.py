"""What a checkpoint file says of itself."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from colorzoo.errors import CheckpointError
from colorzoo.noise.synthesis import NoiseKind

SUFFIX = ".safetensors"
ADDED_FIELDS = frozenset({"noise", "base", "tensors_of"})
"""Fields of a record that older files lack."""


@dataclass(frozen=True)
class CheckpointRef:
    """What training started from, or what a model was loaded from.

    Args:
        name: Of its file, without the suffix.
        sha256: Of its file.
        licence: Of its weights, if it is published.
        data: What it was trained on, if it is published; the data of what it started from itself are part of it.
    """

    name: str
    sha256: str
    licence: str = ""
    data: str = ""

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.name} (SHA-256 {self.sha256})"


@dataclass(frozen=True)
class CheckpointInfo:
    """What a published checkpoint says of itself.

    Args:
        task: What the model does, such as ``"colorization"``.
        data: What it was trained on.
        split_hash: Fingerprint of the splits, from ``colorzoo.data.splits``.
        recipe: The configuration that rebuilds it.
        evaluated_on: What the figures were measured on.
        metrics: Figure by name; errors and shares as fractions, not per cent.
        baselines: The same figures of what needs no model, by the name of the baseline.
        parameters: Number of trained parameters.
        licence: Licence of the weights.
        paper: Where the method comes from.
        code_version: Version of colorzoo that published it.
        notes: What a user should know beside that.
        noise: Kinds of noise that a de-noiser was trained on.
        base: What its training started from.
        tensors_of: The tag whose file, beside this one, holds the tensors of both, where only the settings differ.
    """

    task: str
    data: str
    split_hash: str
    recipe: str
    evaluated_on: str
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    parameters: int
    licence: str
    paper: str
    code_version: str
    notes: str
    noise: tuple[NoiseKind, ...] = ()
    base: CheckpointRef | None = None
    tensors_of: CheckpointRef | None = None

    def __post_init__(self) -> None:
        optional = ("notes", *ADDED_FIELDS)
        empty = [field.name for field in fields(self) if field.name not in optional and not getattr(self, field.name)]
        if empty:
            raise CheckpointError(f"the record lacks {', '.join(empty)}; a published checkpoint must state them")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: which model, its hyper-parameters and tensors, and its record if it is published.

    One that was read has the SHA-256 of its file, too; a run's knows what its training started from.
    """

    path: Path
    model: str
    hparams: dict[str, Any]
    tensors: dict[str, Tensor]
    record: CheckpointInfo | None
    digest: str = ""
    base: CheckpointRef | None = None

    def reference(self) -> CheckpointRef:
        """Return what a model that starts from it names as its source."""
        name = self.path.name.removesuffix(SUFFIX)
        if self.record is None:
            return CheckpointRef(name, self.digest)
        return CheckpointRef(name, self.digest, self.record.licence, self.record.data)
