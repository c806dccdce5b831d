"""MLP: the grey pixels of a 32x32 picture, a few dense layers, the colour of every pixel.

Suh, Nassiri Nazif and Kumar, "Old Image De-noising and Auto-Colorization" (CS229, 2017), section II.C: one or two
hidden layers, sigmoids, batch norm on hidden and output layers, Xavier initialisation, RGB on [0, 1].
Xia and Salhi, "Image Colorization with Neural Networks" (EURECOM, 2021): one to three hidden layers, RGB on [-1, 1].
"""

from collections.abc import Sequence

from colorzoo.models._fixed_size import FixedSizeColorizer, Target
from colorzoo.models._mlp import Activation, Init, dense_stack, first_layers


class MLP(FixedSizeColorizer):
    """Multi-layer perceptron from 1,024 grey pixels to the colours of all of them.

    Args:
        hidden: Width of each hidden layer.
        activation: After each hidden layer.
        last_activation: After the output; ``relu`` and ``sigmoid`` cannot reach the negative half of [-1, 1].
        batch_norm: Normalise each hidden layer.
        norm_output: Normalise the output layer too, as both documents do.
        init: Initialisation of the linear layers.
        dropout: Share of hidden units dropped in training.
        target: ``"rgb_signed"`` (EURECOM), ``"rgb"`` (CS229), or ``"ab"``, which learns colour alone.
        size: Edge in pixels of the square that the network sees.
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
        hidden = list(hidden)
        super().__init__(target, size)
        widths = [size * size, *hidden, self.outputs]
        self.net = dense_stack(widths, activation, last_activation, batch_norm, norm_output, init, dropout)

    @property
    def backbone_modules(self) -> tuple[str, ...]:
        """The hidden layers; see `ZooModule.backbone_modules`."""
        return first_layers(self.net, len(self.hparams["hidden"]))
