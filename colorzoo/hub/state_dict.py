"""Tensors of a checkpoint into a model: all of them, or all but those of modules that are named."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from colorzoo.errors import CheckpointError, UnknownModuleError
from colorzoo.hub.published import package_folders
from colorzoo.hub.record import Checkpoint

_SHOWN = 3
_FILLING = frozenset(("fill_", "zero_", *(name for name in vars(nn.init) if name.endswith("_"))))
"""What has no effect on a tensor without memory, and takes long."""


def check_hparams(
    checkpoint: Checkpoint, build: Callable[..., nn.Module], hparams: Mapping[str, Any], reinit: Sequence[str] = ()
) -> None:
    """Refuse a checkpoint whose hyper-parameters describe another network than its tensors, before one is made.

    The network is built without memory for its tensors, and no further than that many tensors can need. Files that ship
    with the package, whose digests were compared, are trusted: what builds without memory takes long to import.

    Args:
        checkpoint: What to check.
        build: The model's class.
        hparams: Those of the checkpoint that the class has.
        reinit: Modules or tensors that are not looked at.

    Raises:
        CheckpointError: If they are none of the class, or describe other tensors.
    """
    if checkpoint.path.resolve().parent in package_folders():
        return
    try:
        with torch.device("meta"), _CallLimit(500 + 40 * len(checkpoint.tensors)):
            model = build(**hparams)
    except (CheckpointError, ImportError):
        raise
    except Exception as error:  # whatever a wrong value makes the constructor stumble over
        if "meta" in str(error):
            return  # a class that looks at values of tensors can only be built in earnest
        raise CheckpointError(
            f"{checkpoint.path} has hyper-parameters that {build.__name__} does not take ({_in_one_line(error)}); "
            "fetch it again, or use the version of colorzoo that wrote it"
        ) from error
    given, wanted = (
        {key: tensor for key, tensor in tensors.items() if not _within(key, reinit)}
        for tensors in (checkpoint.tensors, model.state_dict())
    )
    _refuse_mismatches(checkpoint, given, wanted, model, getattr(model, "hparams", hparams))


def load_strict(
    checkpoint: Checkpoint, model: nn.Module, hparams: Mapping[str, object], reinit: Sequence[str] = ()
) -> None:
    """Copy tensors strictly: the same names and the same shapes.

    Args:
        checkpoint: Where they come from.
        model: Where they go to.
        hparams: What the model was made with, for the message.
        reinit: Modules or tensors that stay as they are in the model, whatever the checkpoint has of them.

    Raises:
        UnknownModuleError: If neither the model nor the checkpoint has something called so.
        CheckpointError: If a tensor that is to be copied does not fit exactly.
    """
    theirs, mine = checkpoint.tensors, model.state_dict()
    for name in reinit:
        if not any(_within(key, [name]) for key in theirs | mine):
            there = ", ".join(dict.fromkeys(key.partition(".")[0] for key in mine))
            raise UnknownModuleError(
                f"nothing is called {name!r} in {type(model).__name__}; reinit some of {there}, or a part of one"
            )
    wanted = {key: tensor for key, tensor in mine.items() if not _within(key, reinit)}
    given = {key: tensor for key, tensor in theirs.items() if not _within(key, reinit)}
    _refuse_mismatches(checkpoint, given, wanted, model, hparams)
    check_finite(checkpoint.path, given)
    model.load_state_dict(mine | given)


def check_finite(path: object, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights with which a model could only answer nonsense.

    Args:
        path: Where they come from, for the message.
        tensors: By name.

    Raises:
        CheckpointError: If a value is infinite or no number.
    """
    for name, tensor in tensors.items():
        # Six times as fast as `isfinite` of all values; NaN is passed on by it.
        if tensor.is_floating_point() and tensor.numel() and not all(map(torch.isfinite, tensor.aminmax())):
            raise CheckpointError(f"{path} holds values in {name} that are infinite or no numbers; take another one")


class _CallLimit(TorchFunctionMode):
    """Ends the building of a network that takes more calls of torch than a sound one."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.most -= 1
        if self.most < 0:
            raise ValueError("they describe a network of more tensors than there are")
        if func.__name__ in _FILLING:
            return kwargs["tensor"] if kwargs and "tensor" in kwargs else args[0]
        return func(*args, **(kwargs or {}))


def _refuse_mismatches(
    checkpoint: Checkpoint,
    given: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    model: nn.Module,
    hparams: Mapping[str, object],
) -> None:
    if mismatches := _mismatches(given, wanted):
        raise CheckpointError(
            f"{checkpoint.path} does not fit {type(model).__name__}: {_listed(list(mismatches.values()))}"
            f"{_differences(checkpoint.hparams, hparams)}; to start from the rest of it, reinit "
            f"{', '.join(_modules(mismatches))}"
        )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def _within(key: str, names: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _mismatches(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, str]:
    """Say of each tensor that does not fit why."""
    reasons = {}
    for key in dict.fromkeys([*wanted, *given]):
        if key not in given:
            reasons[key] = f"{key} is missing"
        elif key not in wanted:
            reasons[key] = f"{key} has no place"
        elif given[key].shape != wanted[key].shape:
            reasons[key] = f"{key} is {list(given[key].shape)} there and {list(wanted[key].shape)} here"
        elif given[key].is_floating_point() != wanted[key].is_floating_point():
            reasons[key] = f"{key} is {given[key].dtype} there and {wanted[key].dtype} here"
    return reasons


def _listed(reasons: list[str]) -> str:
    more = f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return ", ".join(reasons[:_SHOWN]) + more


def _differences(theirs: Mapping[str, object], mine: Mapping[str, object]) -> str:
    other = [
        f"{name} is {theirs.get(name, 'unknown')} there and {mine[name]} here"
        for name in mine
        if theirs.get(name) != mine[name]
    ]
    return f" ({', '.join(other)})" if other else ""


def _modules(mismatches: Mapping[str, str]) -> list[str]:
    """Name the modules that what does not fit lies in, larger ones where they are many."""
    modules = list(dict.fromkeys(key.rpartition(".")[0] or key for key in mismatches))
    return modules if len(modules) <= _SHOWN else list(dict.fromkeys(key.partition(".")[0] for key in mismatches))
