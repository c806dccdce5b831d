"""Image files as Pillow reads and writes them: decoded upright, up to a size limit, with their metadata."""

import io
from pathlib import Path
from typing import IO, Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps
from numpy.typing import NDArray

from colorzoo.io.atomic import atomic_write, format_of
from colorzoo.io.bmp import write_bmp32
from colorzoo.io.containers import read_container
from colorzoo.io.depth import rescale_levels
from colorzoo.io.embedded import read_orientation
from colorzoo.io.image_header import MAX_MEGAPIXELS as MAX_MEGAPIXELS
from colorzoo.io.image_header import check_memory, decoding_errors, open_stream, parse_header
from colorzoo.io.jpeg2000 import Jpeg2000Image
from colorzoo.io.metadata import Metadata
from colorzoo.io.psd import PsdImage
from colorzoo.io.tiff_read import TiffImage, turn_upright

DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's modes of grey images with 16 bits."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".tif", ".tiff", ".webp", ".avif", ".gif", ".bmp"}
    | {".dib", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".tga", ".pbm", ".pgm", ".ppm", ".pnm", ".pcx", ".psd"}
    | {".icb", ".vda", ".vst", ".qoi", ".sgi", ".ras", ".psb"}
)
"""The files of a folder that count as images."""

SELF_DECODED = (TiffImage, PsdImage, Jpeg2000Image)
"""The images that tell by ``is_exact`` whether Pillow decodes them right."""

_MOST_A_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "TGA": 65_535, "AVIF": 65_536}
"""Pixels that a format holds in width or height."""

_KEPT = {"PNG": DEEP_GREY, "TIFF": (*DEEP_GREY, "F")}
"""The deep modes that a format keeps."""


def read_image(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> PIL.Image.Image:
    """Open and decode an image file, turned upright as its EXIF orientation says.

    Args:
        path: Any format that Pillow reads; of several images in a file, the first.
        max_megapixels: Refuse to decode more; Pillow's own limit is neither asked nor changed.

    Returns:
        The decoded image; its ``info`` has what the file says beside the pixels, see `Metadata`.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated, too large or no image.
    """
    with open_stream(path) as stream, decoding_errors(path):
        return _decode(parse_header(stream, path, max_megapixels), path)


def decode_image(data: bytes | memoryview, path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> PIL.Image.Image:
    """Decode the bytes of an image file, as `read_image` does those on disk.

    Args:
        data: All that the file holds.
        path: What an error calls it.
        max_megapixels: As for `read_image`.

    Returns:
        What `read_image` returns.

    Raises:
        UnreadableImageError: If the bytes are truncated, too large an image or none.
    """
    with decoding_errors(path):
        return _decode(parse_header(io.BytesIO(data), path, max_megapixels), path)


def _decode(image: PIL.ImageFile.ImageFile, path: str | Path) -> PIL.Image.Image:
    check_memory(image, path)
    if isinstance(image, SELF_DECODED) and not image.is_exact:
        levels, alpha, _, metadata = load_samples(image)
        if levels.ndim == 3 or alpha is not None or levels.dtype == np.float32:
            levels = rescale_levels(levels, np.uint8)
        plain = PIL.Image.fromarray(levels, "CMYK" if levels.shape[2:] == (4,) else None)
        if alpha is not None:
            plain = plain.convert("RGB") if plain.mode == "CMYK" else plain  # which holds no alpha
            plain.putalpha(PIL.Image.fromarray(rescale_levels(alpha, np.uint8)))
    else:
        metadata = load_upright(image)
        plain = image.copy()
    plain.info.update(metadata.info())
    return plain


def load_upright(image: PIL.ImageFile.ImageFile) -> Metadata:
    """Decode an open image, turn it as its EXIF orientation says, and return what the file says beside the pixels."""
    read_container(image)
    if image.format == "PNG":
        image.load()  # or asking for its EXIF would, where errors are taken for those of the EXIF
    orientation = read_orientation(image)
    decode_upright(image)
    return Metadata.of(image, orientation)


def decode_upright(image: PIL.ImageFile.ImageFile) -> None:
    """Decode an open image, and turn it as its EXIF orientation says."""
    orientation = read_orientation(image)
    if isinstance(image, TiffImage):
        image.allocate()
    image.load()
    info = dict(image.info)
    PIL.ImageOps.exif_transpose(image, in_place=True)
    if isinstance(image, TiffImage):
        image.check_fax(orientation)
    image.info = info  # in which Pillow would have encoded the EXIF anew


def load_samples(
    image: TiffImage | PsdImage | Jpeg2000Image,
) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...], Metadata]:
    """Decode an image that Pillow would not get right, upright.

    Args:
        image: Not decoded yet.

    Returns:
        Levels, alpha, remarks on what was left out, and what the file says beside the pixels.
    """
    read_container(image)
    orientation = read_orientation(image)
    levels, alpha, remarks = image.read_samples()
    levels = turn_upright(levels, orientation)
    alpha = None if alpha is None else turn_upright(alpha, orientation)
    return levels, alpha, remarks, Metadata.of(image, orientation)


def write_image(image: PIL.Image.Image, path: str | Path, overwrite: bool = False) -> None:
    """Write an image so that nothing half-written ever bears its name, and nothing is overwritten unasked.

    JPEG is written at quality 95 without chroma sub-sampling, WebP without loss: the defaults throw away what a
    colouriser adds.

    Args:
        image: The image, and in its ``info`` what the file is to say beside it, see `Metadata`. Its alpha channel is
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
    """Encode an image and its metadata; see `write_image`.

    Args:
        image: The image.
        stream: Where to.
        format_name: Pillow's name of the format.
        metadata: What the file is to say beside the pixels; None for what the image's ``info`` says.
    """
    most = _MOST_A_SIDE.get(format_name, max(image.size))
    if max(image.size) > most:
        raise ValueError(
            f"{format_name} holds at most {most:,} pixels a side, and the image has {max(image.size):,}; "
            "write a PNG or a TIFF"
        )
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
    elif format_name == "AVIF":
        options = {"quality": 95, "subsampling": "4:4:4"}
    elif format_name == "BMP" and image.mode in ("LA", "RGBA"):
        return write_bmp32(stream, image, metadata.dpi)
    # Where a write fails, OpenJPEG would write on for ever.
    buffer = io.BytesIO() if format_name == "JPEG2000" else stream
    image.save(buffer, format=format_name, **options, **metadata.options(format_name, image.mode))
    if isinstance(buffer, io.BytesIO) and buffer is not stream:
        stream.write(buffer.getbuffer())


def to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return an image of any mode as 8-bit RGB; 16-bit grey is scaled, where Pillow would clip it to white."""
    image = _to_8bit(image)
    return image if image.mode == "RGB" else image.convert("RGB")  # convert copies even RGB


def _to_8bit(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return an image of a deep mode as 8-bit grey, any other as it is."""
    if image.mode in DEEP_GREY:
        return PIL.Image.fromarray(rescale_levels(levels_of_16bit(image), np.uint8))
    return PIL.Image.fromarray(rescale_levels(np.asarray(image), np.uint8)) if image.mode == "F" else image


def levels_of_16bit(image: PIL.Image.Image) -> NDArray[np.uint16]:
    """Return the levels of a 16-bit grey image, whatever integers Pillow keeps them in.

    Args:
        image: Of one of the modes `DEEP_GREY`.

    Raises:
        ValueError: If it holds numbers that 16 bits do not.
    """
    levels = np.asarray(image)
    if levels.dtype.itemsize > 2 and levels.size and (levels.min() < 0 or levels.max() > 65535):
        raise ValueError(
            f"the image holds whole numbers from {levels.min()} to {levels.max()}; scale them to 16 bits, [0, 65535]"
        )
    return np.asarray(levels, dtype=np.uint16)
