"""Methods that are solved rather than trained: statistics of one epoch, then one step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from colorzoo.base.module import ZooModule
from colorzoo.errors import CheckpointError


class ClosedFormModule(ZooModule, ABC):
    """A method whose parameters follow in closed form from sums over the data; its losses are only measured.

    One epoch of `Trainer.fit` adds up the `statistics` of all batches and processes, and then calls `solve`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    @abstractmethod
    def statistics(self, batch: Any) -> dict[str, Tensor]:
        """Return what `solve` must know of a batch, as tensors that add up over batches."""

    @abstractmethod
    def solve(self, statistics: Mapping[str, Tensor]) -> None:
        """Set the parameters by the `statistics`, added up over all batches."""

    def setup(self, stage: str) -> None:
        """Prepare as every model, and scale no loss: a scaler refuses a step that no gradients were scaled for."""
        from lightning.pytorch.plugins import MixedPrecision

        super().setup(stage)
        if isinstance(self.trainer.precision_plugin, MixedPrecision):
            self.trainer.precision_plugin.scaler = None

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Add up the statistics of a batch; solve after the epoch's last one, in time for validation."""
        optimizer: Any = self.optimizers()
        cast(ClosedFormOptimizer, optimizer.optimizer).observe(self.as_pairs(batch))
        if self.trainer.is_last_batch:
            optimizer.step()
            self.trainer.should_stop = True

    def configure_optimizers(self) -> Any:
        return ClosedFormOptimizer(self, partial(self.trainer.strategy.reduce, reduce_op="sum"))


class ClosedFormOptimizer(Optimizer):
    """Adds up a method's statistics batch by batch; its step sets the parameters to the solution.

    To Lightning it is an optimiser like another: the fit counts as a step, without which it writes no checkpoint. What
    was observed is not part of a checkpoint: each process has seen its own batches, and one writes.
    """

    def __init__(self, model: ClosedFormModule, sum_over_processes: Callable[[Tensor], Tensor]) -> None:
        super().__init__(model.parameters(), {})
        self.model = model
        self.sum_over_processes = sum_over_processes
        self.totals: dict[str, Tensor] = {}

    @torch.no_grad()
    def observe(self, batch: Any) -> None:
        """Add the statistics of a batch, in full precision whatever that of the run."""
        device = next(self.model.parameters()).device
        with torch.autocast(device.type, enabled=False):
            for name, value in self.model.statistics(batch).items():
                self.totals[name] = self.totals[name] + value if name in self.totals else value

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"observed": bool(self.totals)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict.get("observed", False):
            raise CheckpointError(
                "the checkpoint was written in the middle of the one epoch of a method in closed form; start anew, "
                "without --ckpt_path"
            )
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "observed"})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            closure()
        if not self.totals:
            raise ValueError("nothing was observed; show at least one batch before the step")
        self.model.solve({name: self.sum_over_processes(value) for name, value in self.totals.items()})
        self.totals = {}
