"""Checkpoint files: where they lie, what they say of themselves, and whether their bytes are the right ones.

A published file is a ``.safetensors`` whose header carries the hyper-parameters and a `CheckpointInfo`. Its SHA-256 is
in ``SHA256SUMS`` beside it, in the format of ``sha256sum``, and is checked before anything is parsed. Tags of a model
that differ in their settings alone share their tensors: one file holds them, the others name it and its SHA-256.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as to_safetensors
from torch import Tensor

from colorzoo.errors import CheckpointError, ChecksumError
from colorzoo.hub.ckpt_file import encode_ckpt, read_ckpt
from colorzoo.hub.header import parse_about, parse_ref, parse_tensors
from colorzoo.hub.published import folders
from colorzoo.hub.record import ADDED_FIELDS, SUFFIX, Checkpoint, CheckpointRef
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.strict_json import parse_json

SUMS = "SHA256SUMS"
_FORMAT = "colorzoo-1"


def is_checkpoint(path: Path) -> bool:
    """Tell by its header a file of the zoo from other files of tensors; whether it is sound is for `read` to say.

    Args:
        path: Any path.

    Returns:
        Whether `read` is the one to ask; it is for every ``.ckpt``, whose contents only it looks at.

    Raises:
        CheckpointError: If the header is damaged.
    """
    if path.suffix != SUFFIX or not path.is_file():
        return path.suffix == ".ckpt"
    try:
        with safe_open(path, framework="pt") as file:
            return _FORMAT in (file.metadata() or {})
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged ({error}); fetch it again") from error


def read(path: Path) -> Checkpoint:
    """Read a checkpoint; its digest, where one is known, is verified before the bytes are parsed.

    Args:
        path: A ``.safetensors`` file of the zoo, or a Lightning ``.ckpt`` of one of its models.

    Returns:
        Its contents, on the CPU.

    Raises:
        ChecksumError: If the bytes differ from those that were published.
        CheckpointError: If the file is missing, truncated, or none of the zoo's.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is no file; check the path")
    return _read_ckpt(path) if path.suffix == ".ckpt" else _read_safetensors(path)


def read_sound(paths: Iterable[Path]) -> tuple[list[Checkpoint], list[CheckpointError]]:
    """Read those of many checkpoints that can be read.

    Args:
        paths: Files.

    Returns:
        The checkpoints, and what is wrong with the others.
    """
    sound: list[Checkpoint] = []
    errors: list[CheckpointError] = []
    for path in paths:
        try:
            sound.append(read(path))
        except CheckpointError as error:
            errors.append(error)
    return sound, errors


def write(checkpoint: Checkpoint) -> str:
    """Write a published file and note its digest in ``SHA256SUMS`` beside it.

    If another tag of the model, beside it, has the same tensors, they are not written again.

    Args:
        checkpoint: What to write, with a record, to ``checkpoint.path``.

    Returns:
        The SHA-256 of the file.

    Raises:
        CheckpointError: If the record is missing.
    """
    if checkpoint.record is None:
        raise CheckpointError("a published checkpoint needs a record: its data, figures, baselines and licence")
    shared = _find_same_tensors(checkpoint)
    record = asdict(replace(checkpoint.record, tensors_of=shared))
    record = {name: value for name, value in record.items() if value or name not in ADDED_FIELDS}
    about = {"model": checkpoint.model, "hparams": checkpoint.hparams, "record": record}
    parse_about(checkpoint.path, parse_json(json.dumps(about)))  # what could not be read back is not written
    # One entry, because safetensors writes several in random order and the same contents would get another digest.
    header = {_FORMAT: json.dumps(about)}
    own = {} if shared else checkpoint.tensors
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in own.items()}
    data = to_safetensors(tensors, header)
    digest = hashlib.sha256(data).hexdigest()
    checkpoint.path.parent.mkdir(parents=True, exist_ok=True)
    sums = _sums(checkpoint.path.parent) | {checkpoint.path.name: digest}
    lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    # The digest goes first: a digest without its file harms nobody, a file without its digest is refused.
    atomic_replace(checkpoint.path.parent / SUMS, lines.encode())
    atomic_replace(checkpoint.path, data)
    return digest


def write_ckpt(checkpoint: Checkpoint) -> None:
    """Write what a run's ``.ckpt`` holds of a model, without the state of its training.

    Args:
        checkpoint: What to write, to ``checkpoint.path``.
    """
    content = {
        "colorzoo": {"model": checkpoint.model, "hparams": dict(checkpoint.hparams)},
        "state_dict": dict(checkpoint.tensors),
    }
    checkpoint.path.write_bytes(encode_ckpt(content))


def _read_safetensors(path: Path) -> Checkpoint:
    checkpoint = _read_one(path)
    if checkpoint.record is None or checkpoint.record.tensors_of is None:
        return checkpoint
    return replace(checkpoint, tensors=_read_shared_tensors(path, checkpoint.record.tensors_of))


def _read_one(path: Path) -> Checkpoint:
    data = path.read_bytes()
    digest = _verified(path, data)
    try:
        tensors = parse_safetensors(data)
        size = struct.unpack("<Q", data[:8])[0]
        header = parse_json(data[8 : 8 + size]).get("__metadata__") or {}
        about = parse_json(header.get(_FORMAT, "null"))
    except Exception as error:  # whatever a damaged file makes the parsers stumble over
        raise CheckpointError(f"{path} is damaged ({error}); fetch it again") from error
    if _FORMAT not in header:
        raise CheckpointError(f"{path} is no checkpoint of colorzoo: its header has no entry {_FORMAT!r}")
    model, hparams, record = parse_about(path, about)
    return Checkpoint(path, model, hparams, tensors, record, digest)


def _read_shared_tensors(path: Path, owner: CheckpointRef) -> dict[str, Tensor]:
    """Return the tensors of the tag that a file names as their owner."""
    file = path.parent / f"{owner.name}{SUFFIX}"
    if not file.is_file() or file.parent != path.parent:
        raise CheckpointError(f"{path} has the tensors of {owner.name}{SUFFIX}; put that file beside it")
    other = _read_one(file)
    if other.digest != owner.sha256 or other.record is None or other.record.tensors_of:
        raise ChecksumError(
            f"{path} has the tensors of {owner.describe()}, but {file} is another file; fetch both again"
        )
    return other.tensors


def _find_same_tensors(checkpoint: Checkpoint) -> CheckpointRef | None:
    """Return the tag of the same model that holds the same tensors, if there is one in the folder."""
    others = [
        path for path in sorted(checkpoint.path.parent.glob(f"{checkpoint.model}.*{SUFFIX}")) if path != checkpoint.path
    ]
    for other in read_sound(others)[0]:
        if other.record and not other.record.tensors_of and _are_equal(other.tensors, checkpoint.tensors):
            return CheckpointRef(other.path.name.removesuffix(SUFFIX), other.digest)
    return None


def _are_equal(some: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> bool:
    return some.keys() == others.keys() and all(
        tensor.dtype == others[name].dtype and torch.equal(tensor, others[name].detach().cpu())
        for name, tensor in some.items()
    )


def _read_ckpt(path: Path) -> Checkpoint:
    content, digest = read_ckpt(path)
    if not {"colorzoo", "state_dict"} <= set(content):
        raise CheckpointError(f"{path} was not written by a model of colorzoo, so what is in it is unknown")
    model, hparams, _ = parse_about(path, content["colorzoo"], published=False)
    tensors = parse_tensors(path, content["state_dict"])
    return Checkpoint(path, model, hparams, tensors, None, digest, parse_ref(path, content["colorzoo"].get("base")))


def _verified(path: Path, data: bytes) -> str:
    """Return a file's digest if it is the one noted beside it; in the package's own folders there must be one."""
    expected = _sums(path.parent).get(path.name)
    actual = hashlib.sha256(data).hexdigest()
    if expected is None:
        if path.resolve().parent in [folder.resolve() for folder in folders()]:
            raise ChecksumError(f"{path} is not listed in {path.parent / SUMS}; it is none of the published files")
    elif actual != expected:
        raise ChecksumError(
            f"{path} is damaged: its SHA-256 is {actual}, but {expected} was published; "
            "delete it and install colorzoo again"
        )
    return actual


def _sums(folder: Path) -> dict[str, str]:
    """Return the digests noted in a folder, by file name."""
    path = folder / SUMS
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    if any(len(line) != 2 for line in lines):
        raise CheckpointError(f"{path} is damaged: each line must hold a digest and a file's name")
    return {name.strip().lstrip("*"): digest.lower() for digest, name in lines}
