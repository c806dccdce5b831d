"""Writes the shards of one split one after another, so that an interrupted run can be resumed."""

import io
import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import PIL.Image

from colorzoo.data.shards.chunks import NO_LIMIT
from colorzoo.data.shards.item import encode_item
from colorzoo.errors import describe_error
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.image_header import measure_path
from colorzoo.io.pil_file import decode_image, encode_image, to_rgb
from colorzoo.runtime.parallel_images import map_images

SHARD_BYTES = 64_000_000
"""Default size limit of a shard: few requests to a remote store, without a long wait for each."""


class ShardProgress:
    """Is told how far the writing of shards is, and does nothing; a subclass may show it."""

    def begin(self, total: int, resumed: bool) -> None:
        """Take note of the number of images, and whether an earlier run is resumed."""

    def advance(self, count: int = 1) -> None:
        """Take note of this many images that are done."""

    def wrote(self, shard: Path) -> None:
        """Take note of a finished shard."""

    def warn(self, text: str) -> None:
        """Take note of what was odd about an image that is stored all the same."""


class SplitWriter:
    """Writes the images of a split, each as its file's bytes and its name.

    A shard is complete once a journal names its images; whatever else an interrupted run has left is overwritten.

    Args:
        source: The folder of images.
        folder: Where the shards go.
        shorter_side: Reduce the shorter side of larger images to it, in pixels, and store JPEG; None stores the files'
            own bytes.
        shard_bytes: Largest size of a shard.
        progress: Told how far it is.
    """

    def __init__(
        self, source: Path, folder: Path, shorter_side: int | None, shard_bytes: int, progress: ShardProgress
    ) -> None:
        self.source = source
        self.folder = folder
        self.shorter_side = shorter_side
        self.shard_bytes = shard_bytes
        self.progress = progress

    def write(self, names: Sequence[str], failures: list[str]) -> list[str]:
        """Write the images that no journal names.

        Args:
            names: The images of the split, in the order in which they are to be stored.
            failures: A line about each image that cannot be decoded is added to it.

        Returns:
            The names of all that is stored, in this order.
        """
        from litdata import complete_dataset

        stored: list[list[str]] = [json.loads(path.read_bytes()) for path in _journals(self.folder)]
        there = {name for shard in stored for name in shard}
        self.progress.advance(len(there))
        merged = self.folder / "index.json"
        if merged.exists():
            merged.rename(self.folder / "0.index.json")
        shard: list[tuple[str, bytes]] = []
        size = 0
        with closing(self._encoded([name for name in names if name not in there], failures)) as pictures:
            for name, data in pictures:
                if shard and size + len(data) > self.shard_bytes:
                    stored.append(self._write_shard(len(stored), shard))
                    shard, size = [], 0
                shard.append((name, data))
                size += len(data)
        if shard:
            stored.append(self._write_shard(len(stored), shard))
        if stored:
            complete_dataset(str(self.folder))
        return [name for names in stored for name in names]

    def _write_shard(self, number: int, pictures: Sequence[tuple[str, bytes]]) -> list[str]:
        from litdata.streaming import Cache

        scratch = self.folder / "unfinished"
        shutil.rmtree(scratch, ignore_errors=True)
        cache = Cache(str(scratch), chunk_bytes=NO_LIMIT, writer_chunk_index=number)
        for index, (name, data) in enumerate(pictures):
            cache[index] = encode_item(data, name)
        cache.done()
        (shard,) = scratch.glob("*.bin")
        (index_file,) = scratch.glob("*.index.json")
        target = self.folder / shard.name
        shard.replace(target)
        index_file.replace(self.folder / f"{number}.index.json")
        scratch.rmdir()
        names = [name for name, _ in pictures]
        atomic_replace(self.folder / f"{number}{_JOURNAL}", json.dumps(names).encode())
        self.progress.wrote(target)
        return names

    def _encoded(self, names: Sequence[str], failures: list[str]) -> Generator[tuple[str, bytes]]:
        """Yield the images that can be decoded; several are decoded at once."""
        pairs = [(self.source / name, self.folder) for name in names]
        conveyed = map_images(
            pairs, _read, lambda content: (None, self._checked(*content)), _write_nothing, open_file=measure_path
        )
        with closing(conveyed) as outcomes:
            for name, outcome in zip(names, outcomes, strict=True):
                self.progress.advance()
                for text in outcome.warnings:
                    self.progress.warn(f"{outcome.source}: {text}")
                if outcome.error is not None:
                    failures.append(describe_error(outcome.error, outcome.source))
                elif outcome.remark is not None:
                    yield name, outcome.remark

    def _checked(self, path: Path, data: bytes) -> bytes:
        """Decode an image, and return the bytes to store."""
        image = decode_image(data, path)
        if self.shorter_side is None or min(image.size) <= self.shorter_side:
            return data
        share = self.shorter_side / min(image.size)
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        image = to_rgb(image).resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
        # Metadata are of no use to training.
        image.info.clear()
        stream = io.BytesIO()
        encode_image(image, stream, "JPEG")
        return stream.getvalue()


_JOURNAL = ".names.json"


def _journals(folder: Path) -> list[Path]:
    """Return the journals of a split, in the order of its shards."""
    return sorted(folder.glob(f"*{_JOURNAL}"), key=lambda path: int(path.name.removesuffix(_JOURNAL)))


def remove_journals(target: Path) -> None:
    """Remove the journals of all splits, once the index holds what they say.

    Args:
        target: The folder of the splits.
    """
    for folder in target.iterdir():
        for journal in _journals(folder):
            journal.unlink()


def _read(path: Path) -> tuple[Path, bytes]:
    return path, path.read_bytes()


def _write_nothing(content: tuple[Path, bytes], target: Path) -> None:
    """Write nothing: `SplitWriter` needs the images in their order."""
