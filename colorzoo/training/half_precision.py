"""Half the size of a published file where nobody could see the difference."""

from dataclasses import replace

import torch
from torch import Tensor

from colorzoo.base.module import ZooModule
from colorzoo.datamodules.base import ImageDataModule
from colorzoo.hub.record import Checkpoint
from colorzoo.zoo import model_from_checkpoint

_INVISIBLE = 1 / 510
"""Half a step of an 8-bit image."""

_LEAST = (0, *(1 << power for power in range(11, 19)))
"""How many values a tensor has, at least, to be halved: the large ones hold the bytes, the small ones move most."""


def to_half_precision(checkpoint: Checkpoint, data: ImageDataModule) -> Checkpoint:
    """Store matrices and kernels in half precision, if that moves no validation image by half an 8-bit step.

    Where it does, only the larger ones. Vectors (biases, norms and their statistics) stay as they are: they are small
    in bytes and wide in range.
    """
    data.setup("validate")
    exact = model_from_checkpoint(checkpoint)
    for least in _LEAST:
        tensors = {name: _halved(tensor, least) for name, tensor in checkpoint.tensors.items()}
        rounded = replace(checkpoint, tensors=tensors)
        if not _visible(exact, model_from_checkpoint(rounded), data):
            return rounded
    return checkpoint


def _visible(exact: ZooModule, stored: ZooModule, data: ImageDataModule) -> bool:
    with torch.inference_mode():
        for pictures in data.val_dataloader():
            seen = data.on_after_batch_transfer(pictures, 0)[exact.input_key]  # type: ignore[literal-required]
            if float((exact(seen) - stored(seen)).abs().max()) > _INVISIBLE:
                return True
    return False


def _halved(tensor: Tensor, least: int) -> Tensor:
    large = tensor.is_floating_point() and tensor.ndim > 1 and tensor.numel() >= least
    return tensor.half() if large else tensor
