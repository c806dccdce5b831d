"""Which pictures come out of which: every kind of input through the picture verbs into every format, then read again.

    python benchmarks/picture_formats.py

Nothing is learnt here: stand-ins for models tint a picture, or leave it as it is. What counts is what is around them.
"""

import argparse
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from PIL import ImageCms
from PIL.ExifTags import IFD, Base
from torch import Tensor

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.convert import apply_to_channels, decode_srgb, restore_kind, to_batch
from colorzoo.io.icc import color_space
from colorzoo.io.metadata import Metadata
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp_history import add_history_entry

OUTPUT = Path("docs/results/picture_formats.md")
FORMATS = {"PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg", "WebP": ".webp"}
SIZE = (24, 16)

_XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="box 7"/></rdf:RDF></x:xmpmeta>"""


def main(arguments: list[str] | None = None) -> None:
    """Write the tables.

    Args:
        arguments: Those of the command line; None for those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    output = parser.parse_args(arguments).output
    atomic_replace(output, document().encode())
    print(output)


def document() -> str:
    """Return the tables as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        coloured = _table("read from", inputs(folder), colorize, folder)
        kept = _table("read from", inputs(folder), lambda scan: apply_to_channels(scan, Tensor.clone), folder)
        said = _metadata_table(folder)
    return f"""Every kind of picture through the picture verbs, and what is read again from each format.

Written by `benchmarks/picture_formats.py`; a test compares this file with what it writes.

A cell names the channels and the bits of each. "exact": the levels that went in, bit for bit (JPEG never is). Alpha is
compared bit for bit too; "no alpha" where the format has none. JPEG is written at quality 95 without chroma
sub-sampling, WebP without loss. BMP, GIF and other formats that Pillow writes work too, with what they hold.

## Colourised

Always sRGB, with a profile that says so, at the depth of the input.

{coloured}
## De-noised

The channels and their meaning stay as they were, and so does the profile: a picture that needs no de-noising comes out
bit for bit, where a way to sRGB and back would change it. Only what is neither grey nor RGB becomes sRGB.

{kept}
## What the file says beside its pixels

{said}
The orientation is 1, "upright", as the pixels are. Left behind: the preview in the EXIF, the layout of a TIFF,
Photoshop's blocks (with the old IPTC block of a JPEG; that of a TIFF is carried), and texts of a PNG in other formats.
Provenance is an entry in the history of the XMP: version of colorzoo, models with the SHA-256 of their files,
parameters. It has no time of day, so that the same command makes the same file; `--no-provenance` leaves it out.
"""


def inputs(folder: Path) -> dict[str, Path]:
    """Write a picture of each kind, and return where.

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


def told(scan: RasterImage) -> RasterImage:
    """Return a scan that says all that a file can say."""
    exif = PIL.Image.Exif()
    exif[Base.Artist] = "somebody"
    exif[IFD.Exif] = {Base.DateTimeOriginal: "1911:11:30 12:00:00"}
    exif[IFD.GPSInfo] = {1: "N", 2: (48.0, 51.0, 30.0)}
    adobe = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    metadata = Metadata(exif=exif.tobytes(), xmp=_XMP, profile=adobe, dpi=(300, 300), text=(("Title", "a tower"),))
    return RasterImage(scan.levels, scan.alpha, metadata)


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


def _metadata_table(folder: Path) -> str:
    path = folder / "input.png"
    PIL.Image.linear_gradient("L").crop((0, 0, *SIZE)).convert("RGB").save(path)
    grey = told(read_raster(path))
    coloured = add_history_entry(colorize(grey), "colorize; a stand-in")
    rows = {
        "EXIF: who, when, where": _has_exif,
        "orientation 1": lambda image: image.getexif().get(Base.Orientation) == 1,
        "profile: sRGB": lambda image: color_space(image.info.get("icc_profile", b"")) == "RGB" and _says_srgb(image),
        "300 pixels per inch": _has_resolution,
        "XMP": lambda image: b"box 7" in _xmp(image),
        "provenance, in the XMP": lambda image: b"stEvt:softwareAgent>colorzoo" in _xmp(image),
        "texts of a PNG": lambda image: getattr(image, "text", {}).get("Title") == "a tower",
    }
    lines = [["", *FORMATS]]
    files = [folder / f"said{suffix}" for suffix in FORMATS.values()]
    for file in files:
        write_raster(coloured, file, overwrite=True)
    for name, holds in rows.items():
        cells = []
        for file in files:
            with PIL.Image.open(file) as image:
                image.load()
                cells.append("yes" if holds(image) else "no")
        lines.append([name, *cells])
    return markdown_table(lines)


def _has_exif(image: PIL.Image.Image) -> bool:
    exif = image.getexif()
    when = exif.get_ifd(IFD.Exif).get(Base.DateTimeOriginal)
    where = exif.get_ifd(IFD.GPSInfo).get(2)
    return (exif.get(Base.Artist), when, where) == ("somebody", "1911:11:30 12:00:00", (48.0, 51.0, 30.0))


def _says_srgb(image: PIL.Image.Image) -> bool:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    return "sRGB" in ImageCms.getProfileDescription(profile)


def _has_resolution(image: PIL.Image.Image) -> bool:
    dpi = image.info.get("dpi") or (image.getexif().get(Base.XResolution, 0),) * 2
    return all(abs(float(value) - 300) < 0.01 for value in dpi)


def _xmp(image: PIL.Image.Image) -> bytes:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return xmp.encode() if isinstance(xmp, str) else xmp


if __name__ == "__main__":
    main()
