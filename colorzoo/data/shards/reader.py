"""Reads shards with litdata: from front to back for training, or single images by index."""

import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from colorzoo.data.batches import ImageBatch
from colorzoo.data.crop import Crop
from colorzoo.data.datasets import ImageDataset
from colorzoo.data.root import data_root
from colorzoo.data.samplers import image_seed
from colorzoo.data.shards.chunks import check_chunk, parse_chunks
from colorzoo.data.shards.index import IN_PROGRESS, INDEX, ShardIndex
from colorzoo.data.shards.item import decode_item
from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.io.pil_file import decode_image

if TYPE_CHECKING:
    from litdata import StreamingDataset

_FAR = ("s3://", "gs://", "r2://", "azure://")
_NEAR = "local:"
_ADVICE = "make them with: colorzoo shard PHOTOS SHARDS (ImageFolder takes photographs as they are)"


class ShardReader:
    """The shards of all splits.

    Args:
        root: Their folder, or its address in a remote store.
        cache: Folder for those of a remote store; None for ``streams`` in ``$COLORZOO_DATA``.
        cache_size: Room for them, such as ``"100GB"``; None for three quarters of what is free.
    """

    def __init__(self, root: str, cache: str | None = None, cache_size: str | None = None) -> None:
        self.root = root.rstrip("/")
        self.cache = cache
        self.cache_size = cache_size

    @cached_property
    def index(self) -> ShardIndex:
        """The index: what is stored, and how it was split.

        Raises:
            DataError: If there are no shards.
        """
        if self.root.startswith((*_FAR, _NEAR)):
            return self._fetched_index()
        folder = Path(self.root)
        if (folder / INDEX).is_file():
            return ShardIndex.read(folder / INDEX, self.root)
        if (folder / IN_PROGRESS).is_file():
            raise DataError(f"not all shards of {folder} are made; give the same colorzoo shard command again")
        raise DataError(f"{folder} holds no shards; {_ADVICE}")

    def _fetched_index(self) -> ShardIndex:
        from litdata.streaming.downloader import get_downloader

        address = f"{self.root}/{INDEX}"
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / INDEX
            try:
                get_downloader(self.root, folder, []).download_file(address, str(copy))
            except Exception as error:  # the client of each store raises its own
                raise DataError(
                    f"{address} cannot be read ({error}); check address and rights, or {_ADVICE}"
                ) from error
            return ShardIndex.read(copy, self.root)

    def opened(self, split: str, **options: Any) -> "StreamingDataset":
        """Open the shards of a split.

        Args:
            split: Its name.
            options: Of litdata's ``StreamingDataset``.

        Raises:
            DataError: If they are not all there, are damaged, or hold something else.
        """
        from litdata import StreamingDataset

        source = f"{self.root}/{split}"
        count = len(self.index.names[split])
        try:
            # Before litdata looks at anything; of a remote store, it must fetch the index first, and nothing else.
            if not self.root.startswith(_FAR):
                folder = Path(source.removeprefix(_NEAR))
                for chunk in parse_chunks((folder / "index.json").read_bytes(), count):
                    check_chunk(folder / chunk["filename"], chunk)
            stream = StreamingDataset(
                source,
                cache_dir=self.cache or str(data_root() / "streams"),
                max_cache_size=self.cache_size,
                item_shuffle_window="full",
                **options,
            )
            parse_chunks(Path(str(stream.input_dir.path), "index.json").read_bytes(), count)
        except Exception as error:  # of litdata, and of the client of each store
            raise DataError(f"{source} is damaged ({_in_one_line(error)}); copy the shards again") from error
        return stream


def unreadable(root: str, error: Exception) -> DataError:
    """Return an error of ours for one of a library that reads shards, in one line.

    Args:
        root: Where the shards are.
        error: What was raised; one of a loader's process quotes a whole traceback.
    """
    return DataError(f"the shards in {root} cannot be read ({_in_one_line(error)}); copy them again")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).strip().rpartition("\n")[2].rpartition("Error: ")[2].split())[:500]


class CropTransform:
    """Makes name and crop of a stored item; a class, because worker processes may receive it by pickling.

    Args:
        crop: Crops the images.
        seed: A random crop is a function of this seed, ``epoch`` and the image's name.
    """

    def __init__(self, crop: Crop, seed: int = 0) -> None:
        self.crop = crop
        self.seed = seed
        self.epoch = 0

    def __call__(self, stored: Any) -> tuple[str, Tensor]:
        """Return name and crop of an item: the bytes of a file and its encoded name."""
        data, name = decode_item(stored)
        try:
            picture = decode_image(data, name)
        except UnreadableImageError as error:
            raise DataError(f"a stored image is no image ({error})") from error
        if not self.crop.random:
            return name, self.crop(picture)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(image_seed(name, self.epoch, self.seed))
            return name, self.crop(picture)


def collate_shard_items(pictures: Sequence[tuple[str, Tensor]]) -> ImageBatch:
    """Join names and crops to a batch."""
    names, squares = zip(*pictures, strict=True)
    return {"rgb": torch.stack(squares), "name": list(names)}


class ShardDataset(ImageDataset):
    """Images in shards, by index, in the order of their names.

    Args:
        shards: Where they are.
        split: Which of them.
        crop: Crops them.
    """

    def __init__(self, shards: ShardReader, split: str, crop: Crop) -> None:
        stored = shards.index.names[split]
        self.places = sorted(range(len(stored)), key=stored.__getitem__)
        super().__init__([stored[place] for place in self.places])
        self.shards = shards
        self.split = split
        self.transform = CropTransform(crop)
        self._process = 0
        self._stream: Any = None

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        """Return the images at these indices."""
        # Each worker process opens the shards itself, because litdata's threads do not survive a fork.
        if self._process != os.getpid():
            self._stream = self.shards.opened(self.split)
            self._process = os.getpid()
        try:
            batch = collate_shard_items([self.transform(self._stream[self.places[index]]) for index in indices])
        except Exception as error:  # of litdata, and of the client of each store
            raise unreadable(self.shards.root, error) from error
        if batch["name"] != [self.names[index] for index in indices]:
            raise DataError(f"the shards in {self.shards.root} hold other images than {INDEX} names; copy them again")
        return batch

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_process": 0, "_stream": None}
