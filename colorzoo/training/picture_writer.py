"""A callback that writes what ``colorzoo predict`` makes, a PNG a picture, while it is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torchvision.utils import save_image


class PictureWriter(BasePredictionWriter):
    """Write each prediction under the name of its picture.

    Args:
        folder: Where to; None for ``predictions`` in the trainer's root directory.
    """

    def __init__(self, folder: str | None = None) -> None:
        super().__init__(write_interval="batch")
        self.folder = Path(folder) if folder is not None else None

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
        if batch_indices is None:
            raise ValueError("the loader does not tell which pictures a batch holds; predict without a custom sampler")
        folder = self.folder or Path(trainer.default_root_dir) / "predictions"
        names = trainer.predict_dataloaders.dataset.names  # type: ignore[union-attr]
        for index, picture in zip(batch_indices, prediction, strict=True):
            path = (folder / names[index]).with_suffix(".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            save_image(picture, path)
