"""Half the size of a published file where nobody could see the difference."""

from dataclasses import replace

import torch
from torch import Tensor

from colorzoo.colorizer import Colorizer
from colorzoo.datamodules.base import PictureDataModule
from colorzoo.weights import Checkpoint
from colorzoo.zoo import create

_INVISIBLE = 1 / 510
"""Half a step of an 8-bit picture."""


def compacted(checkpoint: Checkpoint, data: PictureDataModule) -> Checkpoint:
    """Store matrices and kernels in half precision, if that moves no validation picture by half an 8-bit step.

    Vectors (biases, norms and their statistics) stay as they are: they are small in bytes and wide in range.

    Args:
        checkpoint: A trained colouriser.
        data: Its data; the validation pictures decide.

    Returns:
        The checkpoint with rounded tensors, or as it was.
    """
    rounded = {name: _halved(tensor) for name, tensor in checkpoint.tensors.items()}
    exact, stored = _model(checkpoint, checkpoint.tensors), _model(checkpoint, rounded)
    data.setup("validate")
    with torch.inference_mode():
        for pictures in data.val_dataloader():
            grey = data.on_after_batch_transfer(pictures, 0)["grey"]
            if float((exact(grey) - stored(grey)).abs().max()) > _INVISIBLE:
                return checkpoint
    return replace(checkpoint, tensors=rounded)


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor


def _model(checkpoint: Checkpoint, tensors: dict[str, Tensor]) -> Colorizer:
    model = create(checkpoint.model, **checkpoint.hparams)
    if not isinstance(model, Colorizer):
        raise TypeError(f"{checkpoint.model} is no colouriser")
    model.load_state_dict(tensors)
    return model.eval()
