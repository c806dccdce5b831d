"""The LightningModule that every method is: a network, its hyper-parameters, and the losses that train it."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from colorzoo.base.freezing import FreezableModule
from colorzoo.base.hparams import HparamsMeta, as_plain, init_parameters
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.errors import CheckpointError, DataError, DivergedError
from colorzoo.hub import checkpoint_file, published
from colorzoo.hub.record import Checkpoint, CheckpointInfo, CheckpointRef
from colorzoo.hub.state_dict import load_strict

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler


class ZooModule(FreezableModule, metaclass=HparamsMeta):
    """A LightningModule with a published name: its arguments are its hyper-parameters, and its file rebuilds it.

    A subclass states its ``paper`` (authors, title, year), calls ``super().__init__()`` without arguments, builds its
    network and gives `losses`. Whatever Lightning lets a module override may be overridden. Each argument of
    ``__init__`` must be a plain value: a number, string, boolean, None, or a list or dict of these.

    Raises:
        TypeError: If a hyper-parameter is not a plain value.
    """

    task: ClassVar[str]
    """What it does: ``"colorization"`` or ``"denoising"``."""
    paper: ClassVar[str]
    input_key: ClassVar[str]
    """Key of a batch under which the input of the network lies."""
    target_key: ClassVar[str]
    """Key of a batch under which the target lies that its output is compared with."""
    ignored_hparams: ClassVar[tuple[str, ...]] = ("weights",)
    """Arguments that say where tensors come from; a checkpoint, which has the tensors, does not store them."""
    backbone_modules: Any = ()
    """Names of the modules that describe what an image shows, the first ones first; fine-tuning may keep them."""
    source: CheckpointRef | None = None
    """The checkpoint that its tensors are of, or that its training started from; None for a random start."""
    pretrained: bool = False
    """Whether its tensors came from a checkpoint."""
    registered_name: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        given = self.__dict__.pop("_arguments", {})
        hparams = {
            name: as_plain(name, given.get(name, parameter.default))
            for name, parameter in init_parameters(type(self)).items()
            if name not in self.ignored_hparams
        }
        if hasattr(self, "save_hyperparameters"):
            # Not by Lightning's own logging: it refuses a name that the DataModule has too. `on_fit_start` logs them.
            self.save_hyperparameters(hparams, logger=False)
        else:
            self.hparams = hparams  # type: ignore[misc]
        self.optim = OptimizerConfig()
        """How it is optimised, unless `configure_optimizers` is overridden."""
        self.lr_factors: dict[Parameter, float] = {}
        """What the learning rate of some parameters is multiplied by; a callback may set it in its ``setup``."""

    @classmethod
    def hparam_names(cls) -> list[str]:
        """Return the names of the hyper-parameters, in the order of the signature."""
        return [name for name in init_parameters(cls) if name not in cls.ignored_hparams]

    @classmethod
    def name(cls) -> str:
        """Return the name in the zoo: that of the file in ``colorzoo.models``, or the registered one.

        A class that is not registered has its import path as its name, which `colorzoo.load` never imports.
        """
        if "registered_name" in vars(cls):
            return cls.registered_name
        package, _, stem = cls.__module__.rpartition(".")
        return stem if package == "colorzoo.models" else f"{cls.__module__}.{cls.__qualname__}"

    @classmethod
    def from_pretrained(cls, weights: str | Path, reinit: Sequence[str] = (), **hparams: Any) -> Self:
        """Return a model that starts from trained weights; what is not said of it, the checkpoint says.

        Args:
            weights: A name of the zoo, or the path of a ``.safetensors`` or ``.ckpt`` file.
            reinit: Modules or tensors, such as ``"head"``, that keep their random initialisation.
            hparams: Hyper-parameters that differ from the checkpoint's.

        Returns:
            The model, in training mode.

        Raises:
            UnknownModelError: If nothing published has this name.
            CheckpointError: If the checkpoint is of another model, or a tensor does not fit.
            UnknownModuleError: If nothing is called as ``reinit`` says.
        """
        checkpoint = checkpoint_file.read(published.locate(weights))
        names = [base.name() for base in cls.__mro__ if issubclass(base, ZooModule)]
        if checkpoint.model not in names:
            raise CheckpointError(f"{checkpoint.path} holds a {checkpoint.model}, not a {cls.name()}")
        known = cls.hparam_names()
        inherited = {name: value for name, value in checkpoint.hparams.items() if name in known}
        if not reinit:  # the checkpoint has every tensor; no other file is asked for some of them
            hparams = {name: value for name, value in hparams.items() if name not in cls.ignored_hparams}
        model = cls(**(inherited | hparams))
        load_strict(checkpoint, model, model.hparams, reinit)
        model.note_source(checkpoint)
        return model

    def note_source(self, checkpoint: Checkpoint) -> None:
        """Remember the checkpoint that the tensors are of, and what its record says.

        Args:
            checkpoint: The one that was copied.
        """
        self.source = checkpoint.reference()
        self.pretrained = True
        if checkpoint.record is not None:
            self.read_record(checkpoint.record)

    def read_record(self, record: CheckpointInfo) -> None:
        """Take from the record of published weights what the model behaves by; nothing unless overridden.

        Args:
            record: The record in the header of the file.
        """

    @property
    def lr(self) -> float:
        """Highest learning rate; Lightning's ``LearningRateFinder`` sets it."""
        return self.optim.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.optim = self.optim.with_lr(value)

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Return the scalars of one batch: ``"loss"``, which is minimised, and the parts worth logging."""

    @abstractmethod
    def compute_metrics(self, output: Tensor, target: Tensor, given: Tensor) -> dict[str, Tensor]:
        """Return the metrics of a batch, beside those of what needs no model.

        Args:
            output: What `forward` answers.
            target: The truth.
            given: The input.
        """

    @abstractmethod
    def as_pairs(self, batch: Any) -> Any:
        """Return a batch of inputs and targets by their keys, made from RGB images where it has no such keys.

        Raises:
            DataError: If the batch is nothing that pairs can be made of.
        """

    def setup(self, stage: str) -> None:
        """Refuse data of another task, and prepare the model and the strategy for training.

        Raises:
            DataError: If the DataModule makes pairs for de-noisers and the method colours, or the other way round.
        """
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
        """Log the hyper-parameters of model and optimiser."""
        stated = {"model": self.name()} | {f"model/{name}": value for name, value in self.hparams.items()}
        stated |= {f"optim/{name}": value for name, value in asdict(self.optim).items()}
        for logger in self.loggers:
            logger.log_hyperparams(stated)

    def on_validation_start(self) -> None:
        """Measure, in all processes, with the running statistics that a checkpoint gets: those of the first."""
        if self.trainer.world_size > 1:
            for buffer in self.buffers():
                torch.distributed.broadcast(buffer, 0)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        """Return the loss of a batch, and log it with its parts."""
        pairs = self.as_pairs(batch)
        losses = self.losses(pairs)
        self.check_finite(losses["loss"], pairs, batch_idx)
        self.log_batch("train", losses, pairs)
        return losses["loss"]

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Measure a batch; return what the model makes of it."""
        return self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Measure a batch; return what the model makes of it."""
        return self._evaluate("test", batch)

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return what the model makes of a batch."""
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
        """Log scalars of a batch as means over the images of an epoch.

        Args:
            split: Stands before each name: ``train``, ``val`` or ``test``.
            values: By name.
            batch: Its number of images is their weight.
        """
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
                sync_dist=split != "train",
            )

    def check_finite(self, loss: Tensor, batch: Any, batch_idx: int, network: str = "") -> None:
        """End a run whose loss is no number, before the weights are lost and written.

        Args:
            loss: The loss.
            batch: Its images are named.
            batch_idx: Number of the batch in the epoch.
            network: Which of several networks it trains.

        Raises:
            DivergedError: If the loss is infinite or no number.
        """
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

    def configure_optimizers(self) -> "OptimizerLRScheduler":
        """Return the optimiser that `optim` describes, with its schedule over the batches of the run."""
        return self.build_optimizer(self.parameters())  # type: ignore[return-value]

    def build_optimizer(self, parameters: Iterable[Parameter]) -> dict[str, Any]:
        """Return an optimiser of some parameters, and its schedule if it has one, in Lightning's form.

        Args:
            parameters: Those that it trains.
        """
        fused = self.device.type in ("cpu", "cuda") and self.trainer.precision != "16-mixed"
        optimizer = self.optim.optimizer(parameters, self.lr_factors, fused)
        scheduler = self.optim.scheduler(optimizer, self.trainer.estimated_stepping_batches)
        if scheduler is None:
            return {"optimizer": optimizer}
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler} | self.optim.scheduler_options(scheduler),
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what ``colorzoo.load`` needs to rebuild the model from this file alone, and what it started from."""
        base = asdict(self.source) if self.source else None
        checkpoint["colorzoo"] = {"model": self.name(), "hparams": dict(self.hparams), "base": base}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Know again what the run started from."""
        base = checkpoint.get("colorzoo", {}).get("base")
        self.source = CheckpointRef(**base) if base else None
