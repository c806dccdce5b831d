"""How good an image is: a number an image, each beside that of what needs no model."""

from typing import cast

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from colorzoo.color.conversions import lightness_to_grey, rgb_to_lab, rgb_to_luma
from colorzoo.noise.filters import median, switching_mean

BASELINES = {
    "luma_": "luma grey",
    "grey_": "L* grey",
    "true_": "truth",
    "noisy_": "noisy input",
    "median_": "3x3 median",
    "switching_": "mean of sound neighbours",
}
"""What needs no model: the prefix of its metrics, and its name."""


def mse(rgb: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of RGB in [0, 1]: ``(B, C, H, W)`` twice -> ``(B,)``."""
    return (rgb - truth).square().mean(dim=(1, 2, 3))


def psnr(rgb: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of RGB in [0, 1]: ``(B, C, H, W)`` twice -> ``(B,)``.

    Identical images, whose ratio is infinite, count as 100 dB.
    """
    ratio = peak_signal_noise_ratio(rgb, truth, data_range=1.0, dim=(1, 2, 3), reduction="none")
    return ratio.clamp(max=100.0)


def ssim(rgb: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of RGB in [0, 1], at least 11 pixels wide and high: -> ``(B,)``."""
    return cast(Tensor, structural_similarity_index_measure(rgb, truth, data_range=1.0, reduction="none"))


def colorfulness(rgb: Tensor) -> Tensor:
    """Colourfulness of Hasler and Suesstrunk (2003), with signed opponent channels: -> ``(B,)``.

    About 0 for grey, 15 for muted, 45 for colourful and above 80 for extremely colourful images.
    """
    red, green, blue = (255 * rgb).unbind(dim=1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], dim=1).flatten(start_dim=2)
    deviation = opponents.var(dim=2, correction=0).sum(dim=1).sqrt()
    return deviation + 0.3 * opponents.mean(dim=2).square().sum(dim=1).sqrt()


def color_metrics(rgb: Tensor, truth: Tensor, grey: Tensor | None = None) -> dict[str, Tensor]:
    """Return all metrics of a batch of colourised images, each the mean over its images.

    Args:
        rgb: Colourised images in [0, 1], ``(B, 3, H, W)``.
        truth: Their originals.
        grey: What the model saw; the baselines are made of the truth.

    Returns:
        ``mse``, ``psnr``, ``ssim`` (if there are 11x11 pixels) and ``colorfulness``, beside the same of the trivial
        baselines: the grey image that keeps L* (``grey_``), the luma grey (``luma_``), the truth (``true_``).
    """
    with torch.autocast(rgb.device.type, enabled=False):
        rgb, truth = rgb.float(), truth.float()
        lightness = lightness_to_grey(rgb_to_lab(truth)[:, :1]).expand_as(truth)
        candidates = {"": rgb, "grey_": lightness, "luma_": rgb_to_luma(truth).expand_as(truth)}
        colors = {"colorfulness": colorfulness(rgb).mean(), "true_colorfulness": colorfulness(truth).mean()}
        return colors | _compared(candidates, truth)


def denoising_metrics(restored: Tensor, clean: Tensor, noisy: Tensor) -> dict[str, Tensor]:
    """Return all metrics of a batch of restored images, each the mean over its images.

    Args:
        restored: De-noised images in [0, 1], ``(B, C, H, W)``.
        clean: Their originals.
        noisy: What the model saw.

    Returns:
        ``mse``, ``psnr`` and ``ssim`` (if there are 11x11 pixels), beside the same of the noisy image (``noisy_``), of
        its 3x3 median (``median_``) and of its `switching_mean` (``switching_``).
    """
    with torch.autocast(restored.device.type, enabled=False):
        noisy = noisy.float()
        candidates = {
            "": restored.float(),
            "noisy_": noisy,
            "median_": median(noisy),
            "switching_": switching_mean(noisy),
        }
        return _compared(candidates, clean.float())


def _compared(candidates: dict[str, Tensor], truth: Tensor) -> dict[str, Tensor]:
    metrics = {}
    for prefix, candidate in candidates.items():
        metrics[f"{prefix}mse"] = mse(candidate, truth).mean()
        metrics[f"{prefix}psnr"] = psnr(candidate, truth).mean()
        if min(truth.shape[-2:]) >= 11:
            metrics[f"{prefix}ssim"] = ssim(candidate, truth).mean()
    return metrics
