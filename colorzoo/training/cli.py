"""The training verbs ``fit``, ``validate``, ``test`` and ``predict``: LightningCLI over the methods of the zoo."""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path

from jsonargparse import Namespace
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

import colorzoo
from colorzoo import datamodules
from colorzoo.base.module import ZooModule
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.callbacks.image_grid import ImageGrid
from colorzoo.callbacks.prediction_writer import PredictionWriter
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.errors import CheckpointError, ColorzooError
from colorzoo.training.checkpoint_io import AtomicCheckpointIO, last_checkpoint
from colorzoo.zoo import list_models, model_class


class ColorzooCLI(LightningCLI):
    """LightningCLI whose ``--model`` is a method of the zoo, wrapped in the task that trains it."""

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add trainer, model, data and optim; the model is a method rather than a LightningModule."""
        parser.add_lightning_class_args(self.trainer_class, "trainer")
        parser.add_lightning_class_args(ZooModule, "model", subclass_mode=True)
        parser.add_lightning_class_args(ImageDataModule, "data", subclass_mode=True)
        parser.add_class_arguments(OptimizerConfig, "optim")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Say where ``predict`` writes, and what ``fit`` does not take of the weights it starts from."""
        parser.add_lightning_class_args(PredictionWriter, "predictions")
        parser.add_argument(
            "--reinit",
            type=list[str],
            default=[],
            help="Modules that keep their initialisation in `fit` although there are --model.weights, as a list.",
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse a list of arguments, by default those of the process."""
        given = args if isinstance(args, list) else sys.argv[1:]
        given = _with_full_names(given)
        self.config = parser.parse_args(given)
        self.explicit = parser.parse_args(given, defaults=False)

    def instantiate_classes(self) -> None:
        """Wrap the method in its task; refuse to measure random weights."""
        config = self.config[str(self.subcommand)]
        init_args = config.model.get("init_args", {})
        weights = init_args.get("weights")
        if self.subcommand != "fit" and not config.get("ckpt_path") and weights is None:
            self.parser.error(f"{self.subcommand} needs trained weights: --model.weights NAME, or --ckpt_path of a run")
        if self.subcommand == "predict":
            # Otherwise Lightning keeps every picture in memory beside the file.
            config.return_predictions = False
        if config.get("weights_only") is None:
            # A checkpoint is data; Lightning would unpickle whatever it holds.
            config.weights_only = True
        # What is measured was trained as a whole, and its configuration still tells from what it started.
        reinit = config.reinit if self.subcommand == "fit" else []
        if reinit and weights is None:
            self.parser.error("reinit is about what does not fit of given weights: --model.weights NAME")
        if weights is not None:
            # What the user does not say, the checkpoint says.
            stated = self.explicit[str(self.subcommand)].model.get("init_args", Namespace())
            for name in set(vars(init_args)) - set(vars(stated)):
                del config.model.init_args[name]
        try:
            if reinit:
                config.model.init_args.pop("weights")
            super().instantiate_classes()
            if reinit:
                stated = config.model.init_args.as_dict()
                self.model = type(self.model).from_pretrained(weights, reinit, **stated)
                config.model.init_args.weights = weights
        except ValueError as error:
            # The parser buries what a constructor says under a list of what else it tried.
            reason = _reason(error)
            if reason is None:
                raise
            raise reason from None
        self._look_after_checkpoints(config)
        self.model.optim = self._get(self.config_init, "optim")

    def _look_after_checkpoints(self, config: Namespace) -> None:
        """Write them whole, and find the last one whichever run wrote it."""
        if type(self.trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            self.trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        if config.get("ckpt_path") != "last":
            return
        last = last_checkpoint(self.trainer)
        if last is not None:
            self.config_init[str(self.subcommand)].ckpt_path = str(last)
        elif self.subcommand != "fit":
            raise CheckpointError(f"no run has left a checkpoint in {self.trainer.default_root_dir}; give its path")


def run(args: list[str] | None = None) -> ColorzooCLI:
    """Parse the arguments (by default those of the process) and run the verb.

    Args:
        args: A list of arguments, the verb first.

    Returns:
        The command line object, with the trainer, the task and the data that were used.
    """
    _import_all()
    return ColorzooCLI(
        datamodule_class=ImageDataModule,
        subclass_mode_data=True,
        auto_configure_optimizers=False,
        load_from_checkpoint_support=False,
        seed_everything_default=0,
        trainer_defaults={"callbacks": [ImageGrid()]},
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"version": f"colorzoo {colorzoo.__version__}"},
        args=args,
    )


def _reason(error: BaseException | None) -> ColorzooError | None:
    """Return the error of ours that caused another, if there is one."""
    while error is not None and not isinstance(error, ColorzooError):
        error = error.__cause__
    return error


def _import_all() -> None:
    """Make every method and DataModule known by its short name."""
    for name in list_models():
        model_class(name)
    for module in pkgutil.iter_modules(datamodules.__path__):
        import_module(f"{datamodules.__name__}.{module.name}")


def _subclasses(cls: type) -> set[type]:
    """Return all classes derived from a class."""
    return set(cls.__subclasses__()).union(*map(_subclasses, cls.__subclasses__()))


def _recipe(path: Path) -> Path:
    """Return the packaged recipe of that name, if there is no such file here."""
    packaged = Path(colorzoo.__file__).parent / path
    return packaged if packaged.is_file() and not path.exists() else path


def _with_full_names(args: list[str]) -> list[str]:
    """Let ``--data CIFAR10`` stand for ``--data CIFAR10DataModule``, and find the recipes that a wheel brings along."""
    names = {cls.__name__.removesuffix("DataModule"): cls.__name__ for cls in _subclasses(ImageDataModule)}
    full: list[str] = []
    for arg in args:
        if full and full[-1] == "--data":
            full.append(names.get(arg, arg))
        elif full and full[-1] == "--config":
            full.append(str(_recipe(Path(arg))))
        elif arg.startswith("--data="):
            value = arg.removeprefix("--data=")
            full.append(f"--data={names.get(value, value)}")
        else:
            full.append(arg)
    return full
