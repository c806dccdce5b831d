"""A callback that writes what ``colorzoo predict`` makes, a PNG a picture, while it is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torchvision.transforms.functional import to_pil_image

from colorzoo.data.datasets import ImageDataset
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.datamodules.folder import ImageFolderDataModule
from colorzoo.errors import DataError
from colorzoo.io.pil_file import write_image


class PredictionWriter(BasePredictionWriter):
    """Write each prediction under the name of its picture, with ``.png`` added.

    Args:
        folder: Where to; None for ``predictions`` in the trainer's root directory.
        overwrite: Replace pictures that are already there.
        skip_existing: Leave out pictures that are already there: what is written is not read or computed again, so
            that a run that was interrupted can be started anew.

    Raises:
        ValueError: If what is already there is to be both replaced and left out.
    """

    def __init__(self, folder: str | None = None, overwrite: bool = False, skip_existing: bool = False) -> None:
        if overwrite and skip_existing:
            raise ValueError("overwrite and skip_existing contradict each other; choose one")
        super().__init__(write_interval="batch")
        self.folder = Path(folder) if folder is not None else None
        self.overwrite = overwrite
        self.skip_existing = skip_existing

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Tell the DataModule, before it makes its loaders, which pictures are wanted.

        Raises:
            DataError: If what is written would be found among what is read.
        """
        data = getattr(trainer, "datamodule", None)
        if stage != "predict" or not isinstance(data, ImageDataModule):
            return
        folder = self._folder(trainer).resolve()
        if isinstance(data, ImageFolderDataModule) and folder.is_relative_to(data.root.resolve()):
            raise DataError(f"{folder} lies in the folder of the pictures; choose another with --predictions.folder")
        if self.skip_existing:
            data.predict_filter = lambda name: not self._path(trainer, name).exists()

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
        asked = _asked(trainer, batch_indices, batch["name"])
        for wanted, name, picture in zip(asked, batch["name"], prediction, strict=True):
            # Another name is that of a picture in place of one that cannot be read; it has a turn of its own.
            if name == wanted:
                write_image(to_pil_image(picture.float().cpu()), self._path(trainer, name), self.overwrite)

    def _path(self, trainer: Trainer, name: str) -> Path:
        return self._folder(trainer) / f"{name}.png"

    def _folder(self, trainer: Trainer) -> Path:
        return self.folder or Path(trainer.default_root_dir) / "predictions"


def _asked(trainer: Trainer, indices: Sequence[int] | None, names: list[str]) -> list[str]:
    """Names of the pictures that were asked for, as far as the loader tells."""
    source = getattr(getattr(trainer.predict_dataloaders, "dataset", None), "source", None)
    if not indices or not isinstance(source, ImageDataset):
        return names
    return [source.names[index] for index in indices]
