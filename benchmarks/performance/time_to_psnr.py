"""How soon photographs are coloured how well: our recipe beside the training of the Pix2Pix tutorials.

    python benchmarks/performance.py --only time_to_psnr --seconds 240

Each trains for fifteen times the seconds and is measured on the same validation squares of Imagenette; measuring does
not count as training. Ours is configs/photo_unet.imagenette.yaml as it stands, which starts from ImageNet weights and
sees Tiny ImageNet and BSDS too. Theirs is the U-Net of 54 million numbers and the PatchGAN from random weights, by L1
and adversary.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from colorzoo.color.conversions import lab_to_rgb
from colorzoo.data.batches import ColorBatch, color_batch
from colorzoo.datamodules.folder import FolderDataset
from colorzoo.datamodules.imagenette import ImagenetteDataModule
from colorzoo.metrics import psnr
from colorzoo.training.cli import run
from performance.comparison import Row
from performance.lab_pairs import TutorialPictures
from performance.pix2pix_step import plain_step
from performance.tutorial_networks import TutorialUNet, tutorial_patch_gan

_RECIPE = Path(__file__).parent.parent.parent / "configs" / "photo_unet.imagenette.yaml"
_SIZE = 128
_MEASUREMENTS = 12
_EVAL_BATCH = 20


def time_to_psnr(seconds: float) -> Row:
    """Seconds of training until the best PSNR that the tutorial's training reaches, there and in ours."""
    theirs = _tutorial(Curve(seconds / 2))
    with tempfile.TemporaryDirectory() as folder:
        options = ["--trainer.enable_progress_bar=false", "--trainer.limit_val_batches=1"]
        options += [f"--trainer.callbacks+={__name__}.Measure", f"--trainer.callbacks.seconds={seconds / 2}"]
        trainer = run(["fit", f"--config={_RECIPE}", f"--trainer.default_root_dir={folder}", *options]).trainer
    ours = next(callback for callback in trainer.callbacks if isinstance(callback, Measure)).curve  # type: ignore[attr-defined]
    what = f"photo_unet's recipe until a validation PSNR at {_SIZE} px, beside the tutorials' training"
    aim = max(figure for _, figure in theirs.points)
    needed, sooner = theirs.until(aim), ours.until(aim)
    note = f"dB after seconds: ours {ours}; theirs {theirs}"
    told = [f"{aim:.2f} dB " + ("never" if when is None else f"after {when:.0f} s") for when in (sooner, needed)]
    return Row(what, *told, ratio=needed / sooner if needed and sooner else None, must=4, aim=10, note=note)


class Curve:
    """PSNR over seconds of training, measured at even distances until the time is up.

    Args:
        seconds: Of training, without those of measuring.
    """

    def __init__(self, seconds: float) -> None:
        self.points: list[tuple[float, float]] = []
        self.seconds = seconds
        self._pairs = _validation()
        self._spent, self._begun = 0.0, time.perf_counter()

    def __str__(self) -> str:
        return ", ".join(f"{figure:.2f} ({when:.0f})" for when, figure in self.points)

    def begin(self) -> None:
        """Start the clock."""
        self._begun = time.perf_counter()

    def over(self, colour: Callable[[ColorBatch], Tensor]) -> bool:
        """Measure if that is due; say whether the time is up.

        Args:
            colour: Makes RGB of pairs.
        """
        spent = self._spent + time.perf_counter() - self._begun
        if spent >= self.seconds * (len(self.points) + 1) / _MEASUREMENTS:
            with torch.no_grad():
                figures = torch.cat([psnr(colour(pairs), pairs["rgb"]) for pairs in self._pairs])
            self.points.append((spent, float(figures.mean())))
            self._spent, self._begun = spent, time.perf_counter()
        return spent >= self.seconds

    def until(self, figure: float) -> float | None:
        """Return the seconds until a PSNR was first reached."""
        return next((when for when, reached in self.points if reached >= figure), None)


class Measure(Callback):
    """Draws the curve of a run of `colorzoo fit`, and ends it.

    Args:
        seconds: Of training.
    """

    def __init__(self, seconds: float) -> None:
        self.curve = Curve(seconds)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.curve.begin()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Measure what the model makes of grey images, in evaluation mode."""
        pl_module.eval()
        trainer.should_stop = self.curve.over(lambda pairs: pl_module(pairs["grey"]))
        pl_module.train()


def _tutorial(curve: Curve) -> Curve:
    """Train the tutorials' networks with their loader, in a plain loop."""
    data = ImagenetteDataModule(size=_SIZE)
    pictures = TutorialPictures([data.folder() / name for name in data.split_names()["train"]], _SIZE)
    loader = DataLoader(pictures, batch_size=16, shuffle=True, num_workers=2, persistent_workers=True, drop_last=True)
    generator, discriminator = TutorialUNet(_SIZE), tutorial_patch_gan()
    step = plain_step(generator, discriminator)

    def colour(pairs: ColorBatch) -> Tensor:
        lightness = pairs["lab"][:, :1]
        return lab_to_rgb(torch.cat([lightness, 110 * generator(lightness / 50 - 1)], dim=1))

    curve.begin()
    while True:
        for batch in loader:
            step(batch["L"], batch["ab"])
            generator.eval()
            over = curve.over(colour)
            generator.train()
            if over:
                return curve


def _validation(count: int = 200) -> list[ColorBatch]:
    data = ImagenetteDataModule(size=_SIZE, val_images=count)
    pictures = FolderDataset(data.folder(), data.split_names()["val"], _SIZE)
    starts = range(0, count, _EVAL_BATCH)
    return [color_batch(pictures.load_batch(list(range(first, first + _EVAL_BATCH)))) for first in starts]
