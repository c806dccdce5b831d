"""Measure the variants of a colouriser: how they differ, and how near the truth the best of them comes.

    python benchmarks/variants.py --models photo_unet

The sets are photographs of ``photos/val`` at 160 pixels and some of Imagenette that validate, at 224: middle squares.
The diversity is the mean distance in a*b* of two of four variants; the gain is the PSNR of the best of four above that
of the first, which is what a person gains who picks one. The last column is what a reference gains that could not be
better: the photograph itself, mirrored and without its borders.
"""

import argparse
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from photo_sets import SETS, load_models
from torch import Tensor

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.data.datasets import ImageDataset
from colorzoo.datamodules.photos import PhotosDataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.inference.toning import classify_tone
from colorzoo.io.atomic import atomic_replace
from colorzoo.metrics import psnr

OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "variants.md"
MEASURED = ("photos", "imagenette")
HEADING = (
    "set",
    "model",
    "diversity (a*b*)",
    "best of 4 above the first",
    "another is better than the first",
    "mean of the others above the first",
    "like itself, mirrored",
)
COUNT = 4


@torch.inference_mode()
def measured(source: ImageDataset, places: Sequence[int], model: Any) -> list[float]:
    """Return the mean of each figure over some images of a set, in the order of the table."""
    rows = []
    for place in places:
        truth = source.load_batch([place])["rgb"].float() / 255
        grey = lightness_to_grey(rgb_to_lab(truth)[:, :1])
        variants = model.colorize_variants(grey, COUNT)
        first, *others = (float(psnr(variant, truth)) for variant in variants)
        colors = [rgb_to_lab(variant)[:, 1:] for variant in variants]
        distances = [float((one - other).norm(dim=1).mean()) for one, other in combinations(colors, 2)]
        best = max(first, *others)
        like = first
        if (reference := _reference(truth)) is not None:
            like = float(psnr(model.colorize(grey, like=reference), truth))
        gains = (best - first, float(best > first), sum(others) / len(others) - first, like - first)
        rows.append([sum(distances) / len(distances), *gains])
    return torch.tensor(rows, dtype=torch.float64).mean(dim=0).tolist()


def _reference(truth: Tensor) -> Tensor | None:
    """Return a photograph mirrored and without its borders; none if it is grey."""
    border = truth.shape[-1] // 10
    inner = truth[..., border:-border, border:-border].flip(3)
    return None if classify_tone(inner).kind == "grey" else inner


def row(title: str, name: str, mine: Sequence[float]) -> tuple[str, ...]:
    """Return a row of the table."""
    diversity, best, better, others, like = mine
    return (title, name, f"{diversity:.1f}", f"{best:+.2f} dB", f"{better:.0%}", f"{others:+.2f} dB", f"{like:+.2f} dB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all models on both sets; print and write the table."""
    parser = argparse.ArgumentParser(description="Measure variants and references on photographs that validate.")
    parser.add_argument("--models", nargs="+", default=["photo_unet.lively"], help="names or files")
    parser.add_argument("--most", type=int, default=100, help="about so many photographs a set")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    models = load_models(options.models)
    rows = [HEADING]
    for title in MEASURED:
        source = PhotosDataModule([SETS[title]]).load_split("val")
        places = range(0, len(source), max(1, len(source) // options.most))[: options.most]
        for name, model in models.items():
            rows.append(row(f"{len(places)} of {title}", name, measured(source, places, model)))
            print(rows[-1], flush=True)
    atomic_replace(options.output, f"{markdown_table(rows)}\nWritten by `benchmarks/variants.py`.\n".encode())


if __name__ == "__main__":
    main()
