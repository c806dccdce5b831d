"""A folder of your own photographs, of any depth, size and format."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import PIL.Image
import torch
from torch import Tensor

from colorzoo.data.batches import ImageBatch
from colorzoo.data.crop import Crop
from colorzoo.data.datasets import ImageDataset
from colorzoo.data.splits import check_fractions, folder_splits, split_by_fraction
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.inference.toning import classify_tone
from colorzoo.io.find import image_names, readable_names
from colorzoo.io.pil_file import read_image

Unreadable = Literal["skip", "fail"]
Colorless = Literal["skip", "fail", "keep"]
_JUDGED = 128
"""Pixels of the shorter side that suffice to tell whether an image has colours."""


class FolderDataset(ImageDataset):
    """Image files, decoded when they are asked for and cropped to squares.

    Args:
        root: The folder.
        names: Paths below it.
        size: Edge of the squares in pixels; the shorter side of an image is scaled to it.
        random_crop: Take the square from anywhere instead of the middle.
        max_zoom: With a random crop: first enlarge each image by a random factor up to this one.
        unreadable: ``"skip"`` takes the next image for a file that cannot be decoded, with a warning that names it;
            ``"fail"`` raises.
        colorless: The same for images that are grey or toned, such as sepia prints; ``"keep"`` takes them.
        labels: The label of each name; None for no labels.
    """

    def __init__(
        self,
        root: Path,
        names: list[str],
        size: int,
        random_crop: bool = False,
        max_zoom: float = 1.0,
        unreadable: Unreadable = "skip",
        colorless: Colorless = "keep",
        labels: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(names)
        self.root = root
        self.crop = Crop(size, random_crop, max_zoom)
        self.random = random_crop
        self.unreadable = unreadable
        self.colorless = colorless
        self.labels = labels
        self._has_color: dict[str, bool] = {}

    def load_batch(self, indices: Sequence[int]) -> ImageBatch:
        names, squares = zip(*(self._usable(index) for index in indices), strict=True)
        batch: ImageBatch = {"rgb": torch.stack(squares), "name": list(names)}
        if self.labels is not None:
            batch["label"] = torch.tensor([self.labels[name] for name in names])
        return batch

    def _usable(self, index: int) -> tuple[str, Tensor]:
        """Return name and square of the image at an index, or of the next one that can be used."""
        for step in range(len(self)):
            name = self.names[(index + step) % len(self)]
            try:
                image = read_image(self.root / name)
                self._check_color(name, image)
                return name, self.crop(image)
            except UnreadableImageError as error:
                if self.unreadable == "fail":
                    raise
                warnings.warn(f"skipped: {error}", stacklevel=2)
            except _ColorlessError as error:
                if self.colorless == "fail":
                    raise DataError(f"{error}; remove it, or set colorless to 'skip' or 'keep'") from None
                warnings.warn(f"skipped: {error}", stacklevel=2)
        raise UnreadableImageError(f"none of the {len(self)} images in {self.root} can be used; see the warnings")

    def _check_color(self, name: str, image: PIL.Image.Image) -> None:
        if self.colorless == "keep":
            return
        if name not in self._has_color:
            small = image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image
            if small.mode in ("RGB", "RGBA"):
                small = small.convert("RGB").reduce(max(1, min(image.size) // _JUDGED))
            self._has_color[name] = classify_tone(small).kind == "color"
        if not self._has_color[name]:
            raise _ColorlessError(f"{self.root / name} is grey or toned, which teaches no colours")


class _ColorlessError(ValueError):
    """An image has no colours to learn from."""


class ImageFolderDataModule(ImageDataModule):
    """Colour photographs below a folder: no lists, no pairs, no fixed size. Hidden files and folders do not count.

    The name of an image alone decides its split, so that an image added later moves no other one; only a validation
    split that would be empty takes the first in order. Where all images lie in folders ``train``, ``val`` and
    perhaps ``test``, these are the splits. ``colorzoo predict`` takes all images, and opens each once.

    Args:
        root: The folder.
        size: Edge of the square crops in pixels.
        val_fraction: Share of the images that validate.
        test_fraction: Share of the images that test.
        unreadable: ``"skip"`` warns by name about files that cannot be decoded; ``"fail"`` raises.
        colorless: The same for grey and toned images, such as sepia prints, which would teach a colouriser grey;
            ``"keep"`` uses them. Of no effect on de-noisers.
        labels: Give each image the label of its class folder: ``root/<class>/*``, or ``root/train/<class>/*``. Classes
            are numbered in the order of their names.
        batch_size: Images per batch and process.
        num_workers: Worker processes of each loader, which decode.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If an argument is out of its range.
        DataError: In ``setup``, if the folder is missing or holds too few images, or an image lies in no class folder
            although ``labels`` are wanted. In a loader, if ``colorless="fail"`` and an image has no colours.
        UnreadableImageError: If ``unreadable="fail"`` and a file is no image.
    """

    predict_split = "all"

    def __init__(
        self,
        root: str,
        size: int = 128,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        unreadable: Unreadable = "skip",
        colorless: Colorless = "skip",
        labels: bool = False,
        batch_size: int = 32,
        num_workers: int = 2,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, **base)
        if size < 1:
            raise ValueError(f"size is {size}; give at least 1 pixel")
        check_fractions(val_fraction, test_fraction)
        if unreadable not in get_args(Unreadable):
            raise ValueError(f"unreadable is {unreadable!r}; give 'skip' or 'fail'")
        if colorless not in get_args(Colorless):
            raise ValueError(f"colorless is {colorless!r}; give 'skip', 'fail' or 'keep'")
        self.root = self.input_root = Path(root)
        self.size = size
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.unreadable: Unreadable = unreadable
        self.colorless: Colorless = colorless if self.noise is None else "keep"
        self.labels = labels
        self._names: dict[str, list[str]] = {}

    @property
    def classes(self) -> list[str] | None:
        """The class folders in the order of their labels; None without labels. A DataError if an image lies in none."""
        return sorted(set(self._class_names().values())) if self.labels else None

    def _class_names(self) -> dict[str, str]:
        splits = self.split_names()
        names = [name for listed in splits.values() for name in listed]
        depth = 1 if folder_splits(names) else 0
        found = {name: name.split("/")[depth] for name in names if name.count("/") > depth}
        if outside := next((name for name in names if name not in found), None):
            raise DataError(f"{self.root / outside} lies in no class folder; move it, or set labels=False")
        return found

    def split_names(self) -> dict[str, list[str]]:
        if not self._names:
            names = list(readable_names(self.root, self._report))
            self._names = folder_splits(names) or split_by_fraction(
                names, self.seed, self.val_fraction, self.test_fraction, str(self.root)
            )
        return self._names

    def load_split(self, split: str) -> FolderDataset:
        if split == self.predict_split:
            return FolderDataset(self.root, sorted(image_names(self.root)), self.size, unreadable=self.unreadable)
        classes = self.classes
        labels = None if classes is None else {name: classes.index(one) for name, one in self._class_names().items()}
        return FolderDataset(
            self.root,
            self.split_names()[split],
            self.size,
            random_crop=split == "train",
            unreadable=self.unreadable,
            colorless=self.colorless,
            labels=labels,
        )

    def _report(self, path: Path, error: UnreadableImageError) -> None:
        if self.unreadable == "fail":
            raise UnreadableImageError(f"{error}; remove it, or set unreadable='skip'") from error
        warnings.warn(f"skipped: {error}", stacklevel=2)
