"""Pairs (grey, L*a*b*) a second: a whole DataModule beside the loader of the tutorials, image by image."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import PIL.Image
import torch
from skimage.color import rgb2lab
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from colorzoo.data.root import data_root
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.datamodules.cifar10 import CIFAR10DataModule
from colorzoo.datamodules.folder import ImageFolderDataModule
from colorzoo.datamodules.imagenette import ImagenetteDataModule
from colorzoo.datamodules.synthetic import SyntheticDataModule
from performance.comparison import Row, Work, compared, take_turns

_WORKERS = 2


class TutorialPictures(Dataset[dict[str, Tensor]]):
    """Each image opened, resized, flipped and converted by itself, as tutorials on colouring have it.

    Args:
        pictures: Files, or arrays ``(H, W, 3)`` of uint8 in memory.
        size: Edge in pixels to resize to; None leaves the size alone.
    """

    def __init__(self, pictures: list[Path] | np.ndarray, size: int | None) -> None:
        self.pictures = pictures
        resize = [] if size is None else [transforms.Resize((size, size), transforms.InterpolationMode.BICUBIC)]
        self.transform = transforms.Compose([*resize, transforms.RandomHorizontalFlip()])

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        picture = self.pictures[index]
        image = PIL.Image.fromarray(picture) if isinstance(picture, np.ndarray) else PIL.Image.open(picture)
        rgb = np.array(self.transform(image.convert("RGB")))
        lab = transforms.ToTensor()(rgb2lab(rgb).astype(np.float32))
        return {"L": lab[:1] / 50 - 1, "ab": lab[1:] / 110}


def lab_pairs_256(seconds: float, size: int = 256, count: int = 320) -> Row:
    """Photographs from files, decoded and resized by two workers, beside which there is one thread."""
    # More would wait for each other where the workers have the cores.
    torch.set_num_threads(max(1, torch.get_num_threads() - _WORKERS))
    with photographs(size, count) as data:
        source = cast(Any, data.load_split("train"))
        names = data.split_names()["train"][:count]
        peer = TutorialPictures([source.root / name for name in names], size)
        turns = take_turns(_ours(data), _theirs(peer, data.batch_size), seconds)
    what = f"Lab pairs a second, {size} px from files, {_WORKERS} workers, beside a tutorial's loader"
    return compared(what, turns, "pairs/s", must=2, aim=4)


def lab_pairs_cifar(seconds: float, count: int = 10_000) -> Row:
    """Small images that lie in memory: ours in whole batches, theirs by two workers."""
    data: ImageDataModule = SyntheticDataModule(train_images=count, batch_size=64)
    if (data_root() / "cifar10").is_dir():
        data = CIFAR10DataModule(train_images=count, batch_size=64)
    rgb = cast(Any, data.load_split("train")).rgb
    peer = TutorialPictures(rgb.movedim(1, -1).contiguous().numpy(), None)
    turns = take_turns(_ours(data), _theirs(peer, data.batch_size), seconds)
    what = f"Lab pairs a second, 32 px from memory, beside a tutorial's loader of {_WORKERS} workers"
    return compared(what, turns, "pairs/s", must=20, aim=50)


@contextmanager
def photographs(size: int, count: int) -> Iterator[ImageDataModule]:
    """Give photographs of Imagenette, or, where there are none, synthetic JPEGs."""
    options = {"size": size, "batch_size": 32, "num_workers": _WORKERS}
    if (data_root() / "imagenette").is_dir():
        yield ImagenetteDataModule(train_images=count, **cast(Any, options))
        return
    with tempfile.TemporaryDirectory() as folder:
        painted = SyntheticDataModule(size=256, train_images=count).load_split("train").rgb
        for index, rgb in enumerate(painted.movedim(1, -1).numpy()):
            PIL.Image.fromarray(rgb).save(Path(folder) / f"{index:05d}.jpg", quality=92)
        yield ImageFolderDataModule(folder, test_fraction=0, **cast(Any, options))


def _ours(data: ImageDataModule) -> Work:
    data.setup("fit")
    loader = data.train_dataloader()
    data.trainer = cast(Any, SimpleNamespace(training=True, global_rank=0, world_size=1))  # so that it augments

    def epoch() -> float:
        return sum(len(data.on_after_batch_transfer(batch, 0)["rgb"]) for batch in loader)  # type: ignore[typeddict-item]

    return epoch


def _theirs(pictures: TutorialPictures, batch_size: int) -> Callable[[], float]:
    loader = DataLoader(
        pictures, batch_size, shuffle=True, num_workers=_WORKERS, persistent_workers=True, drop_last=True
    )

    def epoch() -> float:
        return sum(len(batch["L"]) for batch in loader)

    return epoch
