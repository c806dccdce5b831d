"""LightningDataModules, one file per data set: ``from colorzoo.datamodules import CIFAR10DataModule``."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colorzoo.datamodules.base import ImageDataModule as ImageDataModule
    from colorzoo.datamodules.bsds import BSDSDataModule as BSDSDataModule
    from colorzoo.datamodules.cifar10 import CIFAR10DataModule as CIFAR10DataModule
    from colorzoo.datamodules.folder import ImageFolderDataModule as ImageFolderDataModule
    from colorzoo.datamodules.imagenette import ImagenetteDataModule as ImagenetteDataModule
    from colorzoo.datamodules.mnist import MNISTDataModule as MNISTDataModule
    from colorzoo.datamodules.photos import PhotosDataModule as PhotosDataModule
    from colorzoo.datamodules.streaming import StreamingDataModule as StreamingDataModule
    from colorzoo.datamodules.synthetic import SyntheticDataModule as SyntheticDataModule
    from colorzoo.datamodules.tiny_imagenet import TinyImageNetDataModule as TinyImageNetDataModule


@cache
def _modules() -> dict[str, str]:
    """Return the module that defines each DataModule, read from the files without importing any."""
    files = [path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")]
    pattern = re.compile(r"^class (\w+DataModule)\b", re.MULTILINE)
    return {name: path.stem for path in files for name in pattern.findall(path.read_text(encoding="utf-8"))}


def __getattr__(name: str) -> Any:
    if name not in _modules():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_modules()[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_modules()})
