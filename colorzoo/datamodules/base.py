"""The base of all DataModules: loaders, pairs, augmentation, and what a checkpoint remembers of the data."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import PIL.Image
from lightning.pytorch import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from colorzoo.data.aging import Aging
from colorzoo.data.batches import ColorBatch, Grey, ImageBatch, NoisyBatch
from colorzoo.data.datasets import BatchedDataset, ImageDataset
from colorzoo.data.grid import draw_pairs
from colorzoo.data.pair_maker import PairDataset, PairMaker, as_noise, seed_generators
from colorzoo.data.samplers import (
    EpochCounter,
    ImageDataLoader,
    ResumableDataLoader,
    ResumableSampler,
    SeededDataset,
    UnrepeatedSampler,
)
from colorzoo.data.splits import split_hash
from colorzoo.datamodules._trainer import calls_hooks_of, check_same_data, process_and_count, run_seed
from colorzoo.errors import DataError
from colorzoo.noise.degradations import NoiseModel

Batch = ColorBatch | NoisyBatch
_STAGES = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}


class ImageDataModule(LightningDataModule, ABC):
    """Colour images of any source as pairs (grey, L*a*b*) or (noisy, clean) for training, validation and test.

    In a Trainer the pairs are made on the device, in `on_after_batch_transfer`; in a loop of your own the loaders make
    the same pairs. docs/batches.md tells what a batch holds. A subclass gives `split_names` and `load_split` for the
    splits ``"train"``, ``"val"`` and ``"test"``, and passes the arguments of this class on by name.

    Args:
        batch_size: Images per batch and process.
        num_workers: Worker processes of each loader; 0 suits data sets that are held in memory.
        grey: The grey input keeps L* (``"lightness"``) or is Rec. 601 ``"luma"``.
        hflip: Mirror half of the training images.
        rot90: Rotate training images, which must be square, by 0, 90, 180 or 270 degrees.
        random_shift: Shift training images by up to this many pixels, repeating the border.
        noise: Make pairs (noisy, clean) for de-noisers, with this `Noise` or a dict of its arguments, or with
            `Degradations`. Outside training each image's noise is a function of its name and ``seed``. None makes
            pairs for colourisers.
        eval_noise: Another noise outside training, for example one level of a range that is learnt; None for the same.
        color: With ``noise``: keep the colours instead of making the images grey.
        seed: Seed of the splits, and of the noise.
        eval_batch_size: Images per batch outside training; None for as many as in training.
        train_transform: A transform of your own, applied to each training batch ``(B, 3, H, W)`` of uint8 after the
            augmentation above, for example of ``torchvision.transforms.v2``. What it draws from torch's global
            generators is reproducible too.
        aging: Changes the grey input of training images as archives do, never the colours; None for nothing.

    Raises:
        ValueError: If an argument is out of its range.
    """

    input_root: Path | None = None
    """The folder that the images are read from; None if they are of no single folder."""
    predict_split: ClassVar[str] = "test"
    """The split that is predicted."""
    predict_filter: Callable[[str], bool] | None = None
    """Says of an image's name whether to predict it; None for all."""

    def __init__(
        self,
        batch_size: int = 64,
        num_workers: int = 0,
        grey: Grey = "lightness",
        hflip: bool = True,
        rot90: bool = False,
        random_shift: int = 0,
        noise: NoiseModel | None = None,
        eval_noise: NoiseModel | None = None,
        color: bool = False,
        seed: int = 0,
        eval_batch_size: int | None = None,
        train_transform: nn.Module | Callable[[Tensor], Tensor] | None = None,
        aging: Aging | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or (eval_batch_size is not None and eval_batch_size < 1):
            raise ValueError(f"batch_size ({batch_size}) and eval_batch_size ({eval_batch_size}) must be at least 1")
        if num_workers < 0 or random_shift < 0:
            raise ValueError(f"num_workers ({num_workers}) and random_shift ({random_shift}) cannot be negative")
        noise, eval_noise = as_noise("noise", noise), as_noise("eval_noise", eval_noise)
        if noise is None and (color or eval_noise is not None):
            raise ValueError("color and eval_noise are about noisy pairs; give noise too")
        # Plain values only, which a checkpoint can hold. Not logged: a model logs arguments of the same names, which
        # Lightning refuses to merge.
        self.save_hyperparameters(ignore=["noise", "eval_noise", "train_transform", "aging"], logger=False)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size or batch_size
        self.num_workers = num_workers
        self.grey: Grey = grey
        self.color = color
        self.seed = seed
        self.make_pairs = PairMaker(
            grey, noise, eval_noise or noise, color, seed, hflip, rot90, random_shift, train_transform, aging
        )
        self._splits: dict[str, ImageDataset] = {}
        self._train_loader: ResumableDataLoader | None = None
        self._resumed: dict[str, int] = {}
        self._epochs = EpochCounter()

    @property
    def input_key(self) -> str:
        """The key of the input in each batch: ``"grey"`` or ``"noisy"``."""
        return "grey" if self.noise is None else "noisy"

    @property
    def noise(self) -> NoiseModel | None:
        """The noise of training pairs; None for pairs in colour."""
        return self.make_pairs.noise

    @property
    def eval_noise(self) -> NoiseModel | None:
        """The noise of pairs for validation and test."""
        return self.make_pairs.eval_noise

    @abstractmethod
    def load_split(self, split: str) -> ImageDataset:
        """Return one split; called once for each that is needed."""

    @abstractmethod
    def split_names(self) -> dict[str, list[str]]:
        """Return the names of all images by split, without decoding any."""

    def describe(self, split: str) -> str:
        """Say in one line which images a split holds; goes into every published checkpoint."""
        return f"{len(self.split_names()[split]):,} {split} images of {type(self).__name__}, seed {self.seed}"

    def describe_pairs(self) -> str:
        """Say in one line which pairs are made of the images; goes into every checkpoint."""
        return self.make_pairs.describe()

    def split_hash(self) -> str:
        """Return the fingerprint of the splits, which goes into every checkpoint."""
        return split_hash(self.split_names())

    def setup(self, stage: str) -> None:
        stages = {**_STAGES, "predict": (self.predict_split,)}
        if stage not in stages:
            raise ValueError(f"there is no stage {stage!r}; give one of {', '.join(map(repr, stages))}")
        for split in stages[stage]:
            self._split(split)

    def _split(self, split: str) -> ImageDataset:
        known = dict.fromkeys(["train", "val", "test", self.predict_split])
        if split not in known:
            raise ValueError(f"there is no split {split!r}; give one of {', '.join(map(repr, known))}")
        if split not in self._splits:
            if self.trainer is None:
                self.prepare_data()
            source = self.load_split(split)
            if len(source) == 0:
                raise DataError(f"{type(self).__name__} found no image for the split {split!r}")
            self._splits[split] = source
        return self._splits[split]

    def teardown(self, stage: str) -> None:
        self._resumed, self.predict_filter = {}, None

    def dataset(self, split: str) -> PairDataset:
        """Return a split as a data set of single pairs, for a DataLoader of your own.

        Args:
            split: ``"train"``, ``"val"`` or ``"test"``; the first with augmentation and training noise, which are drawn
                from torch's global generator.

        Raises:
            ValueError: If there is no such split.

        Example:
            >>> from colorzoo.datamodules import SyntheticDataModule
            >>> pair = SyntheticDataModule(size=16).dataset("train")[0]
            >>> {key: tuple(pair[key].shape) for key in ("grey", "rgb", "lab")}
            {'grey': (1, 16, 16), 'rgb': (3, 16, 16), 'lab': (3, 16, 16)}
        """
        return PairDataset(self._split(split), self.make_pairs, split == "train")

    def show_batch(self, split: str = "train", rows: int = 4) -> PIL.Image.Image:
        """Return an image of some pairs, input | target (| damage) a row, augmented if of ``"train"``."""
        return draw_pairs(self._split(split), self.make_pairs, split == "train", rows, self.seed)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return shuffled batches; an incomplete last one is dropped, because batch norm cannot take a single image.

        Each iteration is another epoch; what is random follows from the run's seed, the epoch and the batch.
        """
        source = self._split("train")
        process, processes = self._process()
        seed = self._resumed.get("seed", run_seed(self.seed))
        self._train_loader = ResumableDataLoader(
            SeededDataset(source, seed),
            batch_size=self.batch_size,
            sampler=ResumableSampler(len(source), self.batch_size, seed, process, processes, self._epochs),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            finish=partial(self._finish, True),
        )
        if self._resumed:
            self._train_loader.load_state_dict(self._resumed)
        return cast(DataLoader[Batch], self._train_loader)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._eval_loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._eval_loader("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        # A process may be left without any image; none waits for another.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        return self._eval_loader(self.predict_split, self.predict_filter)

    def _eval_loader(self, split: str, name_filter: Callable[[str], bool] | None = None) -> DataLoader[Batch]:
        source = self._split(split)
        process, processes = self._process()
        if name_filter is None and len(source) < processes:
            raise DataError(
                f"{len(source)} {split} images are too few for {processes} processes; set trainer.devices lower"
            )
        index_filter = None if name_filter is None else lambda index: name_filter(source.names[index])
        loader = ImageDataLoader(
            BatchedDataset(source),
            batch_size=self.eval_batch_size,
            sampler=UnrepeatedSampler(len(source), process, processes, index_filter),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            finish=partial(self._finish, False),
        )
        return cast(DataLoader[Batch], loader)

    def _process(self) -> tuple[int, int]:
        return process_and_count(self.trainer)

    def _finish(self, training: bool, loader: object, batch: ImageBatch) -> ImageBatch | Batch:
        """Make the pairs in the loader, unless a Trainer that iterates over it makes them on the device."""
        batch["training"] = training
        return batch if calls_hooks_of(self.trainer, self, loader) else self.on_after_batch_transfer(batch, 0)

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Seed the global generators for whatever else is random in a training step, such as dropout.

        Not where pairs are made, so that it holds whatever overrides that, and spares your own loop's generators.
        """
        seed = batch.get("seed") if isinstance(batch, dict) else None
        if seed is not None and self.trainer is not None:
            seed_generators(self.trainer.strategy.root_device, seed + self._process()[0])
        return batch

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Batch:
        """Augment training images and make pairs on the device; loaders call it too, outside a Trainer."""
        if "rgb" not in batch or "lab" in batch:
            return cast(Batch, batch)
        training = batch.get("training", self.trainer is not None and self.trainer.training)
        return self.make_pairs(batch, training, *self._process())

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint remembers of the data."""
        order = {} if self._train_loader is None else {"order": self._train_loader.state_dict()}
        return {"name": type(self).__name__, "split_hash": self.split_hash(), "pairs": self.describe_pairs(), **order}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        check_same_data(state_dict, self.split_hash(), self.describe_pairs())
        self._resumed = state_dict.get("order", {})
