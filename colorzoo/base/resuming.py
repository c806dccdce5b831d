"""What a run that is resumed takes from its checkpoint."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.errors import UsageError

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

_RESTORED = ("name", "lr", "weight_decay", "momentum", "beta1", "schedule", "warmup")


def restored_settings(optim: OptimizerConfig) -> dict[str, Any]:
    """Return what the state of an optimiser and of its schedule brings back, whatever is asked for.

    Args:
        optim: Of the run.
    """
    return {name: getattr(optim, name) for name in _RESTORED}


def check_settings(trainer: "Trainer", optim: OptimizerConfig, checkpoint: dict[str, Any]) -> None:
    """Refuse to resume a run with what it could not go on with.

    Args:
        trainer: Of the run.
        optim: Of the run.
        checkpoint: What it is resumed from.

    Raises:
        UsageError: If fewer epochs are asked for than it has had, or another optimiser, rate or schedule.
    """
    path, begun = trainer.ckpt_path, checkpoint["epoch"] + 1
    if trainer.max_epochs is not None and -1 < trainer.max_epochs < begun:
        raise UsageError(
            f"{path} is of epoch {begun}, and max_epochs is {trainer.max_epochs}; give --trainer.max_epochs of more "
            f"than {begun} to go on"
        )
    before = checkpoint.get("colorzoo", {}).get("optim") or {}
    for name, value in restored_settings(optim).items():
        if before.get(name, value) != value:
            raise UsageError(
                f"{path} goes on with optim.{name} {before[name]}, and {value} is asked for; give --optim.{name} "
                f"{before[name]}, or begin another run with its weights: --model.weights {path}"
            )


def keep_best(trainer: "Trainer", checkpoint: dict[str, Any]) -> None:
    """Let the best checkpoint of a run stay the best where the run goes on in another folder.

    Lightning forgets what was best if the folder is another. It removes only files of its own folder, which it tells by
    the beginning of their paths.

    Args:
        trainer: Of the run.
        checkpoint: What it is resumed from; the folders in it are changed.
    """
    for callback in trainer.checkpoint_callbacks:
        state = checkpoint.get("callbacks", {}).get(callback.state_key, {})
        for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
            if state.get(name):
                state[name] = os.path.abspath(state[name])
        state["best_k_models"] = {os.path.abspath(path): best for path, best in state.get("best_k_models", {}).items()}
        if Path(state.get("best_model_path", "")).is_file():
            state["dirpath"] = getattr(callback, "dirpath", None)
