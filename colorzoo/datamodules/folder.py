"""A folder of your own photographs, of any depth, size and format."""

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from colorzoo.data.batches import ImageBatch
from colorzoo.data.crop import Crop
from colorzoo.data.datasets import ImageDataset
from colorzoo.data.splits import check_fractions, split_by_fraction
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import UnreadableImageError
from colorzoo.io.find import filter_below, image_names
from colorzoo.io.pil_file import read_image

Unreadable = Literal["skip", "fail"]


class FolderDataset(ImageDataset):
    """Picture files, decoded when they are asked for and cropped to squares.

    Args:
        root: The folder.
        names: Paths below it.
        size: Edge of the squares in pixels; the shorter side of a picture is scaled to it.
        random_crop: Take the square from anywhere instead of the middle.
        zoom: With a random crop: enlarge each picture by up to this factor first, so that things come in many sizes.
        unreadable: ``"skip"`` takes the next picture for a file that cannot be decoded, with a warning that names it;
            ``"fail"`` raises.
    """

    def __init__(
        self,
        root: Path,
        names: list[str],
        size: int,
        random_crop: bool = False,
        zoom: float = 1.0,
        unreadable: Unreadable = "skip",
    ) -> None:
        super().__init__(names)
        self.root = root
        self.crop = Crop(size, random_crop, zoom)
        self.random = random_crop
        self.unreadable = unreadable

    def __getitems__(self, indices: list[int]) -> ImageBatch:
        names, squares = zip(*(self._readable(index) for index in indices), strict=True)
        return {"rgb": torch.stack(squares), "name": list(names)}

    def _readable(self, index: int) -> tuple[str, Tensor]:
        """Return the picture at an index, or the next one that can be decoded, with its name."""
        for step in range(len(self)):
            name = self.names[(index + step) % len(self)]
            try:
                return name, self.crop(read_image(self.root / name))
            except UnreadableImageError as error:
                if self.unreadable == "fail":
                    raise
                warnings.warn(f"skipped: {error}", stacklevel=2)
        raise UnreadableImageError(f"none of the {len(self)} pictures in {self.root} can be decoded")


class ImageFolderDataModule(ImageDataModule):
    """Colour photographs below a folder: no lists, no pairs, no fixed size.

    The name of a picture alone decides its split, so that a picture added later moves no other one; only a validation
    split that would be empty takes the first in order. ``colorzoo predict`` takes all of them, and opens each once.

    Args:
        root: The folder; every picture file below it is used.
        size: Edge of the square crops in pixels.
        val_share: Share of the pictures that validate.
        test_share: Share of the pictures that test.
        unreadable: ``"skip"`` warns by name about files that cannot be decoded; ``"fail"`` raises.
        batch_size: Pictures a batch and a process.
        num_workers: Loader processes that decode.
        base: The other arguments of `ImageDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if the folder is missing or holds too few pictures.
        UnreadableImageError: If ``unreadable="fail"`` and a file is no picture.
    """

    predicts = "all"

    def __init__(
        self,
        root: str,
        size: int = 128,
        val_share: float = 0.1,
        test_share: float = 0.1,
        unreadable: Unreadable = "skip",
        batch_size: int = 32,
        num_workers: int = 2,
        **base: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, num_workers=num_workers, **base)
        if size < 1:
            raise ValueError(f"size is {size}; give at least 1 pixel")
        check_fractions(val_share, test_share)
        if unreadable not in ("skip", "fail"):
            raise ValueError(f"unreadable is {unreadable!r}; give 'skip' or 'fail'")
        self.root = self.input_root = Path(root)
        self.size = size
        self.val_share = val_share
        self.test_share = test_share
        self.unreadable: Unreadable = unreadable
        self._names: dict[str, list[str]] = {}

    def split_names(self) -> dict[str, list[str]]:
        """Return the paths of all pictures below the root, by split."""
        if not self._names:
            names = filter_below(self.root, self._complain)
            self._names = split_by_fraction(names, self.seed, self.val_share, self.test_share, str(self.root))
        return self._names

    def load_split(self, split: str) -> FolderDataset:
        """Return the pictures of a split, or of the whole folder; the files are decoded batch by batch."""
        names = sorted(image_names(self.root)) if split == "all" else self.split_names()[split]
        return FolderDataset(self.root, names, self.size, split == "train", unreadable=self.unreadable)

    def _complain(self, path: Path, error: Exception) -> None:
        problem = f"{path} is no picture ({error})"
        if self.unreadable == "fail":
            raise UnreadableImageError(f"{problem}; remove it, or set unreadable='skip'") from error
        warnings.warn(f"skipped: {problem}", stacklevel=2)
