"""Choice of the device that models run on."""

import torch

from colorzoo.errors import UsageError

_KINDS = ("cuda", "mps", "xpu", "cpu")
_MARGIN = 2
"""Memory of a GPU that must be free, as a multiple of the model's: what it computes has to fit as well."""


def pick_device(device: str | torch.device | None = "auto", model_bytes: int = 0) -> torch.device:
    """Return the device to use, or the best one that is there.

    Args:
        device: A name such as ``"cpu"`` or ``"cuda:1"``, a device, or ``"auto"`` (or None) for the first that is there
            and has room, of CUDA, Apple's MPS, Intel's XPU and the CPU.
        model_bytes: Memory that the model's tensors take; a GPU with less than twice as much free is passed over.

    Raises:
        UsageError: If there is no such device here.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    if device is None or str(device) == "auto":
        return next(torch.device(kind) for kind in _KINDS if _has_room(kind, model_bytes))
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError, ValueError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        usable = ", ".join(available_devices())
        raise UsageError(
            f"the device {str(device)!r} cannot be used here ({reason}); give auto, or one of: {usable}"
        ) from error
    return found


def available_devices() -> list[str]:
    """Return the kinds of device that are there, the best one first; the CPU always is."""
    return [kind for kind in _KINDS if _has_room(kind, 0)]


def _has_room(kind: str, model_bytes: int) -> bool:
    """Tell whether a kind of device is there, and has room for a model."""
    if kind == "cpu":
        return True
    if kind == "mps":  # shares the memory of the CPU
        return torch.backends.mps.is_available()
    module = torch.cuda if kind == "cuda" else torch.xpu
    if not module.is_available():
        return False
    try:
        free, _ = module.mem_get_info()
    except (RuntimeError, AssertionError, AttributeError):  # a GPU that is lost, or that other processes have filled
        return False
    return bool(free >= _MARGIN * model_bytes)
