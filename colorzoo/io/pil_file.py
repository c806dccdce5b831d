"""Image files as Pillow reads and writes them: decoded upright, up to a size limit, with their metadata."""

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

from colorzoo.errors import UnreadableImageError
from colorzoo.io.atomic import atomic_write, format_of
from colorzoo.io.embedded import read_orientation
from colorzoo.io.metadata import Metadata
from colorzoo.io.tiff import allocate_tiff

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
    """Open and decode an image file, turned upright as its EXIF orientation says.

    Args:
        path: Any format that Pillow reads; of several pictures in a file, the first.
        max_megapixels: Refuse to decode more; Pillow's own limit is neither asked nor changed.

    Returns:
        The decoded picture; its ``info`` has what the file says beside the pixels, see `Metadata`.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated, too large or no picture.
    """
    with open_stream(path) as stream, decoding_errors(path):
        return _decode(parse_header(stream, path, max_megapixels))


def decode_image(data: bytes | memoryview, path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> PIL.Image.Image:
    """Decode the bytes of an image file, as `read_image` does those on disk.

    Args:
        data: All that the file holds.
        path: What an error calls it.
        max_megapixels: As for `read_image`.

    Returns:
        What `read_image` returns.

    Raises:
        UnreadableImageError: If the bytes are truncated, too large a picture or none.
    """
    with decoding_errors(path):
        return _decode(parse_header(io.BytesIO(data), path, max_megapixels))


def _decode(image: PIL.ImageFile.ImageFile) -> PIL.Image.Image:
    metadata = load_upright(image)
    plain = image.copy()
    plain.info.update(metadata.info())
    return plain


def open_stream(path: str | Path) -> IO[bytes]:
    """Open a file that should hold a picture.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: If it is missing, empty or a directory, or may not be read.
    """
    path = Path(path)
    if path.is_dir():
        raise UnreadableImageError(f"{path} is a directory; give the picture files in it")
    if not path.exists():
        raise UnreadableImageError(f"{path} does not exist; check the name")
    if path.stat().st_size == 0:
        raise UnreadableImageError(f"{path} is empty (0 bytes); copy it again from where it came")
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableImageError(f"{path} cannot be opened ({error.strerror}); check its permissions") from error


@contextmanager
def decoding_errors(path: str | Path) -> Iterator[None]:
    """Turn whatever a decoder raises into an `UnreadableImageError` that names the file."""
    try:
        yield
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise UnreadableImageError(f"{path} cannot be decoded ({error}); it may be truncated") from error


def parse_header(stream: IO[bytes], path: str | Path, max_megapixels: float) -> PIL.ImageFile.ImageFile:
    """Recognise the picture in a file and read its header; the pixels are decoded later, from the same stream.

    This is what `PIL.Image.open` does, without its limit, which could only be changed for the whole process.

    Args:
        stream: The open file, at any position; it may be parsed again to decode another page, or the same one anew.
        path: What an error calls it.
        max_megapixels: Refuse larger pictures.

    Raises:
        UnreadableImageError: If it is too large a picture or none.
    """
    stream.seek(0)
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
                    # Without a name: with one, Pillow opens the file once more to map it into memory.
                    return _check_size(factory(stream, ""), path, max_megapixels)
            except (SyntaxError, IndexError, TypeError, struct.error):
                continue
    raise UnreadableImageError(f"{path} is not a picture, or of a format that Pillow does not read")


def _check_size(image: PIL.ImageFile.ImageFile, path: str | Path, max_megapixels: float) -> PIL.ImageFile.ImageFile:
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise UnreadableImageError(
            f"{path} is too large: {megapixels:.0f} megapixels, where at most {max_megapixels:g} are decoded. "
            "If you trust the file, allow more (--max-megapixels, or max_megapixels of read_raster)"
        )
    return image


def load_upright(image: PIL.ImageFile.ImageFile) -> Metadata:
    """Decode an open picture, turn it as its EXIF orientation says, and return what the file says beside the pixels."""
    turned = read_orientation(image) in _QUARTER_TURNS
    decode_upright(image)
    return Metadata.of(image, turned)


def decode_upright(image: PIL.ImageFile.ImageFile) -> None:
    """Decode an open picture, and turn it as its EXIF orientation says."""
    read_orientation(image)
    allocate_tiff(image)
    image.load()
    info = dict(image.info)
    PIL.ImageOps.exif_transpose(image, in_place=True)
    image.info = info  # in which Pillow would have encoded the EXIF anew


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


def encode_image(image: PIL.Image.Image, stream: IO[bytes], format_name: str, metadata: Metadata | None = None) -> None:
    """Encode a picture and its metadata; see `write_image`.

    Args:
        image: The picture.
        stream: Where to.
        format_name: Pillow's name of the format.
        metadata: What the file is to say beside the pixels; None for what the picture's ``info`` says.
    """
    metadata = Metadata.of(image) if metadata is None else metadata
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
    image = _to_8bit(image)
    return image if image.mode == "RGB" else image.convert("RGB")  # convert copies even RGB


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
