"""What a DataModule asks of the Trainer and of the checkpoint of a run."""

import os
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.trainer.states import TrainerStatus
from torch import distributed

from colorzoo.errors import DataError


def process_and_count(trainer: Trainer | None) -> tuple[int, int]:
    """Return which process this is, and how many there are: of the Trainer, or else of the process group."""
    if trainer is not None:
        return trainer.global_rank, trainer.world_size
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def calls_hooks_of(trainer: Trainer | None, data: LightningDataModule, loader: object) -> bool:
    """Say whether a Trainer iterates over a loader and calls the batch hooks of a DataModule.

    It does not if it was given the loader without the DataModule, nor for a loader that a callback iterates over.
    Several processes that share a loader made for one are refused by a DataError: all would get the same batches.
    """
    if trainer is None and process_and_count(None)[1] > getattr(getattr(loader, "sampler", None), "num_replicas", 1):
        raise DataError(
            "several processes share this loader, which was made for one; give the DataModule to the Trainer, or make "
            "the loader when the process group is there"
        )
    if trainer is None or trainer.state.status != TrainerStatus.RUNNING:
        return False
    selector = trainer._data_connector._datahook_selector
    if selector is None or selector.datamodule is not data:
        return False
    in_use = (trainer.train_dataloader, trainer.val_dataloaders, trainer.test_dataloaders, trainer.predict_dataloaders)
    return any(loader is one for some in in_use for one in (some if isinstance(some, list | tuple) else [some]))


def run_seed(default: int) -> int:
    """Return the seed of the run, which Lightning keeps in the environment."""
    return int(os.environ.get("PL_GLOBAL_SEED", default))


def check_same_data(state: Mapping[str, Any], split_hash: str, pairs: str) -> None:
    """Refuse, by a DataError, a checkpoint of other data, whose training images may validate here."""
    if state["split_hash"] != split_hash:
        raise DataError(
            f"the checkpoint was trained on other splits ({state['split_hash'][:12]}, here {split_hash[:12]}); restore "
            "the data and its options, or start from the weights instead"
        )
    if state.get("pairs", pairs) != pairs:
        raise DataError(
            f"the checkpoint was trained on {state['pairs']}, here it is {pairs}; restore the options of the data, or "
            "start from the weights instead"
        )
