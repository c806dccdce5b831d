"""Scans from files and into files, one or several a file, with all their bits and all that they say of themselves."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.ImageFile
from numpy.typing import NDArray

from colorzoo.errors import UnreadableImageError
from colorzoo.io.atomic import atomic_write, format_of
from colorzoo.io.pil_file import MAX_MEGAPIXELS, encode_image, load_upright, open_image
from colorzoo.io.pillow16 import is_16bit, join_bytes, select_low_bytes, stored_as
from colorzoo.io.png16 import write_png16
from colorzoo.io.raster import RasterImage
from colorzoo.io.tiff import write_tiff_pages

_SUBFILE_TYPE, _BITS, _PLANAR = 254, 258, 284
_REDUCED = 1


def read_raster(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> RasterImage:
    """Read the first picture of a file, with 16 bits where it has them.

    Args:
        path: Any format that Pillow reads.
        max_megapixels: Refuse to decode more.

    Returns:
        The picture, upright; one of several says so in its remarks.

    Raises:
        UnreadableImageError: If the file is missing, empty, a directory, truncated, too large or no picture.
        ValueError: If it holds whole numbers beyond 16 bits.
    """
    with open_image(path, max_megapixels) as image:
        frames = _frames(image)
        kind = "pages" if image.format == "TIFF" else "frames"
    scan = _read(path, frames[0], max_megapixels)
    if len(frames) == 1:
        return scan
    remark = f"it has {len(frames)} {kind}, of which the first was taken (--all-frames takes all, into a TIFF)"
    return replace(scan, remarks=(*scan.remarks, remark))


def read_pages(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[RasterImage]:
    """Read all pictures of a file, such as the pages of a TIFF, one after another; its previews are left out.

    Args:
        path: As for `read_raster`.
        max_megapixels: As for `read_raster`, of each.

    Yields:
        The pictures, upright.

    Raises:
        UnreadableImageError: As `read_raster`.
        ValueError: As `read_raster`.
    """
    with open_image(path, max_megapixels) as image:
        frames = _frames(image)
    for frame in frames:
        yield _read(path, frame, max_megapixels)


def write_raster(scan: RasterImage, path: str | Path, overwrite: bool = False) -> None:
    """Write a scan with its metadata, and with 16 bits where the format has them: PNG and TIFF.

    Args:
        scan: The picture. Its alpha channel is dropped for JPEG, which has none. WebP is written without loss, JPEG at
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
            encode_image(scan.to_pil(), stream, format_name)


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
        raise ValueError(f"{path} cannot hold several pictures; end the name in .tif")
    with atomic_write(path, overwrite) as stream:
        readable = (_in_readable_colours(scan) for scan in scans)
        write_tiff_pages(stream, ((_pixels(scan), scan.metadata) for scan in readable))


def _read(path: str | Path, frame: int, max_megapixels: float) -> RasterImage:
    with open_image(path, max_megapixels) as image:
        _seek(image, frame, max_megapixels, path)
        raw = stored_as(image)
        planes = _has_deep_planes(image)
        if planes and ";16" not in raw:
            raise UnreadableImageError(f"{path} has 16-bit planes that Pillow mistakes; save it with interleaved ones")
        metadata = load_upright(image)
        if is_16bit(raw) and not planes:
            with open_image(path, max_megapixels) as again:
                _seek(again, frame, max_megapixels, path)
                select_low_bytes(again, raw)
                load_upright(again)
                levels, alpha = join_bytes(raw, image, again)
            return RasterImage(levels, alpha, metadata)
    scan = RasterImage.of(image, metadata)
    if ";16" in raw and scan.levels.dtype == np.uint8:
        return replace(scan, remarks=(*scan.remarks, "its 16 bits were read as 8"))
    return scan


def _seek(image: PIL.ImageFile.ImageFile, frame: int, max_megapixels: float, path: str | Path) -> None:
    if frame:
        image.seek(frame)
        if image.width * image.height > max_megapixels * 1e6:
            raise UnreadableImageError(f"picture {frame + 1} of {path} is too large; allow more (--max-megapixels)")


def _frames(image: PIL.ImageFile.ImageFile) -> list[int]:
    """Return which of a file's pictures are such; where they cannot be counted, there is one."""
    if image.format == "MPO":  # a JPEG of a camera, and behind it smaller ones of the same
        return [0]
    try:
        frames = list(range(getattr(image, "n_frames", 1)))
        if image.format != "TIFF" or len(frames) == 1:
            return frames
        return [frame for frame in frames if frame == 0 or not _subfile_type(image, frame) & _REDUCED]
    except (OSError, EOFError, SyntaxError, ValueError, KeyError, struct.error):
        return [0]


def _subfile_type(image: Any, frame: int) -> int:
    image.seek(frame)
    return int(image.tag_v2.get(_SUBFILE_TYPE, 0))


def _has_deep_planes(image: Any) -> bool:
    """Tell a TIFF of 16-bit channels one after another, of which Pillow decodes the high bytes alone, or nonsense."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    return tags.get(_PLANAR, 1) == 2 and 16 in tags.get(_BITS, ()) and len(image.getbands()) > 1


def _in_readable_colours(scan: RasterImage) -> RasterImage:
    """Return 16-bit grey with alpha as RGB, for Pillow and all that is built on it would not read that from a TIFF."""
    if scan.alpha is None or scan.levels.ndim == 3 or scan.levels.dtype == np.uint8:
        return scan
    scan = scan.in_srgb()
    return scan.with_color(np.repeat(scan.levels[..., None], 3, axis=2))


def _pixels(scan: RasterImage) -> NDArray[Any]:
    """Return levels and alpha of a scan in one array, as `write_tiff_pages` and `write_png16` take it."""
    if np.issubdtype(scan.levels.dtype, np.floating) and scan.levels.ndim == 2:
        return scan.levels.astype(np.float32)[..., None]
    if scan.levels.dtype != np.uint8:
        scan = scan.of_depth(np.uint16)
    levels = scan.levels.reshape(*scan.levels.shape[:2], -1)
    return levels if scan.alpha is None else np.concatenate([levels, scan.alpha[..., None]], axis=2)
