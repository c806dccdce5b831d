"""A callback that writes each prediction of ``colorzoo predict`` as a PNG file, batch by batch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torchvision.transforms.functional import to_pil_image

from colorzoo.data.datasets import ImageDataset
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError
from colorzoo.io.pil_file import write_image


class PredictionWriter(BasePredictionWriter):
    """Write each prediction under the name of its input image, with ``.png`` added.

    Args:
        folder: The folder to write to; None for ``predictions`` in the trainer's root directory.
        overwrite: Replace files that exist.
        skip_existing: Neither read nor compute images whose prediction exists, to resume an interrupted run.

    Raises:
        ValueError: If both ``overwrite`` and ``skip_existing`` are given.
    """

    def __init__(self, folder: str | None = None, overwrite: bool = False, skip_existing: bool = False) -> None:
        if overwrite and skip_existing:
            raise ValueError("overwrite and skip_existing contradict each other; choose one")
        super().__init__(write_interval="batch")
        self.folder = Path(folder) if folder is not None else None
        self.overwrite = overwrite
        self.skip_existing = skip_existing

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Tell the DataModule, before it builds its loaders, which images to leave out.

        Raises:
            DataError: If the predictions would be written into the folder of the inputs.
        """
        data = getattr(trainer, "datamodule", None)
        if stage != "predict" or not isinstance(data, ImageDataModule):
            return
        folder = self._folder(trainer).resolve()
        if data.input_root is not None and folder.is_relative_to(data.input_root.resolve()):
            raise DataError(f"{folder} lies in the folder of the images; choose another with --predictions.folder")
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
        """Write the images of one batch; with several processes, each writes its own.

        Raises:
            DataError: If a name leads out of the folder.
        """
        requested = _requested_names(trainer, batch_indices, batch["name"])
        for expected, name, image in zip(requested, batch["name"], prediction, strict=True):
            # Another name is that of a substitute for an unreadable image; it is written at its own place.
            if name == expected:
                write_image(to_pil_image(image.float().cpu()), self._path(trainer, name), self.overwrite)

    def _path(self, trainer: Trainer, name: str) -> Path:
        """Return where the prediction of an image goes; names come from whoever made the data."""
        path = self._folder(trainer) / f"{name}.png"
        if "\0" in name or not path.resolve().is_relative_to(self._folder(trainer).resolve()):
            raise DataError(f"the image {name!r} would be written outside {self._folder(trainer)}; rename it")
        return path

    def _folder(self, trainer: Trainer) -> Path:
        return self.folder or Path(trainer.default_root_dir) / "predictions"


def _requested_names(trainer: Trainer, indices: Sequence[int] | None, names: list[str]) -> list[str]:
    """Return the names of the images that the sampler asked for, or those of the batch where it is unknown."""
    source = getattr(getattr(trainer.predict_dataloaders, "dataset", None), "source", None)
    if not indices or not isinstance(source, ImageDataset):
        return names
    return [source.names[index] for index in indices]
