"""Picture files: decoded upright, written whole or not at all."""

import os
import secrets
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from colorzoo.errors import OutputExistsError, UnreadableImageError

DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's modes of grey pictures with 16 bits."""

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"))
"""The files of a folder that count as pictures."""

_KEEP_DEPTH = ("PNG", "TIFF")


def read(path: str | Path) -> PIL.Image.Image:
    """Open and decode a picture file, turned upright as its EXIF orientation says.

    Args:
        path: Any format that Pillow reads.

    Returns:
        The decoded picture.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated or no picture.
    """
    path = Path(path)
    if path.is_dir():
        raise UnreadableImageError(f"{path} is a directory; give the picture files in it")
    if not path.exists():
        raise UnreadableImageError(f"{path} does not exist; check the name")
    if path.stat().st_size == 0:
        raise UnreadableImageError(f"{path} is empty (0 bytes); copy it again from where it came")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path) as image:
                image.load()
                return PIL.ImageOps.exif_transpose(image)
    except PIL.UnidentifiedImageError as error:
        raise UnreadableImageError(f"{path} is not a picture, or of a format that Pillow does not read") from error
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(
            f"{path} is too large: {error}. If you trust the file, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise UnreadableImageError(f"{path} cannot be decoded ({error}); it may be truncated") from error


def write(image: PIL.Image.Image, path: str | Path, overwrite: bool = False) -> None:
    """Write a picture so that nothing half-written ever bears its name, and nothing is overwritten unasked.

    JPEG is written at quality 95 without chroma sub-sampling, WebP without loss: the defaults throw away what a
    colouriser adds.

    Args:
        image: The picture; its alpha channel is dropped for JPEG, which has none, and 16 bits become 8 in all formats
            but PNG and TIFF.
        path: Where to; the suffix chooses the format, and missing folders are made.
        overwrite: Replace a file that is already there.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
        ValueError: If the suffix names no format that Pillow writes.
    """
    path = Path(path)
    format_name = format_of(path)
    if not overwrite and path.exists():
        raise OutputExistsError(f"{path} exists; choose another name or allow overwriting")
    if image.mode in (*DEEP_GREY, "F") and format_name not in _KEEP_DEPTH:
        image = to_rgb(image)
    options: dict[str, Any] = {}
    if format_name == "JPEG":
        image = image.convert("RGB")
        options = {"quality": 95, "subsampling": 0}
    elif format_name == "WEBP":
        options = {"lossless": True}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not mkstemp, whose files are private: to ask for the umask is to change it, for all threads.
    temporary = path.with_name(f".colorzoo-{secrets.token_hex(8)}{path.suffix}")
    try:
        with temporary.open("xb") as stream:
            image.save(stream, format=format_name, **options)
        _publish(temporary, path, overwrite)
    finally:
        temporary.unlink(missing_ok=True)


def format_of(path: Path) -> str:
    """Return Pillow's name for the format that a file's suffix stands for.

    Args:
        path: The file's name.

    Raises:
        ValueError: If the suffix names no format that Pillow writes.

    Example:
        >>> format_of(Path("picture.jpg"))
        'JPEG'
    """
    name = PIL.Image.registered_extensions().get(path.suffix.lower())
    if name is None or name not in PIL.Image.SAVE:
        raise ValueError(f"cannot tell a picture format from {path.name!r}; end the name in .png, .jpg or .tif")
    return name


def _publish(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give a finished file its name, in one step."""
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        # A link, unlike a rename, fails where another process has made the file meanwhile.
        os.link(temporary, path)
    except FileExistsError as error:
        raise OutputExistsError(f"{path} exists; choose another name or allow overwriting") from error
    except OSError:
        os.rename(temporary, path)


def to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return a picture of any mode as 8-bit RGB; 16-bit grey is scaled, where Pillow would clip it to white."""
    if image.mode in DEEP_GREY:
        image = PIL.Image.fromarray(np.rint(deep_levels(image) / 257).astype(np.uint8))
    elif image.mode == "F":
        image = PIL.Image.fromarray(np.rint(np.clip(np.asarray(image), 0, 1) * 255).astype(np.uint8))
    return image.convert("RGB")


def deep_levels(image: PIL.Image.Image) -> NDArray[np.uint16]:
    """Return the levels of a 16-bit grey picture, whatever integers Pillow keeps them in."""
    return np.asarray(np.clip(np.asarray(image), 0, 65535), dtype=np.uint16)
