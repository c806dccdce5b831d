"""A callback that writes what ``colorzoo predict`` makes, a PNG a picture, while it is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torchvision.transforms.functional import to_pil_image

from colorzoo.picture_file import write


class PictureWriter(BasePredictionWriter):
    """Write each prediction under the name of its picture, with ``.png`` added.

    Args:
        folder: Where to; None for ``predictions`` in the trainer's root directory.
        overwrite: Replace pictures that are already there.
    """

    def __init__(self, folder: str | None = None, overwrite: bool = False) -> None:
        super().__init__(write_interval="batch")
        self.folder = Path(folder) if folder is not None else None
        self.overwrite = overwrite

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write the pictures of one batch; with several processes, each writes its own."""
        folder = self.folder or Path(trainer.default_root_dir) / "predictions"
        for name, picture in zip(batch["name"], prediction, strict=True):
            write(to_pil_image(picture.float().cpu()), folder / f"{name}.png", self.overwrite)
