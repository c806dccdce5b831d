"""The commands ``fit``, ``validate``, ``test`` and ``predict``: LightningCLI over the models of the zoo."""

import sys
import warnings
from argparse import ArgumentError
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, resolve_name
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, LRSchedulerTypeTuple
from torch.optim import Optimizer

from colorzoo import callbacks, datamodules, noise
from colorzoo._version import __version__
from colorzoo.base.module import ZooModule
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.callbacks.image_grid import ImageGrid
from colorzoo.callbacks.prediction_writer import PredictionWriter
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import CheckpointError, ColorzooError, UsageError
from colorzoo.hub import checkpoint_file
from colorzoo.hub.state_dict import check_hparams, load_strict
from colorzoo.registry import model_class
from colorzoo.training.arguments import expand_names, explain, root_cause
from colorzoo.training.checkpoint_io import AtomicCheckpointIO, last_checkpoint
from colorzoo.training.class_optimizer import ClassOptimizerConfig
from colorzoo.zoo import list_models


class ColorzooCLI(LightningCLI):
    """LightningCLI whose ``--model`` and ``--data`` are ours, and whose ``--optim`` describes the optimiser."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the optimiser, the folder of predictions, and what `fit` does not take of ``--model.weights``."""
        parser.add_class_arguments(OptimizerConfig, "optim")
        parser.add_optimizer_args((Optimizer,))
        parser.add_lr_scheduler_args(LRSchedulerTypeTuple)
        parser.add_lightning_class_args(PredictionWriter, "predictions")
        parser.add_argument(
            "--reinit",
            type=list[str],
            default=[],
            help="Modules that keep their random initialisation in `fit` in spite of --model.weights, as a list.",
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse a list of arguments, by default those of the process."""
        self.names = expand_names(args if isinstance(args, list) else sys.argv[1:])
        try:
            self.config = parser.parse_args(self.names)
        except ArgumentError as error:
            options = {option for command in self._subcommand_parsers.values() for option in _options(command)}
            raise UsageError(explain(error.message, options)) from error
        except (UnicodeError, RecursionError) as error:
            raise UsageError(f"a configuration cannot be read ({error}); give YAML, in UTF-8") from error

    def _parse_ckpt_path(self) -> None:
        """Leave the hyper-parameters of a checkpoint to `_inherit_hparams`, which asks what was stated."""

    def instantiate_classes(self) -> None:
        """Make model, data and trainer; refuse to measure random weights."""
        config = self.config[str(self.subcommand)]
        weights, ckpt_path = config.get("model.init_args.weights"), config.get("ckpt_path")
        if self.subcommand != "fit" and not ckpt_path and weights is None:
            raise UsageError(f"{self.subcommand} needs trained weights: --model.weights NAME, or --ckpt_path of a run")
        if self.subcommand == "predict":
            # Otherwise Lightning keeps every image in memory beside the file.
            config.return_predictions = False
        if config.get("weights_only") is False:
            raise UsageError("weights_only is false, but a checkpoint is read as data only; leave it out")
        config.weights_only = True
        # What is measured was trained as a whole, and its configuration still tells from what it started.
        reinit = config.reinit if self.subcommand == "fit" else []
        if reinit and weights is None:
            raise UsageError("reinit is about modules of given weights; add --model.weights NAME")
        self._inherit_hparams(config, weights, ckpt_path)
        if reinit:
            config.model.init_args.pop("weights")
        try:
            super().instantiate_classes()
        except (ValueError, TypeError) as error:
            # The parser buries what a constructor says under a list of what else it tried.
            raise _in_one_line(error) from error
        if reinit:
            self.model = type(self.model).from_pretrained(weights, reinit, **config.model.init_args.as_dict())
            config.model.init_args.weights = weights
        self._look_after_checkpoints(config)
        self.model.optim = self._optimizer_config()

    def _inherit_hparams(self, config: Namespace, weights: Any, ckpt_path: Any) -> None:
        """Leave out the defaults of the model's class where a checkpoint says better."""
        checkpoint = None
        if ckpt_path and Path(ckpt_path).suffix == ".ckpt" and "://" not in str(ckpt_path):
            checkpoint = checkpoint_file.read(Path(ckpt_path))
        if checkpoint is None and weights is None:
            return
        stated = self._stated("model.init_args")
        if checkpoint is not None:
            cls: type[ZooModule] = resolve_name(config.model.class_path)
            if checkpoint.model != cls.name():
                raise CheckpointError(f"{ckpt_path} holds a {checkpoint.model}, not a {cls.name()}")
            # The checkpoint has every tensor, so that no other file is asked for some of them.
            stated = {name: value for name, value in stated.items() if name not in cls.ignored_hparams}
            stated = checkpoint.hparams | stated
            check_hparams(checkpoint, cls, stated)
        config.model.init_args = Namespace(**stated)  # type: ignore[no-untyped-call]

    def _stated(self, key: str) -> dict[str, Any]:
        """Return what the command line and its configs state of a part, without defaults."""
        stated = self.parser.parse_args(self.names, defaults=False)
        part = stated[str(self.subcommand)].get(key)
        return part.as_dict() if part else {}

    def _optimizer_config(self) -> OptimizerConfig:
        """Return what ``--optim`` says, with the classes of ``--optimizer`` and ``--lr_scheduler`` if given."""
        optim: OptimizerConfig = self._get(self.config_init, "optim")
        optimizer, scheduler = (self._get(self.config_init, key) for key in ("optimizer", "lr_scheduler"))
        if not (optimizer or scheduler):
            return optim
        if not self.model.automatic_optimization:
            raise UsageError(
                f"{type(self.model).__name__} does not take its steps by one optimiser; leave out --optimizer and "
                "--lr_scheduler, and see --optim"
            )
        if optimizer and "lr" not in self._stated("optimizer.init_args"):
            optimizer.init_args.lr = optim.lr
        return ClassOptimizerConfig.of(optim, optimizer, scheduler)

    def _look_after_checkpoints(self, config: Namespace) -> None:
        """Write them whole, and find the last one whichever run wrote it."""
        if type(self.trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            self.trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        if config.get("ckpt_path") != "last":
            return
        last = last_checkpoint(self.trainer)
        if last is not None:
            load_strict(checkpoint_file.read(last), self.model, self.model.hparams)
            self.config_init[str(self.subcommand)].ckpt_path = str(last)
        elif self.subcommand != "fit":
            raise CheckpointError(f"no run has left a checkpoint in {self.trainer.default_root_dir}; give its path")


def run(args: list[str] | None = None) -> ColorzooCLI:
    """Parse the arguments (by default those of the process) and run the command.

    Args:
        args: A list of arguments, the command first.

    Returns:
        The command line object, with the trainer, the model and the data that were used.

    Raises:
        ColorzooError: If an argument, or what Lightning makes of it, is wrong; its message is one line.
    """
    _import_all()
    quiet = {"exit_on_error": False}
    commands = LightningCLI.subcommands()
    given = (sys.argv[1:] if args is None else args)[:1]

    class _OneCommandCLI(ColorzooCLI):
        # Most of the time that parsing takes goes into the parsers of the commands, and one is needed.
        @staticmethod
        def subcommands() -> dict[str, set[str]]:
            return {name: skipped for name, skipped in commands.items() if name in given} or commands

    try:
        return _OneCommandCLI(
            model_class=ZooModule,
            subclass_mode_model=True,
            datamodule_class=ImageDataModule,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            seed_everything_default=0,
            trainer_defaults={"callbacks": [ImageGrid()]},
            save_config_kwargs={"overwrite": True},
            parser_kwargs={"version": f"colorzoo {__version__}", **quiet}
            | {command: quiet for command in _OneCommandCLI.subcommands()},
            args=args,
        )
    except MisconfigurationException as error:
        raise _in_one_line(error) from error


def _in_one_line(error: Exception) -> ColorzooError:
    """Return the error of ours that caused another, or one with the message of what did."""
    cause = root_cause(error)
    return cause if isinstance(cause, ColorzooError) else UsageError(" ".join(str(cause).split()))


def _options(parser: LightningArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _import_all() -> None:
    """Make every model, DataModule, callback and degradation known by its short name."""
    for name in list_models():
        try:
            model_class(name)
        except (ImportError, TypeError) as error:
            warnings.warn(f"the model {name} of another package cannot be imported ({error})", stacklevel=2)
    for package in (datamodules, callbacks, noise):
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
