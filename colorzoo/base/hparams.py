"""Hyper-parameters: read from the call that makes a model, so that a method writes them once, in its signature."""

import inspect
import math
from abc import ABCMeta
from collections.abc import Mapping
from typing import Any, TypeVar

_PLAIN = (str, int, float, bool, type(None))
M = TypeVar("M")


class HparamsMeta(ABCMeta):
    """Keeps the arguments that a model is made with, and sends a call with ``weights`` to ``from_pretrained``."""

    def __call__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        """Make a model; see the class's own docstring for its arguments."""
        weights = kwargs.pop("weights", None)
        arguments = bind_arguments(cls, args, kwargs)
        weights = arguments.pop("weights", weights)
        if weights is not None:
            return cls.from_pretrained(weights, **arguments)  # type: ignore[attr-defined, no-any-return]
        for name, parameter in init_parameters(cls).items():
            refuse_text_for_number(name, arguments.get(name), parameter.default)
        model = cls.__new__(cls)
        model.__dict__["_arguments"] = arguments
        model.__init__(**arguments)  # type: ignore[misc]
        return model


def bind_arguments(cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name, or raise a TypeError that names the possible ones."""
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    try:
        arguments = dict(signature.bind_partial(None, *args, **kwargs).arguments)
    except TypeError as error:
        raise TypeError(f"{cls.__name__}: {error}; it takes {', '.join(init_parameters(cls)) or 'none'}") from None
    arguments.pop(next(iter(signature.parameters)), None)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments |= arguments.pop(name, {})
    return arguments


def init_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of ``__init__``; where it passes ``**kwargs`` on, those of the base class too."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        found |= {p.name: p for p in parameters if p.name not in found and p.kind not in (p.VAR_KEYWORD,)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found


def refuse_text_for_number(name: str, value: object, default: object) -> None:
    """Raise a TypeError where a string is given for a number, which would fail somewhere in the network."""
    if isinstance(value, str) and isinstance(default, int | float):
        raise TypeError(f"{name} is {value!r}; give a number, such as {default}")


def as_plain(name: str, value: Any) -> Any:
    """Return a hyper-parameter's value with tuples as lists, or raise a TypeError if a checkpoint cannot carry it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"hyper-parameter {name!r} is {value}; give a finite number")
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {str(key): as_plain(f"{name}[{key!r}]", item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(f"{name}[{index}]", item) for index, item in enumerate(value)]
    raise TypeError(
        f"hyper-parameter {name!r} is a {type(value).__name__}; only numbers, strings, booleans, None, lists and dicts "
        "can be stored in a checkpoint; name it in `ignored_hparams` if a checkpoint can do without it"
    )
