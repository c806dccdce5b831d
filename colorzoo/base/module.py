"""The LightningModule that every method is: a network, its hyper-parameters, and the losses that train it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

from colorzoo.base.hparams import HparamsMeta, as_plain, init_parameters
from colorzoo.base.resuming import check_settings, keep_best, restored_settings
from colorzoo.base.training import TrainableModule
from colorzoo.errors import CheckpointError, UsageError
from colorzoo.hub import checkpoint_file, published
from colorzoo.hub.ckpt_file import read_ckpt
from colorzoo.hub.header import parse_ref
from colorzoo.hub.record import Checkpoint, CheckpointInfo, CheckpointRef
from colorzoo.hub.state_dict import check_finite, check_hparams, load_strict
from colorzoo.runtime.compile import NETWORK_METHODS


class ZooModule(TrainableModule, metaclass=HparamsMeta):
    """A LightningModule with a published name: its arguments are its hyper-parameters, and its file rebuilds it.

    A subclass states its ``paper`` (authors, title, year), calls ``super().__init__()`` without arguments, builds its
    network and gives `losses`. Whatever Lightning lets a module override may be overridden. Each argument of
    ``__init__`` must be a plain value: a number, string, boolean, None, or a list or dict of these.

    Raises:
        TypeError: If a hyper-parameter is not a plain value.
    """

    paper: ClassVar[str]
    ignored_hparams: ClassVar[tuple[str, ...]] = ("weights",)
    """Arguments that say where tensors come from; a checkpoint, which has the tensors, does not store them."""
    added_hparams: ClassVar[tuple[str, ...]] = ()
    """Hyper-parameters that older checkpoints lack: their defaults change nothing."""
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

    def __getstate__(self) -> dict[str, Any]:
        # What torch.compile made cannot be pickled; a copy runs the network as it stands.
        return {name: value for name, value in vars(self).items() if name not in NETWORK_METHODS}

    @classmethod
    def hparam_names(cls) -> list[str]:
        """Return the names of the hyper-parameters, in the order of the signature."""
        return [name for name in init_parameters(cls) if name not in cls.ignored_hparams]

    @classmethod
    def name(cls) -> str:
        """Return the name in the zoo: the file's, or as registered; else an import path, which `load` refuses."""
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
        owners = {base.name(): base for base in cls.__mro__ if issubclass(base, ZooModule)}
        if checkpoint.model not in owners:
            raise CheckpointError(f"{checkpoint.path} holds a {checkpoint.model}, not a {cls.name()}")
        known, owner = cls.hparam_names(), owners[checkpoint.model]
        theirs = {name: value for name, value in (hparams | checkpoint.hparams).items() if name in owner.hparam_names()}
        check_hparams(checkpoint, owner, theirs, reinit)
        inherited = {name: value for name, value in checkpoint.hparams.items() if name in known}
        if not reinit:  # the checkpoint has every tensor; no other file is asked for some of them
            hparams = {name: value for name, value in hparams.items() if name not in cls.ignored_hparams}
        model = cls(**(inherited | hparams))
        load_strict(checkpoint, model, model.hparams, reinit)
        model.note_source(checkpoint)
        return model

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: Any,
        map_location: Any = None,
        hparams_file: Any = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return the model of a run's file; unlike Lightning's, never by running what is in the file.

        Args:
            checkpoint_path: A ``.ckpt`` file.
            map_location: The device; None for the CPU.
            hparams_file: Not taken: the file has the hyper-parameters.
            strict: Not False: every tensor must fit; see ``reinit``.
            weights_only: Not False: a checkpoint is data.
            kwargs: Hyper-parameters that differ from the file's, and ``reinit``; see `from_pretrained`.

        Returns:
            The model, in training mode.

        Raises:
            UsageError: If it is to be loaded in another way.
            CheckpointError: If the file is damaged, of another model, or a tensor does not fit.
        """
        if hparams_file is not None or strict is False or weights_only is False:
            raise UsageError(
                "a checkpoint is read as data and as a whole; leave out hparams_file, strict=False and "
                "weights_only=False, and name what need not fit: reinit=[...]"
            )
        model = cls.from_pretrained(Path(checkpoint_path), **kwargs)
        model.on_load_checkpoint(read_ckpt(Path(checkpoint_path))[0])
        return model.to(map_location or "cpu")

    def note_source(self, checkpoint: Checkpoint) -> None:
        """Remember the checkpoint that the tensors are of, and what its record says."""
        self.source = checkpoint.reference()
        self.pretrained = True
        if checkpoint.record is not None:
            self.read_record(checkpoint.record)

    def read_record(self, record: CheckpointInfo) -> None:
        """Take from the record of published weights what the model behaves by; nothing unless overridden."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what ``colorzoo.load`` needs to rebuild the model from this file alone, and what it started from."""
        base = asdict(self.source) if self.source else None
        checkpoint["colorzoo"] = {
            "model": self.name(),
            "hparams": dict(self.hparams),
            "base": base,
            "optim": restored_settings(self.optim),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Know again what the run started from; refuse what it cannot go on with."""
        trainer = self._trainer
        path = Path("the checkpoint" if trainer is None else str(trainer.ckpt_path))
        self.source = parse_ref(path, checkpoint.get("colorzoo", {}).get("base"))
        check_finite(path, checkpoint["state_dict"])
        if trainer is not None and trainer.state.fn == "fit":
            check_settings(trainer, self.optim, checkpoint)
            keep_best(trainer, checkpoint)
