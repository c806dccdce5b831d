"""Colour photographs that anyone may use, and show what came out well and what did not, on one page.

    python benchmarks/gallery.py --models photo_unet

The photographs come with scikit-image, scikit-learn and matplotlib. All of them are shown, in the order of what the
first model gained over the grey image.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import PIL.Image

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.errors import UsageError
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.convert import to_batch
from colorzoo.metrics import psnr

OUTPUT = Path(__file__).parent.parent / "docs" / "gallery.md"
_HEIGHT = 208
_GAP = 4


@dataclass(frozen=True)
class Photograph:
    """A colour photograph, and whom it comes from.

    Args:
        title: What it shows.
        credit: Who made it, and under which terms it may be shown.
        levels: RGB of 8 bits.
    """

    title: str
    credit: str
    levels: np.ndarray


def photographs() -> list[Photograph]:
    """Return the photographs of the packages that are installed."""
    found = []
    for package, load in (("skimage", _of_skimage), ("sklearn", _of_sklearn), ("matplotlib", _of_matplotlib)):
        if find_spec(package):
            found += load()
    return found


def _of_skimage() -> list[Photograph]:
    from skimage import data

    nasa = "NASA, public domain"
    known: dict[str, tuple[str, Callable[[], np.ndarray]]] = {
        "Eileen Collins": (nasa, data.astronaut),
        "Cat": ("Stéfan van der Walt, CC0", data.chelsea),
        "Coffee": ("Rachel Michetti, CC0", data.coffee),
        "Falcon 9": ("SpaceX, public domain", data.rocket),
        "Deep field": (f"Hubble, {nasa}", data.hubble_deep_field),
        "Back of an eye": ("Mikael Häggström, CC0", data.retina),
        "Stained colon": ("Human Protein Atlas, no known restrictions", data.immunohistochemistry),
    }
    return [Photograph(title, credit, load()[..., :3]) for title, (credit, load) in known.items()]


def _of_sklearn() -> list[Photograph]:
    from sklearn.datasets import load_sample_image

    return [
        Photograph("Summer palace", "danielbuechele, CC BY 2.0", load_sample_image("china.jpg")),
        Photograph("Flower", "vultilion, CC BY 2.0", load_sample_image("flower.jpg")),
    ]


def _of_matplotlib() -> list[Photograph]:
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file, PIL.Image.open(file) as image:
        return [Photograph("Grace Hopper", "US Navy, public domain", np.asarray(image.convert("RGB")))]


def coloured(photograph: Photograph, models: dict[str, Colorizer]) -> tuple[list[PIL.Image.Image], dict[str, float]]:
    """Return the grey image, what each model makes of it, and the true one; and what each model gains in dB."""
    truth = to_batch(photograph.levels)
    grey = lightness_to_grey(rgb_to_lab(truth)[:, :1])
    answers = {name: model.colorize(grey) for name, model in models.items()}
    baseline = float(psnr(grey.expand_as(truth), truth))
    pictures = [grey.expand_as(truth), *answers.values(), truth]
    images = [PIL.Image.fromarray((picture[0].permute(1, 2, 0) * 255).round().byte().numpy()) for picture in pictures]
    return images, {name: float(psnr(answer, truth)) - baseline for name, answer in answers.items()}


def strip(images: Sequence[PIL.Image.Image]) -> PIL.Image.Image:
    """Lay images of one size side by side, at the height of the page's rows."""
    width = round(images[0].width * _HEIGHT / images[0].height)
    joined = PIL.Image.new("RGB", (len(images) * (width + _GAP) - _GAP, _HEIGHT), "white")
    for place, image in enumerate(images):
        joined.paste(image.resize((width, _HEIGHT), PIL.Image.Resampling.LANCZOS), (place * (width + _GAP), 0))
    return joined


def main(arguments: Sequence[str] | None = None) -> None:
    """Colour them all; write the page and its images."""
    parser = argparse.ArgumentParser(description="Colour free photographs, onto one page.")
    parser.add_argument("--models", nargs="+", default=["photo_unet"], help="published colourisers")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    models = {name: colorzoo.load(name) for name in options.models}
    if other := [name for name, model in models.items() if not isinstance(model, Colorizer)]:
        raise UsageError(f"{other[0]} is no colouriser; leave it out")
    shown = photographs()
    if not shown:
        raise UsageError("there are no photographs; install scikit-image, scikit-learn or matplotlib")
    folder = options.output.parent / "pictures" / options.output.stem
    folder.mkdir(parents=True, exist_ok=True)
    gained: list[tuple[dict[str, float], Photograph, Path]] = []
    for photograph in shown:
        images, gains = coloured(photograph, models)
        path = folder / f"{photograph.title.lower().replace(' ', '-')}.jpg"
        strip(images).save(path, quality=88)
        gained.append((gains, photograph, path))
        print(photograph.title, {name: f"{gain:+.2f} dB" for name, gain in gains.items()}, flush=True)
    gained.sort(key=lambda row: -row[0][options.models[0]])
    rows = [(photograph.title, *(f"{gain:+.2f} dB" for gain in gains.values())) for gains, photograph, _ in gained]
    parts = [
        f"# Gallery\n\nFrom left to right: the L* of a photograph, {', '.join(options.models)}, the photograph. None "
        "of them was seen in training, and none is left out. They are in the order of what the first model gains over "
        "the grey image.\n",
        markdown_table([("PSNR over L* grey", *options.models), *rows]),
    ]
    for _, photograph, path in gained:
        where = path.relative_to(options.output.parent).as_posix()
        parts.append(f"**{photograph.title}** ({photograph.credit})\n\n![{photograph.title}]({where})\n")
    parts.append("Written by `benchmarks/gallery.py`.\n")
    atomic_replace(options.output, "\n".join(parts).encode())


if __name__ == "__main__":
    main()
