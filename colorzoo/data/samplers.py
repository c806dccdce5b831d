"""The order of training images, and loaders that resume within an epoch.

Order, crops, augmentation and noise are functions of the run's seed, the epoch and the position of the batch. So a run
that is resumed in the middle of an epoch continues as if it had never stopped, whatever the number of processes.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from colorzoo.data.batches import ImageBatch
from colorzoo.data.datasets import BatchedDataset, ImageDataset, concatenate_batches
from colorzoo.data.splits import seed_of
from colorzoo.errors import DataError

Finish = Callable[[object, ImageBatch], Any]
"""Called with the loader and each batch that it has loaded; returns what the loader yields."""


class EpochCounter:
    """The epoch that comes next where no Trainer says it; shared by the training loaders of a DataModule."""

    upcoming = 0


class ResumableSampler(DistributedSampler[int]):
    """Shuffles anew each epoch; drops the last incomplete batch of all processes together, unless it is the only one.

    An index is counted on from epoch to epoch, ``epoch * pictures + place``, so that `SeededDataset` knows the epoch,
    which `set_epoch` announces, or else the counter.

    Example:
        >>> order = ResumableSampler(5, batch_size=2)
        >>> order.set_epoch(3)
        >>> sorted(index - 3 * 5 in range(5) for index in order)
        [True, True, True, True]
    """

    def __init__(
        self,
        pictures: int,
        batch_size: int,
        seed: int = 0,
        process: int = 0,
        processes: int = 1,
        counter: EpochCounter | None = None,
    ) -> None:
        super().__init__(range(pictures), num_replicas=processes, rank=process, seed=seed)  # type: ignore[arg-type]
        joint = batch_size * processes
        enough = pictures >= joint
        self.pictures = pictures
        self.total_size = pictures // joint * joint if enough else -(-pictures // processes) * processes
        self.num_samples = self.total_size // processes
        self.start = 0
        """How many images of this process's next epoch are left out, because they were seen before."""
        self.counter = counter or EpochCounter()
        self._announced = False

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        self._announced = True

    def begin_epoch(self) -> int:
        """Return the epoch that begins: the announced one, or else the next of the counter."""
        if not self._announced:
            super().set_epoch(self.counter.upcoming)
        self._announced = False
        self.counter.upcoming = self.epoch + 1
        return self.epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(seed_of(f"order of epoch {self.epoch}", self.seed))
        order = torch.randperm(self.pictures, generator=generator)
        # With fewer images than one joint batch some come twice, because all processes must take as many steps.
        mine = order.repeat(-(-self.total_size // self.pictures))[self.rank : self.total_size : self.num_replicas]
        yield from (mine[self.start :] + self.epoch * self.pictures).tolist()


def image_seed(picture: str, epoch: int, seed: int) -> int:
    """Return the seed of what is drawn for one image in an epoch, counted from 0, whichever worker loads it."""
    return seed_of(f"image {picture} of epoch {epoch}", seed)


def batch_seed(number: int, epoch: int, seed: int) -> int:
    """Return the seed of the augmentation and noise of a batch of an epoch, both counted from 0."""
    return seed_of(f"batch {number} of epoch {epoch}", seed)


class SeededDataset(BatchedDataset):
    """Loads batches by the indices of `ResumableSampler`; a random crop is a function of seed, epoch and image."""

    def __init__(self, source: ImageDataset, seed: int) -> None:
        super().__init__(source)
        self.seed = seed

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        places = [divmod(index, len(self.source)) for index in indices]
        if not self.source.random:
            return self.source.load_batch([index for _, index in places])
        with torch.random.fork_rng(devices=[]):
            return concatenate_batches([self._load_one(epoch, index) for epoch, index in places])

    def _load_one(self, epoch: int, index: int) -> ImageBatch:
        # Not by name: a source may hold an image several times, each time with another crop.
        torch.default_generator.manual_seed(image_seed(str(index), epoch, self.seed))
        return self.source.load_batch([index])


class ImageDataLoader(DataLoader[ImageBatch]):
    """Loads whole batches from a data set that returns them; explains the error if a worker process dies.

    ``finish`` makes of each batch what the loader yields; the other arguments are those of `DataLoader`.
    """

    def __init__(self, dataset: Dataset[ImageBatch], *args: Any, finish: Finish | None = None, **kwargs: Any) -> None:
        super().__init__(dataset, *args, **{"collate_fn": _pass_through, **kwargs})
        self.finish = finish

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        for batch in self._load():
            yield batch if self.finish is None else self.finish(self, batch)

    def _load(self) -> Iterator[ImageBatch]:
        try:
            yield from super().__iter__()
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise DataError(
                f"a process that loads images ended ({str(error).strip()}), mostly because memory ran out; set "
                "data.num_workers or data.batch_size lower, and resume a training with --ckpt_path last"
            ) from error


class ResumableDataLoader(ImageDataLoader):
    """The batches of `ResumableSampler`, each with a ``seed`` for its augmentation and noise; resumes in an epoch.

    Each iteration is one epoch: the one that `ResumableSampler.set_epoch` announced, as Lightning does, or else the
    one after the last.
    """

    _seen = 0
    _resumed: dict[str, int] | None = None

    def _load(self) -> Iterator[ImageBatch]:
        # Lightning asks for an iterator before it announces the epoch; a generator runs when the first batch is wanted.
        sampler = self.sampler
        epoch = sampler.begin_epoch() if isinstance(sampler, ResumableSampler) else 0
        resumed, self._resumed = self._resumed, None
        self._seen = resumed["batches"] if resumed is not None and resumed["epoch"] == epoch else 0
        if isinstance(sampler, ResumableSampler):
            sampler.start = self._seen * cast(int, self.batch_size)
        seed = cast(SeededDataset, self.dataset).seed
        for batch in super()._load():
            batch["seed"] = batch_seed(self._seen, epoch, seed)
            self._seen += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        seed = cast(SeededDataset, self.dataset).seed
        return {"seed": seed, "epoch": getattr(self.sampler, "epoch", 0), "batches": self._seen}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue after the batches that were yielded before; without effect if another epoch is announced."""
        self._resumed = state
        if isinstance(self.sampler, ResumableSampler):
            self.sampler.counter.upcoming = state["epoch"]


class UnrepeatedSampler(DistributedSampler[int]):
    """The images of one process, in order, without padding: an image that came twice would count twice.

    ``predict_filter`` says of an index whether to take it; None takes all.
    """

    def __init__(
        self, pictures: int, process: int = 0, processes: int = 1, predict_filter: Callable[[int], bool] | None = None
    ) -> None:
        super().__init__(range(pictures), num_replicas=processes, rank=process, shuffle=False)  # type: ignore[arg-type]
        # Divided among the processes before filtering: the answers of the filter change while others write.
        mine = range(process, pictures, processes)
        self.indices = [index for index in mine if predict_filter is None or predict_filter(index)]

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)


def _pass_through(batch: Any) -> ImageBatch:
    """Collate nothing: the data set returns whole batches."""
    return cast(ImageBatch, batch)
