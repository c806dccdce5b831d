"""Photographs of any number of sources in one set, weighted; each source is measured by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

from colorzoo.data.batches import ImageBatch
from colorzoo.data.datasets import ImageDataset, concatenate_batches
from colorzoo.data.image_cache import decode_images
from colorzoo.data.photo_sources import PhotoSource, WeightedCrops
from colorzoo.data.root import data_root
from colorzoo.data.splits import folder_splits, split_off_validation
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.datamodules.imagenette import ImagenetteDataModule
from colorzoo.datamodules.tiny_imagenet import TinyImageNetDataModule
from colorzoo.errors import DataError
from colorzoo.io.find import image_names

Splits = dict[str, list[str]]
_MODULES: dict[str, Any] = {
    "imagenette": ImagenetteDataModule,
    "bsds": BSDSDataModule,
    "tiny_imagenet": partial(TinyImageNetDataModule, val_images=1),
}


class PhotosDataModule(ImageDataModule):
    """Photographs of weighted sources, decoded once into a memory-mapped cache.

    An epoch has a number of random squares, each of a source drawn by weight. Middle squares validate and test; the
    names of all images begin with that of their source, and `SourceMetrics` measures each source by itself.

    Args:
        sources: Where the photographs come from, and how much each counts.
        size: Edge of the training squares in pixels.
        squares: Training squares in an epoch.
        test_size: Edge of the test squares.
        cache: Folder for decoded images; None for ``decoded`` in ``$COLORZOO_DATA``.
        batch_size: Images per batch and process.
        eval_batch_size: Images per batch outside training; 1 where sources validate at different sizes.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range, or two sources have one name.
        DataError: In ``setup``, if a source is missing, empty or grey throughout, its images are too small, or two
            sources have images of one folder.
    """

    def __init__(
        self,
        sources: list[PhotoSource],
        size: int = 128,
        squares: int = 25600,
        test_size: int = 224,
        cache: str | None = None,
        batch_size: int = 32,
        eval_batch_size: int = 1,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, **base)
        self.sources = [PhotoSource(**source) if isinstance(source, Mapping) else source for source in sources]
        self.hparams["sources"] = [asdict(source) for source in self.sources]
        titles = [source.title for source in self.sources]
        if not titles or len(set(titles)) < len(titles):
            raise ValueError(f"the sources are called {titles}; give at least one, and each a name of its own")
        if min(size, squares, test_size) < 1:
            raise ValueError(f"size ({size}), squares ({squares}) and test_size ({test_size}) must be at least 1")
        if eval_batch_size > 1 and len({source.eval_size for source in self.sources if source.val_images}) > 1:
            raise ValueError(f"eval_batch_size is {eval_batch_size}; set it to 1, or give all sources one eval_size")
        self.size = size
        self.squares = squares
        self.test_size = test_size
        self.cache = cache
        self._found: list[tuple[PhotoSource, Path, Splits]] = []

    def describe(self, split: str) -> str:
        """Say which photographs a split holds, and at what size."""
        counts = [(source, len(names[split])) for source, _, names in self._find()]
        if split != "train":
            held = ", ".join(f"{count:,} of {source.title}" for source, count in counts if count)
            edge = f", {self.test_size}x{self.test_size} pixels" if split == "test" else ""
            return f"middle squares of {split} photographs: {held}{edge}"
        total = sum(source.weight for source in self.sources)
        shares = ", ".join(f"{source.weight / total:.1%} of {count:,} of {source.title}" for source, count in counts)
        return f"{self.squares:,} squares of {self.size}x{self.size} pixels an epoch, of photographs: {shares}"

    def split_names(self) -> Splits:
        """Return the names of all images by split; each begins with that of its source."""
        return {
            split: [f"{source.title}/{name}" for source, _, names in self._find() for name in names[split]]
            for split in ("train", "val", "test")
        }

    def load_split(self, split: str) -> ImageDataset:
        """Return the images of a split; those that train are decoded the first time, a minute for 10,000."""
        if split == "train":
            folder = data_root() / "decoded" if self.cache is None else Path(self.cache)
            parts = [
                (source, decode_images(root, names["train"], source.decoded_size, folder))
                for source, root, names in self._find()
            ]
            return WeightedCrops(parts, self.size, self.squares)
        sizes = {source.title: self.test_size if split == "test" else source.eval_size for source in self.sources}
        return _JoinedDataset(
            {
                source.title: FolderDataset(root, names[split], sizes[source.title])
                for source, root, names in self._find()
            }
        )

    def _find(self) -> list[tuple[PhotoSource, Path, Splits]]:
        """Return the folder of each source, and the paths of its images by split."""
        if not self._found:
            found = [(source, *_split_source(source, self.seed)) for source in self.sources]
            for (one, inner, _), (other, outer, _) in permutations(found, 2):
                if inner.resolve().is_relative_to(outer.resolve()):
                    raise DataError(
                        f"source {one.title!r} lies in the folder of {other.title!r}: what measures one would train "
                        "the other; leave one of them out"
                    )
            self._found = found
        return self._found


class _JoinedDataset(ImageDataset):
    """Data sets one after another, named before the names of their images."""

    def __init__(self, parts: Mapping[str, ImageDataset]) -> None:
        super().__init__([f"{title}/{name}" for title, part in parts.items() for name in part.names])
        self.places = [(part, index) for part in parts.values() for index in range(len(part))]

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        """Return the images at these indices."""
        places = [self.places[index] for index in indices]
        batch = concatenate_batches([part.load_batch([place]) for part, place in places])
        return {**batch, "name": [self.names[index] for index in indices]}


def _split_source(source: PhotoSource, seed: int) -> tuple[Path, Splits]:
    """Return the folder of a source, and the paths of its images by split."""
    try:
        root, splits = _find_images(source, seed)
    except DataError as error:
        raise DataError(f"source {source.title!r}: {error}") from error
    if len(splits["val"]) < source.val_images:
        raise DataError(f"source {source.title!r}: {len(splits['val'])} images in {root / 'val'}; lower val_images")
    val = splits["val"][: source.val_images]
    return root, {"train": splits["train"], "val": val, "test": splits["test"] if val else []}


def _find_images(source: PhotoSource, seed: int) -> tuple[Path, Splits]:
    if source.kind in _MODULES:
        held_out = {"val_images": source.val_images} if source.val_images else {}
        data = _MODULES[source.kind](root=source.path, seed=seed, **held_out)
        return data.folder() if isinstance(data, ImagenetteDataModule) else data.root, data.split_names()
    root = data_root() / source.kind if source.path is None else Path(source.path)
    names = image_names(root)
    if not names:
        raise DataError(f"no images in {root}; correct its path, or leave the source out")
    drawn = folder_splits(names) or split_off_validation(names, seed, None, source.val_images, str(root))
    return root, {"test": []} | drawn
