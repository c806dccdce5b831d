"""A callback that measures each source of a validation set by itself, and the mean over the sources."""

from collections import defaultdict
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from colorzoo.metrics import colorfulness, psnr

_IN_COLOR = 8.0
"""Colourfulness of the truth above which an image counts."""


class SourceMetrics(Callback):
    """Log, for each source, the mean PSNR over the grey image and the share of the truth's colourfulness.

    The source of an image is the first part of its name, as in `PhotosDataModule`; images whose truth is grey do not
    count. Logged are ``val/SOURCE/gain`` in dB, ``val/SOURCE/color`` and, as ``val/gain``, the mean over the sources:
    monitor that, so that a large source outweighs no small one.

    Example:
        >>> SourceMetrics().state_key
        'SourceMetrics'
    """

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what was measured before."""
        self._sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros(4, device=pl_module.device))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Measure a batch."""
        rgb, truth, grey = outputs.float(), batch["rgb"], batch["grey"]
        color = colorfulness(truth)
        gain = psnr(rgb, truth) - psnr(grey.expand_as(truth), truth)
        rows = (
            torch.stack([torch.ones_like(color), gain, colorfulness(rgb), color], dim=1) * (color > _IN_COLOR)[:, None]
        )
        for name, row in zip(batch["name"], rows, strict=True):
            self._sums[name.partition("/")[0]] += row

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the figures over all processes, each of which may have seen other sources."""
        data: Any = getattr(trainer, "datamodule", None)
        names = self._sums if data is None else data.split_names()["val"]
        gains = {}
        for source in sorted({name.partition("/")[0] for name in names}):
            count, gain, given, true = trainer.strategy.reduce(self._sums[source], reduce_op="sum").tolist()
            if count:
                gains[f"val/{source}/gain"] = gain / count
                pl_module.log(f"val/{source}/color", given / true)
        pl_module.log_dict(gains)
        if gains:
            pl_module.log("val/gain", sum(gains.values()) / len(gains), prog_bar=True)
