"""MLP: the grey pixels of a 32x32 image, a few dense layers, the colour of every pixel.

Suh, Nassiri Nazif and Kumar, "Old Image De-noising and Auto-Colorization" (CS229, 2017), section II.C: one or two
hidden layers, sigmoids, batch norm on hidden and output layers, Xavier initialisation, RGB on [0, 1].
Xia and Salhi, "Image Colorization with Neural Networks" (EURECOM, 2021): one to three hidden layers, RGB on [-1, 1].
"""

from collections.abc import Sequence
from typing import Any

from colorzoo.models._mlp import DenseColorizer


class MLP(DenseColorizer):
    """Multi-layer perceptron from 1,024 grey pixels to the colours of all of them.

    Args:
        hidden: Width of each hidden layer.
        options: The other arguments of `DenseColorizer`: activations, norms, initialisation, dropout, target and size.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If an argument is unknown or out of its range.

    Example:
        >>> import torch
        >>> MLP(hidden=[64]).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    paper = "Suh, Nassiri Nazif, Kumar (CS229, 2017), section II.C; Xia, Salhi (EURECOM, 2021), section 4.1"

    def __init__(
        self,
        hidden: Sequence[int] = (512,),
        weights: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.build(hidden, backbone=len(hidden))
