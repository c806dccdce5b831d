"""EfficientNet-Lite, the encoder of published models, in plain torch: importing timm takes as long as importing torch.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019), table 1. The "Lite"
variants (Google, 2020) leave out squeeze-and-excitation, use ReLU6, and scale neither the stem nor the number of blocks
of the first and the last stage. Names and random initialisation of the tensors are those of timm.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SCALES = {
    "tf_efficientnet_lite0": (1.0, 1.0),
    "tf_efficientnet_lite1": (1.0, 1.1),
    "tf_efficientnet_lite2": (1.1, 1.2),
    "tf_efficientnet_lite3": (1.2, 1.4),
    "tf_efficientnet_lite4": (1.4, 1.8),
}
"""Factors of the width and of the depth, by timm's name."""

_STEM = 32
# Expansion, channels, blocks, stride and kernel size of each stage of EfficientNet-B0.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_LAST_STAGE_AT = (0, 1, 2, 4, 6)  # at strides 2, 4, 8, 16 and 32
_EPS = 1e-3


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite without its head, and without the stages after the last map, which returns feature maps.

    Args:
        name: A key of `SCALES`.
        out_indices: Which maps to return, from 0 (stride 2) to 4 (stride 32).
        even_sizes: Whether all sizes are multiples of 32; see `HalvingConv2d`.

    Example:
        >>> import torch
        >>> [list(maps.shape) for maps in EfficientNetLite("tf_efficientnet_lite0", [0, 4])(torch.rand(2, 3, 64, 64))]
        [[2, 16, 32, 32], [2, 320, 2, 2]]
    """

    def __init__(self, name: str, out_indices: Sequence[int] = (0, 1, 2, 3, 4), even_sizes: bool = False) -> None:
        super().__init__()
        width, depth = SCALES[name]
        self._returned = [_LAST_STAGE_AT[index] for index in out_indices]
        strided = HalvingConv2d if even_sizes else SameConv2d
        self.conv_stem = strided(3, _STEM, kernel_size=3, stride=2, bias=False)
        self.bn1 = _NormReLU6(_STEM, eps=_EPS)
        torch.rand(2, 72)  # timm draws as many numbers here: a seed means the same run as when models were published
        stages = []
        channels = [_STEM]
        for stage, (expansion, base, count, stride, kernel_size) in enumerate(_STAGES[: max(self._returned) + 1]):
            outputs = _scaled_channels(base, width)
            # Only the first block of a stage changes the resolution and the number of channels.
            inputs = [channels[-1]] + [outputs] * (_scaled_count(count, depth, stage) - 1)
            strides = [stride] + [1] * (len(inputs) - 1)
            stages.append(
                nn.Sequential(
                    *(
                        _DepthwiseSeparable(n, outputs, kernel_size)
                        if expansion == 1
                        else _InvertedResidual(n, expansion * n, outputs, kernel_size, s, strided)
                        for n, s in zip(inputs, strides, strict=True)
                    )
                )
            )
            channels.append(outputs)
        self.blocks = nn.Sequential(*stages)
        self.channels = [channels[stage + 1] for stage in self._returned]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(B, 3, H, W)`` -> a map ``(B, C, ceil(H / stride), ceil(W / stride))`` for each index, the finest first."""
        x = self.bn1(self.conv_stem(x))
        maps = []
        for stage, blocks in enumerate(self.blocks):
            x = blocks(x)
            if stage in self._returned:
                maps.append(x)
        return maps


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding, which depends on the size."""

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` -> ``(B, D, ceil(H / stride), ceil(W / stride))``."""
        lengths = [
            max(0, (-(-size // stride) - 1) * stride + kernel - size)
            for size, stride, kernel in zip(x.shape[-2:], self.stride, self.kernel_size, strict=True)
        ]
        return self._convolve_padded(x, lengths)

    def _convolve_padded(self, x: Tensor, lengths: list[int]) -> Tensor:
        """Convolve after padding by so many rows and columns, the odd one at the end."""
        padding = [edge for length in reversed(lengths) for edge in (length // 2, length - length // 2)]
        return F.conv2d(F.pad(x, padding), self.weight, self.bias, self.stride, groups=self.groups)


class HalvingConv2d(SameConv2d):
    """`SameConv2d` for multiples of the stride, padded alike: exporters cannot prove a symbolic size's parity."""

    def forward(self, x: Tensor) -> Tensor:
        return self._convolve_padded(x, [k - s for k, s in zip(self.kernel_size, self.stride, strict=True)])


class _NormReLU6(nn.BatchNorm2d):
    """Batch norm and ReLU6 in one module, as timm names its tensors."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(super().forward(x), inplace=True)


class _DepthwiseSeparable(nn.Module):
    """A convolution of each channel by itself, then one across channels."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(inputs, inputs, kernel_size, padding=kernel_size // 2, groups=inputs, bias=False)
        self.bn1 = _NormReLU6(inputs, eps=_EPS)
        self.conv_pw = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, eps=_EPS)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.bn2(self.conv_pw(self.bn1(self.conv_dw(x))))
        return projected


class _InvertedResidual(nn.Module):
    """More channels, a convolution of each by itself, fewer channels; added to the input where shapes are alike."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, kernel_size: int, stride: int, strided: type[nn.Conv2d]
    ) -> None:
        super().__init__()
        self.conv_pw = nn.Conv2d(inputs, hidden, kernel_size=1, bias=False)
        self.bn1 = _NormReLU6(hidden, eps=_EPS)
        if stride == 1:
            self.conv_dw = nn.Conv2d(hidden, hidden, kernel_size, padding=kernel_size // 2, groups=hidden, bias=False)
        else:
            self.conv_dw = strided(hidden, hidden, kernel_size, stride, groups=hidden, bias=False)
        self.bn2 = _NormReLU6(hidden, eps=_EPS)
        self.conv_pwl = nn.Conv2d(hidden, outputs, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs, eps=_EPS)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn1(self.conv_pw(x))
        y = self.bn3(self.conv_pwl(self.bn2(self.conv_dw(y))))
        return y + x if self.is_residual else y


def _scaled_channels(channels: int, width: float) -> int:
    """Scale to the next multiple of 8, but never down by more than a tenth."""
    scaled = max(8, int(channels * width + 4) // 8 * 8)
    return scaled + 8 if scaled < 0.9 * channels * width else scaled


def _scaled_count(count: int, depth: float, stage: int) -> int:
    return count if stage in (0, len(_STAGES) - 1) else math.ceil(count * depth)
