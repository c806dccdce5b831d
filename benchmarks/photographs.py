"""Measure colourisers on held-out photographs of several sources, beside the grey image that keeps L*.

    python benchmarks/photographs.py --models photo_unet.true photo_unet.lively
    python benchmarks/photographs.py --split val --models path/to/photo_unet.ckpt --settings 1,1 1,1.35 0.6,1.3

The sets are the 400 photographs of ``photos/val`` at 160 pixels, 200 of ``kodachrome`` drawn by name at 88, the 1,000
that test of Imagenette and the 20 of BSDS400 at 224: middle squares. ``--split val`` takes photographs that validate of
the last two, too, to choose the temperature and the vividness of a photo_unet. PSNR and colourfulness are means over
the photographs whose truth has a colourfulness above 8; of those that are grey it is the chroma that they are given.
Below the table stand the ten photographs on which each model lost most.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from photo_sets import IN_COLOR, SETS, load_models
from torch import Tensor

from colorzoo.color.conversions import grey_to_lightness, rgb_to_lab, rgb_to_lab_and_grey
from colorzoo.data.datasets import ImageDataset
from colorzoo.datamodules.photos import PhotosDataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.inference.tensor_image import merge_ab
from colorzoo.io.atomic import atomic_replace
from colorzoo.metrics import colorfulness, psnr
from colorzoo.models._ab_bins import annealed_mean

OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "photographs.md"
HEADING = (
    "set",
    "model",
    "PSNR over L* grey",
    "colourfulness of the truth's",
    "better than grey",
    "chroma on grey ones",
)
_GREY_CHROMA = 3.0
_BATCH = 20

Setting = tuple[float, float]
"""Temperature and vividness."""


@dataclass(frozen=True)
class Figures:
    """What a model is worth on a set.

    Args:
        gain: Mean PSNR over that of the grey image, in dB.
        color: Colourfulness, as a share of the truth's.
        better: Share of the photographs that are nearer the truth than the grey image is.
        chroma: Mean chroma given to photographs that are grey; not a number without any.
        gains: PSNR over the grey image of each photograph, in dB, by its name.
    """

    gain: float
    color: float
    better: float
    chroma: float
    gains: dict[str, float]


def colorized(name: str, model: Any, grey: Tensor, settings: Sequence[Setting]) -> dict[str, Tensor]:
    """Return images in colour by the name of the model and the setting; a photo_unet is asked once for all settings.

    Args:
        name: What the results are called.
        model: A colouriser.
        grey: In [0, 1].
        settings: None for the model as it was published.
    """
    if not settings:
        return {name: model(grey)}
    lightness, bins = grey_to_lightness(grey), model._answer(grey)
    return {
        f"{name} at {temperature:g}, {vividness:g}": merge_ab(lightness, vividness * annealed_mean(bins, temperature))
        for temperature, vividness in settings
    }


@torch.inference_mode()
def measured(
    source: ImageDataset, places: Sequence[int], models: dict[str, Any], settings: Sequence[Setting] = ()
) -> dict[str, Figures]:
    """Return the figures of each model over the images of a set.

    Args:
        source: The images, all of one size.
        places: Which of them.
        models: Colourisers by name.
        settings: At which each, which must be a photo_unet, is measured.
    """
    rows: dict[str, list[Tensor]] = defaultdict(list)
    chroma: dict[str, list[Tensor]] = defaultdict(list)
    titles: list[str] = []
    for first in range(0, len(places), _BATCH):
        batch = source.load_batch(places[first : first + _BATCH])
        levels = batch["rgb"]
        lab, grey = rgb_to_lab_and_grey(levels)
        truth = levels.float() / 255
        true = colorfulness(truth)
        titles += [title for title, figure in zip(batch["name"], true.tolist(), strict=True) if figure > IN_COLOR]
        given_grey = _chroma(lab) < _GREY_CHROMA
        base = psnr(grey.expand_as(truth), truth)
        for name, rgb in (it for title, one in models.items() for it in colorized(title, one, grey, settings).items()):
            figures = torch.stack([psnr(rgb, truth) - base, colorfulness(rgb), true], dim=1)
            rows[name].append(figures[true > IN_COLOR])
            chroma[name].append(_chroma(rgb_to_lab(rgb[given_grey])))
    return {name: _figures(titles, torch.cat(rows[name]), torch.cat(chroma[name])) for name in rows}


def _chroma(lab: Tensor) -> Tensor:
    return lab[:, 1:].norm(dim=1).mean(dim=(1, 2))


def _figures(titles: list[str], rows: Tensor, chroma: Tensor) -> Figures:
    gain, given, true = rows.double().mean(dim=0).tolist()
    gains = rows[:, 0].tolist()
    better = sum(one > 0 for one in gains) / len(gains)
    return Figures(gain, given / true, better, float(chroma.double().mean()), dict(zip(titles, gains, strict=True)))


def row(title: str, name: str, mine: Figures) -> tuple[str, ...]:
    """Return a row of the table; a set without grey images has no chroma of them."""
    chroma = "-" if math.isnan(mine.chroma) else f"{mine.chroma:.2f}"
    return (title, name, f"{mine.gain:+.2f} dB", f"{mine.color:.0%}", f"{mine.better:.0%}", chroma)


def worst(gains: dict[str, float], most: int = 10) -> str:
    """Return the photographs on which a model lost most, the worst first."""
    return ", ".join(f"{name} ({gains[name]:+.1f} dB)" for name in sorted(gains, key=gains.__getitem__)[:most])


def _setting(text: str) -> Setting:
    temperature, vividness = text.split(",")
    return float(temperature), float(vividness)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all models on all sets; print and write the table."""
    parser = argparse.ArgumentParser(description="Measure colourisers on photographs of several sources.")
    parser.add_argument("--models", nargs="+", default=["photo_unet.true", "photo_unet.lively"], help="names or files")
    parser.add_argument("--settings", nargs="+", type=_setting, default=[], metavar="T,V", help="of a photo_unet")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="which sets; all by default")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="val: to choose what to measure")
    parser.add_argument("--most", type=int, help="about so many photographs a set; all by default")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    models = load_models(options.models)
    rows = [HEADING]
    gains: dict[str, dict[str, float]] = defaultdict(dict)
    for name in options.sets:
        data = PhotosDataModule([SETS[name]])
        source = data.load_split(options.split if data.split_names()[options.split] else "val")
        places = range(0, len(source), max(1, len(source) // (options.most or len(source))))
        found = measured(source, places, models, options.settings)
        rows += [row(f"{len(places):,} of {name}", model, mine) for model, mine in found.items()]
        print(*rows[-len(found) :], sep="\n", flush=True)
        for model, mine in found.items():
            gains[model] |= mine.gains
    losses = "".join(f"{model} lost most on {worst(mine)}.\n\n" for model, mine in gains.items())
    text = f"{markdown_table(rows)}\n{losses}Written by `benchmarks/photographs.py`.\n"
    print(text)
    atomic_replace(options.output, text.encode())


if __name__ == "__main__":
    main()
