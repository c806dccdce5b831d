"""Models for a command: each loaded once, all on one device."""

from typing import Any, Literal

from colorzoo.cli.terminal import print_message
from colorzoo.errors import UsageError


class ModelLoader:
    """Loads models by name for the run of a command.

    Args:
        device: What the user asked for: ``"auto"`` or the name of a device. The first model decides what auto is, and
            a line on standard error says it unless there is only the CPU.
    """

    def __init__(self, device: str) -> None:
        self._asked = device
        self._device: Any = None
        self._loaded: dict[str, Any] = {}

    def load(self, name: str, purpose: Literal["colourise", "de-noise"]) -> Any:
        """Return a model on the device.

        Args:
            name: What `colorzoo.load` takes.
            purpose: What the model is for.

        Raises:
            UsageError: If the model is for something else, or there is no such device.
            UnknownModelError: If there is no such model.
        """
        from colorzoo.base.colorizer import Colorizer
        from colorzoo.base.denoiser import Denoiser
        from colorzoo.zoo import load

        if name not in self._loaded:
            model = load(name)
            self._loaded[name] = model.to(self._pick_device(model))
        model = self._loaded[name]
        if not isinstance(model, Colorizer if purpose == "colourise" else Denoiser):
            raise UsageError(f"{name} does not {purpose}; colorzoo list shows what does")
        return model

    def _pick_device(self, model: Any) -> Any:
        from colorzoo.runtime.device import available_devices, pick_device

        if self._device is None:
            tensors = [*model.parameters(), *model.buffers()]
            self._device = pick_device(self._asked, sum(tensor.nbytes for tensor in tensors))
            if self._asked == "auto" and available_devices() != ["cpu"]:
                print_message(f"running on {self._device} (another one: --device NAME)")
        return self._device
