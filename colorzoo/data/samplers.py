"""Which training pictures come when, and what is random about them: functions of seed, epoch and place alone.

So a run that is resumed in the middle of an epoch goes on as if it had never ended, and so does one on more processes.
"""

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from colorzoo.data.batches import ImageBatch
from colorzoo.data.datasets import ImageDataset, concatenate_batches
from colorzoo.data.splits import seed_of
from colorzoo.errors import DataError


class ResumableSampler(DistributedSampler[int]):
    """Each epoch another order; what fills no batch of all processes together is left out, unless nothing fills one.

    It counts on from epoch to epoch, so that an index tells the epoch too: `SeededDataset` understands it.

    Args:
        pictures: How many there are.
        batch_size: Pictures a batch and a process.
        seed: Another seed gives other orders.
        process: Which of the processes this is.
        processes: How many share the batches.

    Example:
        >>> order = ResumableSampler(5, batch_size=2)
        >>> order.set_epoch(3)
        >>> sorted(index - 3 * 5 in range(5) for index in order)
        [True, True, True, True]
    """

    def __init__(self, pictures: int, batch_size: int, seed: int = 0, process: int = 0, processes: int = 1) -> None:
        super().__init__(range(pictures), num_replicas=processes, rank=process, seed=seed)  # type: ignore[arg-type]
        joint = batch_size * processes
        enough = pictures >= joint
        self.pictures = pictures
        self.total_size = pictures // joint * joint if enough else -(-pictures // processes) * processes
        self.num_samples = self.total_size // processes
        self.start = 0
        """How many pictures of this process's next epoch are left out, for they were seen before."""

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(seed_of(f"order of epoch {self.epoch}", self.seed))
        order = torch.randperm(self.pictures, generator=generator)
        # Fewer pictures than processes ask for: some come twice, for all must take as many steps.
        mine = order.repeat(-(-self.total_size // self.pictures))[self.rank : self.total_size : self.num_replicas]
        yield from (mine[self.start :] + self.epoch * self.pictures).tolist()


def image_seed(picture: str, epoch: int, seed: int) -> int:
    """Return the seed of what is drawn for a picture in an epoch, counted from 0, whoever loads it and when."""
    return seed_of(f"picture {picture} of epoch {epoch}", seed)


def batch_seed(number: int, epoch: int, seed: int) -> int:
    """Return the seed of what is random about a batch of an epoch, both counted from 0."""
    return seed_of(f"batch {number} of epoch {epoch}", seed)


class SeededDataset(Dataset[ImageBatch]):
    """Training pictures by the indices of `ResumableSampler`; a random crop is that of seed, epoch and picture.

    Args:
        source: The pictures.
        seed: Another seed gives other crops.
    """

    def __init__(self, source: ImageDataset, seed: int) -> None:
        self.source = source
        self.seed = seed

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> ImageBatch:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        places = [divmod(index, len(self.source)) for index in indices]
        if not self.source.random:
            return self.source.__getitems__([index for _, index in places])
        with torch.random.fork_rng(devices=[]):
            return concatenate_batches([self._drawn(epoch, index) for epoch, index in places])

    def _drawn(self, epoch: int, index: int) -> ImageBatch:
        # Not its name: a source may show a picture several times in an epoch, each time another crop.
        torch.default_generator.manual_seed(image_seed(str(index), epoch, self.seed))
        return self.source.__getitems__([index])


class ImageDataLoader(DataLoader[ImageBatch]):
    """Batches as the source answers with them; says what it means if a loader process dies."""

    def __iter__(self) -> Iterator[ImageBatch]:  # type: ignore[override]
        try:
            yield from super().__iter__()
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise DataError(
                f"a process that loads pictures ended ({str(error).strip()}), mostly because memory ran out; set "
                "data.num_workers or data.batch_size lower, and resume a training with --ckpt_path last"
            ) from error


class ResumableDataLoader(ImageDataLoader):
    """The batches of `ResumableSampler`, each with a seed for its random numbers, from where a checkpoint ended."""

    _seen = 0
    _resumed: dict[str, int] | None = None

    def __iter__(self) -> Iterator[ImageBatch]:  # type: ignore[override]
        # Lightning asks for an iterator before it tells the epoch; a generator looks when the first batch is asked for.
        epoch = getattr(self.sampler, "epoch", 0)
        resumed, self._resumed = self._resumed, None
        self._seen = resumed["batches"] if resumed is not None and resumed["epoch"] == epoch else 0
        if isinstance(self.sampler, ResumableSampler):
            self.sampler.start = self._seen * cast(int, self.batch_size)
        seed = cast(SeededDataset, self.dataset).seed
        for batch in super().__iter__():
            batch["seed"] = batch_seed(self._seen, epoch, seed)
            self._seen += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Say how many batches of which epoch were handed out, and from which seed the order comes."""
        seed = cast(SeededDataset, self.dataset).seed
        return {"seed": seed, "epoch": getattr(self.sampler, "epoch", 0), "batches": self._seen}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin behind the batches that were handed out before, if their epoch is the next to be asked for."""
        self._resumed = state


class UnrepeatedSampler(DistributedSampler[int]):
    """The pictures of one process, in order; each goes to one process, for seen twice it would count twice.

    Args:
        pictures: How many there are.
        process: Which of the processes this is.
        processes: How many share them.
        wanted: Says of an index whether to take it; None for all.
    """

    def __init__(
        self, pictures: int, process: int = 0, processes: int = 1, wanted: Callable[[int], bool] | None = None
    ) -> None:
        super().__init__(range(pictures), num_replicas=processes, rank=process, shuffle=False)  # type: ignore[arg-type]
        # Shared out before they are looked at: what is wanted changes while others write.
        self.indices = [index for index in range(process, pictures, processes) if wanted is None or wanted(index)]

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)
