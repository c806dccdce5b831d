"""The training, validation and test steps of every model: losses, metrics, logging and the optimiser."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from colorzoo.base.freezing import FreezableModule
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.errors import DataError, DivergedError


class TrainableModule(FreezableModule):
    """A LightningModule that trains on pairs of inputs and targets, and measures itself beside what needs no model.

    A subclass gives `losses`, `compute_metrics` and `as_pairs`.
    """

    task: ClassVar[str]
    """What it does: ``"colorization"`` or ``"denoising"``."""
    input_key: ClassVar[str]
    """Key of a batch under which the input of the network lies."""
    target_key: ClassVar[str]
    """Key of a batch under which the target lies that its output is compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.optim = OptimizerConfig()
        """How it is optimised, unless `configure_optimizers` is overridden."""
        self.lr_factors: dict[Parameter, float] = {}
        """What the learning rate of some parameters is multiplied by; a callback may set it in its ``setup``."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move or convert the tensors; modules in another precision than float32 then convert their inputs."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for module in self.children():
            parameter = next(module.parameters(), None)
            converts = _cast_inputs in module._forward_pre_hooks.values()
            if parameter is not None and parameter.dtype != torch.float32 and not converts:
                module.register_forward_pre_hook(_cast_inputs)
        return self

    @classmethod
    @abstractmethod
    def name(cls) -> str:
        """Return the name in the zoo."""

    @property
    def lr(self) -> float:
        """Highest learning rate; Lightning's ``LearningRateFinder`` sets it."""
        return self.optim.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.optim = replace(self.optim, lr=value)

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Return the scalars of one batch: ``"loss"``, which is minimised, and the parts worth logging."""

    @abstractmethod
    def compute_metrics(self, output: Tensor, target: Tensor, given: Tensor) -> dict[str, Tensor]:
        """Return the metrics of the output of `forward` beside its target, and of what needs no model."""

    @abstractmethod
    def as_pairs(self, batch: Any) -> Any:
        """Return a batch of inputs and targets by their keys, made from RGB images where it has no such keys."""

    def setup(self, stage: str) -> None:
        from lightning.pytorch.strategies import DDPStrategy

        data = getattr(self.trainer, "datamodule", None)
        key = getattr(data, "input_key", self.input_key)
        if key != self.input_key:
            advice = "give noise, such as --data.noise.impulse=0.15" if key == "grey" else "leave out data.noise"
            raise DataError(f"{type(self).__name__} learns {self.task} from other pairs; {advice}")
        # A third more images a second on a CPU, and what tensor cores want on a GPU.
        self.to(memory_format=torch.channels_last)
        if stage == "fit" and not self.training:
            self.train()  # `colorzoo.load` returns it in evaluation mode, in which norm statistics do not move
        if isinstance(self.trainer.strategy, DDPStrategy):
            if not self.automatic_optimization or self.lr_factors:
                # Not every backward pass reaches every parameter: several networks take turns, or some are frozen.
                self.trainer.strategy._ddp_kwargs["find_unused_parameters"] = True
            # It sends them before every batch, and cannot send a single one that lies channels last.
            self.trainer.strategy._ddp_kwargs["broadcast_buffers"] = False

    def on_fit_start(self) -> None:
        stated = {"model": self.name()} | {f"model/{name}": value for name, value in self.hparams.items()}
        stated |= {f"optim/{name}": value for name, value in asdict(self.optim).items()}
        data = getattr(self.trainer, "datamodule", None)
        stated |= {f"data/{name}": value for name, value in getattr(data, "hparams", {}).items()}
        for logger in self.loggers:
            logger.log_hyperparams(stated)

    def on_validation_start(self) -> None:
        """Measure, in all processes, with the running statistics that a checkpoint gets: those of the first."""
        if self.trainer.world_size > 1:
            for buffer in self.buffers():
                torch.distributed.broadcast(buffer, 0)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        pairs = self.as_pairs(batch)
        losses = self.losses(pairs)
        self.check_finite(losses["loss"], pairs, batch_idx)
        self.log_batch("train", losses, pairs)
        return losses["loss"]

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._evaluate("test", batch)

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        output: Tensor = self(self.as_pairs(batch)[self.input_key])
        return output

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        pairs = self.as_pairs(batch)
        given = pairs[self.input_key]
        output: Tensor = self(given)
        metrics = self.compute_metrics(output, pairs[self.target_key], given)
        self.log_batch(split, self.losses(pairs) | metrics, pairs)
        return output

    def log_batch(self, split: str, values: dict[str, Tensor], batch: Any) -> None:
        """Log scalars of a batch, such as ``train/loss``, as means over the images of an epoch."""
        # A float: Lightning 2.6 divides by the processes in whole numbers (its issue 21859), so that an odd number of
        # images in two processes would count as one less.
        count: Any = float(len(batch[self.input_key]))
        for name, value in values.items():
            running = split == "train" and name == "loss"
            self.log(
                f"{split}/{name}",
                value,
                batch_size=count,
                prog_bar=running or (split != "train" and name == "psnr"),
                on_step=running,
                on_epoch=True,
                sync_dist=not running,
            )

    def check_finite(self, loss: Tensor, batch: Any, batch_idx: int, network: str = "") -> None:
        """Raise a DivergedError that names the images if a loss is no number, before weights are written."""
        if bool(loss.isfinite()):
            return
        names = batch.get("name", [])
        shown = f" ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''})" if names else ""
        whose = f"{network}'s " if network else ""
        raise DivergedError(
            f"the {whose}loss of batch {batch_idx} of epoch {self.current_epoch}{shown} is {float(loss.detach())}; "
            "lower optim.lr, set optim.clip_norm below the usual length of the gradient, or look at these images"
        )

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip gradients, of one network as of several, after a loss scaler has unscaled them."""
        if self.optim.clip_norm is not None:
            clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.optim.clip_norm)

    def configure_optimizers(self) -> Any:
        return self.build_optimizer(self.parameters())

    def build_optimizer(self, parameters: Iterable[Parameter]) -> dict[str, Any]:
        """Return an optimiser of some parameters, and its schedule if it has one, in Lightning's form."""
        fused = self.device.type in ("cpu", "cuda") and self.trainer.precision != "16-mixed"
        optimizer = self.optim.optimizer(parameters, self.lr_factors, fused)
        scheduler = self.optim.scheduler(optimizer, self.trainer.estimated_stepping_batches)
        if scheduler is None:
            return {"optimizer": optimizer}
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler} | self.optim.scheduler_options(scheduler),
        }


def _cast_inputs(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Convert floating-point inputs to the precision of the parameters; L*a*b* and losses stay in float32."""
    dtype = next(module.parameters()).dtype
    return tuple(x.to(dtype) if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs)
