"""From loaded RGB images to training pairs: augmentation, then grey and L*a*b*, or noisy and clean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, get_args

import torch
from torch import Tensor
from torch.utils.data import Dataset

from colorzoo.data.aging import Aging
from colorzoo.data.augmentation import random_flip, random_rot90, random_shift
from colorzoo.data.batches import ColorBatch, Grey, ImageBatch, NoisyBatch, color_batch, noisy_batch
from colorzoo.data.datasets import ImageDataset, unbatch
from colorzoo.data.splits import seed_of
from colorzoo.noise.degradations import NoiseModel
from colorzoo.noise.synthesis import Noise
from colorzoo.runtime.batch_random import SharedRandom


@dataclass(frozen=True)
class PairMaker:
    """Makes pairs of a batch of images, on the device of the batch; equal inputs always give equal pairs.

    Args:
        grey: How the grey input is made of the colours.
        noise: The noise or degradations of training pairs; None makes pairs for colourisers.
        eval_noise: The noise of pairs for validation and test.
        color: Keep the colours of noisy pairs.
        seed: Seed of the noise outside training, together with the name of each image.
        hflip: Mirror half of the training images.
        rot90: Rotate training images by 0, 90, 180 or 270 degrees.
        max_shift: Shift training images by up to this many pixels.
        transform: Applied to each training batch after that.
        aging: Changes the grey input of training pairs for colourisers; None for nothing.

    Raises:
        ValueError: If there is no such grey, the transform cannot be called, or there is both noise and aging.

    Example:
        >>> pairs = PairMaker(noise=Noise(impulse=0.1))({"rgb": torch.zeros(2, 3, 8, 8).byte()}, training=True)
        >>> sorted(pairs), tuple(pairs["noisy"].shape)
        (['clean', 'noisy'], (2, 1, 8, 8))
    """

    grey: Grey = "lightness"
    noise: NoiseModel | None = None
    eval_noise: NoiseModel | None = None
    color: bool = False
    seed: int = 0
    hflip: bool = False
    rot90: bool = False
    max_shift: int = 0
    transform: Callable[[Tensor], Tensor] | None = None
    aging: Aging | None = None

    def __post_init__(self) -> None:
        if self.grey not in get_args(Grey):
            raise ValueError(f"grey is {self.grey!r}; give 'lightness' or 'luma'")
        if self.transform is not None and not callable(self.transform):
            raise ValueError(f"train_transform is {self.transform!r}; give a function of a batch (B, 3, H, W)")
        if self.noise is not None and self.aging is not None:
            raise ValueError("aging is about grey inputs of colourisers; give it or noise")

    def describe(self) -> str:
        """Say in one line which pairs it makes."""
        if self.noise is None or self.eval_noise is None:
            return f"{self.grey} grey and colour" + (f", {self.aging}" if self.aging else "")
        measured = "" if self.eval_noise == self.noise else f", measured with {self.eval_noise.describe()}"
        return f"{'colour' if self.color else f'{self.grey} grey'} with {self.noise.describe()}{measured}"

    def __call__(
        self, batch: ImageBatch, training: bool, process: int = 0, processes: int = 1
    ) -> ColorBatch | NoisyBatch:
        """Return the pairs of a batch.

        Args:
            batch: The images. Without the key ``seed`` what is random comes from torch's global generator.
            training: Augment, and draw the training noise; else the noise is that of each image's name.
            process: Which of the training processes this is.
            processes: How many there are; each draws the random numbers of its part of the joint batch.
        """
        images = cast(ImageBatch, dict(batch))
        seed = images.pop("seed", None)
        images.pop("training", None)
        if not training:
            if self.eval_noise is None:
                return color_batch(images, self.grey)
            seeds = [seed_of(name, self.seed) for name in images["name"]]
            return noisy_batch(images, self.eval_noise, self.color, self.grey, seeds)
        device = images["rgb"].device
        draws = SharedRandom(device=device) if seed is None else SharedRandom(seed, device, process, processes)
        images["rgb"] = self._augment(images["rgb"], draws, None if seed is None else seed + process)
        if self.noise is None:
            pairs = color_batch(images, self.grey)
            if self.aging is not None:
                pairs["grey"] = self.aging(pairs["grey"], draws)
            return pairs
        return noisy_batch(images, self.noise, self.color, self.grey, draws=draws)

    def _augment(self, rgb: Tensor, draws: SharedRandom, seed: int | None) -> Tensor:
        if self.hflip:
            rgb = random_flip(rgb, draws)
        if self.rot90:
            rgb = random_rot90(rgb, draws)
        if self.max_shift > 0:
            rgb = random_shift(rgb, self.max_shift, draws)
        return rgb if self.transform is None else self._transform(self.transform, rgb, seed)

    @staticmethod
    def _transform(transform: Callable[[Tensor], Tensor], rgb: Tensor, seed: int | None) -> Tensor:
        """Apply a transform whose random numbers come from the global generators, without disturbing these."""
        if seed is None:
            changed = transform(rgb)
        else:
            own = [] if rgb.device.type == "cpu" else [rgb.device]
            with torch.random.fork_rng(own, device_type="cuda" if rgb.device.type == "cpu" else rgb.device.type):
                seed_generators(rgb.device, seed)
                changed = transform(rgb)
        if not isinstance(changed, Tensor) or changed.shape[:2] != rgb.shape[:2] or changed.ndim != 4:
            found = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
            raise ValueError(f"train_transform made {found} of {tuple(rgb.shape)}; return a batch (B, 3, H, W)")
        return changed


class PairDataset(Dataset[dict[str, Any]]):
    """One pair per index, without a batch dimension, for a DataLoader of your own.

    Augmentation and training noise are drawn from torch's global generator each time that an item is asked for.
    """

    def __init__(self, source: ImageDataset, make_pairs: PairMaker, training: bool) -> None:
        self.source = source
        self.make_pairs = make_pairs
        self.training = training

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        batch = self.source.load_batch([range(len(self))[index]])
        return unbatch(self.make_pairs(batch, self.training))


def as_noise(argument: str, noise: Any) -> NoiseModel | None:
    """Return a noise given as such or by its arguments, such as ``{"impulse": 0.15}``, or raise a ValueError."""
    if noise is None or isinstance(noise, NoiseModel):
        return noise
    try:
        return Noise(**noise)
    except TypeError as error:
        raise ValueError(
            f'{argument} is {noise!r}; give a Noise, Degradations, or a dict such as {{"impulse": 0.15}}'
        ) from error


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators of the CPU and of one device; `torch.manual_seed` asks all, which takes long."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)
