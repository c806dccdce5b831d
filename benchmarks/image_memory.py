"""How much memory the commands take for an image, by its kind and size: the peak of a process for each.

    python benchmarks/image_memory.py

The estimate of `colorzoo.io.image_header.needed_bytes`, by which an image that does not fit is refused, is beside it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.raster import RasterImage
from colorzoo.io.raster_file import open_raster, write_raster

OUTPUT = Path("docs/results/image_memory.md")
KINDS = {
    "grey, 8 bits": (1, np.uint8),
    "RGB, 8 bits": (3, np.uint8),
    "RGBA, 16 bits": (4, np.uint16),
}
COMMANDS = ("colorize", "denoise")


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[0.1, 1, 4])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    rows = [["kind", "megapixels", *(f"{command}, MB" for command in COMMANDS), "estimate, MB"]]
    with tempfile.TemporaryDirectory() as name:
        for kind, (samples, dtype) in KINDS.items():
            for megapixels in args.megapixels:
                path = Path(name, "in.tif")
                write_raster(_image(megapixels, samples, dtype), path, overwrite=True)
                with open_raster(path) as file:
                    estimate = file.needed_bytes
                peaks = [f"{_peak(command, path):.0f}" for command in COMMANDS]
                rows.append([kind, f"{megapixels:g}", *peaks, f"{estimate / 1e6:.0f}"])
                print(*rows[-1], sep=" | ", flush=True)
    text = f"""The most memory that a process held, by command, kind and size of an image (TIFF to TIFF).

Written by `benchmarks/image_memory.py`. The estimate is what an image is taken to need in addition to the program, the
networks and their libraries (0.75 GB) and to a network at work (0.6 GB, whatever the size: de-noisers see a tile of the
image, and colourisers a smaller copy). An image for which the machine has not so much is refused before it is decoded,
and images that are done at the same time share a budget of it.

{markdown_table(rows)}"""
    atomic_replace(args.output, text.encode())


def _image(megapixels: float, samples: int, dtype: type) -> RasterImage:
    height, width = round((megapixels * 3e6 / 4) ** 0.5), round((megapixels * 4e6 / 3) ** 0.5)
    random = np.random.default_rng(0)
    pixels = np.clip(random.normal(0.5, 0.1, (height, width, samples)).astype(np.float32), 0, 1)
    if np.issubdtype(dtype, np.integer):
        pixels = np.rint(pixels * np.iinfo(dtype).max).astype(dtype)
    levels = pixels[..., 0] if samples == 1 else pixels[..., :3]
    return RasterImage(levels, pixels[..., 3] if samples == 4 else None)


def _peak(command: str, path: Path) -> float:
    """Return the peak of a process in megabytes."""
    target = path.with_name("out.tif")
    words = [sys.executable, "-m", "colorzoo", command, str(path), "-o", str(target), "--overwrite"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return usage.ru_maxrss / 1e3


if __name__ == "__main__":
    main()
