"""Pix2Pix with an improver: a U-Net colours, a PatchGAN judges, a patch-wise MLP mends what the U-Net made.

Park, Kim and Cho, "Improving colorization through denoiser with MLP" (2022), after Isola, Zhu, Zhou and Efros,
"Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017).

    L -> generator (U-Net) -> L, a*b* -> improver (MLP over patches) -> a*b*
                                 +----------------+--> discriminator (PatchGAN on L and a*b*): real or made?
"""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb
from colorzoo.data.batches import ColorBatch
from colorzoo.metrics import mse, psnr
from colorzoo.models._unet import GROUP, NORMS, UNet, block, group_norm

DEFAULT_TAG = "cifar10"
_AB = 110.0


class Pix2Pix(Colorizer):
    """Conditional GAN for colour whose output a small MLP improves patch by patch.

    In every step the discriminator learns first, then the generator, then the improver, each of the last two from the
    adversarial loss plus lambda times the distance to the true a*b*.

    Args:
        size: Edge in pixels of the pictures it is made for, a power of 2; the U-Net goes down to 2x2.
        width: Channels of the U-Net at full resolution, a multiple of 8; they double to at most four times as many.
        norm: Of the generator: ``"batch"``, which keeps how light a picture is and learns faster, or ``"group"``, which
            gives the same answer in training whatever the batch. The discriminator always has the latter.
        patch_layers: Strided layers of the PatchGAN: 1 judges patches of 16x16 pixels, 2 of 34x34, 3 of 70x70.
        improver: Width of each hidden layer of the improver.
        improver_patch: Edge in pixels of the patch that the improver sees, odd.
        distance: ``"l1"``, the document's, or ``"l2"``, whose optimum is the mean colour rather than the median.
        generator_lambda: Weight of the distance, on a*b* / 110, beside the adversarial loss of the generator.
        improver_lambda: The same for the improver.
        adversarial: False leaves out the discriminator: the distance alone.
        warmup_batches: So many batches are learnt from the distance alone, by the generator, before the game begins.
        weights: Start from a published model or a file; None for random initialisation.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> model = Pix2Pix(width=8).eval()
        >>> model(torch.rand(1, 1, 48, 40)).shape
        torch.Size([1, 3, 48, 40])
    """

    paper = (
        "Park, Kim, Cho: Improving colorization through denoiser with MLP (2022), "
        "after Isola et al.: Image-to-Image Translation with Conditional Adversarial Networks (CVPR 2017)"
    )
    backbone_modules = ("generator.stem", "generator.down")

    batches: Tensor
    """Batches seen in training, which the warm-up counts."""

    def __init__(
        self,
        size: int = 32,
        width: int = 32,
        norm: Literal["batch", "group"] = "batch",
        patch_layers: int = 1,
        improver: list[int] | None = None,
        improver_patch: int = 5,
        distance: Literal["l1", "l2"] = "l1",
        generator_lambda: float = 100.0,
        improver_lambda: float = 100.0,
        adversarial: bool = True,
        warmup_batches: int = 0,
        weights: str | None = None,
    ) -> None:
        improver = [64, 64] if improver is None else list(improver)
        if size < 4 or size & (size - 1):
            raise ValueError(f"size is {size}; give a power of 2, at least 4")
        if width < GROUP or width % GROUP:
            raise ValueError(f"width is {width}; give a multiple of {GROUP}")
        if patch_layers < 1 or min(improver, default=0) < 1 or improver_patch < 1 or improver_patch % 2 == 0:
            raise ValueError(
                f"patch_layers ({patch_layers}) and the widths of the improver ({improver}) must be positive, "
                f"improver_patch ({improver_patch}) odd"
            )
        if norm not in NORMS:
            raise ValueError(f"norm is {norm!r}; give 'batch' or 'group'")
        if distance not in ("l1", "l2"):
            raise ValueError(f"distance is {distance!r}; give 'l1' or 'l2'")
        if generator_lambda < 0 or improver_lambda < 0 or warmup_batches < 0:
            raise ValueError(
                f"generator_lambda ({generator_lambda}), improver_lambda ({improver_lambda}) and warmup_batches "
                f"({warmup_batches}) cannot be negative"
            )
        super().__init__(
            size=size,
            width=width,
            norm=norm,
            patch_layers=patch_layers,
            improver=improver,
            improver_patch=improver_patch,
            distance=distance,
            generator_lambda=generator_lambda,
            improver_lambda=improver_lambda,
            adversarial=adversarial,
            warmup_batches=warmup_batches,
        )
        self.working_size = size
        self.distance = distance
        self.generator_lambda = generator_lambda
        self.improver_lambda = improver_lambda
        self.adversarial = adversarial
        self.warmup_batches = warmup_batches
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.generator = UNet(width, int(math.log2(size)) - 1, NORMS[norm])
        self.discriminator = _patch_gan(width, patch_layers)
        self.improver: nn.Module = _patch_mlp(improver, improver_patch)
        self.load_pretrained(weights)

    def predict_ab(self, lightness: Tensor) -> Tensor:
        """Predict a*b* from L*; see `Colorizer.predict_ab`."""
        seen = lightness / 50 - 1
        return _AB * self._improve(seen, self.generator(seen)).float()

    def learners(self) -> dict[str, list[Parameter]]:
        """The three players, in the order in which they learn."""
        players = ("discriminator", "generator", "improver")
        return {name: list(self.get_submodule(name).parameters()) for name in players}

    def turns(self, batch: ColorBatch) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the losses of discriminator, generator and improver; each may step before the next one is asked.

        Args:
            batch: Pairs.

        Returns:
            Names of `learners` and their losses. During the warm-up, and without an adversary, the discriminator has
            no turn; during the warm-up the improver has none either.
        """
        seen, truth = self._pair(batch)
        warm = int(self.batches) < self.warmup_batches
        self.batches += 1
        playing = self.adversarial and not warm
        made = self.generator(seen)
        if playing:
            # Not under no_grad: autocast would keep the improver's weights without a graph for its own turn.
            mended = self._improve(seen, made).detach()
            real = _says(self._judge(seen, truth), True)
            fake = (_says(self._judge(seen, made.detach()), False) + _says(self._judge(seen, mended), False)) / 2
            yield "discriminator", {"loss": (real + fake) / 2, "real": real.detach(), "fake": fake.detach()}
        yield "generator", self._player_losses(seen, made, truth, self.generator_lambda, playing)
        if not warm:
            mended = self._improve(seen, made.detach())
            yield "improver", self._player_losses(seen, mended, truth, self.improver_lambda, playing)

    def losses(self, batch: ColorBatch) -> dict[str, Tensor]:
        """Distance of the improved a*b* to the truth, and how good the generator is alone.

        Args:
            batch: Pairs.

        Returns:
            ``loss``, on a*b* / 110, and the generator's RGB ``generator_mse`` and ``generator_psnr``.
        """
        seen, truth = self._pair(batch)
        made = self.generator(seen)
        loss = self._distance(self._improve(seen, made), truth)
        alone = lab_to_rgb(torch.cat([(seen + 1) * 50, _AB * made.detach().float()], dim=1))
        figures = {"generator_mse": mse(alone, batch["rgb"]), "generator_psnr": psnr(alone, batch["rgb"])}
        return {"loss": loss, **{name: value.mean() for name, value in figures.items()}}

    def _pair(self, batch: ColorBatch) -> tuple[Tensor, Tensor]:
        """L* and a*b*, both on [-1, 1]."""
        return grey_to_lightness(batch["grey"]) / 50 - 1, batch["lab"][:, 1:] / _AB

    def _improve(self, seen: Tensor, made: Tensor) -> Tensor:
        mended: Tensor = made + self.improver(torch.cat([seen, made], dim=1))
        return mended

    def _judge(self, seen: Tensor, ab: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(torch.cat([seen, ab], dim=1))
        return logits.float()

    def _distance(self, ab: Tensor, truth: Tensor) -> Tensor:
        return F.l1_loss(ab.float(), truth) if self.distance == "l1" else F.mse_loss(ab.float(), truth)

    def _player_losses(
        self, seen: Tensor, ab: Tensor, truth: Tensor, weight: float, playing: bool
    ) -> dict[str, Tensor]:
        distance = self._distance(ab, truth)
        losses = {"loss": weight * distance, self.distance: distance.detach()}
        if playing:
            with _frozen(self.discriminator):
                deceit = _says(self._judge(seen, ab), True)
            losses |= {"loss": losses["loss"] + deceit, "adversarial": deceit.detach()}
        return losses


def _patch_gan(width: int, layers: int) -> nn.Sequential:
    """L* and a*b* ``(B, 3, H, W)`` -> a logit for each patch: real (positive) or made (negative)?"""
    widths = [width * min(2**layer, 8) for layer in range(layers + 1)]
    # Batch norm would make the pictures that it judges depend on the others of their batch, all real or all made.
    judged = partial(block, norm=group_norm, kernel_size=4)
    blocks = [judged(above, below, stride=2) for above, below in itertools.pairwise(widths[:-1])]
    return nn.Sequential(
        nn.Conv2d(3, widths[0], kernel_size=4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        *blocks,
        judged(widths[-2], widths[-1]),
        nn.Conv2d(widths[-1], 1, kernel_size=4, padding=1),
    )


def _patch_mlp(hidden: list[int], patch: int) -> nn.Sequential:
    """The same dense layers over the patch around every pixel: L* and a*b* ``(B, 3, H, W)`` -> what to add to a*b*."""
    layers: list[nn.Module] = [nn.Conv2d(3, hidden[0], patch, padding=patch // 2, padding_mode="replicate"), nn.ReLU()]
    for inputs, outputs in itertools.pairwise(hidden):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=1), nn.ReLU()]
    last = nn.Conv2d(hidden[-1], 2, kernel_size=1)
    for parameter in last.parameters():
        parameter.data *= 0.1  # an improver begins by leaving the picture as it is
    return nn.Sequential(*layers, last)


def _says(logits: Tensor, real: bool) -> Tensor:
    """Cross entropy of the discriminator's judgement if the pictures were all real, or all made."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module without gathering any for it."""
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
