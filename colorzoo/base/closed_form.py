"""The optimiser of methods that need none: statistics of an epoch, then one step that solves for the parameters."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from colorzoo.base.module import ZooModule
from colorzoo.errors import CheckpointError


class ClosedForm(Optimizer):
    """Adds up a method's statistics batch by batch; its step sets the parameters to the solution.

    To Lightning it is an optimiser like another: the fit counts as a step, without which no checkpoint would be
    written. What was observed is not part of a checkpoint: each process has seen its own batches, and one writes.

    Args:
        model: A method with ``closed_form``.
        over_processes: Adds up a tensor over all processes, each of which has observed its own batches.

    Raises:
        ValueError: In ``step``, if nothing was observed.
        CheckpointError: In ``load_state_dict``, if the checkpoint was written between batch and step.
    """

    def __init__(self, model: ZooModule, over_processes: Callable[[Tensor], Tensor]) -> None:
        super().__init__(model.parameters(), {})
        self.model = model
        self.over_processes = over_processes
        self.totals: dict[str, Tensor] = {}

    @torch.no_grad()
    def observe(self, batch: Any) -> None:
        """Add the statistics of a batch, in full precision whatever that of the run."""
        device = next(self.model.parameters()).device
        with torch.autocast(device.type, enabled=False):
            for name, value in self.model.statistics(batch).items():
                self.totals[name] = self.totals[name] + value if name in self.totals else value

    def state_dict(self) -> dict[str, Any]:
        """Say, beside what every optimiser says, whether batches were observed that are not solved for yet."""
        return super().state_dict() | {"observed": bool(self.totals)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to go on in the middle of an epoch: without its beginning the solution would be another."""
        if state_dict.get("observed", False):
            raise CheckpointError(
                "the checkpoint was written in the middle of the one epoch of a method in closed form; start anew, "
                "without --ckpt_path"
            )
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "observed"})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Solve for the parameters, and forget what was observed."""
        if closure is not None:
            closure()
        if not self.totals:
            raise ValueError("nothing was observed; show at least one batch before the step")
        self.model.solve({name: self.over_processes(value) for name, value in self.totals.items()})
        self.totals = {}
