"""The models: one file a method, which is its name; shared blocks begin with an underscore.

``from colorzoo.models import FusionCNN`` imports that model's file alone.
"""

import pkgutil
from importlib import import_module
from typing import Any


def _files() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]


def __getattr__(name: str) -> Any:
    for file in _files():
        if file.replace("_", "") == name.lower() and name != name.lower():
            return getattr(import_module(f"{__name__}.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its files are {', '.join(_files())}")


def __dir__() -> list[str]:
    names = []
    for file in _files():
        module = import_module(f"{__name__}.{file}")
        names += [name for name in vars(module) if name.lower() == file.replace("_", "")]
    return sorted(names)
