"""Image files of every kind, written by other libraries or byte by byte, and what these libraries read from them."""

import io
import itertools
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from colorzoo.errors import PictureWarning, UnreadableImageError
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.icc import image_to_srgb
from colorzoo.io.raster_file import read_raster, write_raster

Array = NDArray[Any]
Pixels = tuple[Array, Array | None]
"""Levels and alpha."""
SIZE = (5, 7)

_LAYOUTS: tuple[dict[str, Any], ...] = (
    {},
    {"byteorder": ">", "compression": "lzw"},
    {"planarconfig": "separate", "compression": "zlib", "predictor": True},
    {"bigtiff": True, "tile": (16, 16), "compression": "packbits"},
    {"planarconfig": "separate", "byteorder": ">", "rowsperstrip": 2},
    {"byteorder": ">", "tile": (16, 16), "predictor": True, "compression": "lzw"},
    {"bigtiff": True, "byteorder": ">", "compression": "zstd", "rowsperstrip": 3},
    {"planarconfig": "separate", "tile": (16, 16), "compression": "lzma", "bigtiff": True},
)
_DEPTHS = {
    **{f"{bits} bits": (np.uint8, bits) for bits in (1, 2, 4, 6, 8)},
    **{f"{bits} bits": (np.uint16, bits) for bits in (10, 12, 14, 16)},
    "32 bits": (np.uint32, 32),
    **{f"{bits} bits, signed": (np.dtype(f"i{bits // 8}"), bits) for bits in (8, 16, 32)},
    **{f"{bits}-bit floats": (np.dtype(f"f{bits // 8}"), bits) for bits in (16, 32, 64)},
}
_PHOTOMETRICS = {
    "grey, black is zero": ("minisblack", 1),
    "grey, white is zero": ("miniswhite", 1),
    "RGB": ("rgb", 3),
    "palette": ("palette", 1),
    "CMYK": ("separated", 4),
    "L*a*b*": ("cielab", 3),
}
_ALPHAS = {"": (), ", alpha": ("unassalpha",), ", premultiplied alpha": ("assocalpha",), ", infrared": ("unspecified",)}


@dataclass(frozen=True)
class Case:
    """A file of one kind.

    Args:
        kind: What the pixels are.
        depth: How deep they are.
        layout: How they are stored.
        write: Writes it to a path.
        read: Returns its pixels as another library sees them, at the depth that `rescaled` gives; None where no other
            library is asked, and the file is to be refused.
    """

    kind: str
    depth: str
    layout: str
    suffix: str
    write: Callable[[Path], object]
    read: Callable[[Path], Pixels] | None


def tiff_cases() -> Iterator[Case]:
    """Yield TIFF files: every kind and depth, in all layouts for the usual depths and in two for the others."""
    turn = itertools.count()
    for (kind, (photometric, count)), (extra, extras), (depth, (dtype, bits)) in itertools.product(
        _PHOTOMETRICS.items(), _ALPHAS.items(), _DEPTHS.items()
    ):
        if photometric == "palette" and (bits not in (8, 16) or np.dtype(dtype).kind != "u" or extra):
            continue
        if photometric in ("separated", "cielab") and (bits not in (8, 16) or np.dtype(dtype).kind != "u"):
            continue
        usual = depth in ("8 bits", "16 bits") and photometric in ("minisblack", "rgb")
        layouts = _LAYOUTS if usual else [_LAYOUTS[next(turn) % len(_LAYOUTS)] for _ in range(2)]
        for layout in layouts:
            options = dict(layout)
            samples = count + len(extras)
            if samples == 1 or bits not in (8, 16, 32, 64):
                options.pop("planarconfig", None)
            if np.dtype(dtype).kind == "f" or bits not in (8, 16, 32, 64) or photometric == "palette":
                options.pop("predictor", None)
            if bits not in (8, 16, 32, 64):
                options = {key: value for key, value in options.items() if key in ("byteorder", "bigtiff")}
            pixels = _random(np.dtype(dtype), bits, samples)
            if extras == ("assocalpha",):
                opacity = np.maximum(pixels[..., -1:] // 2, 0) + pixels[..., -1:].dtype.type(
                    (1 << bits - 1) - 1 if pixels.dtype.kind != "f" else 0.5
                )
                pixels = np.concatenate([np.minimum(pixels[..., :-1], opacity), opacity], axis=2).astype(dtype)
            options |= {"photometric": photometric, "extrasamples": extras or None, "metadata": None}
            if bits < 8 * pixels.itemsize:
                options["bitspersample"] = bits
            if photometric == "palette":
                options["colormap"] = np.random.default_rng(1).integers(0, 256, (3, 1 << bits), np.uint16) * 257
            name = ", ".join(f"{key} {value}" for key, value in layout.items()) or "plain"
            write = _tiff_writer(pixels, options)
            read = (
                None
                if depth in ("8 bits, signed", "16 bits, signed")
                else _tiff_reader(photometric, count, extras, bits)
            )
            yield Case(f"{kind}{extra}", depth, name, ".tif", write, read)


def _random(dtype: "np.dtype[Any]", bits: int, samples: int) -> Array:
    random = np.random.default_rng(0)
    if dtype.kind == "f":
        pixels = random.random((*SIZE, samples)).astype(dtype)
    else:
        low = -(1 << bits - 1) if dtype.kind == "i" else 0
        # 32-bit whole numbers are levels of 16.
        high = 1 << 16 if bits == 32 else 1 << bits - (dtype.kind == "i")
        pixels = random.integers(low if bits < 32 else 0, high, (*SIZE, samples)).astype(dtype)
    return pixels


def _tiff_writer(pixels: Array, options: dict[str, Any]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        import tifffile

        separate = options.get("planarconfig") == "separate"
        stored = np.moveaxis(pixels, 2, 0) if separate else pixels[..., 0] if pixels.shape[2] == 1 else pixels
        tifffile.imwrite(path, np.ascontiguousarray(stored), **options)

    return write


def _tiff_reader(photometric: str, count: int, extras: tuple[str, ...], bits: int) -> Callable[[Path], Pixels]:
    def read(path: Path) -> Pixels:
        import tifffile

        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            stored = page.asarray()
            colormap = page.colormap if photometric == "palette" else None
        if page.planarconfig == 2 and stored.ndim == 3:
            stored = np.moveaxis(stored, 0, 2)
        stored = stored.reshape(*SIZE, -1)
        if photometric == "palette":
            colours = np.moveaxis(colormap[:, stored[..., 0]], 0, 2)
            return (colours if bits == 16 else rescaled(colours, 16, 8)), None
        levels = rescaled(stored[..., :count], bits)
        if photometric == "separated":
            ink = 255 - rescaled(levels, 16 if bits == 16 else 8, 8).astype(float)
            levels = np.rint(ink[..., :3] * ink[..., 3:] / 255).astype(np.uint8)
        if photometric == "cielab":
            image = PIL.Image.frombytes("LAB", SIZE[::-1], levels.tobytes())
            levels = np.asarray(image_to_srgb(image, b""))
        if photometric == "miniswhite":
            levels = 1 - levels if levels.dtype.kind == "f" else np.iinfo(levels.dtype).max - levels
        alpha = rescaled(stored[..., count], bits) if extras and extras[0] != "unspecified" else None
        if extras == ("assocalpha",):
            top = 1 if levels.dtype.kind == "f" else np.iinfo(levels.dtype).max
            with np.errstate(divide="ignore", invalid="ignore"):
                plain = np.clip(levels.astype(float) * top / alpha[..., None], 0, top)
            levels = np.where(alpha[..., None] > 0, plain, np.where(levels > 0, top, 0))
            levels = levels if top == 1 else np.rint(levels).astype(alpha.dtype)
        return levels[..., 0] if count == 1 else levels, alpha

    return read


def rescaled(samples: Array, bits: int, to: int | None = None) -> Array:
    """Return samples of any depth as levels of 8 or 16 bits, floats as 32-bit ones.

    Args:
        samples: Whole numbers from 0 up, or floats.
        bits: Of each.
        to: How many there are to be; None for 8 where those suffice, else 16.
    """
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    to = to or (8 if bits <= 8 else 16)
    bits = min(bits, 16)
    return np.rint(samples.astype(np.float64) * ((1 << to) - 1) / ((1 << bits) - 1)).astype(f"u{to // 8}")


def png_cases() -> Iterator[Case]:
    """Yield PNG files of every colour type and depth, with and without a transparent colour."""
    names = {0: "grey", 2: "RGB", 3: "palette", 4: "grey, alpha", 6: "RGB, alpha"}
    counts = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, name in names.items():
        for bits, keyed in itertools.product(depths[colour], (False, True) if colour < 4 else (False,)):
            pixels = _random(np.dtype(np.uint16), bits, counts[colour])
            palette = (
                np.random.default_rng(1).integers(0, 256, (1 << min(bits, 8), 3), np.uint8) if colour == 3 else None
            )
            key = None
            if keyed:
                key = np.arange(1 << bits, dtype=np.uint8)[::-1] if colour == 3 else pixels[2, 3]
            data = _png(pixels, bits, colour, palette, key)
            levels, alpha = _png_pixels(pixels, bits, colour, palette, key)
            kind = f"{name}{', transparent colour' if keyed else ''}"
            yield Case(
                kind, f"{bits} bits", "PNG", ".png", _bytes_writer(data), lambda path, both=(levels, alpha): both
            )


def _png(pixels: Array, bits: int, colour: int, palette: Array | None, key: Array | None) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    shifts = np.arange(bits - 1, -1, -1, dtype=np.uint16)
    rows = np.packbits(((pixels[..., None] >> shifts) & 1).reshape(len(pixels), -1).astype(np.uint8), axis=1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], bits, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header)]
    if palette is not None:
        parts.append(chunk(b"PLTE", palette.tobytes()))
    if key is not None:
        parts.append(chunk(b"tRNS", key.tobytes() if colour == 3 else key.astype(">u2").tobytes()))
    parts += [chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _png_pixels(pixels: Array, bits: int, colour: int, palette: Array | None, key: Array | None) -> Pixels:
    if palette is not None:
        index = pixels[..., 0]
        return palette[index], None if key is None else key[index]
    top = 65535 if bits > 8 else 255
    levels = rescaled(pixels, bits)
    count = 1 if colour in (0, 4) else 3
    alpha = levels[..., count] if colour in (4, 6) else None
    if key is not None:
        alpha = np.where((pixels == key).all(-1), 0, top).astype(levels.dtype)
    return levels[..., 0] if count == 1 else levels[..., :3], alpha


def _bytes_writer(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def other_cases() -> Iterator[Case]:
    """Yield files of other formats, of which Pillow reads some with fewer bits than they have."""
    import imagecodecs

    for bits, count in itertools.product((4, 8, 10, 12, 16), (1, 3)):
        pixels = _random(np.dtype(np.uint8 if bits <= 8 else np.uint16), bits, count)
        pixels = pixels[..., 0] if count == 1 else pixels
        expected = rescaled(pixels, bits)
        kind = "grey" if count == 1 else "RGB"
        both = lambda path, levels=expected: (levels, None)  # noqa: E731
        data = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, bitspersample=bits)
        yield Case(kind, f"{bits} bits", "JPEG 2000", ".jp2", _bytes_writer(data), both)
        top = (1 << bits) - 1
        header = f"P{5 if count == 1 else 6} {SIZE[1]} {SIZE[0]} {top}\n".encode()
        yield Case(
            kind,
            f"{bits} bits",
            "PNM",
            ".ppm",
            _bytes_writer(header + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()),
            both,
        )
        if count == 3 and bits in (8, 10, 12):
            data = imagecodecs.avif_encode(pixels, level=100, bitspersample=bits)
            yield Case(
                kind,
                f"{bits} bits",
                "AVIF",
                ".avif",
                _bytes_writer(data),
                lambda path, bits=bits: (rescaled(imagecodecs.avif_decode(path.read_bytes()), bits), None),
            )
    rgba = _random(np.dtype(np.uint8), 8, 4)
    for mode, formats in {
        "L": ("BMP", "GIF", "TGA", "PCX", "SGI", "WEBP", "JPEG2000"),
        "RGB": ("BMP", "TGA", "PCX", "SGI", "WEBP", "QOI", "JPEG2000"),
        "LA": ("TGA", "SGI", "WEBP", "JPEG2000"),
        "RGBA": ("TGA", "SGI", "WEBP", "QOI", "JPEG2000"),
    }.items():
        pixels = rgba[..., 0] if mode == "L" else rgba[..., [0, 3]] if mode == "LA" else rgba[..., : len(mode)]
        for name in formats:
            stream = io.BytesIO()
            try:
                PIL.Image.fromarray(pixels, mode).save(
                    stream, name, **({"lossless": True, "exact": True} if name == "WEBP" else {})
                )
            except (OSError, ValueError):
                continue
            colours = pixels if mode in ("L", "RGB") else pixels[..., :-1]
            colours = colours[..., 0] if mode == "LA" else colours
            alpha = pixels[..., -1] if mode in ("LA", "RGBA") else None
            if name in ("WEBP", "GIF") and colours.ndim == 2:
                colours = np.repeat(colours[..., None], 3, axis=2)
            kind = {"L": "grey", "RGB": "RGB", "LA": "grey, alpha", "RGBA": "RGB, alpha"}[mode]
            yield Case(
                kind,
                "8 bits",
                name,
                f".{name.lower()}",
                _bytes_writer(stream.getvalue()),
                lambda path, both=(colours, alpha): both,
            )


def cases() -> list[Case]:
    """Return all cases."""
    return [*tiff_cases(), *png_cases(), *other_cases()]


def outcomes(folder: Path) -> list[tuple[Case, str]]:
    """Return what comes of each case.

    Args:
        folder: For the files.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PictureWarning)
        return [(case, outcome(case, folder / "case", folder / "passed.tif")) for case in cases()]


def outcome_tables(found: list[tuple[Case, str]]) -> str:
    """Return two tables, of TIFF and of other formats: what is read of each kind and depth.

    Args:
        found: What `outcomes` returns.
    """
    tables = []
    for is_tiff in (True, False):
        cells: dict[tuple[str, str], set[str]] = {}
        for case, text in found:
            if (case.suffix == ".tif") == is_tiff and "most significant byte first" not in text:
                row = case.kind if is_tiff else f"{case.layout}: {case.kind}"
                result, *remarks = text.split("; ")
                cell = "refused" if text.startswith("refused") else ", ".join([result, *["told"] * bool(remarks)])
                cells.setdefault((row, case.depth), set()).add(cell)
        rows, depths = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
        body = [[row, *(" / ".join(sorted(cells.get((row, depth), ("",)))) for depth in depths)] for row in rows]
        tables.append(markdown_table([["", *depths], *body]))
    return "\n".join(tables)


def outcome(case: Case, path: Path, target: Path) -> str:
    """Write a case, read it with colorzoo, pass it on unchanged, and say what came of it: "wrong" if untold.

    Args:
        case: The file's kind.
        path: Where to write it; the suffix is added.
        target: Where the result goes, a TIFF.
    """
    path = path.with_suffix(case.suffix)
    case.write(path)
    try:
        scan = read_raster(path)
    except UnreadableImageError as error:
        return f"refused: {str(error).split(': ', 1)[-1]}"
    if case.read is None:
        return "wrong: read, though no rule says how"
    levels, alpha = case.read(path)
    write_raster(scan, target, overwrite=True)
    again = read_raster(target)
    fewer = [remark for remark in scan.remarks if "read as" in remark]
    for read in (scan, again):
        wanted, wanted_alpha = levels, alpha
        if fewer:
            wanted = _reduced(levels, read.levels.dtype)
            wanted_alpha = None if alpha is None else _reduced(alpha, read.levels.dtype)
        if alpha is not None and read.levels.dtype != np.uint8 and read is again and levels.ndim == 2:
            wanted = np.repeat(wanted[..., None], 3, axis=2)
        if read.levels.shape != wanted.shape or read.levels.dtype != wanted.dtype:
            return f"wrong: {read.levels.dtype} {read.levels.shape} for {wanted.dtype} {wanted.shape}"
        tolerance = 1 if fewer or case.kind.startswith(("CMYK", "L*a*b*")) or "premultiplied" in case.kind else 0
        if np.abs(read.levels.astype(float) - wanted.astype(float)).max() > tolerance:
            return f"wrong: levels differ by {np.abs(read.levels.astype(float) - wanted.astype(float)).max():g}"
        if (read.alpha is None) != (wanted_alpha is None):
            return "wrong: alpha"
        if wanted_alpha is not None and np.abs(read.alpha.astype(int) - wanted_alpha.astype(int)).max() > bool(fewer):
            return "wrong: alpha differs"
    kind = f"{8 * scan.levels.dtype.itemsize} bits" if scan.levels.dtype.kind == "u" else "floats"
    return "; ".join([kind, *scan.remarks])


def _reduced(samples: Array, dtype: "np.dtype[Any]") -> Array:
    if samples.dtype.kind == "f":
        return np.rint(np.clip(samples, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return rescaled(samples, 8 * samples.dtype.itemsize, 8 * dtype.itemsize)
