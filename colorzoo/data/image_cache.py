"""Images of any size, decoded once into one memory-mapped file of 8-bit pixels."""

import hashlib
import json
import tempfile
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from colorzoo.color.conversions import rgb_to_lab
from colorzoo.errors import DataError, UnreadableImageError
from colorzoo.io.pil_file import read_image, to_rgb

_PIXELS = "pixels.u8"
_INDEX = "index.json"
_THREADS = 4


class ImageCache:
    """Decoded images in a memory-mapped file, whose pages all processes share.

    Args:
        folder: Where `decode_images` put them.

    Raises:
        DataError: If the folder is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            rows = json.loads((folder / _INDEX).read_text())
            self.names: list[str] = [name for name, _, _, _ in rows]
            self.shapes: list[tuple[int, int]] = [(height, width) for _, height, width, _ in rows]
            self.chroma: list[float] = [chroma for _, _, _, chroma in rows]
            """Mean chroma of each image in units of CIELAB: near 0 for a grey one."""
            self._ends: list[int] = np.cumsum([height * width * 3 for height, width in self.shapes]).tolist()
            whole = (folder / _PIXELS).stat().st_size == self._ends[-1]
        except (OSError, ValueError, TypeError):
            whole = False
        if not whole:
            raise DataError(f"the decoded images in {folder} are damaged; delete this folder, and run again")

    @cached_property
    def _pixels(self) -> NDArray[np.uint8]:
        return np.memmap(self.folder / _PIXELS, mode="r")

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> PIL.Image.Image:
        """Return an image in RGB."""
        height, width = self.shapes[index]
        end = self._ends[index]
        return PIL.Image.fromarray(self._pixels[end - height * width * 3 : end].reshape(height, width, 3))


def decode_images(root: Path, names: Sequence[str], size: int, folder: Path) -> ImageCache:
    """Decode image files into a cache, unless that was done before with the same files and the same size.

    Args:
        root: The folder of the files.
        names: Their paths below it. Files that cannot be decoded are left out, with a warning that names them.
        size: Shorter side, in pixels, above which an image is reduced; smaller ones stay as they are.
        folder: Where caches lie.

    Returns:
        The cache.

    Raises:
        DataError: If a file is missing, or none can be decoded.
    """
    target = folder / _digest(root, names, size)
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as temporary:
            building = Path(temporary) / target.name
            building.mkdir()
            _decode(root, names, size, building)
            if not target.is_dir():  # another process may have been faster
                building.rename(target)
    return ImageCache(target)


def _decode(root: Path, names: Sequence[str], size: int, target: Path) -> None:
    def decode(name: str) -> PIL.Image.Image | UnreadableImageError:
        try:
            image = to_rgb(read_image(root / name))
        except UnreadableImageError as error:
            return error
        share = size / min(image.size)
        edges = (max(size, round(image.width * share)), max(size, round(image.height * share)))
        return image if share >= 1 else image.resize(edges, PIL.Image.Resampling.BICUBIC, reducing_gap=2.0)

    rows = []
    with (target / _PIXELS).open("wb") as file, ThreadPoolExecutor(_THREADS) as threads:
        for name, image in zip(names, threads.map(decode, names), strict=True):
            if isinstance(image, UnreadableImageError):
                warnings.warn(f"skipped: {image}", stacklevel=4)
                continue
            file.write(image.tobytes())
            rows.append((name, image.height, image.width, _mean_chroma(image)))
    if not rows:
        raise DataError(f"none of the {len(names)} images in {root} can be decoded; see the warnings")
    (target / _INDEX).write_text(json.dumps(rows))


def _mean_chroma(image: PIL.Image.Image) -> float:
    small = np.array(image.resize((32, 32), PIL.Image.Resampling.BOX))
    ab = rgb_to_lab(torch.from_numpy(small).movedim(-1, 0)[None])[0, 1:]
    return float(ab.norm(dim=0).mean())


def _digest(root: Path, names: Sequence[str], size: int) -> str:
    """Name a cache after what it is made of: a file that is replaced makes another one."""
    digest = hashlib.sha256(f"{root.resolve()}\0{size}\0".encode(errors="surrogateescape"))
    for name in names:
        try:
            status = (root / name).stat()
        except OSError as error:
            raise DataError(f"{root / name} is missing; restore it, or correct the path of its source") from error
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]
