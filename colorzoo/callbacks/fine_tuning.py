"""A callback that keeps a model's trunk as it is, for a while or for good, and lets it learn more slowly after that.

Lightning's ``BaseFinetuning`` will not do: its frozen batch norms work with the statistics of the batch, what it
unfreezes has no place in a schedule over batches, which ends the run, and a resumed run finds it frozen again.
"""

from lightning.pytorch import Callback, LightningModule, Trainer

from colorzoo.base.closed_form import ClosedFormModule
from colorzoo.base.module import ZooModule
from colorzoo.errors import UsageError


class FineTuning(Callback):
    """Freeze the trunk of a pretrained model, norm statistics included, and let it learn later, more slowly.

    What is frozen at a moment follows from the epoch alone, so that a run that is resumed goes on as it would have.

    Args:
        trunk: Names of modules, the first ones first; None for the `ZooModule.backbone_modules` of the method. What the
            method itself keeps frozen stays so.
        unfreeze_epoch: Epoch, from 0, in which the trunk begins to learn; None for never.
        stages: So many parts of as many layers begin one after another, the last layers first.
        stage_epochs: Epochs from one part to the next.
        lr_factor: What the learning rate is multiplied by in the trunk.

    Raises:
        ValueError: If a number is out of its range.
        UsageError: In training, if the model has random weights, or nothing that could be frozen or nothing beside it.
        UnknownModuleError: In training, if the model has no module of such a name.

    Example:
        >>> FineTuning(unfreeze_epoch=2, stages=3).learning_stages(3)
        2
    """

    def __init__(
        self,
        trunk: list[str] | None = None,
        unfreeze_epoch: int | None = None,
        stages: int = 1,
        stage_epochs: int = 1,
        lr_factor: float = 0.1,
    ) -> None:
        if unfreeze_epoch is not None and unfreeze_epoch < 0:
            raise ValueError(f"unfreeze_epoch is {unfreeze_epoch}; give an epoch from 0 on, or None for never")
        if stages < 1 or stage_epochs < 1:
            raise ValueError(f"stages ({stages}) and stage_epochs ({stage_epochs}) must be at least 1")
        if stages > 1 and unfreeze_epoch is None:
            raise ValueError(f"{stages} stages begin at unfreeze_epoch, which is None; give an epoch from 0 on")
        if not 0 < lr_factor <= 1:
            raise ValueError(f"lr_factor is {lr_factor}; give a number above 0, at most 1")
        self.backbone_modules = trunk
        self.unfreeze_epoch = unfreeze_epoch
        self.stages = stages
        self.stage_epochs = stage_epochs
        self.lr_factor = lr_factor
        self._modules: list[str] = []
        self._layers: list[str] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the trunk, and ask for its learning rate."""
        if stage != "fit":
            return
        if not isinstance(pl_module, ZooModule):
            raise TypeError(f"FineTuning trains models of colorzoo, not a {type(pl_module).__name__}")
        model = pl_module
        self._modules = self._learning_trunk(model)
        # All of it is in the optimiser from the start, so that schedules reach it and a resumed run finds its place.
        model.lr_factors = {
            parameter: self.lr_factor for name in self._modules for parameter in model.get_submodule(name).parameters()
        }
        self._layers = list(
            dict.fromkeys(
                f"{name}.{inner}" if inner else name
                for name in self._modules
                for inner, module in model.get_submodule(name).named_modules()
                if list(module.parameters(recurse=False))
            )
        )
        if self.stages > len(self._layers):
            raise UsageError(f"stages is {self.stages}, but the trunk has only {len(self._layers)} layers")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse random weights, once those of a run that is resumed are there."""
        if trainer.ckpt_path is None and not any(
            getattr(module, "pretrained", False) for module in pl_module.modules()
        ):
            raise UsageError("FineTuning would freeze random weights; start from trained ones: --model.weights NAME")

    def on_train_start(self, trainer: Trainer, pl_module: ZooModule) -> None:  # type: ignore[override]
        """Freeze what does not learn yet; DistributedDataParallel, which must know all of it, has been set up."""
        self._refuse_idle_optimizers(trainer, pl_module)
        self._follow(pl_module, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: ZooModule) -> None:  # type: ignore[override]
        """Thaw what begins to learn in this epoch."""
        self._follow(pl_module, trainer.current_epoch)

    def learning_stages(self, epoch: int) -> int:
        """Return how many parts of the trunk learn in an epoch.

        Args:
            epoch: From 0.
        """
        if self.unfreeze_epoch is None or epoch < self.unfreeze_epoch:
            return 0
        return min(self.stages, (epoch - self.unfreeze_epoch) // self.stage_epochs + 1)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave no module frozen that was not before."""
        self._thaw(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no module frozen that was not before."""
        self._thaw(pl_module)

    def _thaw(self, pl_module: LightningModule) -> None:
        if isinstance(pl_module, ZooModule) and self._modules:
            pl_module.unfreeze(*self._modules)

    def _follow(self, model: ZooModule, epoch: int) -> None:
        learning = self.learning_stages(epoch)
        if learning == self.stages:
            model.unfreeze(*self._modules)
            return
        model.freeze(*self._modules)
        if learning:
            model.unfreeze(*self._layers[len(self._layers) * (self.stages - learning) // self.stages :])

    def _learning_trunk(self, model: ZooModule) -> list[str]:
        """Return the names of the trunk's modules that are not frozen by the method itself."""
        names = model.backbone_modules if self.backbone_modules is None else self.backbone_modules
        learning = [name for name in names if any(p.requires_grad for p in model.get_submodule(name).parameters())]
        if not learning or isinstance(model, ClosedFormModule):
            there = ", ".join(name for name, _ in model.named_children()) or "no modules"
            raise UsageError(f"nothing of {type(model).__name__} can be frozen for fine-tuning; it has {there}")
        return learning

    def _refuse_idle_optimizers(self, trainer: Trainer, model: ZooModule) -> None:
        """Every optimiser must have a parameter that trains from the start."""
        if self.learning_stages(0) == self.stages:
            return
        names = {parameter: name for name, parameter in model.named_parameters()}
        for optimizer in trainer.optimizers:
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            if all(parameter in model.lr_factors for parameter in parameters):
                network = names[parameters[0]].partition(".")[0]
                raise UsageError(
                    f"{', '.join(self._modules)} leave the optimiser of {network} nothing to train; name fewer modules"
                )
