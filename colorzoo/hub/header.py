"""What a checkpoint file says of itself, which anybody may have written: taken only if it is of the right kind."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor
from torch.nn import Parameter

from colorzoo.errors import CheckpointError
from colorzoo.hub.record import ADDED_FIELDS, CheckpointInfo, CheckpointRef

_MOST_VALUES = 10_000
_MOST_DEPTH = 10
_MOST_LETTERS = 10_000
_MOST = 2**63


def parse_about(path: Path, about: Any, published: bool = True) -> tuple[str, dict[str, Any], CheckpointInfo | None]:
    """Return the model, the hyper-parameters and the record that a file states.

    Args:
        path: The file, for messages.
        about: What was parsed.
        published: Whether there must be a record.

    Raises:
        CheckpointError: If something is missing, unknown, not of its type, or too long.
    """
    keys = {"model", "hparams", *(["record"] if published else [])}
    try:
        _check_plain(about)
        if not isinstance(about, dict) or not keys <= set(about) <= keys | (set() if published else {"base", "optim"}):
            raise ValueError(f"it must say {', '.join(sorted(keys))}, and no more")
        model, hparams = about["model"], about["hparams"]
        if not isinstance(model, str) or not re.fullmatch(r"[\w.<>]{1,200}", model):
            raise ValueError("the model has no name")
        if not isinstance(hparams, dict) or _has_lines(hparams):
            raise ValueError("the hyper-parameters have no names, or lines in them")
        return model, hparams, _parse_record(path, about["record"]) if published else None
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} has a damaged header ({error}); fetch it again") from error


def parse_ref(path: Path, ref: Any) -> CheckpointRef | None:
    """Return what a run says its training started from.

    Args:
        path: The file, for messages.
        ref: What was parsed; None or empty for a random start.

    Raises:
        CheckpointError: If it is no such statement.
    """
    if ref and not _matches(ref, CheckpointRef):
        raise CheckpointError(f"{path} does not say properly what its training started from; take another checkpoint")
    return CheckpointRef(**ref) if ref else None


def parse_tensors(path: Path, tensors: Any) -> dict[str, Tensor]:
    """Return the tensors of a run's file.

    Args:
        path: The file, for messages.
        tensors: What was parsed.

    Raises:
        CheckpointError: If they are no tensors with names, or claim to be larger than the file.
    """
    storages: dict[int, int] = {}
    claimed = 0
    if not isinstance(tensors, Mapping):
        raise CheckpointError(f"{path} holds no tensors; take another checkpoint")
    for name, tensor in tensors.items():
        plain = isinstance(name, str) and type(tensor) in (Tensor, Parameter) and tensor.layout == torch.strided
        if not plain or tensor.device.type != "cpu" or tensor.is_quantized:
            raise CheckpointError(f"{path} holds something else in place of tensors; take another checkpoint")
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        claimed += tensor.nbytes
    # Tensors may share memory, as tied weights do; but a few bytes must not pass for gigabytes.
    if claimed > 4 * sum(storages.values()):
        raise CheckpointError(f"{path} holds tensors that claim to be larger than the file; take another checkpoint")
    return dict(tensors)


def _parse_record(path: Path, record: Any) -> CheckpointInfo:
    if not isinstance(record, dict):
        raise ValueError("the record is none")
    kinds = get_type_hints(CheckpointInfo)
    missing, unknown = sorted(set(kinds) - ADDED_FIELDS - set(record)), sorted(set(record) - set(kinds))
    if missing or unknown:
        raise CheckpointError(f"{path} has a record of another version: missing {missing}, unknown {unknown[:3]}")
    for name, value in record.items():
        if not _matches(value, kinds[name]) or (name != "notes" and _has_lines(value)):
            raise ValueError(f"its {name} is not what it must be")
    refs = {name: CheckpointRef(**record[name]) for name in ("base", "tensors_of") if record.get(name)}
    return CheckpointInfo(**record | {"noise": tuple(record.get("noise", ())), **refs})


def _check_plain(value: Any) -> None:
    """Refuse what is no plain value, or too much of it; a run's file can refer to one list again and again."""
    waiting, seen = [(value, 0)], 0
    while waiting:
        item, depth = waiting.pop()
        parts = (*item.keys(), *item.values()) if isinstance(item, dict) else item if isinstance(item, list) else ()
        seen += len(parts)
        if seen > _MOST_VALUES or depth > _MOST_DEPTH:
            raise ValueError("too many values, or nested too deep")
        waiting += [(part, depth + 1) for part in parts]
        if isinstance(item, str) and (len(item) > _MOST_LETTERS or not item.replace("\n", "").isprintable()):
            raise ValueError("a text that is too long, or not to be printed")
        if isinstance(item, int | float) and not abs(item) < _MOST:  # NaN neither
            raise ValueError("a number without bounds")
        if not isinstance(item, dict | list | str | int | float | NoneType):
            raise ValueError(f"a {type(item).__name__} in place of a plain value")
        if isinstance(item, dict) and not all(isinstance(key, str) for key in item):
            raise ValueError("a name that is no text")


def _has_lines(value: Any) -> bool:
    return "\\n" in repr(value)


def _matches(value: Any, kind: Any) -> bool:
    """Tell whether a value that was parsed is of an annotated type."""
    if is_dataclass(kind) and isinstance(kind, type):
        kinds = get_type_hints(kind)
        required = {field.name for field in fields(kind) if field.default is MISSING}
        return (
            isinstance(value, dict)
            and required <= set(value) <= set(kinds)
            and all(_matches(part, kinds[name]) for name, part in value.items())
        )
    origin, of = get_origin(kind), get_args(kind)
    if origin is dict:
        return isinstance(value, dict) and all(_matches(part, of[1]) for part in value.values())
    if origin is tuple:
        return isinstance(value, list) and all(_matches(part, of[0]) for part in value)
    if origin is Literal:
        return isinstance(value, str) and value in of
    if of:  # a union
        return any(_matches(value, part) for part in of)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
