"""Shards: the images of a folder in few large files that litdata reads from front to back.

Each image is read and decoded once, so that training meets no damaged file. Training images are stored in
pseudo-random order, so that each shard is a sample of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from colorzoo.data.shards.index import IN_PROGRESS, INDEX, ShardIndex, check_litdata, check_name
from colorzoo.data.shards.writer import SHARD_BYTES, ShardProgress, SplitWriter, remove_journals
from colorzoo.data.splits import check_fractions, hash_order, split_by_fraction
from colorzoo.errors import DataError, OutputExistsError, describe_error
from colorzoo.io.find import readable_names


@dataclass
class ShardResult:
    """What `make_shards` has done.

    Args:
        stored: The number of images in the shards.
        failures: A line about each image that was left out.
        interrupted: Whether Ctrl-C ended it; the same call resumes it.
    """

    stored: int = 0
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False


def make_shards(
    source: Path,
    target: Path,
    *,
    seed: int = 0,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    shorter_side: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: ShardProgress | None = None,
) -> ShardResult:
    """Store the images below a folder as shards, by split; an interrupted call is resumed by the same call.

    Args:
        source: The folder of images.
        target: The folder of the shards, which is created.
        seed: Seed of the splits, as of `ImageFolderDataModule`.
        val_fraction: Share of the images that validate.
        test_fraction: Share of the images that test.
        shorter_side: Reduce the shorter side of larger images to it, in pixels, and store JPEG; None stores each file's
            own bytes.
        shard_bytes: Largest size of a shard; a single image may have more.
        progress: Told how far it is.

    Returns:
        How many images were stored, which were left out, and whether Ctrl-C ended it.

    Raises:
        DataError: If there is no such folder, it holds too few images, or a number is out of its range.
        OutputExistsError: If the target holds finished shards, those of other options, or something else.
        UsageError: If litdata is not installed.
    """
    check_litdata()
    check_fractions(val_fraction, test_fraction)
    if shard_bytes < 1 or (shorter_side is not None and shorter_side < 1):
        raise DataError(f"shards of {shard_bytes} bytes and images of {shorter_side} pixels: give at least 1 each")
    progress = progress or ShardProgress()
    result = ShardResult()
    index = ShardIndex(seed, val_fraction, test_fraction, shorter_side, {"train": [], "val": [], "test": []})
    try:
        resumed = _is_resumed(target, index)
        names = list(_storable_names(source, result.failures))
        splits = split_by_fraction(names, seed, val_fraction, test_fraction, str(source))
        if not resumed:
            index.write(target / IN_PROGRESS)
        progress.begin(len(names), resumed)
        for split, found in splits.items():
            ordered = hash_order(found, seed) if split == "train" else found
            writer = SplitWriter(source, target / split, shorter_side, shard_bytes, progress)
            index.names[split].extend(writer.write(ordered, result.failures))
        if not index.names["train"] or not index.names["val"]:
            raise DataError(f"too few images of {source} can be decoded to train and to validate")
        index.write(target / INDEX)
        remove_journals(target)
        (target / IN_PROGRESS).unlink()
    except DataError:
        for failure in result.failures:
            progress.warn(failure)
        raise
    except KeyboardInterrupt:
        result.interrupted = True
    result.stored = sum(map(len, index.names.values()))
    return result


def _storable_names(source: Path, failures: list[str]) -> Iterator[str]:
    """Name the images that can be stored; add a line about each that cannot."""
    for name in readable_names(source, lambda path, error: failures.append(describe_error(error, path))):
        try:
            check_name(name)
        except ValueError as error:
            failures.append(f"{source / name} cannot be stored ({error}); rename it")
        else:
            yield name


def _is_resumed(target: Path, index: ShardIndex) -> bool:
    """Return whether a target holds a part of the same shards; refuse one that holds something else."""
    if (target / INDEX).exists():
        raise OutputExistsError(f"{target} holds finished shards; choose another folder, or remove it first")
    if (target / IN_PROGRESS).exists():
        before = ShardIndex.read(target / IN_PROGRESS, str(target))
        if before != index:
            fractions = f"val {before.val_fraction}, test {before.test_fraction}"
            options = f"seed {before.seed}, {fractions}, side {before.shorter_side}"
            raise OutputExistsError(f"{target} was begun with other options ({options}); give these, or remove it")
        return True
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputExistsError(f"{target} exists and holds no shards; choose a new folder")
    return False
