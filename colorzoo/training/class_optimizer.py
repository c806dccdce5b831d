"""Optimisers and schedules that are named by their classes: ``--optimizer SGD``, ``--lr_scheduler StepLR``."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from lightning.pytorch.cli import ReduceLROnPlateau, instantiate_class
from torch.nn import Parameter
from torch.optim import Optimizer

from colorzoo.base.optimizer import OptimizerConfig


@dataclass(frozen=True)
class ClassOptimizerConfig(OptimizerConfig):
    """An `OptimizerConfig` whose optimiser, schedule, or both are classes with arguments of their own.

    Args:
        optimizer_class: Import path of the optimiser; empty for the one that ``name`` says.
        optimizer_args: Its arguments but the learning rate; its weight decay is of all parameters.
        scheduler_class: Import path of the schedule, which moves on once an epoch; empty for none.
        scheduler_args: Its arguments.
    """

    optimizer_class: str = ""
    optimizer_args: Mapping[str, Any] = field(default_factory=dict)
    scheduler_class: str = ""
    scheduler_args: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, optim: OptimizerConfig, optimizer: Mapping[str, Any] | None, lr_scheduler: Mapping[str, Any] | None
    ) -> Self:
        """Return a configuration with classes (``class_path``, ``init_args``) in place of names."""
        settings = asdict(optim)
        if optimizer:
            arguments = dict(optimizer.get("init_args", {}))
            settings |= {"lr": arguments.pop("lr", optim.lr), "name": optimizer["class_path"]}
            settings |= {name: arguments[name] for name in ("weight_decay", "momentum") if name in arguments}
            settings |= {
                "optimizer_class": optimizer["class_path"],
                "optimizer_args": arguments,
                "schedule": "constant",
            }
        if lr_scheduler:
            path, arguments = lr_scheduler["class_path"], dict(lr_scheduler.get("init_args", {}))
            settings |= {"schedule": path, "scheduler_class": path, "scheduler_args": arguments}
        return cls(**settings)

    def __post_init__(self) -> None:
        """Check nothing: the classes know what they take."""

    def optimizer(
        self,
        parameters: Iterable[Parameter],
        lr_factors: Mapping[Parameter, float] | None = None,
        fused: bool = False,
    ) -> Optimizer:
        if not self.optimizer_class:
            return super().optimizer(parameters, lr_factors, fused)
        groups: dict[float, list[Parameter]] = defaultdict(list)
        for parameter in parameters:
            if parameter.requires_grad:
                groups[(lr_factors or {}).get(parameter, 1.0)].append(parameter)
        settings = [{"params": groups[factor], "lr": factor * self.lr} for factor in sorted(groups, reverse=True)]
        init = {"class_path": self.optimizer_class, "init_args": {**self.optimizer_args, "lr": self.lr}}
        return instantiate_class((settings,), init)  # type: ignore[no-any-return]

    def scheduler(self, optimizer: Optimizer, steps: float) -> Any:
        if not self.scheduler_class:
            return None
        return instantiate_class(optimizer, {"class_path": self.scheduler_class, "init_args": self.scheduler_args})

    def scheduler_options(self, scheduler: Any) -> dict[str, Any]:
        return {"monitor": scheduler.monitor} if isinstance(scheduler, ReduceLROnPlateau) else {}
