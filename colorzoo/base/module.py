"""What every method of the zoo is: a network with plain hyper-parameters and an objective. Pure torch."""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import Tensor, nn
from torch.nn import Parameter

from colorzoo.errors import UnknownModuleError

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class CheckpointRef:
    """The checkpoint that weights came from: name and SHA-256 of its file, and its licence if it is published."""

    name: str
    sha256: str
    licence: str = ""

    def describe(self) -> str:
        """Say it in a few words."""
        return f"{self.name} (SHA-256 {self.sha256})"


class ZooModule(nn.Module, ABC):
    """A network, the hyper-parameters that rebuild it, and the losses that train it.

    A subclass passes every argument of its own ``__init__`` but ``weights`` on to this one, by name, and states
    its ``paper``: authors, title, year.

    Args:
        hparams: Numbers, strings, booleans, None, and lists or dicts of these; they go into every checkpoint.

    Raises:
        TypeError: If a hyper-parameter is not a plain value, or differs in name from the arguments of ``__init__``.
    """

    task: ClassVar[str]
    paper: ClassVar[str]
    input_key: ClassVar[str]
    """Key of a batch under which the input of the network lies."""
    target_key: ClassVar[str]
    """Key of a batch under which the truth lies that its output is compared with."""
    ignored_hparams: ClassVar[tuple[str, ...]] = ("weights",)
    """Arguments that say where tensors come from; a checkpoint, which has the tensors, does not store them."""
    source: CheckpointRef | None = None
    """Where the weights of a loaded model came from; None for one that was never loaded."""
    pretrained: bool = False
    """Whether its tensors came from a checkpoint."""
    closed_form: ClassVar[bool] = False
    """Fitted in one epoch by `statistics` and `solve`, without an optimiser; its losses are measured all the same."""

    def __init__(self, **hparams: Any) -> None:
        super().__init__()
        expected = self.hparam_names()
        if set(hparams) != set(expected):
            raise TypeError(f"{type(self).__name__} must pass on {sorted(expected)}, but passed {sorted(hparams)}")
        self.hparams: dict[str, Any] = {name: _plain(name, hparams[name]) for name in expected}
        self._frozen: set[str] = set()

    @classmethod
    def hparam_names(cls) -> list[str]:
        """Names of the hyper-parameters, in the order of the signature."""
        parameters = inspect.signature(cls.__init__).parameters
        return [name for name in parameters if name != "self" and name not in cls.ignored_hparams]

    @classmethod
    def name(cls) -> str:
        """Name of the model in the zoo: its file's."""
        return cls.__module__.rpartition(".")[2]

    @property
    def backbone_modules(self) -> tuple[str, ...]:
        """Modules that find out what is in a picture, the first ones first; fine-tuning may keep them as they are.

        None by default; a subclass names some, as an attribute or a property.
        """
        return ()

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Return the scalars of one batch: ``"loss"``, which is minimised, and the parts worth logging."""

    def learners(self) -> dict[str, list[Parameter]]:
        """Groups of parameters that learn one after another in each step; one group unless the method is a game."""
        return {"model": list(self.parameters())}

    def turns(self, batch: Any) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the name of each learner and the losses it minimises; it takes its step before the next is asked."""
        yield "model", self.losses(batch)

    def statistics(self, batch: Any) -> dict[str, Tensor]:
        """Return what a method in closed form must know of a batch, as tensors that add up over batches."""
        raise NotImplementedError(f"{type(self).__name__} is not fitted in closed form; minimise its losses")

    def solve(self, statistics: Mapping[str, Tensor]) -> None:
        """Set the parameters of a method in closed form from its statistics, added up over all batches."""
        raise NotImplementedError(f"{type(self).__name__} is not fitted in closed form; minimise its losses")

    def trained_on(self, data: str) -> None:
        """Take note of what the published weights that this network now has were trained on.

        Args:
            data: What their record says of it.
        """

    def freeze(self, *names: str) -> None:
        """Keep modules as they are until they are thawed: parameters and norm statistics, whatever `train` is told.

        Args:
            names: Modules, such as ``"encoder"`` or ``"encoder.0"``, with all that is in them.

        Raises:
            UnknownModuleError: If there is none of this name.
        """
        for name in names:
            self._frozen |= {_joined(name, inner) for inner, _ in self.get_submodule(name).named_modules()}
            self.get_submodule(name).requires_grad_(False)
        self.train(self.training)

    def unfreeze(self, *names: str) -> None:
        """Let frozen modules, or modules in them, learn again.

        Args:
            names: Modules, with all that is in them.

        Raises:
            UnknownModuleError: If there is none of this name.
        """
        for name in names:
            self._frozen -= {_joined(name, inner) for inner, _ in self.get_submodule(name).named_modules()}
            self.get_submodule(name).requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all that is not frozen; what is stays in evaluation mode, and so its norm statistics."""
        super().train(mode)
        for name in self._frozen:
            self.get_submodule(name).training = False
        return self

    def get_submodule(self, target: str) -> nn.Module:
        """Return a module by name.

        Args:
            target: Such as ``"encoder"``, or ``"encoder.0"`` for one within.

        Raises:
            UnknownModuleError: If there is none of this name.
        """
        try:
            return super().get_submodule(target)
        except AttributeError:
            found: nn.Module = self
            known = target.split(".")
            while known[0] in (inner := dict(found.named_children())):
                found = inner[known.pop(0)]
            where = ".".join([type(self).__name__, *target.split(".")[: target.count(".") + 1 - len(known)]])
            raise UnknownModuleError(
                f"no module is called {target!r}; {where} has {', '.join(inner) or 'none'}"
            ) from None

    def load_pretrained(self, weights: str | None) -> None:
        """Copy published weights, or a file's, into this network; the last line of a subclass's ``__init__``.

        Args:
            weights: A name of the zoo, a path, or None to keep the random initialisation.

        Raises:
            CheckpointError: If the weights do not fit this network exactly; ``zoo.create`` can replace what does not.
        """
        if weights is not None:
            from colorzoo.zoo import load_pretrained

            load_pretrained(self, weights)


def _joined(name: str, inner: str) -> str:
    return f"{name}.{inner}" if inner else name


def _plain(name: str, value: Any) -> Any:
    """Return the value with tuples as lists, or refuse what a checkpoint's header cannot carry."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"hyper-parameter {name!r} is {value}; give a finite number")
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(f"{name}[{key!r}]", item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(f"{name}[{index}]", item) for index, item in enumerate(value)]
    raise TypeError(
        f"hyper-parameter {name!r} is a {type(value).__name__}; "
        "only numbers, strings, booleans, None, lists and dicts can be stored in a checkpoint"
    )
