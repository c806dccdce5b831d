"""A callback that lowers the learning rate in stairs: down when validation no longer improves; after the last, stop."""

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn


class ReduceLROnPlateauAndStop(Callback):
    """Train at one rate until a metric has not improved for a while, then at a smaller one; end after the last rate.

    Di Hao's procedure: Adam at 1e-3 until the validation loss has not improved for 10 epochs, and so six times,
    each at a tenth of the rate before. The best value is remembered across the stairs. Give the trainer
    ``max_epochs: -1``, or as many as it may take at most; the optimiser's schedule must be ``"constant"``.

    Args:
        monitor: The logged metric; lower is better.
        patience: Validations in a row without improvement that end a stair.
        factor: What the rate is multiplied by after each stair but the last.
        stages: Number of stairs, the first included.

    Raises:
        ValueError: If a number is out of its range; in training, if nothing is logged under ``monitor`` or
            something else sets the rate.

    Example:
        >>> ReduceLROnPlateauAndStop(patience=3, stages=2).state_dict()
        {'best': inf, 'waited': 0, 'stage': 1}
    """

    def __init__(self, monitor: str = "val/loss", patience: int = 10, factor: float = 0.1, stages: int = 6) -> None:
        if patience < 1 or stages < 1:
            raise ValueError(f"patience ({patience}) and stages ({stages}) must be at least 1")
        if not 0 < factor < 1:
            raise ValueError(f"factor is {factor}; give a number between 0 and 1, such as 0.1")
        self.monitor = monitor
        self.patience = patience
        self.factor = factor
        self.stages = stages
        self.best = math.inf
        self.waited = 0
        self.stage = 1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.lr_scheduler_configs:
            raise ValueError("a schedule would overwrite the rates of ReduceLROnPlateauAndStop; set it to 'constant'")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        if self.monitor not in trainer.callback_metrics:
            logged = ", ".join(sorted(trainer.callback_metrics))
            raise ValueError(f"nothing is logged as {self.monitor!r}; monitor one of {logged}")
        value = float(trainer.callback_metrics[self.monitor])
        if value < self.best:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited < self.patience:
            return
        if self.stage >= self.stages:
            trainer.should_stop = True
            return
        self.stage, self.waited = self.stage + 1, 0
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] *= self.factor

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited, "stage": self.stage}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.waited, self.stage = state_dict["best"], state_dict["waited"], state_dict["stage"]
