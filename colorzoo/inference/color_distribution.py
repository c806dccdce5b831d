"""Which colours each place of an image may have: what variants and reference images choose from."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class ColorDistribution:
    """Which colours each place of an image may have, as a method predicts them.

    Args:
        logarithm: Of the probability of each colour, ``(B, N, h, w)``.
        colors: Their a* and b*, ``(N, 2)``.
        confidence: How sure the method is, ``(B, 1, h, w)`` in [0, 1].
        features: Gives what tells places apart that show different things, ``(B, C, h, w)`` of any size.
        vividness: What the mean colour is multiplied by to give the answer of the method.
    """

    logarithm: Tensor
    colors: Tensor
    confidence: Tensor
    features: Callable[[], Tensor]
    vividness: float = 1.0

    def favor(self, gain: Tensor) -> "ColorDistribution":
        """Return the same with each probability multiplied by ``exp(gain)``, and their sum 1 again."""
        return replace(self, logarithm=(self.logarithm + gain).log_softmax(dim=1))

    def ab(self) -> Tensor:
        """Return the a* and b* of the method's answer, ``(B, 2, h, w)``."""
        return self.vividness * torch.einsum("bnhw,nc->bchw", self.logarithm.exp(), self.colors)
