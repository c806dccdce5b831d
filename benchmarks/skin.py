"""Measure the colour that colourisers give to skin, in three groups by how light it is.

    python benchmarks/skin.py --models photo_unet.true photo_unet.lively

``faces.csv`` lists faces of ``photos/val`` and of the held-out ``kodachrome``, found by a detector and confirmed by
eye. Of each, the skin is what has its hue in the middle half of the box. The means of its a*b*, of the truth and of the
answer, are compared. The groups are thirds of the faces by the L* of their skin, which light and exposure change too.
"""

import argparse
import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from photo_sets import SETS, load_models
from torch import Tensor

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.datamodules.photos import PhotosDataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace

FACES = Path(__file__).parent / "faces.csv"
OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "skin.md"
GREY = "L* grey"
GROUPS = ("dark", "middle", "light")
HEADING = (
    "model",
    "skin",
    "faces",
    "L* of the skin",
    "hue off by",
    "chroma of the truth's",
    "a*b* off by",
    "to the mean of all",
)
_WITH_FACES = ("photos", "kodachrome")
_HUES = (15.0, 85.0)
_LEAST_CHROMA = 8.0

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels of a middle square."""


@dataclass(frozen=True)
class Skin:
    """What a face's skin is like, and what a model made of it.

    Args:
        lightness: Its mean L*.
        truth: Its mean a* and b*.
        answer: Those of the model.
    """

    lightness: float
    truth: tuple[float, float]
    answer: tuple[float, float]

    def hue_error(self) -> float:
        """Return the angle between both, in degrees."""
        turn = math.degrees(math.atan2(*reversed(self.answer)) - math.atan2(*reversed(self.truth)))
        return abs((turn + 180) % 360 - 180)

    def chroma_share(self) -> float:
        """Return the chroma of the answer over that of the truth."""
        return math.hypot(*self.answer) / math.hypot(*self.truth)

    def distance(self) -> float:
        """Return the distance of both in the a*b* plane; a grey answer has the chroma of the truth."""
        return math.dist(self.answer, self.truth)


def read_faces(path: Path) -> dict[str, list[Box]]:
    """Return the boxes of the faces of each image, by the image's name."""
    faces: dict[str, list[Box]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            box = (int(row["left"]), int(row["top"]), int(row["right"]), int(row["bottom"]))
            faces.setdefault(row["name"], []).append(box)
    return faces


def measure_skin(truth: Tensor, answer: Tensor, box: Box) -> Skin | None:
    """Compare the skin of one face, in two L*a*b* images ``(3, H, W)``; None where nothing has the hue of skin."""
    left, top, right, bottom = box
    rows = slice(top + (bottom - top) // 4, bottom - (bottom - top) // 4)
    columns = slice(left + (right - left) // 4, right - (right - left) // 4)
    true, given = truth[:, rows, columns], answer[:, rows, columns]
    hue = torch.rad2deg(torch.atan2(true[2], true[1]))
    skin = (hue > _HUES[0]) & (hue < _HUES[1]) & (true[1:].norm(dim=0) > _LEAST_CHROMA)
    if not skin.any():
        return None
    lightness, *mine = true[:, skin].mean(dim=1).tolist()
    a, b = given[1:, skin].mean(dim=1).tolist()
    return Skin(lightness, (mine[0], mine[1]), (a, b))


def group_rows(name: str, faces: Sequence[Skin]) -> list[tuple[str, ...]]:
    """Return a row for each third of the faces by lightness, and one for all."""
    ordered = sorted(faces, key=lambda face: face.lightness)
    ends = [round(len(ordered) * third / len(GROUPS)) for third in range(len(GROUPS) + 1)]
    groups = {group: ordered[ends[place] : ends[place + 1]] for place, group in enumerate(GROUPS)}
    overall = _mean([face.distance() for face in ordered])
    return [
        (
            name,
            group,
            str(len(some)),
            f"{some[0].lightness:.0f} to {some[-1].lightness:.0f}",
            "-" if name == GREY else f"{_mean([face.hue_error() for face in some]):.1f}°",
            f"{_mean([face.chroma_share() for face in some]):.0%}",
            f"{_mean([face.distance() for face in some]):.1f}",
            f"{_mean([face.distance() for face in some]) / overall - 1:+.0%}",
        )
        for group, some in (groups | {"all": ordered}).items()
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@torch.inference_mode()
def measured(models: dict[str, Any]) -> dict[str, list[Skin]]:
    """Return what each model makes of the faces that are listed, beside the grey image."""
    faces = read_faces(FACES)
    found: dict[str, list[Skin]] = {name: [] for name in [GREY, *models]}
    for name in _WITH_FACES:
        images = PhotosDataModule([SETS[name]]).load_split("val")
        for index in (place for place, name in enumerate(images.names) if name in faces):
            truth = rgb_to_lab(images.load_batch([index])["rgb"])
            grey = lightness_to_grey(truth[:, :1])
            answers = {GREY: truth * torch.tensor([1.0, 0.0, 0.0])[:, None, None]}
            answers |= {name: rgb_to_lab(model(grey)) for name, model in models.items()}
            for box in faces[images.names[index]]:
                for name, answer in answers.items():
                    if (skin := measure_skin(truth[0], answer[0], box)) is not None:
                        found[name].append(skin)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all models; print and write the table."""
    parser = argparse.ArgumentParser(description="Measure the colour that colourisers give to skin.")
    parser.add_argument("--models", nargs="+", default=["photo_unet.true", "photo_unet.lively"], help="names or files")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    models = load_models(options.models)
    rows = [row for name, faces in measured(models).items() for row in group_rows(name, faces)]
    text = f"{markdown_table([HEADING, *rows])}\nWritten by `benchmarks/skin.py`.\n"
    print(text)
    atomic_replace(options.output, text.encode())


if __name__ == "__main__":
    main()
