"""What a network is given: values of the right range, in the precision of its parameters."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

Answer = TypeVar("Answer", Tensor, tuple[Tensor, Tensor])

_SAMPLES = 16
"""Values along each axis of an image that are looked at: few, so that the check costs nothing beside a network."""


def check_network_input(network: nn.Module, pictures: Tensor, least: float, most: float) -> None:
    """Refuse images ``(B, C, H, W)`` that a network would take without a word: integers, or far beyond [0, 1].

    The range is looked at in evaluation mode only, and neither while a graph is captured nor for every pixel. ``least``
    is below 0, and ``most`` above 1, for noise may not be clipped.
    """
    if not isinstance(pictures, Tensor):
        name = type(network).__name__
        raise TypeError(
            f"{name} was called with a {type(pictures).__name__}; give a tensor, or use its method for images"
        )
    if not pictures.is_floating_point():
        raise ValueError(f"the tensor is of {pictures.dtype}; give floats in [0, 1], for instance tensor.float() / 255")
    if network.training or _is_capturing(pictures) or pictures.ndim != 4 or not pictures.numel():
        return
    rows, columns = (max(1, -(-length // _SAMPLES)) for length in pictures.shape[-2:])
    low, high = (float(value) for value in pictures.detach()[:, :, ::rows, ::columns].aminmax())
    if low < least or high > most:
        raise ValueError(f"the values lie in [{low:g}, {high:g}]; scale them to [0, 1]")


def _is_capturing(pictures: Tensor) -> bool:
    """Tell whether operations are recorded, where a tensor cannot be asked for its values, or it has none."""
    return (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or pictures.is_meta
        or type(pictures) is not Tensor
        or (pictures.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def run_in_own_dtype(network: nn.Module, run: Callable[[Tensor], Answer], given: Tensor) -> Answer:
    """Run a network on float32, in the precision of its parameters; the answer is float32 again."""
    answer = run(given.to(next(network.parameters()).dtype))
    return answer.float() if isinstance(answer, Tensor) else (answer[0].float(), answer[1].float())
