"""Dense auto-encoder de-noiser: a square's pixels, a narrow code, the pixels without the noise.

Patel, Kalbag and Rajput, "Symptotic Analysis of Autoencoder Architectures for Image Colorization and Noise Reduction"
(DS303, CMInDS, IIT Bombay, 2022): 784-500-300-100-300-500-784 on the digits of MNIST, ReLU, sigmoid at the end.
"""

from collections.abc import Sequence

from torch import Tensor

from colorzoo.models._mlp import Activation, dense_stack, first_layers
from colorzoo.models._patches import PatchDenoiser


class DenseDenoiser(PatchDenoiser):
    """Auto-encoder of dense layers over squares of one size; larger images are restored square by square.

    Args:
        encoder: Width of each layer from the square to the code; the last one is the code's.
        decoder: Width of each layer between the code and the pixels.
        activation: After each hidden layer.
        batch_norm: Normalise each hidden layer.
        dropout: Share of hidden units dropped in training.
        channels: 1 restores each channel by itself, 3 the three of a colour image together.
        size: Edge in pixels of the square.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If there is no code, or an argument is unknown or out of its range.

    Example:
        >>> import torch
        >>> DenseDenoiser(encoder=[64, 16], decoder=[64]).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 1, 48, 40])
    """

    paper = "Patel, Kalbag, Rajput: Symptotic Analysis of Autoencoder Architectures (DS303, IIT Bombay, 2022)"

    def __init__(
        self,
        encoder: Sequence[int] = (500, 300, 100),
        decoder: Sequence[int] | None = None,
        activation: Activation = "relu",
        batch_norm: bool = False,
        dropout: float = 0.0,
        channels: int = 1,
        size: int = 28,
        weights: str | None = None,
    ) -> None:
        encoder = list(encoder)
        decoder = encoder[-2::-1] if decoder is None else list(decoder)
        if not encoder:
            raise ValueError("encoder is empty; give at least the width of the code")
        super().__init__(channels=channels, size=size)
        widths = [self.pixels, *encoder, *decoder, self.pixels]
        self.net = dense_stack(widths, activation, "sigmoid", batch_norm, False, "xavier", dropout)

    @property
    def backbone_modules(self) -> tuple[str, ...]:
        """The layers up to the code; see `ZooModule.backbone_modules`."""
        return first_layers(self.net, len(self.hparams["encoder"]))

    def restore_patches(self, squares: Tensor) -> Tensor:
        restored: Tensor = self.net(squares)
        return restored
