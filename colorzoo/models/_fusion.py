"""What the fusion networks share: local features joined, at every position, with a description of the whole image."""

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import grey_to_lightness, scale_ab, unscale_ab
from colorzoo.data.batches import ColorBatch

MID = 128
GLOBAL = 128
_FUSED = 256


class FusionColorizer(Colorizer):
    """Encoder, fusion and decoder of Suh et al. (2017), with any global branch.

    The document fixes the number and kind of layers and the sizes 8x8x128, 128 and 256; the widths between them are
    ours. A subclass builds its global branch and then calls `build_decoder`; it describes the image in `summary`.

    Args:
        alpha: Weight of the class head's cross entropy beside the a*b* MSE; 0 trains on the MSE alone.
        num_classes: Number of classes of the head.
    """

    def __init__(self, alpha: float, num_classes: int) -> None:
        if alpha < 0:
            raise ValueError(f"alpha is {alpha}; the weight of the cross entropy cannot be negative")
        if num_classes < 1:
            raise ValueError(f"num_classes is {num_classes}; the class head needs at least 1")
        super().__init__()
        self.alpha = alpha
        self.num_classes = num_classes
        self.encoder = nn.Sequential(  # 32x32 -> 8x8x128
            convolution(1, 32),
            convolution(32, 64, stride=2),
            convolution(64, 64),
            convolution(64, MID, stride=2),
            convolution(MID, MID),
            convolution(MID, MID),
        )

    def build_decoder(self) -> None:
        """Build what follows the global branch; its random initialisation follows that of the branch."""
        self.head = nn.Linear(GLOBAL, self.num_classes)
        self.fusion = convolution(MID + GLOBAL, _FUSED, kernel_size=1)
        self.decoder = nn.Sequential(  # 8x8x256 -> scaled a*b* at 32x32
            convolution(_FUSED, 128),
            nn.Upsample(scale_factor=2),
            convolution(128, 64),
            nn.Upsample(scale_factor=2),
            convolution(64, 16),
            nn.Conv2d(16, 2, kernel_size=3, padding=1),
            nn.Sigmoid(),
        )

    @abstractmethod
    def summary(self, lightness: Tensor, mid: Tensor) -> Tensor:
        """Describe the image, from L* in [0, 1] and what the encoder made of it, for the fusion layer.

        Shape:
            ``(B, 1, H, W)``, ``(B, MID, h, w)`` -> ``(B, GLOBAL, 1, 1)`` for all positions, or ``(B, GLOBAL, h, w)``.
        """

    def predict_ab(self, lightness: Tensor) -> Tensor:
        return unscale_ab(self._net(lightness)[0].float())

    def losses(self, batch: ColorBatch) -> dict[str, Tensor]:
        """Return the MSE of the scaled a*b* plus, with labels, ``alpha`` times the class head's cross entropy."""
        scaled_ab, logits = self._net(grey_to_lightness(batch["grey"]))
        mse = F.mse_loss(scaled_ab.float(), scale_ab(batch["lab"][:, 1:]))
        # DistributedDataParallel wants a gradient for every parameter, the head's too where there is no label.
        losses = {"loss": mse + 0 * logits.sum(), "ab_mse": mse}
        if "label" in batch:
            losses["cross_entropy"] = F.cross_entropy(logits.float(), batch["label"])
            losses["accuracy"] = (logits.argmax(dim=1) == batch["label"]).float().mean()
            losses["loss"] = mse + self.alpha * losses["cross_entropy"]
        return losses

    def _net(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """L* ``(B, 1, H, W)`` -> scaled a*b* ``(B, 2, H, W)`` in [0, 1] and class logits ``(B, num_classes)``."""
        height, width = lightness.shape[-2:]
        mid = self.encoder(lightness / 100)
        summary = self.summary(lightness / 100, mid)
        everywhere = summary.expand(-1, -1, *mid.shape[-2:])
        scaled_ab = self.decoder(self.fusion(torch.cat([everywhere, mid], dim=1)))
        # Strides round odd sizes up, so the decoder may overhang at the right and bottom.
        return scaled_ab[..., :height, :width], self.head(summary.mean(dim=(2, 3)))


def convolution(inputs: int, outputs: int, kernel_size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
