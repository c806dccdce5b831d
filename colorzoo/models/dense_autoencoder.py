"""Dense auto-encoder: grey pixels, a narrow code, and from it the colour of every pixel.

Xia and Salhi, "Image Colorization with Neural Networks" (EURECOM, 2021), section 4.2: 1024 -> 1024 -> 512 -> 3072 and
deeper ones, trained exactly as the MLP.
"""

from collections.abc import Sequence

from colorzoo.models._fixed_size import FixedSizeColorizer, Target
from colorzoo.models._mlp import Activation, Init, dense_stack, first_layers


class DenseAutoencoder(FixedSizeColorizer):
    """Encoder to a narrow code and decoder to the colours, all layers dense.

    Args:
        encoder: Width of each layer from the picture to the code; the last one is the code's.
        decoder: Width of each layer between the code and the colours.
        activation: After each hidden layer.
        last_activation: After the output.
        batch_norm: Normalise each hidden layer.
        norm_output: Normalise the output layer too.
        init: Initialisation of the linear layers.
        dropout: Share of hidden units dropped in training.
        target: ``"rgb_signed"`` (the document's), ``"rgb"``, or ``"ab"``, which learns colour alone.
        size: Edge in pixels of the square that the network sees.
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
        activation: Activation = "sigmoid",
        last_activation: Activation = "none",
        batch_norm: bool = True,
        norm_output: bool = True,
        init: Init = "xavier",
        dropout: float = 0.0,
        target: Target = "rgb_signed",
        size: int = 32,
        weights: str | None = None,
    ) -> None:
        encoder = list(encoder)
        decoder = list(decoder)
        if not encoder:
            raise ValueError("encoder is empty; give at least the width of the code")
        super().__init__(target, size)
        widths = [size * size, *encoder, *decoder, self.outputs]
        self.net = dense_stack(widths, activation, last_activation, batch_norm, norm_output, init, dropout)

    @property
    def backbone_modules(self) -> tuple[str, ...]:
        """The layers up to the code; see `ZooModule.backbone_modules`."""
        return first_layers(self.net, len(self.hparams["encoder"]))
