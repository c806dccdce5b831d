"""Names and the classes behind them: the files of ``models/``, and what users and other packages register."""

import inspect
import pkgutil
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, overload

from colorzoo import models
from colorzoo.base.module import ZooModule
from colorzoo.errors import UnknownModelError, describe_unknown

M = TypeVar("M", bound=type[ZooModule])
_ENTRY_POINTS = "colorzoo.models"
_registered: dict[str, type[ZooModule]] = {}


@overload
def register(cls: M) -> M: ...
@overload
def register(*, name: str) -> Callable[[M], M]: ...
def register(cls: M | None = None, *, name: str | None = None) -> M | Callable[[M], M]:
    """Make a model of your own known by name to `list_models`, `load`, `create`, the CLI, ``export`` and ``publish``.

    A package can do so for all its users with an entry point of the group ``colorzoo.models``.

    Args:
        cls: The class; a decorator without arguments gives it.
        name: Its name; that of the class in snake case by default.

    Returns:
        The class.

    Raises:
        ValueError: If the name is taken, or is none.
        TypeError: If the class is no `ZooModule`.

    Example:
        >>> from colorzoo.models import FusionCNN
        >>> @register
        ... class RegisteredExample(FusionCNN):
        ...     pass
        >>> "registered_example" in model_names()
        True
    """
    if cls is None:
        return lambda decorated: _register(decorated, name)
    return _register(cls, name)


def _register(cls: M, name: str | None) -> M:
    if not (isinstance(cls, type) and issubclass(cls, ZooModule)):
        raise TypeError(f"{cls!r} is no model; register a subclass of Colorizer or Denoiser")
    name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
    if not re.fullmatch(r"[a-z]\w*", name):
        raise ValueError(f"{name!r} is no name for a model; give lower-case letters, digits and _")
    known = _registered.get(name)
    same = known is not None and (known.__module__, known.__qualname__) == (cls.__module__, cls.__qualname__)
    if name in _in_package() or (known is not None and not same):
        raise ValueError(f"a model is already called {name!r}; register {cls.__name__} under another name")
    cls.registered_name = name
    _registered[name] = cls
    return cls


def model_names() -> list[str]:
    """Return the names of all models, sorted; none is imported."""
    return sorted({*_in_package(), *_registered, *_entry_points()})


def model_class(name: str) -> type[ZooModule]:
    """Return the class of a model by a name of `list_models`; only its file is imported."""
    if name in _registered:
        return _registered[name]
    if name in _in_package():
        return _defined_in(f"{models.__name__}.{name}")
    if name not in _entry_points():
        raise UnknownModelError(describe_unknown(name, model_names(), "model"))
    cls: type[ZooModule] = _entry_points()[name].load()
    return _register(cls, name)


@cache
def _in_package() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(models.__path__) if not module.name.startswith("_")]


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=_ENTRY_POINTS)}


def _defined_in(path: str) -> type[ZooModule]:
    module = import_module(path)
    found = [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, ZooModule) and value.__module__ == module.__name__ and not inspect.isabstract(value)
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define exactly one model, but has {len(found)}")
    return found[0]
