"""Lightning's ``.ckpt`` files: opened as data only, and only if every byte is as it was written.

They are zip archives. Their members have checksums, which torch does not verify; what lies between the members has
none, so that the files we write end in a digest of all that comes before it.
"""

import hashlib
import io
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from colorzoo.errors import CheckpointError

_COMMENT = b"colorzoo sha256 "


def encode_ckpt(content: Mapping[str, Any]) -> memoryview:
    """Return the bytes of a ``.ckpt``.

    Args:
        content: Tensors and plain values.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    buffer.seek(-2, os.SEEK_END)  # the length of the archive's comment, which torch leaves empty
    buffer.write(struct.pack("<H", len(_COMMENT) + 64))
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    buffer.write(_COMMENT + digest.encode())
    return buffer.getbuffer()


def read_ckpt(path: Path) -> tuple[dict[str, Any], str]:
    """Read a ``.ckpt`` of any LightningModule; nothing of it is ever run.

    Args:
        path: The file.

    Returns:
        What it holds, on the CPU, and its SHA-256.

    Raises:
        CheckpointError: If it is missing, damaged, or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is no file; check the path")
    data = path.read_bytes()
    try:
        _check_bytes(data)
    except Exception as error:  # whatever a damaged archive makes the parser stumble over
        raise CheckpointError(f"{path} is damaged ({error}); take another checkpoint of the run") from None
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # its message tells how to run what is in the file
        raise CheckpointError(
            f"{path} holds more than tensors and plain values, which could be a program; it was not opened"
        ) from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} was not written by Lightning; give the .ckpt of a run")
    return content, hashlib.sha256(data).hexdigest()


def _check_bytes(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > len(data):
            raise ValueError("it would unfold to more than its own size")
        if (damaged := archive.testzip()) is not None:
            raise ValueError(f"the checksum of {damaged!r} is another")
        comment = archive.comment
    if comment:
        digest = hashlib.sha256(memoryview(data)[: -len(comment)]).hexdigest()
        if comment != _COMMENT + digest.encode():
            raise ValueError("its digest is another")
