"""The LightningModule that trains and measures any method of the zoo."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.types import OptimizerConfig as LightningOptimizers
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from colorzoo.base.closed_form import ClosedForm
from colorzoo.base.module import ZooModule
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.data.batches import ColorBatch, NoisyBatch
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import DataError, DivergedError
from colorzoo.metrics import color_metrics, denoising_metrics

Pairs = ColorBatch | NoisyBatch
_PANELS: dict[str, Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]] = {
    "colorization": color_metrics,
    "denoising": denoising_metrics,
}


class PictureTask(LightningModule):
    """Trains a method on pairs, and measures it beside what needs no model.

    Args:
        model: The network; it is trained in place, and is what ``colorzoo.load`` gives back from a checkpoint.
        optim: How it is optimised; a method in closed form needs no such advice, and one epoch.

    Example:
        >>> import colorzoo
        >>> task = PictureTask(colorzoo.create("fusion_cnn"), OptimizerConfig(lr=3e-4))
    """

    def __init__(self, model: ZooModule, optim: OptimizerConfig | None = None) -> None:
        super().__init__()
        # A third more pictures a second on a CPU, and what tensor cores want on a GPU.
        self.model = model.to(memory_format=torch.channels_last)
        self.optim = optim or OptimizerConfig()
        self.lr_factors: dict[Parameter, float] = {}
        """What the rate of some parameters is multiplied by, if a callback asks for it in its ``setup``."""
        self.automatic_optimization = len(model.learners()) == 1 and not model.closed_form

    def setup(self, stage: str) -> None:
        """Refuse data of another kind, prepare DDP for gradients that do not come, and scale nothing in closed form.

        Raises:
            DataError: If the DataModule makes pairs for de-noisers and the method colours, or the other way round.
        """
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, ImageDataModule) and (data.noise is not None) != (self.model.input_key == "noisy"):
            advice = "give noise, such as --data.noise.impulse=0.15" if data.noise is None else "leave out data.noise"
            raise DataError(f"{type(self.model).__name__} learns {self.model.task} from other pairs; {advice}")
        if isinstance(self.trainer.strategy, DDPStrategy):
            if not self.automatic_optimization or self.lr_factors:
                # In a game each backward pass reaches one player's parameters only, and none reaches what is frozen.
                self.trainer.strategy._ddp_kwargs["find_unused_parameters"] = True
            # It sends them before every batch, and cannot send a single one that lies channels last.
            self.trainer.strategy._ddp_kwargs["broadcast_buffers"] = False
        if self.model.closed_form and isinstance(self.trainer.precision_plugin, MixedPrecision):
            # A scaler refuses a step that no gradients were scaled for.
            self.trainer.precision_plugin.scaler = None

    def on_validation_start(self) -> None:
        """Measure, in all processes, with the running statistics that a checkpoint gets: those of the first."""
        if self.trainer.world_size > 1:
            for buffer in self.model.buffers():
                torch.distributed.broadcast(buffer, 0)

    def forward(self, pictures: Tensor) -> Tensor:
        """Colour or restore a batch; see `Colorizer.forward`, `Denoiser.forward`."""
        return self.model(pictures)  # type: ignore[no-any-return]

    def training_step(self, batch: Pairs, batch_idx: int) -> Tensor | None:
        """Return the loss of a batch, or let several learners take their steps; log the parts.

        A method in closed form observes the batch, and is solved after the epoch's last one, in time for validation.
        """
        if self.model.closed_form:
            self._fit_in_closed_form(batch)
            return None
        if self.automatic_optimization:
            losses = self.model.losses(batch)
            self._refuse_divergence(losses["loss"], batch, batch_idx)
            self._log("train", losses, batch)
            return losses["loss"]
        optimizers = dict(zip(self.model.learners(), self._all(self.optimizers()), strict=True))
        for learner, losses in self.model.turns(batch):
            self._refuse_divergence(losses["loss"], batch, batch_idx, f"{learner}'s ")
            optimizers[learner].zero_grad()
            self.manual_backward(losses["loss"])
            optimizers[learner].step()
            self._log("train", {f"{learner}_{name}": value.detach() for name, value in losses.items()}, batch)
        with warnings.catch_warnings():
            # One clock for all: the schedule of a learner that has not had a turn yet runs too, on purpose.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            for scheduler in self._all(self.lr_schedulers()):
                scheduler.step()
        return None

    def _refuse_divergence(self, loss: Tensor, batch: Pairs, batch_idx: int, whose: str = "") -> None:
        """End a run that would train on without a number, before the weights are spoilt and written."""
        if bool(loss.isfinite()):
            return
        names = batch.get("name", [])
        shown = f" ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''})" if names else ""
        raise DivergedError(
            f"the {whose}loss of batch {batch_idx} of epoch {self.current_epoch}{shown} is {float(loss.detach())}; "
            "lower optim.lr, set optim.clip_norm below the usual length of the gradient, or look at these pictures"
        )

    def _fit_in_closed_form(self, batch: Pairs) -> None:
        optimizer = cast(LightningOptimizer, self.optimizers())
        cast(ClosedForm, optimizer.optimizer).observe(batch)
        if self.trainer.is_last_batch:
            optimizer.step()
            self.trainer.should_stop = True

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip gradients, of one learner as of several, after a loss scaler has unscaled them."""
        if self.optim.clip_norm is not None:
            clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.optim.clip_norm)

    def validation_step(self, batch: Pairs, batch_idx: int) -> Tensor:
        """Measure a batch; return what the model makes of it."""
        return self._measure("val", batch)

    def test_step(self, batch: Pairs, batch_idx: int) -> Tensor:
        """Measure a batch; return what the model makes of it."""
        return self._measure("test", batch)

    def predict_step(self, batch: Pairs, batch_idx: int) -> Tensor:
        """Return what the model makes of a batch."""
        return self.model(batch[self.model.input_key])  # type: ignore[no-any-return,literal-required]

    def _measure(self, split: str, batch: Pairs) -> Tensor:
        seen, truth = batch[self.model.input_key], batch[self.model.target_key]  # type: ignore[literal-required]
        output: Tensor = self.model(seen)
        figures = _PANELS[self.model.task](output, truth, seen)
        self._log(split, self.model.losses(batch) | figures, batch)
        return output

    def _log(self, split: str, figures: dict[str, Tensor], batch: Pairs) -> None:
        # A float: Lightning 2.6 divides by the processes in whole numbers (its issue 21859), so that an odd number of
        # pictures in two processes would count as one less.
        pictures: Any = float(len(batch[self.model.input_key]))  # type: ignore[literal-required]
        for name, value in figures.items():
            running = split == "train" and name == "loss"
            self.log(
                f"{split}/{name}",
                value,
                batch_size=pictures,
                prog_bar=running or (split != "train" and name == "psnr"),
                on_step=running,
                on_epoch=True,
                sync_dist=split != "train",
            )

    def configure_optimizers(self) -> list[LightningOptimizers | OptimizerLRSchedulerConfig]:
        """An optimiser a learner, and its schedule, if it has one, over the batches that the trainer will see."""
        if self.model.closed_form:
            return [{"optimizer": ClosedForm(self.model, partial(self.trainer.strategy.reduce, reduce_op="sum"))}]
        return [self._optimization(group) for group in self.model.learners().values()]

    def _optimization(self, parameters: list[Parameter]) -> LightningOptimizers | OptimizerLRSchedulerConfig:
        fused = self.device.type in ("cpu", "cuda") and self.trainer.precision != "16-mixed"
        optimizer = self.optim.optimizer(parameters, self.lr_factors, fused)
        counted_in_steps = self.trainer.max_steps > 0 and not self.trainer.fast_dev_run  # type: ignore[attr-defined]
        if counted_in_steps and self.optim.schedule == "cosine" and not self.automatic_optimization:
            raise ValueError(
                "max_steps counts the steps of every learner, a schedule the batches; set max_epochs instead"
            )
        scheduler = self.optim.scheduler(optimizer, self.trainer.estimated_stepping_batches)
        if scheduler is None:
            return {"optimizer": optimizer}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    @staticmethod
    def _all(one_or_more: Any) -> list[Any]:
        """Lightning answers with a list, with the one thing there is, or with None."""
        if one_or_more is None:
            return []
        return list(one_or_more) if isinstance(one_or_more, list) else [one_or_more]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what ``colorzoo.load`` needs to rebuild the model from this file alone."""
        checkpoint["colorzoo"] = {"model": self.model.name(), "hparams": self.model.hparams}
