"""The base that does all the thinking: loaders, pairs on the device, augmentation, the split's fingerprint."""

from abc import ABC, abstractmethod
from typing import Any, cast

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from colorzoo.datamodules.splits import seed_of, split_hash
from colorzoo.errors import DataError
from colorzoo.noise import Noise
from colorzoo.pairs import ColorPairs, Grey, NoisyPairs, Pictures, color_pairs, noisy_pairs


class PictureSource(Dataset[Pictures], ABC):
    """A split: its names, and whole batches of uint8 pictures by index.

    Args:
        names: One unique name a picture.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Pictures:
        return self.__getitems__([index])

    @abstractmethod
    def __getitems__(self, indices: list[int]) -> Pictures: ...


class TensorPictures(PictureSource):
    """A split that lives in memory as one uint8 tensor and is indexed by the batch.

    Args:
        names: One unique name a picture.
        rgb: ``(N, 3, H, W)``, uint8.
        label: ``(N,)``, int64, or None.
    """

    def __init__(self, names: list[str], rgb: Tensor, label: Tensor | None = None) -> None:
        super().__init__(names)
        self.rgb = rgb
        self.label = label

    def __getitems__(self, indices: list[int]) -> Pictures:
        pictures: Pictures = {"rgb": self.rgb[indices], "name": [self.names[index] for index in indices]}
        if self.label is not None:
            pictures["label"] = self.label[indices]
        return pictures


class PictureDataModule(LightningDataModule, ABC):
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
        self._splits: dict[str, PictureSource] = {}

    @abstractmethod
    def load_split(self, split: str) -> PictureSource:
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
        splits = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("test",)}
        for split in splits[stage]:
            if split not in self._splits:
                source = self.load_split(split)
                if len(source) == 0:
                    raise DataError(f"{type(self).__name__} found no picture for the split {split!r}")
                self._splits[split] = source

    def train_dataloader(self) -> DataLoader[Pictures]:
        """Shuffled batches; an incomplete last one is dropped, for batch norm cannot take a single picture."""
        enough = len(self._splits["train"]) >= self.batch_size
        return self._loader("train", shuffle=True, drop_last=enough)

    def val_dataloader(self) -> DataLoader[Pictures]:
        """The validation pictures, in order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Pictures]:
        """The test pictures, in order."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Pictures]:
        """The test pictures, in order."""
        return self._loader("test")

    def _loader(self, split: str, shuffle: bool = False, drop_last: bool = False) -> DataLoader[Pictures]:
        return DataLoader(
            self._splits[split],
            batch_size=self.batch_size if split == "train" else self.eval_batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_as_it_is,
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> ColorPairs | NoisyPairs:
        """Augment training pictures and make the pairs, for the whole batch, on the device."""
        pictures = cast(Pictures, dict(batch))
        training = self.trainer is not None and bool(self.trainer.training)
        if training:
            if self.flip:
                pictures["rgb"] = flipped(pictures["rgb"])
            if self.turn:
                pictures["rgb"] = turned(pictures["rgb"])
            if self.max_shift > 0:
                pictures["rgb"] = shifted(pictures["rgb"], self.max_shift)
        noise = self.noise if training else self.eval_noise
        if noise is None:
            return color_pairs(pictures, self.grey)
        seeds = None if training else [seed_of(name, self.seed) for name in pictures["name"]]
        return noisy_pairs(pictures, noise, self.color, self.grey, seeds)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint remembers of the data."""
        return {"name": type(self).__name__, "split_hash": self.split_hash(), "pairs": self.describe_pairs()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to resume on other data: what was validation may have become training.

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


def flipped(rgb: Tensor) -> Tensor:
    """Mirror each picture of ``(B, 3, H, W)`` with probability one half."""
    mirror = torch.rand(rgb.shape[0], device=rgb.device) < 0.5
    return torch.where(mirror[:, None, None, None], rgb.flip(-1), rgb)


def turned(rgb: Tensor) -> Tensor:
    """Turn each square picture of ``(B, 3, H, H)`` by zero to three quarters.

    Raises:
        ValueError: If the pictures are not square.
    """
    if rgb.shape[-2] != rgb.shape[-1]:
        raise ValueError(
            f"pictures of {rgb.shape[-1]}x{rgb.shape[-2]} cannot be turned; set turn=False, or crop squares"
        )
    quarters = torch.randint(4, (len(rgb), 1, 1, 1), device=rgb.device)
    opposite = torch.where(quarters < 2, rgb, rgb.rot90(2, dims=(2, 3)))
    return torch.where(quarters % 2 == 0, opposite, opposite.rot90(1, dims=(2, 3)))


def shifted(rgb: Tensor, most: int) -> Tensor:
    """Shift each picture of ``(B, 3, H, W)`` by up to ``most`` pixels each way, the border repeated."""
    batch, _, height, width = rgb.shape
    padded = F.pad(rgb.float(), (most,) * 4, mode="replicate").to(rgb.dtype).movedim(1, -1)
    down, right = torch.randint(0, 2 * most + 1, (2, batch), device=rgb.device)
    rows = down[:, None] + torch.arange(height, device=rgb.device)
    columns = right[:, None] + torch.arange(width, device=rgb.device)
    picture = torch.arange(batch, device=rgb.device)
    return padded[picture[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def _as_it_is(batch: Any) -> Pictures:
    """Collate nothing: the data set already answers with whole batches."""
    return cast(Pictures, batch)
