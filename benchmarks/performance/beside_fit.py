"""The steps of a plain loop between those of `fit`, so that both meet the same machine."""

import tempfile
import time
import warnings
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from colorzoo.data.datasets import InMemoryDataset
from colorzoo.datamodules.base import ImageDataModule
from performance.comparison import ROUNDS, Turns, Work


class BesideFit(Callback):
    """After every few batches of `fit`, let a plain loop work for a turn.

    Args:
        plain: As many steps on as many images as ``batches`` of the trainer.
        batches: Of a turn.
        seconds: Ends the run, after three turns at the earliest.
    """

    def __init__(self, plain: Work, batches: int, seconds: float) -> None:
        self.turns = Turns()
        self.plain = plain
        self.batches = batches
        self.seconds = seconds
        self._begun = self._marked = self._worked = 0.0

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Close a turn of `fit`, and let the plain loop have its own; the first of each warms up."""
        done = trainer.fit_loop.epoch_loop.total_batch_idx + 1
        if done % self.batches:
            return
        seconds, worked = time.perf_counter() - self._marked, time.process_time() - self._worked
        begun, plain_worked = time.perf_counter(), time.process_time()
        amount = self.plain()
        plain_seconds, plain_worked = time.perf_counter() - begun, time.process_time() - plain_worked
        if done > self.batches:
            self.turns.ours.append(amount / seconds)
            self.turns.ours_cpu.append(amount / worked)
            self.turns.theirs.append(amount / plain_seconds)
            self.turns.theirs_cpu.append(amount / plain_worked)
        else:
            self._begun = time.perf_counter()
        late = time.perf_counter() - self._begun > self.seconds
        trainer.should_stop = late and len(self.turns.ours) >= ROUNDS
        self._marked, self._worked = time.perf_counter(), time.process_time()


def fit_beside(
    task: LightningModule, data: ImageDataModule, plain: Work, batches: int, seconds: float, **options: Any
) -> Turns:
    """Train with what `colorzoo fit` has, a logger and the training loop, beside a plain loop.

    Args:
        task: A model.
        data: Its images; validation is left out.
        plain: See `BesideFit`.
        batches: Of a turn.
        seconds: Of both together.
        options: Of the trainer.
    """
    beside = BesideFit(plain, batches, seconds)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning would like more workers
        trainer = Trainer(
            max_epochs=-1,
            logger=CSVLogger(folder),
            callbacks=[beside],
            limit_val_batches=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **({"accelerator": "cpu"} | options),
        )
        trainer.fit(task, data)
    return beside.turns


class PicturesInMemory(ImageDataModule):
    """Images that are there already, so that nothing but training is measured.

    Args:
        rgb: ``(N, 3, H, W)``, uint8.
        base: Arguments of `ImageDataModule`.
    """

    def __init__(self, rgb: Tensor, **base: Any) -> None:
        super().__init__(**base)
        self.rgb = rgb

    def split_names(self) -> dict[str, list[str]]:
        """Number the images; they are those of every split."""
        return {split: [str(index) for index in range(len(self.rgb))] for split in ("train", "val", "test")}

    def load_split(self, split: str) -> InMemoryDataset:
        """Return the images."""
        return InMemoryDataset(self.split_names()[split], self.rgb, self.rgb.flatten(1)[:, 0].long() % 10)
