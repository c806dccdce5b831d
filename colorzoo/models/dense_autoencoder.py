"""Dense auto-encoder: grey pixels, a narrow code, and from it the colour of every pixel.

Xia and Salhi, "Image Colorization with Neural Networks" (EURECOM, 2021), section 4.2: 1024 -> 1024 -> 512 -> 3072 and
deeper ones, trained exactly as the MLP.
"""

from collections.abc import Sequence
from typing import Any

from colorzoo.models._mlp import DenseColorizer


class DenseAutoencoder(DenseColorizer):
    """Encoder to a narrow code and decoder to the colours, all layers dense.

    Args:
        encoder: Width of each layer from the image to the code; the last one is the code's.
        decoder: Width of each layer between the code and the colours.
        options: The other arguments of `DenseColorizer`: activations, norms, initialisation, dropout, target and size.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If there is no code, or an argument is unknown or out of its range.

    Example:
        >>> import torch
        >>> DenseAutoencoder(encoder=[64, 16], decoder=[64]).eval()(torch.rand(1, 1, 32, 32)).shape
        torch.Size([1, 3, 32, 32])
    """

    paper = "Xia, Salhi: Image Colorization with Neural Networks (EURECOM, 2021), section 4.2"

    def __init__(
        self,
        encoder: Sequence[int] = (1024, 512),
        decoder: Sequence[int] = (),
        weights: str | None = None,
        **options: Any,
    ) -> None:
        if not encoder:
            raise ValueError("encoder is empty; give at least the width of the code")
        super().__init__(**options)
        self.build([*encoder, *decoder], backbone=len(encoder))
