"""A callback that shows what the model does: rows of input | output | truth after every validation."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torchvision.utils import make_grid, save_image


class ImageGrid(Callback):
    """Write a grid of the first validation pictures, to TensorBoard if it is there and as a PNG beside the log.

    Args:
        pictures: Number of rows.

    Raises:
        ValueError: If ``pictures`` is not positive.
    """

    def __init__(self, pictures: int = 8) -> None:
        if pictures < 1:
            raise ValueError(f"pictures is {pictures}; show at least 1")
        self.pictures = pictures

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draw the grid of the first batch."""
        if batch_idx > 0 or trainer.sanity_checking:
            return
        log_dir = trainer.log_dir  # a broadcast: every process must take part
        if not trainer.is_global_zero:
            return
        model: Any = pl_module
        grid = comparison_grid(batch[model.input_key], outputs, batch[model.target_key], self.pictures)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("val/input_output_truth", grid, trainer.global_step)
        if log_dir is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            folder = Path(log_dir) / "pictures"
            folder.mkdir(parents=True, exist_ok=True)
            save_image(grid, folder / f"epoch-{trainer.current_epoch:03d}.png")


def comparison_grid(seen: Tensor, made: Tensor, truth: Tensor, rows: int) -> Tensor:
    """Lay out rows of input | output | truth.

    Args:
        seen: Inputs in [0, 1].
        made: What the model made of them.
        truth: The originals.
        rows: At most this many.

    Shape:
        ``(B, 1 or C, H, W)``, ``(B, C, H, W)`` twice -> ``(3, height, width)``.

    Returns:
        The grid, on the CPU.
    """
    columns = torch.stack([seen.expand_as(truth), made.to(truth.dtype), truth], dim=1)[:rows]
    grid: Tensor = make_grid(columns.flatten(end_dim=1).float().cpu(), nrow=3, padding=2)
    return grid
