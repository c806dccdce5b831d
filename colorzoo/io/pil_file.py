"""Picture files, as Pillow reads and writes them: decoded upright, never without limit, and with what they say."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps
from numpy.typing import NDArray
from PIL.ExifTags import Base

from colorzoo.errors import UnreadableImageError
from colorzoo.io.atomic import atomic_write, format_of
from colorzoo.io.metadata import Metadata

DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's modes of grey pictures with 16 bits."""

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"))
"""The files of a folder that count as pictures."""

MAX_MEGAPIXELS = 300.0
"""What is decoded unless more is allowed: an A3 sheet at 1200 dpi, but no bomb of a few bytes that fills the memory."""

_QUARTER_TURNS = (5, 6, 7, 8)
"""The EXIF orientations that exchange width and height."""

_KEPT = {"PNG": DEEP_GREY, "TIFF": (*DEEP_GREY, "F")}
"""The deep modes that a format keeps."""


def read_image(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> PIL.Image.Image:
    """Open and decode a picture file, turned upright as its EXIF orientation says.

    Args:
        path: Any format that Pillow reads; of several pictures in a file, the first.
        max_megapixels: Refuse to decode more; Pillow's own limit is neither asked nor changed.

    Returns:
        The decoded picture; its ``info`` has what the file says beside the pixels, see `Metadata`.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated, too large or no picture.
    """
    with open_image(path, max_megapixels) as image:
        return _decoded(image)


def decode_image(data: bytes | memoryview, path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> PIL.Image.Image:
    """Decode the bytes of a picture file, as `read` does those on disk.

    Args:
        data: All that the file holds.
        path: What an error calls it.
        max_megapixels: As for `read`.

    Returns:
        What `read` returns.

    Raises:
        UnreadableImageError: If the bytes are truncated, too large a picture or none.
    """
    with _identify(io.BytesIO(data), Path(path), max_megapixels) as image:
        return _decoded(image)


def _decoded(image: PIL.ImageFile.ImageFile) -> PIL.Image.Image:
    metadata = load_upright(image)
    plain = image.copy()
    plain.info.update(metadata.info())
    return plain


@contextmanager
def open_image(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[PIL.ImageFile.ImageFile]:
    """Open a picture file without decoding it yet; whatever goes wrong while it is open says so by the file's name.

    Args:
        path: As for `read`.
        max_megapixels: As for `read`.

    Yields:
        The picture, as it is stored.

    Raises:
        UnreadableImageError: As `read`.
    """
    path = Path(path)
    if path.is_dir():
        raise UnreadableImageError(f"{path} is a directory; give the picture files in it")
    if not path.exists():
        raise UnreadableImageError(f"{path} does not exist; check the name")
    if path.stat().st_size == 0:
        raise UnreadableImageError(f"{path} is empty (0 bytes); copy it again from where it came")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UnreadableImageError(f"{path} cannot be decoded ({error}); it may be truncated") from error
    with stream, _identify(stream, path, max_megapixels) as image:
        yield image


@contextmanager
def _identify(stream: IO[bytes], path: Path, max_megapixels: float) -> Iterator[PIL.ImageFile.ImageFile]:
    try:
        image = _identified(stream, path)
        if image is None:
            raise UnreadableImageError(f"{path} is not a picture, or of a format that Pillow does not read")
        megapixels = image.width * image.height / 1e6
        if megapixels > max_megapixels:
            raise UnreadableImageError(
                f"{path} is too large: {megapixels:.0f} megapixels, where at most {max_megapixels:g} are decoded. "
                "If you trust the file, allow more (--max-megapixels, or max_megapixels of read_scan)"
            )
        with image:
            yield image
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise UnreadableImageError(f"{path} cannot be decoded ({error}); it may be truncated") from error


def _identified(stream: IO[bytes], path: Path) -> PIL.ImageFile.ImageFile | None:
    """Do what `PIL.Image.open` does, without its limit, which could only be changed for the whole process."""
    prefix = stream.read(16)
    tried: set[str] = set()
    for register in (PIL.Image.preinit, PIL.Image.init):
        register()
        for name in [name for name in PIL.Image.ID if name not in tried]:
            tried.add(name)
            factory, accepts = PIL.Image.OPEN[name]
            try:
                if accepts is None or accepts(prefix) is True:
                    stream.seek(0)
                    return factory(stream, str(path))
            except (SyntaxError, IndexError, TypeError, struct.error):
                continue
    return None


def load_upright(image: PIL.ImageFile.ImageFile) -> Metadata:
    """Decode an open picture, turn it as its EXIF orientation says, and return what the file says beside the pixels."""
    turned = image.getexif().get(Base.Orientation) in _QUARTER_TURNS
    _allocate(image)
    image.load()
    PIL.ImageOps.exif_transpose(image, in_place=True)
    return Metadata.of(image, turned)


def _allocate(image: Any) -> None:
    """Take the memory for a TIFF, for Pillow would hold its own limit against it there once more."""
    if image.format == "TIFF" and image.tile and getattr(image, "_im", image) is None:
        image.im = PIL.Image.new(image.mode, getattr(image, "_tile_size", image.size), None).im


def write_image(image: PIL.Image.Image, path: str | Path, overwrite: bool = False) -> None:
    """Write a picture so that nothing half-written ever bears its name, and nothing is overwritten unasked.

    JPEG is written at quality 95 without chroma sub-sampling, WebP without loss: the defaults throw away what a
    colouriser adds.

    Args:
        image: The picture, and in its ``info`` what the file is to say beside it, see `Metadata`. Its alpha channel is
            dropped for JPEG, which has none, and 16 bits become 8 in all formats but PNG and TIFF.
        path: Where to; the suffix chooses the format, and missing folders are made.
        overwrite: Replace a file that is already there.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
        ValueError: If the suffix names no format that Pillow writes.
        OSError: If the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    format_name = format_of(path)
    with atomic_write(path, overwrite) as stream:
        encode_image(image, stream, format_name)


def encode_image(image: PIL.Image.Image, stream: IO[bytes], format_name: str) -> None:
    """Encode a picture and what its ``info`` says; see `write`.

    Args:
        image: The picture.
        stream: Where to.
        format_name: Pillow's name of the format.
    """
    metadata = Metadata.of(image)
    options: dict[str, Any] = {}
    if image.mode in (*DEEP_GREY, "F") and image.mode not in _KEPT.get(format_name, ()):
        image = _to_8bit(image)
    if format_name == "JPEG":
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
        options = {"quality": 95, "subsampling": 0}
    elif format_name == "WEBP":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        options = {"lossless": True, "exact": True}  # exact: colours under full transparency stay
    image.save(stream, format=format_name, **options, **metadata.options(format_name, image.mode))


def to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return a picture of any mode as 8-bit RGB; 16-bit grey is scaled, where Pillow would clip it to white."""
    shallow = _to_8bit(image)
    return shallow if shallow.mode == "RGB" else shallow.convert("RGB")  # which would copy it


def _to_8bit(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return a picture of a deep mode as 8-bit grey, any other as it is."""
    if image.mode in DEEP_GREY:
        return PIL.Image.fromarray(np.rint(levels_of_16bit(image) / 257).astype(np.uint8))
    if image.mode == "F":
        return PIL.Image.fromarray(np.rint(np.clip(np.asarray(image), 0, 1) * 255).astype(np.uint8))
    return image


def levels_of_16bit(image: PIL.Image.Image) -> NDArray[np.uint16]:
    """Return the levels of a 16-bit grey picture, whatever integers Pillow keeps them in.

    Args:
        image: Of one of the modes `DEEP_GREY`.

    Raises:
        ValueError: If it holds numbers that 16 bits do not.
    """
    levels = np.asarray(image)
    if levels.dtype.itemsize > 2 and levels.size and (levels.min() < 0 or levels.max() > 65535):
        raise ValueError(
            f"the picture holds whole numbers from {levels.min()} to {levels.max()}; scale them to 16 bits, [0, 65535]"
        )
    return np.asarray(levels, dtype=np.uint16)
