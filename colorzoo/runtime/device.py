"""Which device a model runs on."""

import torch


def pick_device(device: str | torch.device) -> torch.device:
    """Return a device."""
    return torch.device("cpu" if device == "auto" else device)
