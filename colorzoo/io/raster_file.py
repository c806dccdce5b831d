"""Reads and writes image files, of one image or several, at full depth and with their metadata."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray

from colorzoo.io.atomic import atomic_write, format_of
from colorzoo.io.depth import stretch_bits
from colorzoo.io.image_header import (
    MAX_MEGAPIXELS,
    check_memory,
    check_size,
    decoding_errors,
    needed_bytes,
    open_stream,
    parse_header,
    stored_bits,
)
from colorzoo.io.pil_file import SELF_DECODED, decode_upright, encode_image, load_samples, load_upright
from colorzoo.io.pillow16 import is_16bit, join_bytes, select_low_bytes, stored_as
from colorzoo.io.png16 import write_png16
from colorzoo.io.raster import RasterImage
from colorzoo.io.tiff import TiffPage, write_tiff_pages
from colorzoo.io.tiff_pages import Page
from colorzoo.io.tiff_read import TiffImage


class RasterFile:
    """An image file that `open_raster` has opened; its images are decoded when they are asked for.

    Args:
        stream: The open file.
        path: Its name.
        max_megapixels: Refuse to decode larger images.
    """

    def __init__(self, stream: IO[bytes], path: str | Path, max_megapixels: float) -> None:
        self._stream, self._path, self._max_megapixels = stream, path, max_megapixels
        with decoding_errors(path):
            image = parse_header(stream, path, max_megapixels)
            self.needed_bytes = needed_bytes(image)
            """What it takes to process the first image, as far as the header tells."""
            self._pages: Sequence[int | Page] = range(_count(image))
            self._unit = "frames"
            if isinstance(image, TiffImage):
                self._pages, self._unit = image.pages, "pages"

    def read(self) -> RasterImage:
        """Decode the first image; one of several says so in its remarks."""
        scan = self._decode(0)
        if len(self._pages) == 1:
            return scan
        count = f"{len(self._pages)} {self._unit}"
        remark = f"it has {count}, of which the first was taken (--all-pages takes all, into a TIFF)"
        return replace(scan, remarks=(*scan.remarks, remark))

    def read_pages(self) -> Iterator[RasterImage]:
        """Decode all images, one after another; previews are left out."""
        return map(self._decode, range(len(self._pages)))

    def _decode(self, index: int) -> RasterImage:
        with decoding_errors(self._path):
            image = self._parse(index)
            check_memory(image, self._path)
            if isinstance(image, SELF_DECODED) and not image.is_exact:
                levels, alpha, remarks, metadata = load_samples(image)
                if levels.shape[2:] != (4,):
                    return RasterImage(levels, alpha, metadata, remarks)
                scan = RasterImage.of(PIL.Image.fromarray(levels, "CMYK"), metadata)
                return replace(scan, alpha=alpha, remarks=(*remarks, *scan.remarks))
            raw, bits = stored_as(image), stored_bits(image, self._stream)
            metadata = load_upright(image)
            remarks = image.left_out if isinstance(image, TiffImage) else ()
            if is_16bit(raw):
                low = self._parse(index)
                select_low_bytes(low, raw)
                decode_upright(low)
                levels, alpha = join_bytes(raw, image, low)
                return RasterImage(levels, alpha, metadata)
        scan = RasterImage.of(image, metadata)
        if image.format == "JPEG2000":
            alpha = None if scan.alpha is None else _unshifted(scan.alpha, bits)
            scan = replace(scan, levels=_unshifted(scan.levels, bits), alpha=alpha)
        if image.format == "GIF" and self._drawn != (0, 0, *image.size):
            scan = _clear_undrawn(scan, self._drawn, index)
        if bits > 8 * scan.levels.dtype.itemsize:
            remarks += (f"its {bits} bits were read as 8",)
        return replace(scan, remarks=(*scan.remarks, *remarks))

    def _parse(self, index: int) -> PIL.ImageFile.ImageFile:
        page = self._pages[index]
        name = f"image {index + 1} of {self._path}" if index else self._path
        if isinstance(page, Page):
            return parse_header(self._stream, name, self._max_megapixels, page)
        image = parse_header(self._stream, self._path, self._max_megapixels)
        self._drawn = image.tile[0].extents if image.tile else None
        if page:
            image.seek(page)
            check_size(image, name, self._max_megapixels)
        return image


@contextmanager
def open_raster(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[RasterFile]:
    """Open an image file, once for all that is read from it.

    Args:
        path: Any format that Pillow reads.
        max_megapixels: Refuse to decode larger images.

    Yields:
        The file, to decode images from; its methods raise as this function does, and ValueError for whole numbers
        beyond 16 bits.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated, too large or no image.
    """
    with open_stream(path) as stream:
        yield RasterFile(stream, path, max_megapixels)


def read_raster(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> RasterImage:
    """Read the first image of a file, with 16 bits where it has them.

    Args:
        path: Any format that Pillow reads.
        max_megapixels: Refuse to decode more.

    Returns:
        The image, upright; one of several says so in its remarks.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated, too large or no image.
        ValueError: If it holds whole numbers beyond 16 bits.
    """
    with open_raster(path, max_megapixels) as file:
        return file.read()


def read_pages(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[RasterImage]:
    """Read all images of a file, such as the pages of a TIFF, one after another; its previews are left out.

    Args:
        path: As for `read_raster`.
        max_megapixels: As for `read_raster`, of each.

    Yields:
        The images, upright.

    Raises:
        UnreadableImageError: As `read_raster`.
        ValueError: As `read_raster`.
    """
    with open_raster(path, max_megapixels) as file:
        yield from file.read_pages()


def write_raster(scan: RasterImage, path: str | Path, overwrite: bool = False) -> None:
    """Write a scan with its metadata, and with 16 bits where the format has them: PNG and TIFF.

    Args:
        scan: The image. Its alpha channel is dropped for JPEG, which has none. WebP is written without loss, JPEG at
            quality 95 without chroma sub-sampling; TIFF without compression.
        path: Where to; the suffix chooses the format, and missing folders are made.
        overwrite: Replace a file that is already there.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
        ValueError: If the suffix names no format that Pillow writes, or there is more to say than the format holds.
        OSError: If the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    format_name = format_of(path)
    if format_name == "TIFF":
        return write_pages([scan], path, overwrite)
    if format_name == "WEBP" and scan.levels.ndim == 2:  # has no grey
        scan = scan.in_srgb()
    with atomic_write(path, overwrite) as stream:
        if format_name == "PNG" and scan.levels.dtype != np.uint8:
            deep = _pixels(scan.of_depth(np.uint16))
            options = scan.metadata.options("PNG", "L" if scan.levels.ndim == 2 else "RGB")
            write_png16(stream, deep, options)
        else:
            encode_image(scan.to_pil(), stream, format_name, scan.metadata)


def write_pages(scans: Iterable[RasterImage], path: str | Path, overwrite: bool = False) -> None:
    """Write scans as the pages of a TIFF, each as soon as it is there.

    Args:
        scans: The pages.
        path: A file that ends in ``.tif`` or ``.tiff``.
        overwrite: Replace a file that is already there.

    Raises:
        OutputExistsError: If the file is there and ``overwrite`` is False.
        ValueError: If the suffix is not that of a TIFF, or more than 4 GiB would be written.
        OSError: If the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    if format_of(path) != "TIFF":
        raise ValueError(f"{path} cannot hold several images; end the name in .tif")
    with atomic_write(path, overwrite) as stream:
        write_tiff_pages(stream, (_tiff_page(scan) for scan in scans))


def _count(image: PIL.ImageFile.ImageFile) -> int:
    """Return how many images a file has; where they cannot be counted, one."""
    if image.format in ("TIFF", "MPO", "PSD"):  # a camera's JPEG with smaller copies; an image with its layers
        return 1
    try:
        return max(1, getattr(image, "n_frames", 1))
    except (OSError, EOFError, SyntaxError, ValueError, KeyError, struct.error):
        return 1


def _unshifted(levels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return levels of a depth of its own at their full range; Pillow shifts them to 8 or 16 bits, and loses white."""
    own = 8 * levels.dtype.itemsize
    return np.asarray(stretch_bits(bits)[levels >> (own - bits)]) if bits < own else levels


def _clear_undrawn(scan: RasterImage, drawn: tuple[int, int, int, int] | None, index: int) -> RasterImage:
    """Return a frame of a GIF without the pixels that nothing was drawn on, which Pillow gives the first colour."""
    if index or not drawn:
        remark = "what the first of its frames leaves undrawn was taken for opaque"
        return replace(scan, remarks=(*scan.remarks, remark))
    left, top, right, bottom = drawn
    alpha = np.zeros(scan.levels.shape[:2], np.uint8)
    alpha[top:bottom, left:right] = 255 if scan.alpha is None else scan.alpha[top:bottom, left:right]
    return replace(scan, alpha=alpha)


def _tiff_page(scan: RasterImage) -> TiffPage:
    if scan.alpha is not None and scan.levels.ndim == 2 and scan.levels.dtype != np.uint8:
        # As RGB: Pillow, and all that is built on it, does not read 16-bit grey with alpha from a TIFF.
        scan = scan.in_srgb()
        scan = scan.with_color(np.repeat(scan.levels[..., None], 3, axis=2))
    return TiffPage(_pixels(scan), scan.metadata.tags(), scan.metadata.profile, scan.metadata.dpi)


def _pixels(scan: RasterImage) -> NDArray[Any]:
    """Return levels and alpha of a scan in one array, as `TiffPage` and `write_png16` take it."""
    if np.issubdtype(scan.levels.dtype, np.floating) and scan.alpha is None:
        return scan.levels.astype(np.float32).reshape(*scan.levels.shape[:2], -1)
    if scan.levels.dtype != np.uint8:
        scan = scan.of_depth(np.uint16)
    levels = scan.levels.reshape(*scan.levels.shape[:2], -1)
    return levels if scan.alpha is None else np.concatenate([levels, scan.alpha[..., None]], axis=2)
