"""Photographs in shards, on a disk or in a remote store: for more of them than a disk has room for."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from torch.utils.data import DataLoader

from colorzoo.data.batches import ImageBatch
from colorzoo.data.crop import Crop
from colorzoo.data.samplers import EpochCounter, batch_seed
from colorzoo.data.shards.index import check_litdata
from colorzoo.data.shards.reader import CropTransform, ShardDataset, ShardReader, collate_shard_items, unreadable
from colorzoo.datamodules._trainer import run_seed
from colorzoo.datamodules.base import Batch, ImageDataModule
from colorzoo.errors import DataError


class StreamingDataModule(ImageDataModule):
    """Colour photographs in the shards that ``colorzoo shard`` made, on a disk or in a remote store.

    The splits are those of `ImageFolderDataModule` with the seed and fractions that the shards were made with.
    Validation and test images come in the order of their names, whatever the number of workers and processes. Training
    images are read shard by shard: in each epoch, ``seed`` and the epoch decide how the shards are divided among
    processes and workers, and how the images of a shard are shuffled. A run that is resumed within an epoch continues
    with the next image, also with other numbers of workers and processes, as long as the shards stay in their place.
    Crops are functions of the run's seed, the epoch and the image's name; augmentation and noise of the run's seed, the
    epoch and the position of the batch.

    Of a remote store, the disk holds only the shards in use, and memory only those that are being read.

    Args:
        root: The folder of shards, or its address: ``s3://``, ``gs://``, ``r2://`` or ``azure://``.
        size: Edge of the square crops in pixels: random in training, else the centre.
        max_zoom: First enlarge training images by a random factor up to this one.
        cache: Folder for shards of a remote store; None for ``streams`` in ``$COLORZOO_DATA``.
        cache_size: Room for them, such as ``"100GB"``; None for three quarters of what is free.
        batch_size: Images per batch and process.
        num_workers: Worker processes of each loader, which decode.
        base: The other arguments of `ImageDataModule`; ``seed`` must be that of the shards.

    Raises:
        ValueError: If a number is out of its range.
        UsageError: If litdata is not installed: ``pip install 'colorzoo[streaming]'``.
        DataError: In ``setup``, if there are no shards, or they are damaged or were made with another seed.
    """

    def __init__(
        self,
        root: str,
        size: int = 128,
        max_zoom: float = 1.0,
        cache: str | None = None,
        cache_size: str | None = None,
        batch_size: int = 32,
        num_workers: int = 2,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, **base)
        if size < 1 or max_zoom < 1:
            raise ValueError(f"size ({size}) and max_zoom ({max_zoom}) must be at least 1")
        check_litdata()
        self.shards = ShardReader(root, cache, cache_size)
        self.size = size
        self.max_zoom = max_zoom
        self._stream: _EpochLoader | None = None
        self._place: dict[str, Any] | None = None

    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all images by split: their paths below the folder that the shards were made of."""
        index = self.shards.index
        if index.seed != self.seed:
            raise DataError(
                f"the shards in {self.shards.root} were split with seed {index.seed}, and seed is {self.seed}; "
                f"set it to {index.seed}, or make other shards with --seed {self.seed}"
            )
        return {split: sorted(names) for split, names in index.names.items()}

    def load_split(self, split: str) -> ShardDataset:
        """Return the images of a split, in the order of their names; they are read batch by batch."""
        self.split_names()
        return ShardDataset(self.shards, split, self._crop(split))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return shuffled batches, read shard by shard; an incomplete last one is dropped.

        Raises:
            DataError: If several processes train and there is no whole batch for each.
        """
        from litdata import StreamingDataLoader

        count = len(self.split_names()["train"])
        _, processes = self._process()
        enough = count >= self.batch_size * processes
        if not enough and processes > 1:
            raise DataError(
                f"{count} training images make no batch of {self.batch_size} for each of {processes} processes; "
                "lower batch_size, or train with fewer"
            )
        squares = CropTransform(self._crop("train"), run_seed(self.seed))
        loader = StreamingDataLoader(
            self.shards.opened("train", shuffle=True, seed=self.seed % 2**32, transform=squares),
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            drop_last=enough,
            collate_fn=collate_shard_items,
        )
        if self.trainer is None:
            loader.current_epoch = self._epochs.upcoming
        self._stream = _EpochLoader(loader, squares, self._epochs, partial(self._finish, True), self.shards.root)
        self._restore_place()
        return cast(DataLoader[Batch], self._stream)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint remembers of the data, and how far the epoch is."""
        place = {} if self._stream is None else {"place": self._stream.place()}
        return super().state_dict() | place

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where a checkpoint was saved.

        Raises:
            DataError: If the splits differ from those of the checkpoint.
        """
        super().load_state_dict(state_dict)
        self._place = state_dict.get("place")
        self._restore_place()

    def _restore_place(self) -> None:
        """Continue where the checkpoint ended, once both it and the loader are there."""
        if self._stream is not None and self._place is not None:
            self._stream.restore_place(self._place)
            self._place = None

    def _crop(self, split: str) -> Crop:
        return Crop(self.size, random=True, max_zoom=self.max_zoom) if split == "train" else Crop(self.size)


class _EpochLoader:
    """The batches of a streaming loader, one epoch per iteration.

    Lightning restores the state of a loader too late where a schedule has asked for the number of steps, so that
    `StreamingDataModule` does it, and the methods by which Lightning would do it have no effect.

    Args:
        loader: litdata's.
        crop: Crops its images, and must know the epoch.
        counter: Is told which epoch comes next.
        finish: Makes of each batch what is yielded.
        root: Where the shards are.
    """

    def __init__(
        self,
        loader: Any,
        crop: CropTransform,
        counter: EpochCounter,
        finish: Callable[[object, ImageBatch], Any],
        root: str,
    ) -> None:
        self.loader = loader
        self.crop = crop
        self.counter = counter
        self.finish = finish
        self.root = root
        self._seen = 0
        self._begun = False

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        if self._begun:
            self.loader.restore = False
        self._begun = True
        if not self.loader.restore:
            self._seen = 0
        # litdata counts epochs from 1, and increments when it begins one.
        epoch = self.crop.epoch = self.loader.current_epoch - int(self.loader.restore)
        self.counter.upcoming = epoch + 1
        for batch in self._read():
            batch["seed"] = batch_seed(self._seen, epoch, self.crop.seed)
            self._seen += 1
            yield self.finish(self, batch)

    def _read(self) -> Iterator[Any]:
        try:
            yield from self.loader
        except Exception as error:  # of litdata, and of the client of each store
            raise unreadable(self.root, error) from error

    def place(self) -> dict[str, Any]:
        """Return how far the epoch is, and the seed of all that is random."""
        return {"loader": self.loader.state_dict(), "batches": self._seen, "seed": self.crop.seed}

    def restore_place(self, place: dict[str, Any]) -> None:
        """Continue after the batches that had been yielded at a place."""
        self.loader.load_state_dict(place["loader"])
        self._seen, self.crop.seed = place["batches"], place["seed"]

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing: see above."""
