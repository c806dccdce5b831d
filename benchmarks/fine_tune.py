"""Fine-tune a published colouriser on photographs of one kind: what it gains on these, and what it forgets elsewhere.

    python benchmarks/fine_tune.py --model photo_unet
    python benchmarks/fine_tune.py --photos mine/ --held-out mine-too/ --elsewhere others/

By default the kind is the churches of Imagenette: 200 of its training images teach, its official validation images
of churches are held out, those of the other classes are elsewhere. All are measured as middle squares of 224 pixels.
Options that are not listed are those of ``colorzoo fit``, such as ``--trainer.max_epochs=4``.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab
from colorzoo.data.splits import hash_order
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.datamodules.imagenette import ImagenetteDataModule
from colorzoo.errors import UsageError
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.pil_file import SUFFIXES
from colorzoo.metrics import psnr
from colorzoo.training.cli import run

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "docs" / "results" / "fine_tune.md"
RECIPE = ROOT / "configs" / "finetune.yaml"
CHURCH = "n03028079"
SIZE = 224
_BATCH = 16


def pictures(root: Path, names: Sequence[str], count: int) -> FolderDataset:
    """Return so many images, drawn by their names.

    Args:
        root: A folder.
        names: Paths below it; those of no images are left out.
        count: At most so many.

    Raises:
        UsageError: If there are none.
    """
    known = [name for name in names if Path(name).suffix.lower() in SUFFIXES]
    if not known:
        raise UsageError(f"{root} holds no such images; give a folder that does")
    # Another seed than that of the run, which splits by the same order: the first ones would all validate.
    return FolderDataset(root, hash_order(known, seed=1)[:count], SIZE)


@torch.inference_mode()
def measured(source: FolderDataset, model: Colorizer | None) -> float:
    """Return the mean PSNR in dB of the coloured images, or of the grey ones without a model.

    Args:
        source: The images.
        model: In evaluation mode.
    """
    ratios = []
    for first in range(0, len(source), _BATCH):
        batch = source.load_batch(list(range(first, min(first + _BATCH, len(source)))))
        rgb = batch["rgb"].float() / 255
        grey = lightness_to_grey(rgb_to_lab(rgb)[:, :1])
        ratios.append(psnr(grey.expand_as(rgb) if model is None else model.colorize(grey), rgb))
    return float(torch.cat(ratios).mean())


def fine_tuned(model: Colorizer, weights: str, teaching: FolderDataset, minutes: int, options: Sequence[str]) -> Path:
    """Fine-tune by the command line; return the checkpoint that validates best.

    Args:
        model: What the weights are of.
        weights: Its published name, or a file.
        teaching: The photographs.
        minutes: Training ends after so many.
        options: More arguments of ``colorzoo fit``.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in teaching.names:
            link = Path(folder) / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((teaching.root / name).resolve())
        given = [f"--model={type(model).__name__}", f"--model.weights={weights}", f"--data.root={folder}"]
        # Quotes around a text would become part of it.
        values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in model.hparams.items()}
        given += [f"--model.{name}={value}" for name, value in values.items()]
        given += [f"--trainer.max_time=00:00:{minutes:02}:00", *options]
        cli = run(["fit", "--config", str(RECIPE), *given])
    return Path(cli.trainer.checkpoint_callback.best_model_path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fine-tune; measure before and after; print and write the table."""
    parser = argparse.ArgumentParser(description="Fine-tune on one kind of photographs, and measure it.")
    parser.add_argument("--model", default="photo_unet", help="a published colouriser, or a file")
    parser.add_argument("--photos", type=Path, help="folder of photographs to learn from")
    parser.add_argument("--held-out", type=Path, help="folder of others of that kind")
    parser.add_argument("--elsewhere", type=Path, help="folder of other kinds")
    parser.add_argument("--root", help="folder of Imagenette; by default imagenette in $COLORZOO_DATA")
    parser.add_argument("--kind", default=CHURCH, help="class of Imagenette, if no folders are given")
    parser.add_argument("--count", type=int, default=200, help="photographs to learn from")
    parser.add_argument("--measure", type=int, default=400, help="at most so many images of each kind are measured")
    parser.add_argument("--minutes", type=int, default=10, help="time that training may take, at most 59")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options, fit = parser.parse_known_args(arguments)
    given = (options.photos, options.held_out, options.elsewhere)
    if any(given) and not all(given):
        parser.error("give --photos, --held-out and --elsewhere, or none of them")
    teaching, sets = _folders(options) if all(given) else _imagenette(options)
    before = colorzoo.load(options.model)
    if not isinstance(before, Colorizer):
        raise UsageError(f"{options.model} is no colouriser; give one")
    began = time.monotonic()
    after = colorzoo.load(fine_tuned(before, options.model, teaching, options.minutes, fit))
    minutes = (time.monotonic() - began) / 60
    rows = [("PSNR in dB", "images", "L* grey", "before", "after", "change")]
    for name, source in sets.items():
        grey, old, new = (measured(source, model) for model in (None, before, after))
        rows.append((name, str(len(source)), f"{grey:.2f}", f"{old:.2f}", f"{new:.2f}", f"{new - old:+.2f}"))
    table = markdown_table(rows)
    source = "of a folder" if all(given) else f"of the class {options.kind} of Imagenette"
    recipe = " ".join(["`configs/finetune.yaml`", *(["with", *fit] if fit else [])])
    about = (
        f"`{options.model}`, fine-tuned for {minutes:.1f} minutes on {len(teaching)} photographs {source} by {recipe}. "
        f"Middle squares of {SIZE} pixels, coloured from their L*; means over the images.\n\n"
        "Written by `benchmarks/fine_tune.py`.\n"
    )
    print(table)
    atomic_replace(options.output, f"{about}\n{table}".encode())


def _folders(options: argparse.Namespace) -> tuple[FolderDataset, dict[str, FolderDataset]]:
    teaching, held_out, elsewhere = (
        pictures(folder, [path.relative_to(folder).as_posix() for path in folder.rglob("*")], count)
        for folder, count in (
            (options.photos, options.count),
            (options.held_out, options.measure),
            (options.elsewhere, options.measure),
        )
    )
    return teaching, {"of that kind, held out": held_out, "elsewhere": elsewhere}


def _imagenette(options: argparse.Namespace) -> tuple[FolderDataset, dict[str, FolderDataset]]:
    data = ImagenetteDataModule(root=options.root)
    names = data.split_names()

    def of(split: str, kind: bool, count: int) -> FolderDataset:
        wanted = [name for name in names[split] if (Path(name).parent.name == options.kind) == kind]
        return pictures(data.folder(), wanted, count)

    held_out, others = of("test", True, options.measure), of("test", False, options.measure)
    return of("train", True, options.count), {"of that class, held out": held_out, "other classes": others}


if __name__ == "__main__":
    main()
