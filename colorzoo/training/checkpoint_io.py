"""Checkpoints of runs: there whole or not at all, and the last one found again."""

from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from colorzoo.errors import UnwritableError
from colorzoo.hub.ckpt_file import encode_ckpt, read_ckpt
from colorzoo.io.atomic import atomic_replace


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all, and reads it as data only.

    It is written beside its place and then renamed. Lightning's own goes by way of the system's folder for temporary
    files, from where it is copied if that is another disk. Give it to a Trainer as ``plugins=[AtomicCheckpointIO()]``;
    the command line does.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint, in place of what bears its name.

        Args:
            checkpoint: What Lightning wants to remember.
            path: The file; what is no local path is left to Lightning.
            storage_options: Not for local files.

        Raises:
            UnwritableError: If the disk is full or the folder refuses; what was there before still is.
        """
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        try:
            atomic_replace(Path(path), encode_ckpt(checkpoint))
        except OSError as error:
            raise UnwritableError(
                f"{path} cannot be written ({error.strerror or error}); checkpoints that were there before are whole: "
                "make room, or choose another trainer.default_root_dir, and resume with --ckpt_path"
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint: always as data, and only if it is whole.

        Args:
            path: The file; what is no local path is left to Lightning.
            map_location: Where Lightning wants the tensors; those of a file come to the CPU.
            weights_only: Of no effect.

        Raises:
            CheckpointError: If it is missing or damaged, or holds anything but tensors and plain values.
        """
        if "://" in str(path):
            return super().load_checkpoint(path, map_location, weights_only=True)
        return read_ckpt(Path(path))[0]


def last_checkpoint(trainer: Trainer) -> Path | None:
    """Find the newest checkpoint of all runs that had the folder of this one.

    Lightning looks only where this run will write, which is a new ``version_N`` for each.

    Args:
        trainer: A trainer that has not begun.

    Returns:
        The newest file; None if there is none.
    """
    folders = [Path(callback.dirpath) for callback in _checkpointing(trainer) if callback.dirpath is not None]
    for logger in trainer.loggers:
        runs = Path(logger.save_dir or trainer.default_root_dir, str(logger.name or ""))
        folders += runs.glob("*/checkpoints")
    folders.append(Path(trainer.default_root_dir, "checkpoints"))
    # A name with a dot is of a file that was not written to its end.
    found = [path for folder in folders for path in folder.glob("*.ckpt") if not path.name.startswith(".")]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _checkpointing(trainer: Trainer) -> list[ModelCheckpoint]:
    return [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
