"""Reproducible splits: a pure function of names and a seed, with a fingerprint."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from colorzoo.errors import DataError

_SPLITS = ("train", "val", "test")


def hash_order(names: Iterable[str], seed: int) -> list[str]:
    """Order unique names by the SHA-256 of seed and name; the order among some of them never depends on the others.

    Example:
        >>> hash_order(["a", "b", "c"], seed=0) == hash_order(["c", "b", "a"], seed=0)
        True
    """
    return sorted(names, key=lambda name: _digest(name, seed))


def split_off_validation(
    names: Iterable[str], seed: int, train_images: int | None, val_images: int, source: str, suffix: str = ""
) -> dict[str, list[str]]:
    """Draw validation images from the official training images of a set that has none of its own.

    Args:
        names: Unique names of the official training images.
        seed: Another seed draws others.
        train_images: How many train; None for all that are left.
        val_images: How many validate.
        source: What an error calls the set.
        suffix: Only names that end so may validate.

    Returns:
        ``{"train": [...], "val": [...]}``, each sorted; a DataError is raised if there are too few.

    Example:
        >>> sorted(len(names) for names in split_off_validation(["a", "b", "c"], 0, None, 1, source="letters").values())
        [1, 2]
    """
    order = hash_order(names, seed)
    may_validate = [name for name in order if name.endswith(suffix)]
    val = may_validate[:val_images]
    held_out = set(val)
    rest = [name for name in order if name not in held_out]
    wanted = len(rest) if train_images is None else train_images
    if len(val) < val_images or len(rest) < max(wanted, 1):
        of_them = f", {len(may_validate):,} of them {suffix}" if suffix else ""
        raise DataError(
            f"{source} holds {len(order):,} training images{of_them}: too few for {val_images} to "
            f"validate and {wanted} to train on"
        )
    return {"train": sorted(rest[:wanted]), "val": sorted(val)}


def split_by_fraction(
    names: Iterable[str], seed: int, val_fraction: float, test_fraction: float, source: str
) -> dict[str, list[str]]:
    """Split unique names by the hash of each, so that one added later moves no other.

    Only a validation split that would be empty takes the first in order; a DataError is raised if none are left.

    Example:
        >>> split_by_fraction(["a", "b", "c"], 0, val_fraction=0.2, test_fraction=0.0, source="letters")
        {'train': ['b', 'c'], 'val': ['a'], 'test': []}
    """
    order = hash_order(names, seed)
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for name in order:
        place = fraction_of(name, seed)
        tests = place >= 1 - test_fraction
        splits["val" if place < val_fraction else "test" if tests else "train"].append(name)
    if not splits["val"] and splits["train"]:
        splits["val"].append(splits["train"].pop(0))
    if not splits["train"] or not splits["val"]:
        raise DataError(f"{source} holds {len(order)} readable images: too few to train and to validate")
    return {split: sorted(found) for split, found in splits.items()}


def folder_splits(names: Sequence[str]) -> dict[str, list[str]] | None:
    """Take the folders ``train``, ``val`` and ``test`` of a data set for its splits.

    None unless all names lie in these folders, and both train and val have some.

    Example:
        >>> folder_splits(["train/a.png", "val/b.png"])
        {'train': ['train/a.png'], 'val': ['val/b.png'], 'test': []}
    """
    splits: dict[str, list[str]] = {split: [] for split in _SPLITS}
    for name in sorted(names):
        top, below, _ = name.partition("/")
        if not below or top not in splits:
            return None
        splits[top].append(name)
    return splits if splits["train"] and splits["val"] else None


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Refuse, by a DataError, fractions that leave nothing to train on or to validate."""
    if not (0 < val_fraction < 1 and 0 <= test_fraction < 1 and val_fraction + test_fraction < 1):
        raise DataError(
            f"val_fraction ({val_fraction}) and test_fraction ({test_fraction}) must leave images to train on"
        )


def fraction_of(name: str, seed: int) -> float:
    """Return the place of a name in [0, 1) by its hash, which decides its split; places are in `hash_order`."""
    return int.from_bytes(_digest(name, seed)[:6], "big") / 2**48


def seed_of(name: str, seed: int) -> int:
    """Derive a seed of 63 bits from a name and a seed, so that what is drawn for one image depends on no other one."""
    return int.from_bytes(_digest(name, seed)[6:14], "big") >> 1


def _digest(name: str, seed: int) -> bytes:
    # File names need not be valid Unicode.
    return hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).digest()


def split_hash(splits: Mapping[str, Iterable[str]]) -> str:
    """Fingerprint which names are in which split, whatever the order, in 64 hexadecimal digits.

    Example:
        >>> split_hash({"train": ["a", "b"]}) == split_hash({"train": ["b", "a"]})
        True
    """
    digest = hashlib.sha256()
    for split in sorted(splits):
        for name in sorted(splits[split]):
            digest.update(f"{split}\0{name}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()
