"""Shards: the pictures of a folder in few large files that are read from front to back, by litdata.

Each picture is read and decoded once, so that what training meets later is sound. Pictures that train are stored in
pseudo-random order, so that what lies in a shard is a sample of all.
"""

import sys
from pathlib import Path

from tqdm import tqdm

from colorzoo.cli.batch import INTERRUPTED
from colorzoo.data.shards.index import BEGUN, INDEX, ShardIndex, check_litdata
from colorzoo.data.shards.writer import SHARD_BYTES, SplitWriter, remove_journals
from colorzoo.data.splits import check_fractions, hash_order, split_by_fraction
from colorzoo.errors import DataError, OutputExistsError
from colorzoo.io.find import filter_below


def make_shards(
    source: Path,
    target: Path,
    *,
    seed: int = 0,
    val_share: float = 0.1,
    test_share: float = 0.1,
    shorter_side: int | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> int:
    """Store the pictures below a folder as shards, by split; pictures that cannot be decoded are listed at the end.

    What was interrupted goes on, without doing anything twice, when it is asked for again.

    Args:
        source: The folder of pictures.
        target: The folder of the shards, which is made.
        seed: Seed of the splits, as of `ImageFolderDataModule`.
        val_share: Share of the pictures that validate.
        test_share: Share of the pictures that test.
        shorter_side: Reduce larger pictures to it, in pixels, and store JPEG; None stores each file's own bytes.
        shard_bytes: Begin another shard beyond that.

    Returns:
        0 if everything was done, 1 if pictures were left out, 130 after Ctrl-C.

    Raises:
        DataError: If there is no such folder, it holds too few pictures, or a number is out of its range.
        OutputExistsError: If the target holds finished shards, those of other options, or something else.
        UsageError: If litdata is not installed.
    """
    check_litdata()
    check_fractions(val_share, test_share)
    if shard_bytes < 1 or (shorter_side is not None and shorter_side < 1):
        raise DataError(f"shards of {shard_bytes} bytes and pictures of {shorter_side} pixels: give at least 1 each")
    failures: list[str] = []
    index = ShardIndex(seed, val_share, test_share, shorter_side, {"train": [], "val": [], "test": []})
    try:
        begun = _is_begun(target, index)
        names = list(filter_below(source, lambda path, error: failures.append(f"{path} is no picture ({error})")))
        splits = split_by_fraction(names, seed, val_share, test_share, str(source))
        if not begun:
            index.write(target / BEGUN)
        with tqdm(total=len(names), unit="picture", disable=None, dynamic_ncols=True) as bar:
            for split, found in splits.items():
                ordered = hash_order(found, seed) if split == "train" else found
                writer = SplitWriter(source, target / split, shorter_side, shard_bytes, bar)
                index.names[split].extend(writer.write(ordered, failures))
        if not index.names["train"] or not index.names["val"]:
            raise DataError(f"too few pictures of {source} can be decoded to train and to validate")
        index.write(target / INDEX)
        remove_journals(target)
        (target / BEGUN).unlink()
    except KeyboardInterrupt:
        failures.append("interrupted; the same command goes on with the next shard")
        return INTERRUPTED
    finally:
        for failure in failures:
            print(f"colorzoo: {failure}", file=sys.stderr)
    return int(bool(failures))


def _is_begun(target: Path, index: ShardIndex) -> bool:
    """Return whether a target holds a part of the same shards; refuse one that holds anything else."""
    if (target / INDEX).exists():
        raise OutputExistsError(f"{target} holds finished shards; choose another folder, or remove it first")
    if (target / BEGUN).exists():
        before = ShardIndex.read(target / BEGUN, str(target))
        if before != index:
            options = (
                f"seed {before.seed}, val {before.val_share}, test {before.test_share}, side {before.shorter_side}"
            )
            raise OutputExistsError(f"{target} was begun with other options ({options}); give these, or remove it")
        print(f"colorzoo: {target} was begun before and is gone on with", file=sys.stderr)
        return True
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputExistsError(f"{target} exists and holds no shards; choose a new folder")
    return False
