"""Tensors of a checkpoint into a model: all of them, or all but those of modules that are named."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from colorzoo.base.module import ZooModule
from colorzoo.errors import CheckpointError, UnknownModuleError
from colorzoo.hub.checkpoint_file import Checkpoint

_SHOWN = 3


def load_strict(checkpoint: Checkpoint, model: ZooModule, replace: Sequence[str] = ()) -> None:
    """Copy tensors strictly: the same names, the same shapes, of the same method.

    Args:
        checkpoint: Where they come from.
        model: Where they go to.
        replace: Modules or tensors that stay as they are in the model, whatever the checkpoint has of them.

    Raises:
        UnknownModuleError: If neither the model nor the checkpoint has something called so.
        CheckpointError: If the checkpoint is of another method, or what is not replaced does not fit exactly.
    """
    if checkpoint.model != model.name():
        raise CheckpointError(f"{checkpoint.path} holds a {checkpoint.model}, not a {model.name()}")
    theirs, mine = checkpoint.tensors, model.state_dict()
    for name in replace:
        if not any(_within(key, [name]) for key in theirs | mine):
            there = ", ".join(dict.fromkeys(key.partition(".")[0] for key in mine))
            raise UnknownModuleError(
                f"nothing is called {name!r} in {type(model).__name__}; replace some of {there}, or a part of one"
            )
    wanted = {key: tensor for key, tensor in mine.items() if not _within(key, replace)}
    given = {key: tensor for key, tensor in theirs.items() if not _within(key, replace)}
    if misfits := _mismatches(given, wanted):
        raise CheckpointError(
            f"{checkpoint.path} does not fit {type(model).__name__}: {_listed(list(misfits.values()))}"
            f"{_differences(checkpoint.hparams, model.hparams)}; to start from the rest of it, replace "
            f"{', '.join(_modules(misfits))}"
        )
    model.load_state_dict(mine | given)
    model.pretrained = True
    if checkpoint.record is not None:
        model.trained_on(checkpoint.record.data)


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
    return reasons


def _listed(reasons: list[str]) -> str:
    more = f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return ", ".join(reasons[:_SHOWN]) + more


def _differences(theirs: Mapping[str, object], mine: Mapping[str, object]) -> str:
    other = [f"{name}={theirs[name]}" for name in mine if name in theirs and theirs[name] != mine[name]]
    return f" (it was made with {', '.join(other)})" if other else ""


def _modules(misfits: Mapping[str, str]) -> list[str]:
    """Name the modules that what does not fit lies in, larger ones where they are many."""
    modules = list(dict.fromkeys(key.rpartition(".")[0] or key for key in misfits))
    return modules if len(modules) <= _SHOWN else list(dict.fromkeys(key.partition(".")[0] for key in misfits))
