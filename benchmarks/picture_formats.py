"""Which images come out of which: every kind of input through the image verbs into every format, then read again.

    python benchmarks/picture_formats.py

Nothing is learnt here: stand-ins for models tint an image, or leave it as it is. What counts is what is around them.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import format_cases
import numpy as np
import PIL.Image
import torch
from torch import Tensor

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.convert import apply_to_channels, decode_srgb, restore_kind, to_batch
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster

OUTPUT = Path("docs/results/picture_formats.md")
FORMATS = {"PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg", "WebP": ".webp"}
SIZE = (24, 16)


def main(arguments: list[str] | None = None) -> None:
    """Write the tables.

    Args:
        arguments: Those of the command line; None for those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    output = parser.parse_args(arguments).output
    with tempfile.TemporaryDirectory() as name:
        found = format_cases.outcomes(Path(name))
    atomic_replace(output, document(found).encode())
    print(output)


def document(found: list[tuple[format_cases.Case, str]]) -> str:
    """Return the tables as Markdown.

    Args:
        found: What `format_cases.outcomes` returns.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        coloured = _table("read from", inputs(folder), colorize, folder)
        kept = _table("read from", inputs(folder), lambda scan: apply_to_channels(scan, Tensor.clone), folder)
    layouts = len({case.layout for case, _ in found if case.suffix == ".tif"})
    return f"""Every kind of image through the image verbs, and what is read again from each format.

Written by `benchmarks/picture_formats.py`; a test compares this file with what it writes.

A cell names the channels and the bits of each. "exact": the levels that went in, bit for bit (JPEG never is). Alpha is
compared bit for bit too; "no alpha" where the format has none. JPEG is written at quality 95 without chroma
sub-sampling, WebP without loss. BMP, GIF and other formats that Pillow writes work too, with what they hold.

## Read

{len(found)} files that tifffile, imagecodecs and Pillow wrote, or that were put together byte by byte, in {layouts}
layouts of TIFF (planes, tiles, compression, byte order, BigTIFF). What is read, and read again after it was written,
is what the other library reads, at the depth in the cell; "told": with a remark on what was left out (further planes,
bits beyond 8); "refused": with a line that names the kind.

{format_cases.outcome_tables(found)}
Depths of their own are stretched to 8 bits, where those suffice, or to 16: the highest level is white. 32-bit whole
numbers up to 65535 are levels of 16 bits, others are refused; floats are in [0, 1]. White-is-zero is inverted,
premultiplied colours are divided by alpha, CMYK and L*a*b* become sRGB. A BigTIFF with the most significant byte first
is refused. Of a TIFF, previews and masks are left out, and the image may lie in a sub-directory (DNG); raw sensor
data are refused. Depths that are no whole bytes, and some compressions, take `pip install 'colorzoo[formats]'`.

## Colourised

Always sRGB, with a profile that says so, at the depth of the input.

{coloured}
## De-noised

The channels and their meaning stay as they were, and so does the profile: an image that needs no de-noising comes out
bit for bit, where a way to sRGB and back would change it. Only what is neither grey nor RGB becomes sRGB.

{kept}
What a file says beside its pixels is in [metadata.md](metadata.md).
"""


def inputs(folder: Path) -> dict[str, Path]:
    """Write an image of each kind, and return where.

    Args:
        folder: Where to.
    """
    width, height = SIZE
    slope = np.linspace(0, 65535, width * height).reshape(height, width).astype(np.uint16)
    grey = PIL.Image.fromarray((slope >> 8).astype(np.uint8))
    rgb = PIL.Image.merge("RGB", [grey, grey.transpose(PIL.Image.Transpose.ROTATE_180), grey.point(lambda level: 90)])
    alpha = grey.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
    deep = np.stack([slope, slope[::-1], slope[:, ::-1]], axis=-1)
    half = (slope // 2).astype(np.uint16)
    pictures = {
        "1 bit (1)": (grey.convert("1"), ".png"),
        "grey (L)": (grey, ".png"),
        "grey, alpha (LA)": (PIL.Image.merge("LA", [grey, alpha]), ".png"),
        "palette (P)": (rgb.quantize(16), ".png"),
        "palette, transparent (P)": (rgb.quantize(16), ".png"),
        "RGB": (rgb, ".png"),
        "RGBA": (PIL.Image.merge("RGBA", [*rgb.split(), alpha]), ".png"),
        "CMYK": (rgb.convert("CMYK"), ".tif"),
        "YCbCr (in a JPEG)": (rgb, ".jpg"),
        "L*a*b* (LAB)": (PIL.Image.merge("LAB", [grey, grey.point(lambda level: 10), alpha]), ".tif"),
        "16-bit grey (I;16)": (PIL.Image.fromarray(slope), ".png"),
        "32-bit whole numbers (I)": (PIL.Image.fromarray(slope.astype(np.int32)), ".tif"),
        "floats (F)": (PIL.Image.fromarray((slope / 65535).astype(np.float32)), ".tif"),
        "16-bit grey, alpha": (RasterImage(slope, half), ".png"),
        "16-bit RGB": (RasterImage(deep), ".tif"),
        "16-bit RGBA": (RasterImage(deep, half), ".png"),
    }
    paths = {}
    for index, (kind, (picture, suffix)) in enumerate(pictures.items()):
        paths[kind] = folder / f"input-{index}{suffix}"
        if isinstance(picture, RasterImage):
            write_raster(picture, paths[kind], overwrite=True)
        else:
            options = {"transparency": bytes(range(0, 160, 10))} if "transparent" in kind else {}
            picture.save(paths[kind], **options)
    return paths


def colorize(scan: RasterImage) -> Any:
    """Stand in for a colouriser: grey in, reddish out."""
    source = decode_srgb(scan)
    grey = lightness_to_grey(rgb_to_lab(to_batch(source).expand(-1, 3, -1, -1))[:, :1])
    return restore_kind(scan, source, torch.cat([grey, grey * 0.5, grey * 0.5], dim=1))


def _table(corner: str, paths: dict[str, Path], transform: Callable[[RasterImage], RasterImage], folder: Path) -> str:
    rows = [[corner, *FORMATS]]
    for kind, path in paths.items():
        result = transform(read_raster(path))
        rows.append([kind, *(_outcome(result, folder / f"output{suffix}") for suffix in FORMATS.values())])
    return markdown_table(rows)


def _outcome(scan: RasterImage, path: Path) -> str:
    """Write a scan, read it again, and say what it is now."""
    write_raster(scan, path, overwrite=True)
    again = read_raster(path)
    channels = "grey" if again.levels.ndim == 2 else "RGB"
    words = [f"{channels} {8 * again.levels.dtype.itemsize}"]
    same_kind = again.levels.shape == scan.levels.shape and again.levels.dtype == scan.levels.dtype
    if same_kind and np.array_equal(again.levels, scan.levels):
        words.append("exact")
    if scan.alpha is not None and again.alpha is None:
        words.append("no alpha")
    elif scan.alpha is not None:
        exact = np.array_equal(again.alpha, scan.of_depth(again.alpha.dtype.type).alpha)
        words.append(f"alpha {8 * again.alpha.dtype.itemsize}" if exact else "alpha changed")
    return ", ".join(words)


if __name__ == "__main__":
    main()
