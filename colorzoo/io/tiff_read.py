"""Opens a page of a TIFF, and reads with tifffile those that Pillow decodes wrongly, with fewer bits, or not at all."""

import io
import logging
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageFile
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from colorzoo.errors import UnreadableImageError
from colorzoo.io.depth import rescale_levels, stretch_bits
from colorzoo.io.tiff_pages import Page, RedirectedTiff, byte_layout

Array = NDArray[Any]

# What tifffile logs of damaged tags goes where the user's program logs, and nowhere else.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _SAMPLES, _PLANAR, _TILE_WIDTH, _TILE_LENGTH, _TILES = 266, 277, 284, 322, 323, 324
_EXTRA, _FORMAT = 338, 339
_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_BASE_SAMPLES = {_WHITE_IS_ZERO: 1, _GREY: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_FAX = {2: "tiff_ccitt", 3: "group3", 4: "group4"}
"""Compressions in which damage shows as wrong pixels alone."""
_NO_FAX = bytes(range(1, 256))
"""Follows a strip for the decoder to read where rows are missing: it gives no row that is likely in an image."""
_BAND = 256
QUARTER_TURNS = (5, 6, 7, 8)
"""The EXIF orientations that exchange width and height."""
_LARGEST_SPARE_TILE = 1 << 24
"""Pixels that a tile may have if they are more than those of the image: decoders allocate a whole tile."""


class Samples(NamedTuple):
    """What a page holds: levels (or 8-bit CMYK), alpha, and remarks on what was left out."""

    levels: Array
    alpha: Array | None
    remarks: tuple[str, ...]


class TiffImage(TiffImageFile):
    """A page as Pillow opens it, whatever its pixels are; `read_samples` decodes those that it would not get right."""

    is_exact: bool
    left_out: tuple[str, ...] = ()
    file: IO[bytes]
    page: Page
    pages: Sequence[Page]
    """All of its file, where it was opened as the first of them."""

    def _setup(self) -> None:
        tags = self.tag_v2
        tile = tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_LENGTH, 0)
        if tile > max(_LARGEST_SPARE_TILE, tags.get(_WIDTH, 0) * tags.get(_LENGTH, 0)):
            raise UnreadableImageError(f"it claims to have tiles of {tile / 1e6:.0f} megapixels; it is damaged")
        if _PHOTOMETRIC not in tags:
            raise UnreadableImageError(
                "it does not say what its pixels mean (no PhotometricInterpretation); save it as a PNG in a program "
                "that shows it"
            )
        try:
            super()._setup()
        except (SyntaxError, KeyError, IndexError):
            # Pillow knows no such pixels: it is told of others, for the sake of all the rest that it reads here.
            for tag, value in ((_BITS, (8,)), (_COMPRESSION, 1), (_PHOTOMETRIC, 1), (_SAMPLES, 1), (_FILL_ORDER, 1)):
                tags[tag] = value
            for tag in (_EXTRA, _FORMAT, _PLANAR):
                tags.pop(tag, None)
            super()._setup()
            self.is_exact = False
            return
        bits, photometric = tags.get(_BITS, (1,)), tags.get(_PHOTOMETRIC, 0)
        extra, signs = tags.get(_EXTRA, ()), set(tags.get(_FORMAT, (1,)))
        planar = tags.get(_PLANAR, 1) == 2
        arguments: Any = self.tile[0].args
        raw = arguments[0]
        if (planar and (len(bits) > 3 or photometric != _RGB)) or (_TILE_WIDTH in tags and _TILES not in tags):
            self.is_exact = False
        elif max(bits) <= 8:
            self.is_exact = signs <= {1, 4}
        elif len(bits) == 1:
            native = self._compression == "raw" or tags.prefix == b"II"
            known = signs == {1} if bits == (16,) else bits == (32,) and signs <= {2, 3} and native
            self.is_exact = photometric == _GREY and known and tags.get(_FILL_ORDER, 1) == 1
        else:
            self.is_exact = not planar and raw.startswith(("RGB;16", "RGBA;16")) and signs == {1}
        if count := extra.count(0):
            self.left_out = (describe_planes(count),)
        if self.is_exact and photometric == _YCBCR and self._compression == "raw":
            # Undone by libtiff, which knows of sub-sampled colours.
            self._mode, self.use_load_libtiff = "RGB", True
            size = (0, 0, tags[_WIDTH], tags[_LENGTH])
            self.tile = [PIL.ImageFile._Tile("libtiff", size, 0, ("RGBX", False, tags._offset))]

    def allocate(self) -> None:
        """Allocate the pixels; Pillow itself would apply its own size limit there."""
        if self.tile and self._im is None:
            self.im = PIL.Image.new(self.mode, self._tile_size, None).im

    def check_fax(self, orientation: int) -> None:
        """Compare decoded fax codes with what another decoder makes of them: libtiff takes bad ones for some pixels.

        Args:
            orientation: From which the image has been turned upright.

        Raises:
            UnreadableImageError: If they differ, as they do where codes are damaged or missing.
        """
        if not self.is_exact or self._compression not in _FAX.values():
            return
        import tifffile

        with tifffile.TiffFile(RedirectedTiff(self.file, self.page.pixels)) as file:  # type: ignore[arg-type]
            page: Any = file.pages.first
            expected = np.zeros(page.keyframe.shape, np.uint8)
            strips: Any = file.filehandle.read_segments(page.dataoffsets, page.databytecounts)
            try:
                for data, index, *_ in strips:
                    strip, (_, _, top, left, _), (_, length, width, _) = page.decode((data or b"") + _NO_FAX, index)
                    expected[top : top + length, left : left + width] = strip[0, :length, :width, 0]
            except (ValueError, NotImplementedError, KeyError) as error:
                if "imagecodecs" not in str(error):
                    raise
                self.left_out += (
                    "its fax codes were not checked for damage (pip install -U imagecodecs tifffile for that)",
                )
                return
        expected = turn_upright(expected ^ (page.photometric == _WHITE_IS_ZERO), orientation)
        if not np.array_equal(np.asarray(self), expected):
            raise UnreadableImageError(
                "its fax codes are damaged, or some are missing; copy it again, or save it as a PNG in a program that "
                "shows it"
            )

    def read_samples(self) -> Samples:
        """Decode a page that Pillow would not get right.

        Raises:
            UnreadableImageError: If it has pixels of a kind that is not read.
        """
        import tifffile  # only here: few images need it

        with tifffile.TiffFile(RedirectedTiff(self.file, self.page.pixels)) as file:  # type: ignore[arg-type]
            page: Any = file.pages.first
            if max(page.databytecounts, default=0) > self.file.seek(0, io.SEEK_END):
                raise UnreadableImageError("a part of its pixels claims to be longer than the file; it is damaged")
            return _interpret(page)


def open_page(stream: IO[bytes], page: Page) -> TiffImage:
    """Open a page, without decoding it.

    Args:
        stream: The open file.
        page: One of `find_pages`.

    Raises:
        UnreadableImageError: If it is of the one layout that Pillow does not know.
    """
    if byte_layout(stream) == (">", True):
        raise UnreadableImageError("it is a BigTIFF with the most significant byte first; save it as a plain TIFF")
    image = TiffImage(RedirectedTiff(stream, page.pixels), "")  # type: ignore[arg-type]
    image.file, image.page = stream, page
    if page.metadata != page.pixels:
        said = TiffImage(RedirectedTiff(stream, page.metadata), "")  # type: ignore[arg-type]
        image.info |= said.info
        image.tag_v2, image._exif = said.tag_v2, said.getexif()
    return image


def turn_upright(pixels: Array, orientation: int) -> Array:
    """Return pixels ``(H, W, ...)`` turned as an EXIF orientation says.

    Args:
        pixels: As they are stored.
        orientation: From 1, upright, to 8.
    """
    if orientation in QUARTER_TURNS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels[::-1] if orientation in (3, 4, 7, 8) else pixels)


def describe_planes(count: int) -> str:
    """Say that planes beside the colours were left out."""
    planes = "a further plane" if count == 1 else f"{count} further planes"
    return f"without {planes} of no stated meaning, such as infrared"


def _interpret(page: Any) -> Samples:
    bits, kind, photometric = page.bitspersample, page.sampleformat, int(page.photometric)
    base = _BASE_SAMPLES.get(photometric)
    signed = kind == 2 and bits != 32
    multiplied = photometric in (_WHITE_IS_ZERO, _CMYK) and _ASSOCIATED in page.extrasamples
    if (
        base is None
        or signed
        or multiplied
        or kind not in (1, 2, 3)
        or page.samplesperpixel < base
        or page.imagedepth != 1
    ):
        what = f"{'signed ' if kind == 2 else ''}{page.photometric.name.lower()} pixels of {bits} bits"
        raise UnreadableImageError(
            f"it has {what}, which are not read; save it as grey or RGB with whole numbers of 8 or 16 bits, from 0 up"
        )
    try:
        stored = page.asarray(squeeze=False, maxworkers=1)
    except (ValueError, NotImplementedError, KeyError) as error:
        if "imagecodecs" not in str(error):
            raise
        raise UnreadableImageError(
            f"to read it ({page.compression.name}, {bits} bits) takes imagecodecs: pip install 'colorzoo[formats]'"
        ) from error
    # Separate planes, depth, length, width, interleaved samples.
    samples = stored[:, 0].transpose(1, 2, 0, 3).reshape(*stored.shape[2:4], -1)
    colours, further = samples[..., :base], samples[..., base:]
    extra = list(page.extrasamples)[: further.shape[2]]
    extra += [0] * (further.shape[2] - len(extra))
    if photometric == _RGB and not page.extrasamples and len(extra) == 1:
        extra = [_UNASSOCIATED]  # as Pillow takes it
    alphas = [index for index, meaning in enumerate(extra) if meaning in (_ASSOCIATED, _UNASSOCIATED)]
    alpha = further[..., alphas[0]] if alphas else None
    remarks = [describe_planes(count)] if (count := len(extra) - len(alphas[:1])) else []
    if photometric == _PALETTE:
        levels: Array = np.moveaxis(page.colormap[:, colours[..., 0]], 0, 2)
    else:
        levels = _scaled(colours, bits, photometric == _WHITE_IS_ZERO)
    if alpha is not None:
        alpha = _scaled(alpha, bits, False)
        alpha = rescale_levels(alpha, np.uint16) if photometric == _PALETTE else alpha
        if extra[alphas[0]] == _ASSOCIATED:
            levels = _divided(levels, alpha)
        if kind == 3:
            levels, alpha = rescale_levels(levels, np.uint16), rescale_levels(alpha, np.uint16)
            remarks.append("its floats were read as 16 bits, for the sake of its alpha channel")
    if photometric == _CMYK and levels.dtype != np.uint8:
        levels, alpha = rescale_levels(levels, np.uint8), None if alpha is None else rescale_levels(alpha, np.uint8)
        remarks.append(f"its {bits} bits were read as 8")
    return Samples(levels[..., 0] if levels.shape[2] == 1 else levels, alpha, tuple(remarks))


def _scaled(samples: Array, bits: int, is_negative: bool) -> Array:
    """Return whole numbers of any depth as levels of 8 bits, where those suffice, or 16; and floats as 32-bit ones."""
    if samples.dtype.kind == "f":
        levels = samples.astype(np.float32)
        return 1 - levels if is_negative else levels
    if bits > 16:
        if samples.size and (samples.min() < 0 or samples.max() > 65535):
            raise UnreadableImageError(
                f"it holds whole numbers from {samples.min()} to {samples.max()}; scale them to 16 bits, [0, 65535]"
            )
        samples, bits = samples.astype(np.uint16), 16
    if bits == 1:
        samples = samples.astype(np.uint8)  # not bool, which would select
    table = stretch_bits(bits)
    return np.asarray((table[::-1] if is_negative else table)[samples])


def _divided(levels: Array, alpha: Array) -> Array:
    """Return the levels that were multiplied with alpha as they were before."""
    top = 1 if levels.dtype.kind == "f" else np.iinfo(levels.dtype).max
    result = np.empty_like(levels)
    for start in range(0, len(levels), _BAND):
        band, opacity = levels[start : start + _BAND], alpha[start : start + _BAND, :, None] / np.float32(top)
        plain = np.divide(band, opacity, out=np.zeros(band.shape, np.float32), where=opacity > 0)
        result[start : start + _BAND] = np.minimum(plain if top == 1 else np.rint(plain), top)
    return result
