"""A folder of your own photographs, of any depth, size and format."""

import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from colorzoo.datamodules.base import PictureDataModule, PictureSource
from colorzoo.datamodules.splits import ranked, share_of
from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.pairs import Pictures
from colorzoo.picture_file import SUFFIXES, read, to_rgb

Unreadable = Literal["skip", "fail"]


class FolderPictures(PictureSource):
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
        self.size = size
        self.random_crop = random_crop
        self.zoom = zoom
        self.unreadable = unreadable

    def __getitems__(self, indices: list[int]) -> Pictures:
        names, squares = zip(*(self._readable(index) for index in indices), strict=True)
        return {"rgb": torch.stack(squares), "name": list(names)}

    def _readable(self, index: int) -> tuple[str, Tensor]:
        """Return the picture at an index, or the next one that can be decoded, with its name."""
        for step in range(len(self)):
            name = self.names[(index + step) % len(self)]
            try:
                return name, self._square(self.root / name)
            except UnreadableImageError as error:
                if self.unreadable == "fail":
                    raise
                warnings.warn(f"skipped: {error}", stacklevel=2)
        raise UnreadableImageError(f"none of the {len(self)} pictures in {self.root} can be decoded")

    def _square(self, path: Path) -> Tensor:
        image = to_rgb(read(path))
        share = self.size / min(image.size)
        if self.random_crop:
            share *= 1 + (self.zoom - 1) * float(torch.rand(()))
        scaled = (max(self.size, round(image.width * share)), max(self.size, round(image.height * share)))
        image = image.resize(scaled, PIL.Image.Resampling.BICUBIC, reducing_gap=2.0)
        spare_x, spare_y = scaled[0] - self.size, scaled[1] - self.size
        left, top = spare_x // 2, spare_y // 2
        if self.random_crop:
            left, top = int(torch.randint(spare_x + 1, ())), int(torch.randint(spare_y + 1, ()))
        if spare_x or spare_y:
            image = image.crop((left, top, left + self.size, top + self.size))
        return torch.from_numpy(np.array(image)).movedim(-1, 0)


class ImageFolderDataModule(PictureDataModule):
    """Colour photographs below a folder: no lists, no pairs, no fixed size.

    The name of a picture alone decides its split, so that a picture added later moves no other one; only a validation
    split that would be empty takes the first in order.

    Args:
        root: The folder; every picture file below it is used.
        size: Edge of the square crops in pixels.
        val_share: Share of the pictures that validate.
        test_share: Share of the pictures that test.
        unreadable: ``"skip"`` warns by name about files that cannot be decoded; ``"fail"`` raises.
        batch_size: Pictures a batch and a process.
        num_workers: Loader processes that decode.
        base: The other arguments of `PictureDataModule`.

    Raises:
        ValueError: If a number is out of its range.
        DataError: In ``setup``, if the folder is missing or holds too few pictures.
        UnreadableImageError: If ``unreadable="fail"`` and a file is no picture.
    """

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
        if not (0 < val_share < 1 and 0 <= test_share < 1 and val_share + test_share < 1):
            raise ValueError(f"val_share ({val_share}) and test_share ({test_share}) must leave pictures to train on")
        if unreadable not in ("skip", "fail"):
            raise ValueError(f"unreadable is {unreadable!r}; give 'skip' or 'fail'")
        self.root = Path(root)
        self.size = size
        self.val_share = val_share
        self.test_share = test_share
        self.unreadable: Unreadable = unreadable
        self._names: dict[str, list[str]] = {}

    def split_names(self) -> dict[str, list[str]]:
        """Return the paths of all pictures below the root, by split."""
        if not self._names:
            if not self.root.is_dir():
                raise DataError(f"{self.root} is no folder; give the one that holds your pictures")
            paths = [path for path in self.root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
            order = ranked((path.relative_to(self.root).as_posix() for path in paths if self._opens(path)), self.seed)
            splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
            for name in order:
                place = share_of(name, self.seed)
                tests = place >= 1 - self.test_share
                splits["val" if place < self.val_share else "test" if tests else "train"].append(name)
            if not splits["val"] and splits["train"]:
                splits["val"].append(splits["train"].pop(0))
            if not splits["train"] or not splits["val"]:
                raise DataError(f"{self.root} holds {len(order)} readable pictures: too few to train and to validate")
            self._names = {split: sorted(names) for split, names in splits.items()}
        return self._names

    def load_split(self, split: str) -> FolderPictures:
        """Return the pictures of a split; the files are decoded batch by batch."""
        names = self.split_names()[split]
        return FolderPictures(self.root, names, self.size, split == "train", unreadable=self.unreadable)

    def _opens(self, path: Path) -> bool:
        """Look at a file's header only: cheap enough for every file, and what is no picture is found at once."""
        try:
            with PIL.Image.open(path):
                return True
        except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
            problem = f"{path} is no picture ({error})"
            if self.unreadable == "fail":
                raise UnreadableImageError(f"{problem}; remove it, or set unreadable='skip'") from error
            warnings.warn(f"skipped: {problem}", stacklevel=2)
            return False
