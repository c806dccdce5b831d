"""How good a colourised picture is, a figure an image, each beside what the grey picture costs."""

from typing import cast

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from colorzoo.color import lightness_to_grey, rgb_to_lab, rgb_to_luma


def mse(rgb: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of RGB in [0, 1]: ``(B, 3, H, W)`` twice -> ``(B,)``."""
    return (rgb - truth).square().mean(dim=(1, 2, 3))


def psnr(rgb: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of RGB in [0, 1]: ``(B, 3, H, W)`` twice -> ``(B,)``.

    Identical pictures, whose ratio is infinite, count as 100 dB.
    """
    ratio = peak_signal_noise_ratio(rgb, truth, data_range=1.0, dim=(1, 2, 3), reduction="none")
    return ratio.clamp(max=100.0)


def ssim(rgb: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of RGB in [0, 1], at least 11 pixels wide and high: -> ``(B,)``."""
    return cast(Tensor, structural_similarity_index_measure(rgb, truth, data_range=1.0, reduction="none"))


def colorfulness(rgb: Tensor) -> Tensor:
    """Colourfulness of Hasler and Suesstrunk (2003), with signed opponent channels: -> ``(B,)``.

    About 0 for grey, 15 for muted, 45 for colourful and above 80 for extremely colourful pictures.
    """
    red, green, blue = (255 * rgb).unbind(dim=1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], dim=1).flatten(start_dim=2)
    deviation = opponents.var(dim=2, correction=0).sum(dim=1).sqrt()
    return deviation + 0.3 * opponents.mean(dim=2).square().sum(dim=1).sqrt()


def panel(rgb: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """All figures of a batch, each the mean over its pictures.

    Args:
        rgb: Colourised pictures in [0, 1].
        truth: Their originals.

    Shape:
        ``(B, 3, H, W)`` twice.

    Returns:
        ``mse``, ``psnr``, ``ssim`` (if there are 11x11 pixels) and ``colorfulness``, beside the same of the trivial
        baselines: the grey picture that keeps L* (``grey_``), the luma grey (``luma_``), the truth (``true_``).
    """
    with torch.autocast(rgb.device.type, enabled=False):
        return _panel(rgb.float(), truth.float())


def _panel(rgb: Tensor, truth: Tensor) -> dict[str, Tensor]:
    grey = lightness_to_grey(rgb_to_lab(truth)[:, :1]).expand_as(truth)
    luma = rgb_to_luma(truth).expand_as(truth)
    figures = {"colorfulness": colorfulness(rgb), "true_colorfulness": colorfulness(truth)}
    for prefix, candidate in (("", rgb), ("grey_", grey), ("luma_", luma)):
        figures[f"{prefix}mse"] = mse(candidate, truth)
        figures[f"{prefix}psnr"] = psnr(candidate, truth)
        if min(truth.shape[-2:]) >= 11:
            figures[f"{prefix}ssim"] = ssim(candidate, truth)
    return {name: value.mean() for name, value in figures.items()}
