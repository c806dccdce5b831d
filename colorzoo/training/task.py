"""The LightningModule that trains and measures any colouriser of the zoo."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import Optimizer

from colorzoo.colorizer import Colorizer
from colorzoo.metrics import panel
from colorzoo.pairs import ColorPairs
from colorzoo.training.optim import Optim


class ColorizationTask(LightningModule):
    """Trains a colouriser on pairs, and measures it beside the grey picture.

    Args:
        model: The network; it is trained in place, and is what ``colorzoo.load`` gives back from a checkpoint.
        optim: How it is optimised.

    Example:
        >>> import colorzoo
        >>> task = ColorizationTask(colorzoo.create("fusion_cnn"), Optim(lr=3e-4))
    """

    def __init__(self, model: Colorizer, optim: Optim | None = None) -> None:
        super().__init__()
        # A third more pictures a second on a CPU, and what tensor cores want on a GPU.
        self.model = model.to(memory_format=torch.channels_last)
        self.optim = optim or Optim()

    def forward(self, grey: Tensor) -> Tensor:
        """Colour a batch; see `Colorizer.forward`."""
        return self.model(grey)  # type: ignore[no-any-return]

    def training_step(self, batch: ColorPairs, batch_idx: int) -> Tensor:
        """Return the loss of a batch and log its parts."""
        losses = self.model.losses(batch)
        self._log("train", losses, batch)
        return losses["loss"]

    def validation_step(self, batch: ColorPairs, batch_idx: int) -> Tensor:
        """Measure a batch; return its colours."""
        return self._measure("val", batch)

    def test_step(self, batch: ColorPairs, batch_idx: int) -> Tensor:
        """Measure a batch; return its colours."""
        return self._measure("test", batch)

    def predict_step(self, batch: ColorPairs, batch_idx: int) -> Tensor:
        """Return the colours of a batch."""
        return self.model(batch["grey"])  # type: ignore[no-any-return]

    def _measure(self, split: str, batch: ColorPairs) -> Tensor:
        rgb: Tensor = self.model(batch["grey"])
        self._log(split, self.model.losses(batch) | panel(rgb, batch["rgb"]), batch)
        return rgb

    def _log(self, split: str, figures: dict[str, Tensor], batch: ColorPairs) -> None:
        for name, value in figures.items():
            running = split == "train" and name == "loss"
            self.log(
                f"{split}/{name}",
                value,
                batch_size=len(batch["rgb"]),
                prog_bar=running or (split != "train" and name == "psnr"),
                on_step=running,
                on_epoch=True,
                sync_dist=split != "train",
            )

    def configure_optimizers(self) -> Optimizer | OptimizerLRSchedulerConfig:
        """The optimiser, and its schedule, if it has one, over the steps that the trainer will take."""
        optimizer = self.optim.optimizer(self.model.parameters())
        scheduler = self.optim.scheduler(optimizer, self.trainer.estimated_stepping_batches)
        if scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what ``colorzoo.load`` needs to rebuild the model from this file alone."""
        checkpoint["colorzoo"] = {"model": self.model.name(), "hparams": self.model.hparams}
