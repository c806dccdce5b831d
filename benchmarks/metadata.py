"""Which metadata go from which format into which: files with all that they can say are coloured, written and read.

    python benchmarks/metadata.py

A stand-in for a model tints the image. What is written is read by other means than ours: the containers byte by byte,
TIFF and EXIF with tifffile.
"""

import argparse
import io
import logging
import re
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import tifffile
from PIL import ImageCms
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo

from colorzoo.errors import PictureWarning
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.raster_file import read_raster, write_raster
from colorzoo.io.xmp_history import add_history_entry

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # that an EXIF block has no pixels is no news

OUTPUT = Path("docs/results/metadata.md")
FORMATS = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WebP": ".webp"}
MAKER_NOTE = bytes(range(256)) * 2
IPTC = b"\x1c\x02\x78\x00\x0bGrandmother\x1c\x02\x74\x00\x0bthe archive"
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="box 7"
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:ImageWidth="24" tiff:ImageLength="16" tiff:Orientation="6"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:ColorMode="1" photoshop:ICCProfile="Dot Gain 20%"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>"""


@dataclass
class Contents:
    """What a file says, as an independent reader finds it.

    Args:
        exif: The TIFF inside the EXIF block, or the TIFF file itself.
        blocks: XMP, IPTC, comment and profile.
        texts: Those of a PNG.
        dpi: The resolution that the container states.
    """

    exif: bytes = b""
    blocks: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None

    def tags(self) -> dict[Any, Any]:
        """Return the tags of the main directory by number, and those of EXIF and GPS by name, by tifffile."""
        if not self.exif:
            return {}
        with tifffile.TiffFile(io.BytesIO(self.exif)) as file:
            main = {tag.code: tag.value for tag in file.pages[0].tags.values()}
        return main | main.get(IFD.Exif, {}) | main.get(IFD.GPSInfo, {})


def read_contents(path: Path) -> Contents:
    """Read what a file says without colorzoo and without Pillow.

    Args:
        path: A JPEG, PNG, TIFF or WebP.
    """
    data = path.read_bytes()
    return {".jpg": _read_jpeg, ".png": _read_png, ".tif": _read_tiff, ".webp": _read_webp}[path.suffix](data)


def _read_jpeg(data: bytes) -> Contents:
    found, position = Contents(), 2
    while data[position + 1] != 0xDA:
        marker, size = struct.unpack_from(">xBH", data, position)
        content = data[position + 4 : position + 2 + size]
        position += 2 + size
        if marker == 0xFE:
            found.blocks["comment"] = content
        elif marker == 0xE0 and content[7] == 1:
            found.dpi = struct.unpack_from(">2H", content, 8)
        elif content.startswith(b"Exif\0\0"):
            found.exif = content[6:]
        elif content.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            found.blocks["XMP"] = content.partition(b"\0")[2]
        elif content.startswith(b"ICC_PROFILE\0"):
            found.blocks["profile"] = content[14:]
        elif content.startswith(b"Photoshop 3.0\x008BIM\x04\x04\0\0"):
            (length,) = struct.unpack_from(">I", content, 22)
            found.blocks["IPTC"] = content[26 : 26 + length]
    return found


def _read_png(data: bytes) -> Contents:
    found, position = Contents(), 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        content = data[position + 8 : position + 8 + length]
        position += 12 + length
        if kind == b"eXIf":
            found.exif = content
        elif kind == b"pHYs":
            found.dpi = tuple(round(value * 0.0254, 2) for value in struct.unpack(">2I", content[:8]))
        elif kind == b"iCCP":
            found.blocks["profile"] = zlib.decompress(content.partition(b"\0")[2][1:])
        elif kind == b"iTXt":
            key, rest = content.split(b"\0", 1)
            found.texts[key.decode()] = rest[2:].split(b"\0", 2)[2].decode()
        elif kind == b"zTXt":
            text = zlib.decompress(content.partition(b"\0")[2][1:])
            block = bytes.fromhex("".join(text.decode().split("\n")[3:]))
            found.blocks["IPTC"] = block[12:][: struct.unpack_from(">I", block, 8)[0]]
    found.blocks |= {name: found.texts[key].encode() for name, key in _PNG_BLOCKS.items() if key in found.texts}
    return found


_PNG_BLOCKS = {"XMP": "XML:com.adobe.xmp", "comment": "Comment"}


def _read_tiff(data: bytes) -> Contents:
    found = Contents(data)
    tags = found.tags()
    places = {"XMP": 700, "IPTC": 33723, "profile": 34675}
    found.blocks = {name: bytes(tags[tag]) for name, tag in places.items() if tag in tags}
    if 282 in tags:
        found.dpi = tags[282][0] / tags[282][1], tags[283][0] / tags[283][1]
    return found


def _read_webp(data: bytes) -> Contents:
    found, position, chunks = Contents(), 12, {}
    while position < len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        chunks[kind] = data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    found.exif = chunks.get(b"EXIF", b"").removeprefix(b"Exif\0\0")
    names = {b"XMP ": "XMP", b"ICCP": "profile"}
    found.blocks = {name: chunks[kind] for kind, name in names.items() if kind in chunks}
    tags = found.tags()
    if 282 in tags:
        found.dpi = tags[282][0] / tags[282][1], tags[283][0] / tags[283][1]
    return found


def write_sources(folder: Path) -> dict[str, Path]:
    """Write a file of each format that says all that it can, lying on its side, and return where.

    Args:
        folder: Where to.
    """
    image = PIL.Image.linear_gradient("L").crop((0, 0, 24, 16)).convert("RGB")
    exif = PIL.Image.Exif()
    exif[Base.Artist], exif[Base.Copyright], exif[Base.Orientation] = "somebody", "the archive", 6
    details = {Base.DateTimeOriginal: "1911:11:30 12:00:00", Base.MakerNote: MAKER_NOTE, Base.ColorSpace: 65535}
    exif[IFD.Exif] = details | {Base.ExifImageWidth: 24, Base.ExifImageHeight: 16}
    exif[IFD.GPSInfo] = {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (48.0, 51.0, 30.0)}
    adobe = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    paths = {name: folder / f"{name}{suffix}" for name, suffix in FORMATS.items()}
    said: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": adobe}
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + bytes(len(IPTC) % 2)
    segment = b"Photoshop 3.0\0" + resource
    segment = b"\xff\xed" + struct.pack(">H", 2 + len(segment)) + segment
    image.save(paths["JPEG"], **said, xmp=XMP, dpi=(300, 200), comment=b"Album 3", extra=segment)
    chunks = PngInfo()
    for key, text in {"XML:com.adobe.xmp": XMP.decode(), "Title": "a tower", "Comment": "Album 3"}.items():
        chunks.add_itxt(key, text)
    packed = f"\niptc\n{len(resource):8}\n{resource.hex()}\n"
    chunks.add_text("Raw profile type iptc", packed, zip=True)
    image.save(paths["PNG"], **said, dpi=(300, 200), pnginfo=chunks)
    image.save(paths["WebP"], **said, xmp=XMP, lossless=True)
    tags = PIL.Image.Exif()
    tags.load(said["exif"])
    tags[700], tags[33723], tags[269], tags[285] = XMP, IPTC, "box 7", "page 2"
    image.save(paths["TIFF"], **said | {"exif": tags}, dpi=(300, 200))
    return paths


def carry(source: Path, target: Path) -> list[str]:
    """Turn a file upright, colour it and write it; return the remarks.

    Args:
        source: The file.
        target: The new one.
    """
    scan = read_raster(source)
    coloured = scan.with_color(np.stack([scan.levels[..., 0], scan.levels[..., 1] // 2, scan.levels[..., 2] // 2], -1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PictureWarning)
        write_raster(add_history_entry(coloured, "colorize; a stand-in"), target, overwrite=True)
    return [str(warning.message) for warning in caught]


def _xmp_is_corrected(found: Contents) -> bool:
    xmp = found.blocks.get("XMP", b"").decode()
    said = dict(re.findall(r'\b(?:tiff|photoshop|hdrgm):(\w+)="([^"]*)"', xmp))
    wanted = {"ImageWidth": "16", "ImageLength": "24", "ColorMode": "3", "ICCProfile": "sRGB IEC61966-2.1"}
    return said.pop("Orientation", "1") == "1" and said == wanted


def _exif_is_corrected(found: Contents) -> bool:
    tags = found.tags()
    wanted = {"PixelXDimension": 16, "PixelYDimension": 24, "ColorSpace": 1}
    return tags.get(Base.Orientation, 1) == 1 and all(tags.get(tag) == value for tag, value in wanted.items())


def _latitude(found: Contents) -> bool:
    return found.tags().get("GPSLatitude") == (48, 1, 51, 1, 30, 1)


FIELDS: dict[str, tuple[str, Callable[[Contents], bool]]] = {
    "EXIF: artist and copyright": (
        "EXIF",
        lambda found: [found.tags().get(tag) for tag in (Base.Artist, Base.Copyright)] == ["somebody", "the archive"],
    ),
    "EXIF: date": ("EXIF", lambda found: found.tags().get("DateTimeOriginal") == "1911:11:30 12:00:00"),
    "EXIF: GPS": ("EXIF", _latitude),
    "EXIF: maker's note, bit for bit": ("EXIF", lambda found: found.tags().get("MakerNote") == MAKER_NOTE),
    "EXIF: orientation, sizes, colour space": ("EXIF", _exif_is_corrected),
    "XMP": ("XMP", lambda found: b'dc:source="box 7"' in found.blocks.get("XMP", b"")),
    "XMP: orientation, sizes, mode, profile, gain map": ("XMP", _xmp_is_corrected),
    "XMP: what was done": ("note", lambda found: b"colorize; a stand-in" in found.blocks.get("XMP", b"")),
    "IPTC": ("IPTC", lambda found: found.blocks.get("IPTC", b"").rstrip(b"\0") == IPTC),
    "comment": (
        "comment",
        lambda found: b"Album 3" in (found.blocks.get("comment"), str(found.tags().get(270)).encode()),
    ),
    "ICC profile": ("profile", lambda found: found.blocks.get("profile", b"")[36:40] == b"acsp"),
    "resolution": ("resolution", lambda found: found.dpi == (200, 300)),
    "texts of a PNG": ("texts", lambda found: found.texts.get("Title") == "a tower"),
    "names of document and page of a TIFF": (
        "names",
        lambda found: [found.tags().get(tag) for tag in (269, 285)] == ["box 7", "page 2"],
    ),
}
"""What is looked for in a file: what the remarks call it, and whether it is there as it should be."""
_CORRECTED = ("sizes", "gain map")


def rows(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each format read, each thing that its file says, and what becomes of that in each format written.

    Args:
        folder: For the files.
    """
    for name, source in write_sources(folder).items():
        before = read_contents(source)
        outcomes = []
        for suffix in FORMATS.values():
            target = folder / f"from {name}{suffix}"
            outcomes.append((carry(source, target), read_contents(target)))
        for thing, (called, holds) in FIELDS.items():
            changed = any(word in thing for word in _CORRECTED)
            if holds(before) or called == "note" or changed or (called == "resolution" and before.dpi):
                yield name, thing, [_cell(thing, called, holds(after), remarks) for remarks, after in outcomes]


def _cell(thing: str, called: str, holds: bool, remarks: list[str]) -> str:
    if holds:
        return "corrected" if any(word in thing for word in _CORRECTED) else "yes"
    return "named" if any(called in remark for remark in remarks) else "LOST"


def document() -> str:
    """Return the tables as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        tables = ""
        found = list(rows(Path(folder)))
        for name in FORMATS:
            lines = [["read from a " + name, *FORMATS], *([thing, *cells] for of, thing, cells in found if of == name)]
            tables += markdown_table(lines) + "\n"
    return f"""What becomes of the metadata of an image that is turned upright, coloured and written in another format.

Written by `benchmarks/metadata.py`; a test compares this file with what it writes. The files are read by other means
than ours: the containers byte by byte, TIFF and EXIF with tifffile.

- "yes": it stands in the new file as it did in the old one; resolutions change places with the sides.
- "corrected": it says what is true of the new pixels.
- "named": the format has no place for it, and a remark says that it was left out.

{tables}
- **EXIF** from JPEG, PNG and WebP stays bit for bit, and each maker's note at its place, since such notes point into
  the block. Changed in it are orientation, sizes and colour space; the thumbnail goes. TIFF shares its tags with EXIF:
  there, values stay, and the block is encoded anew.
- **XMP** is spliced, so that what is not corrected stays as written, however deep it is nested; UTF-16 becomes UTF-8.
  Corrected are sizes, orientation, colour space, mode, and the name of the profile. Dropped are how the old file stored
  its pixels, thumbnails, HDR gain maps, depths and films that lay beside the pixels, and a crop of the image as it lay
  before it was turned. A damaged packet is left out, and named. The extended part of an XMP in a JPEG is left out, and
  named.
- **What was done** is an entry in the history of the XMP: version of colorzoo, models with the SHA-256 of their files,
  parameters. It has no time of day, so that the same command makes the same file; `--no-provenance` leaves it out. A
  JPEG holds 65,504 bytes of XMP: where the entry does not fit, it gives way, with a remark.
- **IPTC** stands in a JPEG in the segment APP13, in a TIFF in tag 33723, in a PNG as ImageMagick and ExifTool have it.
  The mark of copyright and the owner's address in Photoshop's resources go with it.
- **Comments** go into the description of a TIFF or WebP that has none.
- **Left behind** are copies of the old pixels: thumbnails, Photoshop's layers (tag 37724), raw data of a DNG; and the
  layout of a TIFF. Segments of a JPEG and private chunks of a PNG that are not known, such as content credentials
  (C2PA), which no longer hold, are left out, and named.
- **Other formats** hold less; a remark names what is left out.
"""


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


if __name__ == "__main__":
    main()
