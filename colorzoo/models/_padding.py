"""How far an image must be enlarged until a network that halves it, or cuts it into squares, can take it."""

from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Repeat the border at the right and bottom until height and width are multiples of so many pixels."""
    height, width = (padding_to_multiple(length, multiple) for length in images.shape[-2:])
    return F.pad(images, (0, width, 0, height), mode="replicate")


def padding_to_multiple(length: int, multiple: int) -> int:
    """Return what a length lacks to the next multiple.

    Example:
        >>> padding_to_multiple(47, 8), padding_to_multiple(48, 8)
        (1, 0)
    """
    # Not -length % multiple: an exporter would not see that the sum is a multiple, and ONNX rounds towards zero.
    return (length + multiple - 1) // multiple * multiple - length
