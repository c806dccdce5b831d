"""Half the size of a published file where nobody could see the difference."""

from dataclasses import replace

import torch
from torch import Tensor

from colorzoo.datamodules.base import PictureDataModule
from colorzoo.weights import Checkpoint
from colorzoo.zoo import rebuild

_INVISIBLE = 1 / 510
"""Half a step of an 8-bit picture."""


def compacted(checkpoint: Checkpoint, data: PictureDataModule) -> Checkpoint:
    """Store matrices and kernels in half precision, if that moves no validation picture by half an 8-bit step.

    Vectors (biases, norms and their statistics) stay as they are: they are small in bytes and wide in range.

    Args:
        checkpoint: A trained model.
        data: Its data; the validation pictures decide.

    Returns:
        The checkpoint with rounded tensors, or as it was.
    """
    rounded = replace(checkpoint, tensors={name: _halved(tensor) for name, tensor in checkpoint.tensors.items()})
    exact, stored = rebuild(checkpoint), rebuild(rounded)
    data.setup("validate")
    with torch.inference_mode():
        for pictures in data.val_dataloader():
            seen = data.on_after_batch_transfer(pictures, 0)[exact.sees]  # type: ignore[literal-required]
            if float((exact(seen) - stored(seen)).abs().max()) > _INVISIBLE:
                return checkpoint
    return rounded


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
