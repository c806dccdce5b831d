"""Modules that keep their tensors and norm statistics while the rest of a model trains."""

from typing import Self

from torch import nn

from colorzoo.base._lightning import LightningModule
from colorzoo.errors import UnknownModuleError, describe_unknown


class FreezableModule(LightningModule):
    """A module whose parts can be frozen by name; what is frozen stays so whatever `train` is told."""

    def freeze(self, *names: str) -> Self:
        """Keep modules as they are until `unfreeze`: parameters and norm statistics.

        Args:
            names: Modules, such as ``"encoder"`` or ``"encoder.0"``, with all that is in them; none for all.

        Raises:
            UnknownModuleError: If there is none of this name.
        """
        for name in names or ("",):
            self._frozen_names().update(self._within(name))
            self.get_submodule(name).requires_grad_(False)
        return self.train(self.training if names else False)

    def unfreeze(self, *names: str) -> Self:
        """Let frozen modules, or modules in them, train again; see `freeze`."""
        for name in names or ("",):
            self._frozen_names().difference_update(self._within(name))
            self.get_submodule(name).requires_grad_(True)
        return self.train(self.training if names else True)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name in self._frozen_names():
            self.get_submodule(name).training = False
        return self

    def get_submodule(self, target: str) -> nn.Module:
        try:
            return super().get_submodule(target)
        except AttributeError:
            parent, _, name = target.rpartition(".")
            inner = [child for child, _ in self.get_submodule(parent).named_children()]
            where = f"module of {'.'.join([type(self).__name__, *filter(None, [parent])])}"
            raise UnknownModuleError(describe_unknown(name, inner, where)) from None

    def _within(self, name: str) -> list[str]:
        inner = (inner for inner, _ in self.get_submodule(name).named_modules())
        return [f"{name}.{part}".strip(".") for part in inner]

    def _frozen_names(self) -> set[str]:
        names: set[str] = self.__dict__.setdefault("_frozen", set())
        return names
