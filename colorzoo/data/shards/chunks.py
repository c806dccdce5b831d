"""litdata's index of a split, and the files: checked before litdata reads them, which imports what an index names."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from colorzoo.io.strict_json import parse_json

NO_LIMIT = 1 << 50
"""Keeps litdata from starting a shard itself: we do, so that a finished one is never written again."""

_LEAF = '{"type": null, "context": null, "children_spec": []}'
_CONFIG = {
    "chunk_bytes": NO_LIMIT,
    "compression": None,
    "data_format": ["bytes", "bytes"],
    "data_spec": f'[1, {{"type": "builtins.list", "context": "null", "children_spec": [{_LEAF}, {_LEAF}]}}]',
    "encryption": None,
    "item_loader": "PyTreeLoader",
    "types": {"type": "list", "value": "bytes"},
}
"""What `SplitWriter` makes litdata write; whatever else there may be is null."""

_CHUNK = {"chunk_bytes", "chunk_size", "dim", "filename"}
_WORD = 4


def parse_chunks(text: bytes, count: int) -> list[dict[str, Any]]:
    """Return what an index says of its files.

    Args:
        text: The index.
        count: How many images they must hold.

    Raises:
        ValueError: If it is none that we write.
    """
    index = parse_json(text)
    if not isinstance(index, dict) or not {"chunks", "config"} <= set(index) <= {"chunks", "config", "updated_at"}:
        raise ValueError("it is no index of shards")
    config, chunks = index["config"], index["chunks"]
    if not isinstance(config, dict) or config != dict.fromkeys(config) | _CONFIG:
        raise ValueError("it does not hold images as colorzoo stores them")
    names = set()
    for chunk in chunks if isinstance(chunks, list) else [None]:
        if not isinstance(chunk, dict) or set(chunk) != _CHUNK or chunk["dim"] is not None:
            raise ValueError("it does not describe its files")
        if not re.fullmatch(r"chunk-\d{1,9}-\d{1,9}\.bin", str(chunk["filename"]), re.A):
            raise ValueError(f"{str(chunk['filename'])[:200]!r} is no name of a shard")
        if any(type(chunk[size]) is not int or not 0 < chunk[size] < 2**40 for size in ("chunk_bytes", "chunk_size")):
            raise ValueError("a size is no number")
        names.add(chunk["filename"])
    if len(names) < len(chunks) or sum(chunk["chunk_size"] for chunk in chunks) != count:
        raise ValueError("it does not hold the images that were stored")
    return list(chunks)


def check_chunk(path: Path, chunk: dict[str, Any]) -> None:
    """Compare a file with what the index says of it, and its table with its size.

    Args:
        path: The file.
        chunk: What the index says.

    Raises:
        ValueError: If it is missing, of another size, or its table leads elsewhere.
    """
    if not path.is_file():
        raise ValueError(f"{path.name} is missing")
    if path.stat().st_size != chunk["chunk_bytes"]:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {chunk['chunk_bytes']}")
    # The number of items, where each begins, and where the last one ends.
    length = _WORD * (chunk["chunk_size"] + 2)
    with path.open("rb") as stream:
        table = np.frombuffer(stream.read(min(length, chunk["chunk_bytes"]) // _WORD * _WORD), "<u4").astype(np.int64)
    ends = [chunk["chunk_size"], length, chunk["chunk_bytes"]]
    if len(table) * _WORD < length or table[[0, 1, -1]].tolist() != ends or (np.diff(table[1:]) < 2 * _WORD).any():
        raise ValueError(f"the table of {path.name} is damaged")
