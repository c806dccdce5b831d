"""Recognises the image in a file and reads its header; the pixels are decoded later.

This is what `PIL.Image.open` does, for the formats that are known to be read right and to start no other program, and
without its limit of size, which could only be changed for the whole process.
"""

import errno
import stat
import struct
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import PIL.Image
import PIL.ImageFile
import PIL.ImagePalette

from colorzoo.errors import PictureWarning, UnreadableImageError
from colorzoo.io.bmp_runs import check_runs
from colorzoo.io.jpeg2000 import Jpeg2000Image
from colorzoo.io.png_chunks import PNG_PREFIX, drop_bad_chunks
from colorzoo.io.psd import PsdImage
from colorzoo.io.tiff_pages import Page, find_pages
from colorzoo.io.tiff_read import open_page
from colorzoo.runtime.memory import available_memory

READ_FORMATS = (
    *("JPEG", "PNG", "TIFF", "WEBP", "BMP", "DIB", "GIF", "PPM", "JPEG2000", "AVIF", "MPO", "PSD", "TGA", "PCX"),
    *("ICO", "QOI", "SGI", "SUN"),
)
"""Pillow's names of the formats that are read. Others call programs (EPS), or misread what they are given."""

MAX_MEGAPIXELS = 300.0
"""What is decoded unless more is allowed: an A3 sheet at 1200 dpi, but no bomb of a few bytes that fills the memory."""

_BYTES_A_PIXEL, _BYTES_A_COLOURED_PIXEL = 40, 60
"""Of memory, for grey and other images; the most that `benchmarks/image_memory.py` found, rounded up."""
_SAVE_IT = "copy it again, or save it as a PNG or TIFF in a program that shows it"
_BMP_RLE8, _BMP_RLE4 = 1, 2
"""Compressions of BMPs; of the second, Pillow loses half a byte where a run has an odd number of pixels."""
_SMALL = 1 << 28
"""Bytes that are always there, so that small images are not delayed."""
_WORKING = 600_000_000
"""Bytes that a network takes at work, whatever the size of the image: it sees a tile, or a smaller copy."""


@contextmanager
def decoding_errors(path: str | Path) -> Iterator[None]:
    """Turn whatever a decoder raises into an `UnreadableImageError` that names the file."""
    try:
        yield
    except UnreadableImageError as error:
        if str(path) in str(error):
            raise
        raise UnreadableImageError(f"{path} is not read: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # decoders of damaged files raise nearly everything
        reason = textwrap.shorten(str(error) or type(error).__name__, 200)
        cut = isinstance(error, EOFError) or "truncated" in reason.lower()
        advice = (
            "it is truncated: copy it again from where it came" if cut else f"it is damaged, or unusual; {_SAVE_IT}"
        )
        raise UnreadableImageError(f"{path} cannot be decoded ({reason}); {advice}") from error


def open_stream(path: str | Path) -> IO[bytes]:
    """Open a file that should hold an image.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: If it is missing, empty, a directory or no regular file, or may not be read.
    """
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImageError(f"{path} is a directory; give the image files in it")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImageError(f"{path} is a device or a pipe; give a file")
        if status.st_size == 0:
            raise UnreadableImageError(f"{path} is empty (0 bytes); copy it again from where it came")
        return path.open("rb")
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{path} does not exist; check the name") from error
    except UnreadableImageError:
        raise
    except OSError as error:
        check = "check the name" if error.errno in (errno.ELOOP, errno.ENAMETOOLONG) else "check its permissions"
        raise UnreadableImageError(f"{path} cannot be opened ({error.strerror}); {check}") from error


def parse_header(
    stream: IO[bytes], path: str | Path, max_megapixels: float, page: Page | None = None
) -> PIL.ImageFile.ImageFile:
    """Recognise the image in a file and read its header.

    Args:
        stream: The open file, at any position; it may be parsed again to decode another page, or the same one anew.
        path: What an error calls it.
        max_megapixels: Refuse larger images.
        page: Which page of a TIFF; None for the first.

    Raises:
        UnreadableImageError: If it is too large an image or none.
    """
    stream.seek(0)
    prefix = stream.read(16)
    if prefix.startswith(PNG_PREFIX):
        stream, dropped = drop_bad_chunks(stream)
        if dropped:
            names = ", ".join(dropped)
            warnings.warn(f"its chunks {names} are damaged or too large, and were left out", PictureWarning, 2)
    tried: set[str] = set()
    begins_as = ""
    for register in (PIL.Image.preinit, PIL.Image.init):
        register()
        for name in [name for name in READ_FORMATS if name in PIL.Image.OPEN and name not in tried]:
            tried.add(name)
            _, accepts = PIL.Image.OPEN[name]
            try:
                if accepts is None or accepts(prefix) is True:
                    return check_size(_open(name, stream, page), path, max_megapixels)
            except (SyntaxError, IndexError, TypeError, struct.error):
                begins_as = name if accepts else begins_as
    kind = f"begins as a {begins_as}, and is damaged or of a kind" if begins_as else "is not an image, or of a format"
    raise UnreadableImageError(f"{path} {kind} that is not read; {_SAVE_IT}")


def _open(name: str, stream: IO[bytes], page: Page | None) -> PIL.ImageFile.ImageFile:
    if name == "TIFF":
        pages = [page] if page else find_pages(stream)
        tiff = open_page(stream, pages[0])
        tiff.pages = pages
        return tiff
    factory = {"PSD": PsdImage, "JPEG2000": Jpeg2000Image}.get(name) or PIL.Image.OPEN[name][0]
    # Without a name: with one, Pillow opens the file once more to map it into memory.
    stream.seek(0)
    try:
        image = factory(stream, "")
    except PIL.Image.DecompressionBombError:
        if name != "WEBP":
            raise
        stream.seek(0)
        image = factory(_Sixteen(stream), "")  # type: ignore[arg-type]
    if image.info.get("compression") == _BMP_RLE4 and name in ("BMP", "DIB"):
        raise UnreadableImageError("it is a BMP of runs of 4 bits, which are not read; save it as a PNG")
    if image.info.get("compression") == _BMP_RLE8 and name in ("BMP", "DIB"):
        position = stream.seek(image.tile[0].offset)
        check_runs(stream.read(), image.width, image.height)
        stream.seek(position)
    if name == "PCX" and image.mode == "1":
        _give_two_colors(stream, image)
    if name == "PNG" and image.tile and isinstance(image.info.get("transparency"), int):
        # Pillow scales the levels to 8 bits, and leaves the transparent one as it is stored.
        image.info["transparency"] *= {"L;2": 85, "L;4": 17}.get(str(image.tile[0].args), 1)
    return image


def _give_two_colors(stream: IO[bytes], image: PIL.ImageFile.ImageFile) -> None:
    """Let a PCX of one bit have the two colours that it names, where Pillow takes any for black and white."""
    position = stream.tell()
    stream.seek(16)
    colors = stream.read(6)
    stream.seek(position)
    if colors[:3] != colors[3:] and colors != b"\0\0\0\xff\xff\xff":
        image._mode, image.palette = "P", PIL.ImagePalette.raw("RGB", colors)
        (tile,) = image.tile
        arguments: Any = tile.args
        image.tile = [tile._replace(args=("P;1", *arguments[1:]))]


class _Sixteen:
    """Gives 16 bytes first, in which Pillow recognises a WebP, but not its size: it would apply its own limit."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.seek, self.tell = stream, stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(16 if self._stream.tell() == 0 else size)


def check_size(image: PIL.ImageFile.ImageFile, path: str | Path, max_megapixels: float) -> PIL.ImageFile.ImageFile:
    """Return an open image, or refuse it if it is too large.

    Args:
        image: Not decoded yet.
        path: What an error calls it.
        max_megapixels: Refuse larger images.

    Raises:
        UnreadableImageError: If it has more pixels.
    """
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise UnreadableImageError(
            f"{path} is too large: {megapixels:.0f} megapixels, where at most {max_megapixels:g} are decoded. "
            "If you trust the file, allow more (--max-megapixels, or max_megapixels of read_raster)"
        )
    return image


def needed_bytes(image: PIL.ImageFile.ImageFile) -> int:
    """Return how much memory it takes to decode an open image, process and encode it, beside the networks.

    Args:
        image: Not decoded yet.
    """
    return image.width * image.height * (_BYTES_A_PIXEL if len(image.getbands()) < 3 else _BYTES_A_COLOURED_PIXEL)


def check_memory(image: PIL.ImageFile.ImageFile, path: str | Path) -> None:
    """Refuse an open image that needs more memory than there is, before it is decoded.

    Args:
        image: Not decoded yet.
        path: What an error calls it.

    Raises:
        UnreadableImageError: If it does not fit.
    """
    needed = needed_bytes(image) + _WORKING
    if needed > _SMALL + _WORKING and needed > (free := available_memory() or needed):
        raise UnreadableImageError(
            f"{path} needs about {needed / 1e9:.1f} GB of memory ({image.width} x {image.height} pixels), and "
            f"{free / 1e9:.1f} GB are free; end other programs, take a machine with more, or make it smaller"
        )


def check_header(path: str | Path) -> None:
    """Refuse a file whose header is not that of an image that is read, which is cheap and finds most damaged files.

    Args:
        path: The file.

    Raises:
        UnreadableImageError: If it is none.
    """
    with open_stream(path) as stream, decoding_errors(path):
        parse_header(stream, path, MAX_MEGAPIXELS)


@contextmanager
def measure_path(path: Path) -> Iterator[tuple[Path, int]]:
    """Yield a path, and what memory its image takes; 0 if the header cannot be read, which reading finds out."""
    try:
        with open_stream(path) as stream:
            size = needed_bytes(parse_header(stream, path, float("inf")))
    except Exception:  # decoders of damaged files raise nearly everything
        size = 0
    yield path, size


def stored_bits(image: PIL.ImageFile.ImageFile, stream: IO[bytes]) -> int:
    """Return how many bits a sample has in a file that Pillow decodes to 8; 8 where the format has no more.

    Args:
        image: Not decoded yet.
        stream: The open file.
    """
    arguments: Any = image.tile[0].args if image.tile else ()
    if image.format in ("PNG", "TIFF"):
        raw = arguments[0] if isinstance(arguments, tuple) else arguments
        return 16 if ";16" in str(raw) else 8
    if image.format == "PPM" and image.tile[0].codec_name in ("ppm", "ppm_plain"):
        return int(arguments[-1]).bit_length()
    if isinstance(image, Jpeg2000Image):
        return image.bits
    position = stream.tell()
    stream.seek(0)
    head = stream.read(1 << 16)
    stream.seek(position)
    if image.format == "SGI":
        return 8 * head[3]
    if image.format == "AVIF" and (start := head.find(b"av1C")) >= 0:
        flags = head[start + 6]
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return 8
