"""U-Net for photographs: a classifier's encoder, a light decoder, and for every place a distribution over colours.

The distribution over bins of a*b* and its mean at a temperature are those of Zhang, Isola and Efros, "Colorful Image
Colorization" (ECCV 2016); the shape is that of Ronneberger, Fischer and Brox, "U-Net" (MICCAI 2015).

    L -> encoder: 1/4, 1/8, 1/16, 1/32 of the edge -> decoder, each level hearing its like: 1/4 -> bins of a*b* -> a*b*

A small one goes without the last level of the encoder, which holds more than half of its parameters.

The global context, which may be added at every level of the decoder, is that of Iizuka, Simo-Serra and Ishikawa, "Let
there be Color!" (SIGGRAPH 2016).
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import lightness_to_grey
from colorzoo.data.batches import ColorBatch
from colorzoo.inference.color_distribution import ColorDistribution
from colorzoo.models._ab_bins import (
    annealed_mean,
    bin_centers,
    bin_width,
    confidence_of_bins,
    kl_divergence,
    soft_encode_ab,
)
from colorzoo.models._efficientnet_lite import EfficientNetLite
from colorzoo.models._padding import pad_to_multiple
from colorzoo.models._timm_encoder import TimmEncoder


class PhotoUNet(Colorizer):
    """U-Net with a pretrained encoder that answers which colours a place may have.

    It answers at a quarter of the resolution; like all colourisers it leaves the lightness alone.

    Args:
        encoder: A model of timm with feature maps at strides 4 to 32.
        widths: Channels of the decoder at a sixteenth, an eighth and a quarter of the edge; two for a network that
            begins at a sixteenth.
        bins: Bins along each axis of the a*b* plane, from -110 to 110.
        temperature: 1 answers with the mean of the colours that a place may have, which is truest; less favours the
            likelier ones, which are livelier.
        vividness: What the chroma of the answer is multiplied by: means are duller than what they are means of.
        mean_weight: Weight of the distance of the mean colour to the truth, in widths of a bin, beside the divergence.
        fidelity_weight: Weight of the logarithm of each image's mean squared error, which is what the mean PSNR over
            images asks for: to colour with restraint where the truth may be grey.
        context: Features of the whole image that every level of the decoder is given; 0 for none. Untrained they are
            without effect.
        encoder_weights: What the encoder starts from: ``"imagenet"`` (downloaded by timm, or from an installed
            package), a file of a classifier's weights, or a published model with the same encoder. Not asked for
            where ``weights`` bring those of the encoder too.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If timm has no such model or a number is out of its range.
        CheckpointError: If the weights do not fit.

    Example:
        >>> PhotoUNet(widths=[16, 16, 16]).eval()(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    paper = "Zhang, Isola, Efros: Colorful Image Colorization (ECCV 2016), in a U-Net with a pretrained encoder"
    working_size = 256
    backbone_modules = ("encoder",)
    ignored_hparams: ClassVar[tuple[str, ...]] = ("encoder_weights", "weights")
    added_hparams: ClassVar[tuple[str, ...]] = ("context",)

    def __init__(
        self,
        encoder: str = "tf_efficientnet_lite0",
        widths: Sequence[int] = (160, 96, 64),
        bins: int = 14,
        temperature: float = 1.0,
        vividness: float = 1.0,
        mean_weight: float = 1.0,
        fidelity_weight: float = 0.0,
        context: int = 0,
        encoder_weights: str | None = None,
        weights: str | None = None,
    ) -> None:
        widths = list(widths)
        if len(widths) not in (2, 3) or min(widths) < 1:
            raise ValueError(f"widths are {widths}; give two or three positive numbers")
        if bins < 2:
            raise ValueError(f"bins is {bins}; give at least 2")
        if context < 0:
            raise ValueError(f"context is {context}; give the number of features, or 0 for none")
        if not min(temperature, vividness) > 0 or min(mean_weight, fidelity_weight) < 0:
            raise ValueError(
                f"temperature ({temperature}) and vividness ({vividness}) must be positive, mean_weight "
                f"({mean_weight}) and fidelity_weight ({fidelity_weight}) not negative"
            )
        super().__init__()
        self.bins = bins
        self.temperature = temperature
        self.vividness = vividness
        self.mean_weight = mean_weight
        self.fidelity_weight = fidelity_weight
        self.encoder = _Encoder(encoder, levels=len(widths) + 1)
        seen, *skips = reversed(self.encoder.channels)
        inputs = [above + skip for above, skip in zip([seen, *widths], skips, strict=False)]
        self.decoder = nn.ModuleList(_Block(above, below) for above, below in zip(inputs, widths, strict=True))
        self.last = nn.Sequential(_Block(widths[-1], widths[-1]), nn.Conv2d(widths[-1], bins * bins, kernel_size=1))
        self.context = _Context(seen, context, [*widths, widths[-1]]) if context else None
        if encoder_weights is not None and weights is None:
            self.encoder.load_pretrained(encoder_weights)

    def predict_ab(self, lightness: Tensor) -> Tensor:
        return self._colour(self._answer(lightness_to_grey(lightness)))

    def predict_ab_with_confidence(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        answer = self._answer(lightness_to_grey(lightness))
        return self._colour(answer), confidence_of_bins(answer)

    def predict_distribution(self, lightness: Tensor) -> ColorDistribution:
        grey = lightness_to_grey(lightness)
        answer = self._answer(grey)
        return ColorDistribution(
            (answer / self.temperature).log_softmax(dim=1),
            bin_centers(self.bins).to(answer),
            confidence_of_bins(answer),
            features=lambda: self._features(grey),
            vividness=self.vividness,
        )

    def _features(self, grey: Tensor) -> Tensor:
        """Return the maps of the encoder from an eighth of the edge on, each of them a unit vector at each place."""
        rows, columns = (-(-edge // 8) for edge in grey.shape[-2:])
        maps = self.encoder(pad_to_multiple(grey, self.encoder.stride))[1:]
        same_size = [F.interpolate(each.float(), maps[0].shape[-2:], mode="bilinear") for each in maps]
        return torch.cat([F.normalize(each, dim=1) for each in same_size], dim=1)[..., :rows, :columns]

    def losses(self, batch: ColorBatch) -> dict[str, Tensor]:
        """Return the divergence from the truth in nats, and how far the mean is off, in bins and as a logarithm."""
        answer = self._answer(batch["grey"])
        height, width = answer.shape[-2:]
        truth = F.adaptive_avg_pool2d(batch["lab"][:, 1:], (height, width))
        differing = kl_divergence(answer, *soft_encode_ab(truth, self.bins))
        mean = annealed_mean(answer)
        distance = F.smooth_l1_loss(mean, truth, beta=bin_width(self.bins)) / bin_width(self.bins)
        # A unit of L*a*b* is hardly seen; errors below it need not become less.
        fidelity = ((mean - truth).square().sum(dim=1).mean(dim=(1, 2)) + 1).log().mean()
        return {
            "loss": differing + self.mean_weight * distance + self.fidelity_weight * fidelity,
            "divergence": differing.detach(),
            "distance": distance.detach(),
            "fidelity": fidelity.detach(),
        }

    def _colour(self, answer: Tensor) -> Tensor:
        return self.vividness * annealed_mean(answer, self.temperature)

    def _answer(self, grey: Tensor) -> Tensor:
        """Return the logarithm of each bin's probability, at a quarter of the resolution."""
        height, width = grey.shape[-2:]
        # Even at every level, as `HalvingConv2d` assumes.
        x, *skips = reversed(self.encoder(pad_to_multiple(grey, self.encoder.stride)))
        *shifts, last_shift = [None] * (len(skips) + 1) if self.context is None else self.context(x)
        for block, skip, shift in zip(self.decoder, skips, shifts, strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1), shift)
        block, classify = self.last
        logits: Tensor = classify(block(x, last_shift))[..., : (height + 3) // 4, : (width + 3) // 4]
        return logits.float().log_softmax(dim=1)


class _Encoder(TimmEncoder):
    """Feature maps of a classifier, at so many strides from 4 on, of images whose edges are multiples of the last."""

    def __init__(self, name: str, levels: int) -> None:
        super().__init__(name, even_sizes=True, features_only=True, out_indices=range(1, levels + 1))
        self.stride = 2 ** (levels + 1)
        self.channels: list[int] = (
            self.net.channels if isinstance(self.net, EfficientNetLite) else self.net.feature_info.channels()  # type: ignore[operator, union-attr]
        )

    def forward(self, gray: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.net(self.normalize(gray))
        return maps


class _Context(nn.Module):
    """Features of the whole image, and what each level of the decoder adds to its channels for them."""

    def __init__(self, inputs: int, features: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.features = nn.Linear(inputs, features)
        self.shifts = nn.ModuleList(nn.Linear(features, width) for width in widths)
        for parameter in self.shifts.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Pool the coarsest map: ``(B, C, H, W)`` -> for each level ``(B, D, 1, 1)``."""
        features = self.features(x.mean(dim=(2, 3))).relu()
        return [shift(features)[:, :, None, None] for shift in self.shifts]


class _Block(nn.Sequential):
    """Convolution, batch norm, a shift of each channel, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: Tensor, shift: Tensor | None = None) -> Tensor:
        """Apply it: ``(B, C, H, W)`` -> ``(B, D, H, W)``."""
        convolution, norm, activation = self
        x = norm(convolution(x))
        return activation(x if shift is None else x + shift)  # type: ignore[no-any-return]
