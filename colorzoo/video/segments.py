"""The finished parts of a video, kept in a hidden folder beside its target so that a killed run goes on behind them."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from colorzoo.io.atomic import atomic_write

State = Mapping[str, NDArray[Any]]
"""What goes from frame to frame, such as smoothed colours."""

_FIELDS = ("size", "pts", "dts", "duration", "is_keyframe")


class Segments:
    """The parts of one video that are encoded; each is written whole or not at all.

    Args:
        target: The name that the video will have.
        made_of: What the frames depend on: parts that were made of something else are no use, and are removed.
    """

    def __init__(self, target: Path, made_of: str) -> None:
        digest = sha256(made_of.encode(errors="surrogateescape")).hexdigest()[:12]
        self._folder = target.with_name(f".{target.name}.{digest}.parts")
        remove_segments(target, but=self._folder)
        self.frame_count = 0
        """How many frames are done."""
        self.state: State = {}
        """What was after the last of them."""
        self._parts: list[Path] = []
        while found := sorted(self._folder.glob(f"{self.frame_count}-*.npz")):
            try:
                with found[0].open("rb") as file, np.load(file) as part:
                    self.state = {name[1:]: part[name] for name in part.files if name[0] == "_"}
                    part["data"]
            except (BadZipFile, ValueError, KeyError, OSError, EOFError):
                break
            self._parts.append(found[0])
            self.frame_count = int(found[0].stem.partition("-")[2])

    def add(self, frame_count: int, packets: Sequence[Any], state: State) -> None:
        """Keep the next part.

        Args:
            frame_count: How many frames are done with it.
            packets: Its packets.
            state: What is after its last frame.
        """
        path = self._folder / f"{self.frame_count}-{frame_count}.npz"
        table = np.array([[getattr(packet, name) or 0 for name in _FIELDS] for packet in packets], np.int64)
        data = np.frombuffer(b"".join(map(bytes, packets)), np.uint8)
        with atomic_write(path, overwrite=True) as stream:
            np.savez(stream, data=data, table=table, **{f"_{name}": values for name, values in state.items()})  # type: ignore[arg-type]
        self._parts.append(path)
        self.frame_count = frame_count

    def packets(self) -> Iterator[Any]:
        """Yield the packets of all parts, with times in the units of the source."""
        import av

        for path in self._parts:
            with np.load(path) as part:
                data, table = part["data"].tobytes(), part["table"].tolist()
            start = 0
            for size, *values in table:
                packet = av.Packet(data[start : start + size])
                for name, value in zip(_FIELDS[1:], values, strict=True):
                    setattr(packet, name, value)
                yield packet
                start += size

    def remove(self) -> None:
        """Remove all parts."""
        shutil.rmtree(self._folder, ignore_errors=True)


def remove_segments(target: Path, but: Path | None = None) -> None:
    """Remove the parts of a video that earlier runs left.

    Args:
        target: The name that it has or was to have.
        but: The folder of parts to keep.
    """
    for folder in target.parent.glob(f".{escape(target.name)}.{'[0-9a-f]' * 12}.parts"):
        if folder != but:
            shutil.rmtree(folder, ignore_errors=True)
