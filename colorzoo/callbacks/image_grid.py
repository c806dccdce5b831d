"""A callback that shows images during training: rows of input | output | target after every validation."""

import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torchvision.utils import save_image

from colorzoo.data.grid import grid_to_pil, image_grid, keys_of

_TITLE = "val/input_output_target"


class ImageGrid(Callback):
    """Show the first validation images of each epoch: in TensorBoard and W&B if they log, and as a PNG beside the log.

    It serves every LightningModule that is validated on pairs (``grey`` and ``rgb``, or ``noisy`` and ``clean``). The
    output is what ``validation_step`` returns if that is a batch of images, or else the module's answer to the input;
    where neither is of the target's shape, input and target are shown alone.

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
        if batch_idx > 0 or dataloader_idx > 0 or trainer.sanity_checking:
            return
        log_dir = trainer.log_dir  # a broadcast: every process must take part
        if not trainer.is_global_zero:
            return
        as_pairs: Any = getattr(pl_module, "as_pairs", None)
        if keys_of(batch) is None and as_pairs is not None:  # a model of ours on a loader of RGB images
            with torch.random.fork_rng(devices=[]):
                batch = as_pairs(batch)
        keys = keys_of(batch)
        if keys is None:
            warnings.warn("ImageGrid shows batches with grey and rgb, or noisy and clean; this is none", stacklevel=2)
            return
        given, target = (batch[key][: self.pictures] for key in keys)
        output = _output(pl_module, outputs, given, target)
        grid = image_grid([given, target] if output is None else [given, output, target], self.pictures)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(_TITLE, grid, trainer.global_step)
            elif hasattr(logger, "log_image"):  # W&B, which need not be installed
                logger.log_image(_TITLE, [grid_to_pil(grid)], step=trainer.global_step)
        if log_dir is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            folder = Path(log_dir) / "pictures"
            folder.mkdir(parents=True, exist_ok=True)
            save_image(grid, folder / f"epoch-{trainer.current_epoch:03d}.png")


def _output(module: LightningModule, outputs: Any, given: Tensor, target: Tensor) -> Tensor | None:
    """Return the module's images for these inputs, or None if it makes none of the target's shape."""
    if isinstance(outputs, Tensor) and outputs.ndim == 4 and outputs.shape[1:] == target.shape[1:]:
        return outputs[: len(target)]
    try:
        with torch.no_grad():
            made = module(given)
    except Exception:  # whatever a user's forward raises that takes other arguments
        return None
    return made if isinstance(made, Tensor) and made.shape == target.shape else None
