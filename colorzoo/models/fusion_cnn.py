"""Fusion CNN: local features joined with a global, class-aware summary of the picture.

Suh, Nassiri Nazif and Kumar, "Old Image De-noising and Auto-Colorization" (CS229, 2017), after Iizuka,
Simo-Serra and Ishikawa, "Let there be Color!" (SIGGRAPH 2016).

    L (32x32) -> encoder, six 3x3 convolutions -> 8x8x128 -+-----------------------> fusion 8x8x256 -> decoder -> a*b*
                                                           +-> global extractor -> 128 -^
                                                                               +-> 10 class logits
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.color import grey_to_lightness, scale_ab, unscale_ab
from colorzoo.colorizer import Colorizer
from colorzoo.pairs import ColorPairs

DEFAULT_TAG = "cifar10"

_MID = 128
_GLOBAL = 128
_FUSED = 256


class FusionCNN(Colorizer):
    """CNN whose mid-level features are fused, at every position, with a description of the whole picture.

    The document fixes the number and kind of layers and the sizes 8x8x128, 128 and 256; the widths between
    them are ours. The global extractor ends in a mean over positions, so that any picture size goes through; its two
    fully connected layers carry no batch norm.

    Args:
        alpha: Weight of the class head's cross entropy beside the a*b* MSE; 0 trains on the MSE alone.
        num_classes: Number of classes of the head.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If ``alpha`` is negative or ``num_classes`` is not positive.

    Example:
        >>> model = FusionCNN(alpha=0).eval()
        >>> model(torch.rand(1, 1, 32, 32)).shape
        torch.Size([1, 3, 32, 32])
    """

    paper = "Suh, Nassiri Nazif, Kumar: Old Image De-noising and Auto-Colorization (CS229, 2017), section II.D"
    working_size = 32  # as trained; on 200 photographs of Imagenette larger ones gave at most 0.02 dB more

    def __init__(self, alpha: float = 1 / 300, num_classes: int = 10, weights: str | None = None) -> None:
        if alpha < 0:
            raise ValueError(f"alpha is {alpha}; the weight of the cross entropy cannot be negative")
        if num_classes < 1:
            raise ValueError(f"num_classes is {num_classes}; the class head needs at least 1")
        super().__init__(alpha=alpha, num_classes=num_classes)
        self.alpha = alpha
        self.encoder = nn.Sequential(
            _convolution(1, 32),
            _convolution(32, 64, stride=2),
            _convolution(64, 64),
            _convolution(64, _MID, stride=2),
            _convolution(_MID, _MID),
            _convolution(_MID, _MID),
        )
        self.global_extractor = nn.Sequential(
            _convolution(_MID, 256, stride=2),
            _convolution(256, 256),
            _convolution(256, 256, stride=2),
            _convolution(256, 256),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(256, _GLOBAL),
            nn.ReLU(),
        )
        self.head = nn.Linear(_GLOBAL, num_classes)
        self.fusion = _convolution(_MID + _GLOBAL, _FUSED, kernel_size=1)
        self.decoder = nn.Sequential(
            _convolution(_FUSED, 128),
            nn.Upsample(scale_factor=2),
            _convolution(128, 64),
            nn.Upsample(scale_factor=2),
            _convolution(64, 16),
            nn.Conv2d(16, 2, kernel_size=3, padding=1),
            nn.Sigmoid(),
        )
        self.start_from(weights)

    def chroma(self, lightness: Tensor) -> Tensor:
        """Predict a*b* from L*; see `Colorizer.chroma`."""
        return unscale_ab(self._net(lightness)[0].float())

    def losses(self, batch: ColorPairs) -> dict[str, Tensor]:
        """MSE of the scaled a*b* plus ``alpha`` times the cross entropy of the class head.

        Args:
            batch: Pairs; the class term is left out where they carry no ``label``.

        Returns:
            ``loss`` and its parts, and the accuracy of the head.
        """
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
        summary = self.global_extractor(mid)
        everywhere = summary[:, :, None, None].expand(-1, -1, *mid.shape[-2:])
        scaled_ab = self.decoder(self.fusion(torch.cat([everywhere, mid], dim=1)))
        # Strides round odd sizes up, so the decoder may overhang at the right and bottom.
        return scaled_ab[..., :height, :width], self.head(summary)


def _convolution(inputs: int, outputs: int, kernel_size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
