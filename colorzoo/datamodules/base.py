"""The base that does all the thinking: loaders, pairs on the device, augmentation, the split's fingerprint."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from colorzoo.data.augmentation import random_flip, random_rot90, random_shift
from colorzoo.data.batches import ColorBatch, Grey, ImageBatch, NoisyBatch, color_batch, noisy_batch
from colorzoo.data.datasets import ImageDataset
from colorzoo.data.samplers import (
    ImageDataLoader,
    ResumableDataLoader,
    ResumableSampler,
    SeededDataset,
    UnrepeatedSampler,
)
from colorzoo.data.splits import seed_of, split_hash
from colorzoo.errors import DataError
from colorzoo.noise.synthesis import Noise
from colorzoo.runtime.batch_random import SharedRandom


class ImageDataModule(LightningDataModule, ABC):
    """Colour pictures of any source as pairs (grey, L*a*b*) or (noisy, clean) for training, validation and test.

    A subclass gives `load_split` for the splits ``"train"``, ``"val"`` and ``"test"``, and its own arguments; those of
    this class it passes on by name.

    Args:
        batch_size: Pictures a batch and a process.
        num_workers: Loader processes; 0 suits sets that live in memory.
        grey: The input keeps L* (``"lightness"``) or is Rec. 601 ``"luma"``.
        flip: Mirror half of the training pictures.
        turn: Turn training pictures, which must be square, by zero to three quarters.
        max_shift: Shift training pictures by up to this many pixels, the border repeated.
        noise: Make pairs (noisy, clean) for de-noisers; outside training the noise is that of seed and picture's name.
            None makes pairs for colourisers.
        eval_noise: Another noise outside training, such as one level of a range that is learnt; None for the same.
        color: With ``noise``: keep the colours instead of making the pictures grey.
        seed: Seed of the splits, and of the noise.
        eval_batch_size: Pictures a batch outside training; None for as many as in training.

    Raises:
        ValueError: If a number is out of its range.
    """

    input_root: Path | None = None
    """The folder that the pictures are read from; None if they are of no single folder."""
    predicts: ClassVar[str] = "test"
    """The split that is predicted."""
    wanted: Callable[[str], bool] | None = None
    """Says of a picture's name whether to predict it; None for all."""

    def __init__(
        self,
        batch_size: int = 64,
        num_workers: int = 0,
        grey: Grey = "lightness",
        flip: bool = True,
        turn: bool = False,
        max_shift: int = 0,
        noise: Noise | None = None,
        eval_noise: Noise | None = None,
        color: bool = False,
        seed: int = 0,
        eval_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or (eval_batch_size is not None and eval_batch_size < 1):
            raise ValueError(f"batch_size ({batch_size}) and eval_batch_size ({eval_batch_size}) must be at least 1")
        if num_workers < 0 or max_shift < 0:
            raise ValueError(f"num_workers ({num_workers}) and max_shift ({max_shift}) cannot be negative")
        if noise is None and (color or eval_noise is not None):
            raise ValueError("color and eval_noise are about noisy pairs; give noise too")
        # A checkpoint holds plain values alone; the run's configuration file has the noise.
        self.save_hyperparameters(ignore=["noise", "eval_noise"])
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size or batch_size
        self.num_workers = num_workers
        self.grey: Grey = grey
        self.flip = flip
        self.turn = turn
        self.max_shift = max_shift
        self.noise = noise
        self.eval_noise = eval_noise or noise
        self.color = color
        self.seed = seed
        self._splits: dict[str, ImageDataset] = {}
        self._trained: ResumableDataLoader | None = None
        self._place: dict[str, int] = {}

    @abstractmethod
    def load_split(self, split: str) -> ImageDataset:
        """Return one split; called once for each that a stage needs."""

    @abstractmethod
    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all pictures by split, without decoding any."""

    def describe(self, split: str) -> str:
        """Say in one line which pictures a split holds; goes into every published checkpoint."""
        return f"{len(self.split_names()[split]):,} {split} pictures of {type(self).__name__}, seed {self.seed}"

    def describe_pairs(self) -> str:
        """Say in one line which pairs are made of the pictures; goes into every checkpoint."""
        if self.noise is None or self.eval_noise is None:
            return f"{self.grey} grey and colour"
        measured = "" if self.eval_noise == self.noise else f", measured with {self.eval_noise.describe()}"
        return f"{'colour' if self.color else f'{self.grey} grey'} with {self.noise.describe()}{measured}"

    def split_hash(self) -> str:
        """Fingerprint of the splits; goes into every checkpoint."""
        return split_hash(self.split_names())

    def setup(self, stage: str) -> None:
        """Load the splits that a stage needs: train and val for ``"fit"``, else the one of that name."""
        splits = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": (self.predicts,)}
        for split in splits[stage]:
            if split not in self._splits:
                source = self.load_split(split)
                if len(source) == 0:
                    raise DataError(f"{type(self).__name__} found no picture for the split {split!r}")
                self._splits[split] = source

    def teardown(self, stage: str) -> None:
        """Forget what was for one run only: where it resumed, and what was wanted."""
        self._place, self.wanted = {}, None

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Shuffled batches; an incomplete last one is dropped, for batch norm cannot take a single picture.

        Order, crops, augmentation and noise are functions of the run's seed, the epoch and the batch.
        """
        source = self._splits["train"]
        process, processes = self._process()
        seed = self._place.get("seed", self._run_seed())
        self._trained = ResumableDataLoader(
            SeededDataset(source, seed),
            batch_size=self.batch_size,
            sampler=ResumableSampler(len(source), self.batch_size, seed, process, processes),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_as_it_is,
        )
        if self._place:
            self._trained.load_state_dict(self._place)
        return self._trained

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        """The validation pictures, in order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """The test pictures, in order."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[ImageBatch]:
        """The pictures to predict, in order, but for those that are not `wanted`."""
        # A process may be left with nothing to do; none waits for another.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        return self._loader(self.predicts, self.wanted)

    def _loader(self, split: str, wanted: Callable[[str], bool] | None = None) -> DataLoader[ImageBatch]:
        source = self._splits[split]
        process, processes = self._process()
        if wanted is None and len(source) < processes:
            raise DataError(
                f"{len(source)} {split} pictures are too few for {processes} processes; set trainer.devices lower"
            )
        asked = None if wanted is None else lambda index: wanted(source.names[index])
        return ImageDataLoader(
            source,
            batch_size=self.batch_size if split == "train" else self.eval_batch_size,
            sampler=UnrepeatedSampler(len(source), process, processes, asked),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_as_it_is,
        )

    def _process(self) -> tuple[int, int]:
        """Which process this is, and of how many."""
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _run_seed(self) -> int:
        """The seed of the run, which Lightning keeps in the environment; without one, that of the data."""
        return int(os.environ.get("PL_GLOBAL_SEED", self.seed))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> ColorBatch | NoisyBatch:
        """Augment training pictures and make the pairs, for the whole batch, on the device."""
        pictures = cast(ImageBatch, dict(batch))
        training = self.trainer is not None and bool(self.trainer.training)
        draws = self._draws(pictures)
        if training:
            if self.flip:
                pictures["rgb"] = random_flip(pictures["rgb"], draws)
            if self.turn:
                pictures["rgb"] = random_rot90(pictures["rgb"], draws)
            if self.max_shift > 0:
                pictures["rgb"] = random_shift(pictures["rgb"], self.max_shift, draws)
        noise = self.noise if training else self.eval_noise
        if noise is None:
            return color_batch(pictures, self.grey)
        if training:
            return noisy_batch(pictures, noise, self.color, self.grey, draws=draws)
        seeds = [seed_of(name, self.seed) for name in pictures["name"]]
        return noisy_batch(pictures, noise, self.color, self.grey, seeds)

    def _draws(self, pictures: ImageBatch) -> SharedRandom:
        device = pictures["rgb"].device
        seed = pictures.pop("seed", None)
        if seed is None:
            return SharedRandom(device=device)
        process, processes = self._process()
        # For what else is random in this step, such as dropout; what the processes drop should differ.
        _seed(device, seed + process)
        return SharedRandom(seed, device, process, processes)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint remembers of the data."""
        state: dict[str, Any] = {
            "name": type(self).__name__,
            "split_hash": self.split_hash(),
            "pairs": self.describe_pairs(),
        }
        if self._trained is not None:
            state["order"] = self._trained.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where the checkpoint ended, in its order; refuse other data: validation may have become training.

        Raises:
            DataError: If the splits differ from those of the checkpoint.
        """
        if state_dict["split_hash"] != self.split_hash():
            raise DataError(
                f"the checkpoint was trained on other splits ({state_dict['split_hash'][:12]}, here "
                f"{self.split_hash()[:12]}); restore the data and its options, or start from the weights instead"
            )
        if state_dict.get("pairs", self.describe_pairs()) != self.describe_pairs():
            raise DataError(
                f"the checkpoint was trained on {state_dict['pairs']}, here it is {self.describe_pairs()}; restore the "
                "options of the data, or start from the weights instead"
            )
        self._place = state_dict.get("order", {})


def _seed(device: torch.device, seed: int) -> None:
    """Seed the generators of the CPU and of a device; `torch.manual_seed` takes long, for it asks after all devices."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def _as_it_is(batch: Any) -> ImageBatch:
    """Collate nothing: the data set already answers with whole batches."""
    return cast(ImageBatch, batch)
