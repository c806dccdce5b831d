"""How a model is optimised, as plain values."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from colorzoo.errors import UsageError


@dataclass(frozen=True)
class OptimizerConfig:
    """An optimiser and the course of its learning rate over a run.

    Args:
        name: The optimiser.
        lr: Highest learning rate.
        weight_decay: L2 penalty, decoupled for ``adamw``; not applied to biases and norm layers.
        momentum: Momentum of ``sgd``.
        schedule: ``"constant"``, or ``"cosine"``: up during ``warmup``, then down to nearly 0.
        warmup: Share of all steps in which the rate of ``"cosine"`` rises.
        clip_norm: Longest gradient of all parameters together; None for no limit.
        beta1: Decay of the first moment of ``adam`` and ``adamw``; games between networks like 0.5.

    Raises:
        ValueError: If a number is out of its range.
    """

    name: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.0
    clip_norm: float | None = None
    beta1: float = 0.9

    def __post_init__(self) -> None:
        if self.name not in ("adamw", "adam", "sgd", "rmsprop"):
            raise ValueError(f"name is {self.name!r}; give adamw, adam, sgd or rmsprop")
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule is {self.schedule!r}; give constant or cosine")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr is {self.lr}; give a positive number")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm is {self.clip_norm}; give a positive number or None")
        if not 0 <= self.beta1 < 1:
            raise ValueError(f"beta1 is {self.beta1}; give a number in [0, 1)")
        if self.weight_decay < 0 or not 0 <= self.momentum < 1 or not 0 <= self.warmup < 1:
            raise ValueError(f"weight_decay must be >= 0, momentum and warmup in [0, 1); got {self}")

    def optimizer(
        self,
        parameters: Iterable[Parameter],
        lr_factors: Mapping[Parameter, float] | None = None,
        fused: bool = False,
    ) -> Optimizer:
        """Return the optimiser of those of these parameters that learn; ``lr_factors`` multiply the rate of some.

        ``fused`` takes the step of ``adam`` and ``adamw`` in one pass, on a CPU in a seventh of the time. Not for a
        loss scaler, which leaves the unscaling to such an optimiser: too late for the clipping.
        """
        alike: dict[tuple[float, bool], list[Parameter]] = defaultdict(list)
        for parameter in parameters:
            if parameter.requires_grad:
                alike[(lr_factors or {}).get(parameter, 1.0), parameter.ndim > 1].append(parameter)
        groups = [
            {
                "params": alike[factor, matrix],
                "lr": factor * self.lr,
                "weight_decay": self.weight_decay if matrix else 0.0,
            }
            for factor, matrix in sorted(alike, reverse=True)
        ]
        if self.name == "sgd":
            return SGD(groups, self.lr, momentum=self.momentum)
        if self.name == "rmsprop":
            return RMSprop(groups, self.lr)
        adam = AdamW if self.name == "adamw" else Adam
        return adam(groups, self.lr, betas=(self.beta1, 0.999), fused=fused or None)

    def scheduler(self, optimizer: Optimizer, steps: float) -> LambdaLR | None:
        """Return the schedule over so many steps; None if constant: one of ones would undo what a callback does."""
        if self.schedule == "constant":
            return None
        if not math.isfinite(steps):
            raise UsageError("the cosine schedule must know when training ends; set max_epochs or max_steps")
        rising = self.warmup * steps

        def share(step: int) -> float:
            if step < rising:
                return (step + 1) / rising
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1.0, steps - rising))))

        return LambdaLR(optimizer, share)

    def scheduler_options(self, scheduler: Any) -> dict[str, Any]:
        """Return when a schedule moves on, as Lightning takes it: after each step."""
        return {"interval": "step"}
