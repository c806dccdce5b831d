"""Photographs in shards, which a remote store may hold: for more of them than a disk has room for."""

from collections.abc import Iterator
from typing import Any, cast

from torch.utils.data import DataLoader

from colorzoo.data.batches import ImageBatch
from colorzoo.data.crop import Crop
from colorzoo.data.samplers import batch_seed
from colorzoo.data.shards.index import check_litdata
from colorzoo.data.shards.reader import CropTransform, ShardDataset, ShardReader, collate_shard_items
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError


class StreamingDataModule(ImageDataModule):
    """Colour photographs that ``colorzoo shard`` made shards of, on a disk or in a remote store.

    The splits are those of `ImageFolderDataModule` with the seed and shares that the shards were made with, and so are
    the pictures. What validates and tests comes in the order of names, whatever the number of workers and processes.
    What trains is read shard by shard: in every epoch the shards are shared out anew among processes and workers, as
    ``seed`` and the epoch decide, and the pictures within a shard are shuffled. A run that is resumed within an epoch
    goes on with the next picture of that epoch, if the shards lie where they lay, also with other numbers of workers
    and processes. Crops are functions of the run's seed, the epoch and the picture's name, flips and noise of the
    run's seed, the epoch and the batch.

    Of a remote store only the shards in use lie on the disk, and in memory those alone that are being read.

    Args:
        root: The folder of shards, or its address: ``s3://``, ``gs://``, ``r2://`` or ``azure://``.
        size: Edge of the square crops in pixels: anywhere in training, else the middle.
        zoom: Enlarge training pictures by up to this factor before they are cropped.
        cache: Folder for shards of a remote store; None for ``streams`` in ``$COLORZOO_DATA``.
        cache_size: Room for them, such as ``"100GB"``; None for three quarters of what is free.
        batch_size: Pictures a batch and a process.
        num_workers: Loader processes that decode.
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
        zoom: float = 1.0,
        cache: str | None = None,
        cache_size: str | None = None,
        batch_size: int = 32,
        num_workers: int = 2,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, **base)
        if size < 1 or zoom < 1:
            raise ValueError(f"size ({size}) and zoom ({zoom}) must be at least 1")
        check_litdata()
        self.shards = ShardReader(root, cache, cache_size)
        self.size = size
        self.zoom = zoom
        self._epochs: _Epochs | None = None
        self._resumed: dict[str, Any] | None = None

    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all pictures by split: their paths below the folder that the shards were made of."""
        index = self.shards.index
        if index.seed != self.seed:
            raise DataError(
                f"the shards in {self.shards.root} were split with seed {index.seed}, and seed is {self.seed}; "
                f"set it to {index.seed}, or make other shards with --seed {self.seed}"
            )
        return {split: sorted(names) for split, names in index.names.items()}

    def load_split(self, split: str) -> ShardDataset:
        """Return the pictures of a split, in the order of their names; they are read batch by batch."""
        self.split_names()
        return ShardDataset(self.shards, split, self._crop(split))

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Shuffled batches, read shard by shard; an incomplete last one is dropped, as elsewhere.

        Raises:
            DataError: If several processes train and there is no whole batch for each.
        """
        from litdata import StreamingDataLoader

        count = len(self.split_names()["train"])
        processes = 1 if self.trainer is None else self.trainer.world_size
        enough = count >= self.batch_size * processes
        if not enough and processes > 1:
            raise DataError(
                f"{count} training pictures make no batch of {self.batch_size} for each of {processes} processes; "
                "lower batch_size, or train with fewer"
            )
        squares = CropTransform(self._crop("train"), self._run_seed())
        loader = StreamingDataLoader(
            self.shards.opened("train", shuffle=True, seed=self.seed % 2**32, transform=squares),
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            drop_last=enough,
            collate_fn=collate_shard_items,
        )
        self._epochs = _Epochs(loader, squares)
        self._go_on()
        return cast(DataLoader[ImageBatch], self._epochs)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint remembers: also how far the epoch is."""
        place = {} if self._epochs is None else {"place": self._epochs.place()}
        return super().state_dict() | place

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a checkpoint was saved.

        Raises:
            DataError: If the splits differ from those of the checkpoint.
        """
        super().load_state_dict(state_dict)
        self._resumed = state_dict.get("place")
        self._go_on()

    def _go_on(self) -> None:
        """Begin where the checkpoint ended, once both it and the loader are there."""
        if self._epochs is not None and self._resumed is not None:
            self._epochs.go_on(self._resumed)
            self._resumed = None

    def _crop(self, split: str) -> Crop:
        return Crop(self.size, random=True, zoom=self.zoom) if split == "train" else Crop(self.size)


class _Epochs:
    """The batches of a streaming loader, an epoch each time they are gone through.

    Lightning takes no notice of an epoch's end, at which the loader would go on to the next. And it restores a loader's
    state too late where a schedule has asked for the number of steps, so that `StreamingDataModule` does it.

    Args:
        loader: litdata's.
        squares: What makes squares of its pictures, to be told the epoch.
    """

    def __init__(self, loader: Any, squares: CropTransform) -> None:
        self.loader = loader
        self.squares = squares
        self._seen = 0
        self._begun = False

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[ImageBatch]:
        if self._begun:
            self.loader.restore = False
        self._begun = True
        if not self.loader.restore:
            self._seen = 0
        # The loader counts epochs from 1, and counts on when it begins one.
        epoch = self.squares.epoch = self.loader.current_epoch - int(self.loader.restore)
        for batch in self.loader:
            batch["seed"] = batch_seed(self._seen, epoch, self.squares.seed)
            self._seen += 1
            yield batch

    def place(self) -> dict[str, Any]:
        """Say how far the epoch is, and from which seed what is random comes."""
        return {"loader": self.loader.state_dict(), "batches": self._seen, "seed": self.squares.seed}

    def go_on(self, place: dict[str, Any]) -> None:
        """Begin behind the batches that were handed out when a place was said."""
        self.loader.load_state_dict(place["loader"])
        self._seen, self.squares.seed = place["batches"], place["seed"]

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing: see above."""
