"""Measure how far colours leak over edges in large photographs, and at what size a network should see them.

    python benchmarks/edges.py path/to/photographs --models photo_unet.true photo_unet.lively

The photographs should have about a megapixel and chroma of full resolution: what was stored with less should be reduced
to half its size, at least. Sorted by name, every second one is for choosing (``--split val``), the others are measured.

The chroma error is the mean distance in a*b* from the truth, within 8 pixels of strong edges: those of a*b* (where
colours leak), and those of L* alone (where an up-sampling that follows L* may do harm). "The truth's a*b*" stand for a
network that is never wrong: they are averaged to the resolution that a photo_unet answers in. Photographs whose truth
has a colourfulness of 8 or less are left out. Times are of the processor, in one thread.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from photo_sets import IN_COLOR, SETS, load_models
from torch import Tensor
from torch.nn import functional as F

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.datamodules.photos import PhotosDataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.inference.color_adjustments import ColorAdjustments
from colorzoo.inference.integer_image import IntegerImage
from colorzoo.inference.tensor_image import merge_ab
from colorzoo.inference.working_size import fit_longer_side
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.pil_file import SUFFIXES
from colorzoo.metrics import colorfulness, psnr

OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "edges.md"
SIZES = (256, 320, 384, 512)
HEADING = ("a*b* of", "seen at", "up-sampling", "error at colour edges", "at edges of L* alone", "PSNR over L* grey")
MORE = ("colourfulness of the truth's", "seconds")
SMALL = {"photos": (160, 192, 256), "kodachrome": (88, 128, 192, 256)}
"""Sets of small photographs, and the sizes at which they are shown, the first of which is their own."""
TRUTH = "the truth"
_NEAR = 8
_EDGE_AB, _EDGE_L, _FLAT_AB = 15.0, 20.0, 8.0
"""Changes over two pixels: of a strong edge of a*b*, of one of L*, and of a*b* where they have none."""
_STRIDE = 4
_BATCH = 20


class Figures(NamedTuple):
    """Figures of one photograph."""

    color_edges: float
    lightness_edges: float
    gain: float
    color: float
    seconds: float


class Photograph:
    """A photograph, where its strong edges are, and how near a coloured copy comes to it.

    Args:
        levels: uint8 ``(H, W, 3)``.
    """

    def __init__(self, levels: NDArray[np.uint8]) -> None:
        self.picture = IntegerImage(levels)
        self._rgb = torch.from_numpy(levels).movedim(2, 0)[None]
        lab = rgb_to_lab(self._rgb)
        self.ab = lab[:, 1:]
        self.color = float(colorfulness(self._rgb / 255))
        self._grey = float(psnr(lightness_to_grey(lab[:, :1]).expand_as(lab), self._rgb / 255))
        change = _change(self.ab)
        self._color_edges = _near(change > _EDGE_AB, _NEAR)
        alone = (_change(lab[:, :1]) > _EDGE_L) & ~_near(change > _FLAT_AB, _NEAR // 2)
        self._lightness_edges = _near(alone, _NEAR) & ~self._color_edges

    def compared(self, levels: NDArray[np.uint8], seconds: float) -> Figures:
        """Return the figures of a copy; without such edges an error is no number."""
        rgb = torch.from_numpy(levels).movedim(2, 0)[None]
        error = (rgb_to_lab(rgb)[:, 1:] - self.ab).norm(dim=1, keepdim=True)
        at_color, at_lightness = (float(error[where].mean()) for where in (self._color_edges, self._lightness_edges))
        gain = float(psnr(rgb / 255, self._rgb / 255)) - self._grey
        return Figures(at_color, at_lightness, gain, float(colorfulness(rgb / 255)) / self.color, seconds)


def _change(planes: Tensor) -> Tensor:
    rows = F.pad(planes[:, :, 2:] - planes[:, :, :-2], (0, 0, 1, 1))
    columns = F.pad(planes[..., 2:] - planes[..., :-2], (1, 1))
    return (rows.square() + columns.square()).sum(dim=1, keepdim=True).sqrt()


def _near(where: Tensor, distance: int) -> Tensor:
    return F.max_pool2d(where.float(), 2 * distance + 1, stride=1, padding=distance) > 0


def photographs(folder: Path, split: str) -> Iterator[Photograph]:
    """Yield the photographs of a split that have colours."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    for path in paths[split == "test" :: 2]:
        with PIL.Image.open(path) as image:
            photograph = Photograph(np.array(image.convert("RGB")))
        if photograph.color > IN_COLOR:
            yield photograph


@torch.inference_mode()
def measured(
    photograph: Photograph, models: dict[str, Any], sizes: Sequence[int]
) -> Iterator[tuple[tuple[str, int, str], Figures]]:
    """Yield the figures of each model at each working size, and at the first of them without following L* too."""
    picture = photograph.picture
    height, width = fit_longer_side(sizes[0], picture.height, picture.width)
    perfect = F.adaptive_avg_pool2d(photograph.ab, (-(-height // _STRIDE), -(-width // _STRIDE)))
    for guided, name in ((False, "bilinear"), (True, "guided")):
        yield (TRUTH, sizes[0], name), photograph.compared(picture.merge_ab(perfect, guided), 0.0)
    for title, model in models.items():
        for size in sizes:
            started = time.process_time()
            ab = model.predict(picture, ColorAdjustments(size))
            coloured = picture.merge_ab(ab, guided=True)
            seconds = time.process_time() - started
            if size == sizes[0]:
                yield (title, size, "bilinear"), photograph.compared(picture.merge_ab(ab), 0.0)
            yield (title, size, "guided"), photograph.compared(coloured, seconds)


def tables(found: dict[tuple[str, int, str], list[Figures]], first: int) -> tuple[str, str]:
    """Return the table of up-sampling at the first size, and that of working sizes."""
    upsampling: list[tuple[str, ...]] = [HEADING]
    sizes: list[tuple[str, ...]] = [(*HEADING[:2], *HEADING[3:], *MORE)]
    for (title, size, way), rows in found.items():
        mine = Figures(*np.nanmean(rows, axis=0).tolist())
        cells = (f"{mine.color_edges:.2f}", f"{mine.lightness_edges:.2f}", f"{mine.gain:+.2f} dB")
        if size == first:
            upsampling.append((title, f"{size}", way, *cells))
        if way == "guided" and title != TRUTH:
            sizes.append((title, f"{size}", *cells, f"{mine.color:.0%}", f"{mine.seconds:.2f}"))
    return markdown_table(upsampling), markdown_table(sizes)


@torch.inference_mode()
def enlarged(models: dict[str, Any]) -> str:
    """Return the table of small photographs that are shown as they are, and enlarged."""
    rows: list[tuple[str, ...]] = [("set", "a*b* of", "seen at", "PSNR over L* grey")]
    for name, sizes in SMALL.items():
        source = PhotosDataModule([SETS[name]]).load_split("val")
        gains = defaultdict(list)
        for first in range(0, len(source), _BATCH):
            levels = source.load_batch(range(first, min(first + _BATCH, len(source))))["rgb"]
            truth, lightness = levels / 255, rgb_to_lab(levels)[:, :1]
            grey = psnr(lightness_to_grey(lightness).expand_as(truth), truth)
            for title, model in models.items():
                for size in sizes:
                    seen = F.interpolate(lightness, (size, size), mode="bicubic")
                    gain = psnr(merge_ab(lightness, model.predict_ab(seen.clamp(0, 100))), truth) - grey
                    gains[title, size].append(gain[colorfulness(truth) > IN_COLOR])
        for (title, size), parts in gains.items():
            gain = torch.cat(parts)
            rows.append((f"{len(gain)} of {name}", title, f"{size}", f"{float(gain.mean()):+.2f} dB"))
    return markdown_table(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all models; print and write the tables."""
    parser = argparse.ArgumentParser(description="Measure colours at edges, and working sizes, on large photographs.")
    parser.add_argument("folder", type=Path, help="photographs of about a megapixel")
    parser.add_argument("--models", nargs="+", default=["photo_unet.true", "photo_unet.lively"], help="names or files")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="working sizes")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="val: to choose what to measure")
    parser.add_argument("--small", action="store_true", help="photos and kodachrome too, as they are and enlarged")
    parser.add_argument("--sources", default="", metavar="TEXT", help="where the photographs are from, for the text")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    models = load_models(options.models)
    found: dict[tuple[str, int, str], list[Figures]] = defaultdict(list)
    for photograph in photographs(options.folder, options.split):
        for key, figures in measured(photograph, models, options.sizes):
            found[key].append(figures)
    count = len(next(iter(found.values())))
    upsampling, sizes = tables(found, options.sizes[0])
    title = (
        f"{count} photographs{' ' * bool(options.sources)}{options.sources}, coloured from their L*; means over them."
    )
    parts = [title, "## Up-sampling", upsampling, "## Working size", sizes]
    if options.small:
        parts += ["## Small photographs, enlarged for the network", enlarged(models)]
    text = "\n\n".join(part.strip() for part in (*parts, "Written by `benchmarks/edges.py`.")) + "\n"
    print(text)
    atomic_replace(options.output, text.encode())


if __name__ == "__main__":
    main()
