"""Tensors of a checkpoint into a model: all of them, or all but those of modules that are named."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from colorzoo.errors import CheckpointError, UnknownModuleError
from colorzoo.hub.record import Checkpoint

_SHOWN = 3


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
    if mismatches := _mismatches(given, wanted):
        raise CheckpointError(
            f"{checkpoint.path} does not fit {type(model).__name__}: {_listed(list(mismatches.values()))}"
            f"{_differences(checkpoint.hparams, hparams)}; to start from the rest of it, reinit "
            f"{', '.join(_modules(mismatches))}"
        )
    model.load_state_dict(mine | given)


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
