"""Colour held-out photographs with published models: how near the truth, how colourful, and what a classifier sees.

    python benchmarks/colorize.py --models photo_unet --photos varied=path/to/photographs

Every image is cropped to its middle square, scaled to 224 pixels and shown as its L*. The classifier,
``tf_efficientnet_lite0`` with ImageNet weights, names the ten classes of Imagenette among its thousand: a model's share
of the way is where its accuracy lies between that on the grey and that on the true images. The Fréchet distance (Heusel
et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017) between all
images and the true ones is that of the same network's pooled features; as a share of the grey images' own.

Photographs that are grey themselves are told apart, as in Larsson, Maire and Shakhnarovich, "Learning Representations
for Automatic Colorization" (ECCV 2016): the grey image is perfect there, and one of them, at 100 dB, outweighs fifty.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.data.datasets import ImageDataset
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.datamodules.imagenette import CLASSES, ImagenetteDataModule
from colorzoo.errors import UsageError
from colorzoo.hub.model_card import markdown_table
from colorzoo.inference.toning import classify_tone
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.pil_file import SUFFIXES
from colorzoo.metrics import colorfulness, psnr
from colorzoo.models._timm_encoder import TimmEncoder

OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "colorize_photographs.md"
CLASSIFIER = "tf_efficientnet_lite0"
SIZE = 224
_AMONG_THOUSAND = dict(zip(CLASSES, (0, 217, 482, 491, 497, 566, 569, 571, 574, 701), strict=True))
_BATCH = 16


def colorizers(names: Sequence[str]) -> dict[str, Colorizer]:
    """Load published colourisers by name.

    Args:
        names: As `colorzoo.load` takes them.

    Raises:
        UsageError: If a name is that of a de-noiser.
    """
    models = {name: colorzoo.load(name) for name in names}
    for name, model in models.items():
        if not isinstance(model, Colorizer):
            raise UsageError(f"{name} is no colouriser; leave it out")
    return models


class Classifier(TimmEncoder):
    """The classifier with its head, and ImageNet weights."""

    def __init__(self) -> None:
        super().__init__(CLASSIFIER)
        self.load_pretrained("imagenet")
        self.eval()

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pooled features of images ``(B, 3, H, W)`` in [0, 1], and the index of the class."""
        features = self.net.forward_head(self.net.forward_features(self.normalize(rgb)), pre_logits=True)
        return features, self.net.get_classifier()(features).argmax(dim=1)


def frechet_distance(features: Tensor, true: Tensor) -> float:
    """Return the Fréchet distance between two sets of features ``(N, D)``."""
    identity = torch.nn.Identity()
    identity.num_features = true.shape[1]
    metric = FrechetInceptionDistance(feature=identity)
    metric.update(true, real=True)
    metric.update(features, real=False)
    return max(0.0, float(metric.compute()))  # of a set from itself it is nothing but rounding


@torch.inference_mode()
def measured(
    source: ImageDataset, models: dict[str, Colorizer], judge: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None
) -> dict[str, dict[str, Tensor]]:
    """Return each image's PSNR and colourfulness by method, and the verdict of the classifier if there is one.

    With the figures of the truth is whether it is ``"grey"`` itself.

    Args:
        source: The images; their names tell their classes if a classifier judges.
        models: Colourisers by name.
        judge: The classifier.
    """
    figures: dict[str, dict[str, list[Tensor]]] = {}
    for rgb, names in _batches(source):
        grey = lightness_to_grey(rgb_to_lab(rgb)[:, :1])
        candidates = {"truth": rgb, "L* grey": grey.expand_as(rgb)}
        candidates |= {name: model.colorize(grey) for name, model in models.items()}
        for name, candidate in candidates.items():
            mine = figures.setdefault(name, {"psnr": [], "colorfulness": [], "accuracy": [], "features": []})
            mine["psnr"].append(psnr(candidate, rgb))
            mine["colorfulness"].append(colorfulness(candidate))
            if name == "truth":
                mine.setdefault("grey", []).append(
                    torch.tensor([classify_tone(picture[None]).kind == "grey" for picture in rgb])
                )
            if judge is not None:
                labels = torch.tensor([_AMONG_THOUSAND[name.split("/")[1]] for name in names])
                features, classes = judge(candidate)
                mine["features"].append(features)
                mine["accuracy"].append((classes == labels).float())
    return {
        name: {figure: torch.cat(parts) for figure, parts in mine.items() if parts} for name, mine in figures.items()
    }


def means(figures: dict[str, dict[str, Tensor]], chosen: Tensor) -> dict[str, dict[str, float]]:
    """Return the mean of each figure over some images."""
    return {
        name: {figure: float(values[chosen].double().mean()) for figure, values in mine.items() if values.ndim == 1}
        for name, mine in figures.items()
    }


def described(figures: dict[str, dict[str, Tensor]]) -> str:
    """Return the table over the photographs that have colours, and what the others change."""
    grey = figures["truth"]["grey"]
    mean = means(figures, ~grey)
    if (true := figures["truth"].get("features")) is not None:
        for name, mine in figures.items():
            mean[name]["frechet"] = frechet_distance(mine["features"], true)
    table = markdown_table(rows(mean))
    if not bool(grey.any()):
        return table
    everything = means(figures, torch.ones_like(grey))
    gains = [
        f"{name} {mine['psnr'] - everything['L* grey']['psnr']:+.2f} dB"
        for name, mine in everything.items()
        if name not in ("truth", "L* grey")
    ]
    return f"{table}\n{int(grey.sum())} more are grey themselves. With them: {', '.join(gains)}.\n"


def rows(figures: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    """Return a heading and a row for each method."""
    truth, grey = figures["truth"], figures["L* grey"]
    judged = "accuracy" in truth
    heading = ("", "PSNR", "above grey", "colourfulness", "of the true")
    table = [(*heading, "top-1", "share of the way", "Fréchet distance", "of grey's") if judged else heading]
    for name, mine in figures.items():
        compared = name not in ("truth", "L* grey")
        ratio, above = ("-", "-") if name == "truth" else (f"{mine['psnr']:.2f} dB", "-")
        if compared:
            above = f"{mine['psnr'] - grey['psnr']:+.2f} dB"
        row = (name, ratio, above, f"{mine['colorfulness']:.1f}", f"{mine['colorfulness'] / truth['colorfulness']:.0%}")
        if judged:
            way = (mine["accuracy"] - grey["accuracy"]) / (truth["accuracy"] - grey["accuracy"])
            distances = (f"{mine['frechet']:.1f}", f"{mine['frechet'] / grey['frechet']:.2f}" if compared else "-")
            row = (*row, f"{mine['accuracy']:.1%}", f"{way:.0%}" if compared else "-", *distances)
        table.append(row)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all models on all sets; print and write the tables."""
    parser = argparse.ArgumentParser(description="Colour held-out photographs, and measure it.")
    parser.add_argument("--models", nargs="+", default=["photo_unet"], help="published colourisers")
    parser.add_argument("--photos", action="append", default=[], metavar="NAME=FOLDER", help="more photographs")
    parser.add_argument("--root", help="folder of Imagenette; by default imagenette in $COLORZOO_DATA")
    parser.add_argument("--bsds-root", help="folder of BSDS400; by default bsds400 in $COLORZOO_DATA")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="val: to choose what to measure")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    models = colorizers(options.models)
    imagenette = ImagenetteDataModule(root=options.root, size=SIZE)
    bsds = BSDSDataModule(root=options.bsds_root)
    names = bsds.split_names()[options.split]
    sets: dict[str, tuple[ImageDataset, Classifier | None]] = {
        imagenette.describe(options.split): (
            FolderDataset(imagenette.folder(), imagenette.split_names()[options.split], SIZE),
            Classifier(),
        ),
        f"{len(names)} {options.split} photographs of BSDS400": (FolderDataset(bsds.root, names, SIZE), None),
    }
    for given in options.photos:
        name, _, folder = given.partition("=")
        found = sorted(path.name for path in Path(folder).glob("*") if path.suffix.lower() in SUFFIXES)
        if not found:
            raise UsageError(f"--photos {given}: no images there; give NAME=FOLDER")
        sets[f"{len(found)} photographs, {name}"] = (FolderDataset(Path(folder), found, SIZE), None)
    parts = [f"Middle squares of {SIZE} pixels, coloured from their L*; means over the images.\n"]
    for title, (source, judge) in sets.items():
        parts.append(f"## {title}\n\n{described(measured(source, models, judge))}")
        print(parts[-1], flush=True)
    parts.append("Written by `benchmarks/colorize.py`.\n")
    atomic_replace(options.output, "\n".join(parts).encode())


def _batches(source: ImageDataset) -> Iterator[tuple[Tensor, list[str]]]:
    """Yield images in [0, 1], and their names."""
    for first in range(0, len(source), _BATCH):
        pictures = source.load_batch(list(range(first, min(first + _BATCH, len(source)))))
        yield pictures["rgb"].float() / 255, pictures["name"]


if __name__ == "__main__":
    main()
