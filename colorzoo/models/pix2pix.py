"""Pix2Pix with an improver: a U-Net colours, a PatchGAN judges, a patch-wise MLP mends what the U-Net made.

Park, Kim and Cho, "Improving colorization through denoiser with MLP" (2022), after Isola, Zhu, Zhou and Efros,
"Image-to-Image Translation with Conditional Adversarial Networks" (CVPR 2017).

    L -> generator (U-Net) -> L, a*b* -> improver (MLP over patches) -> a*b*
                                 +----------------+--> discriminator (PatchGAN on L and a*b*): real or made?
"""

import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import grey_to_lightness, lab_to_rgb
from colorzoo.data.batches import ColorBatch
from colorzoo.errors import UsageError
from colorzoo.models._unet import GROUP, NORMS, UNet, block, group_norm

_AB = 110.0
NETWORKS = ("discriminator", "generator", "improver")
"""In the order in which they train."""


class Pix2Pix(Colorizer):
    """Conditional GAN for colour whose output a small MLP improves patch by patch.

    In every step the discriminator learns first, then the generator, then the improver, each of the last two from the
    adversarial loss plus lambda times the distance to the true a*b*.

    Args:
        size: Edge in pixels of the images it is made for, a power of 2; the U-Net goes down to 2x2.
        width: Channels of the U-Net at full resolution, a multiple of 8; they double to at most four times as many.
        norm: Of the generator: ``"batch"``, which keeps how light an image is and learns faster, or ``"group"``, which
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
        improver: Sequence[int] = (64, 64),
        improver_patch: int = 5,
        distance: Literal["l1", "l2"] = "l1",
        generator_lambda: float = 100.0,
        improver_lambda: float = 100.0,
        adversarial: bool = True,
        warmup_batches: int = 0,
        weights: str | None = None,
    ) -> None:
        improver = list(improver)
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
        super().__init__()
        self.working_size = size
        self.distance = distance
        self.generator_lambda = generator_lambda
        self.improver_lambda = improver_lambda
        self.adversarial = adversarial
        self.warmup_batches = warmup_batches
        self.automatic_optimization = False
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.generator = UNet(width, int(math.log2(size)) - 1, NORMS[norm])
        self.discriminator = _patch_gan(width, patch_layers)
        self.improver: nn.Module = _patch_mlp(improver, improver_patch)

    def predict_ab(self, lightness: Tensor) -> Tensor:
        seen = lightness / 50 - 1
        return _AB * self._refine(seen, self.generator(seen)).float()

    def configure_optimizers(self) -> Any:
        if self.trainer.max_steps > 0 and not self.trainer.fast_dev_run and self.optim.schedule == "cosine":  # type: ignore[attr-defined]
            raise UsageError(
                "max_steps counts the steps of each network, a schedule the batches; set max_epochs instead"
            )
        return [self.build_optimizer(self.get_submodule(name).parameters()) for name in NETWORKS]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        pairs = self.as_pairs(batch)
        optimizers: Any = self.optimizers()
        for network, losses in self.network_losses(pairs):
            self.check_finite(losses["loss"], pairs, batch_idx, network)
            optimizer = optimizers[NETWORKS.index(network)]
            optimizer.zero_grad()
            self.manual_backward(losses["loss"])
            optimizer.step()
            self.log_batch("train", {f"{network}_{name}": value.detach() for name, value in losses.items()}, pairs)
        self._step_schedulers()

    def network_losses(self, batch: ColorBatch) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield names of `NETWORKS` and their losses; each may take its step before the next is asked.

        During the warm-up the generator alone has some; without an adversary the discriminator has none.
        """
        seen, truth = self._inputs_and_targets(batch)
        warm = int(self.batches) < self.warmup_batches
        self.batches += 1
        adversarial = self.adversarial and not warm
        fake = self.generator(seen)
        if adversarial:
            # Not under no_grad: autocast would keep the improver's weights without a graph for its own step.
            refined = self._refine(seen, fake).detach()
            real_loss = _adversarial_loss(self._discriminate(seen, truth), True)
            first, second = (_adversarial_loss(self._discriminate(seen, ab), False) for ab in (fake.detach(), refined))
            fake_loss = (first + second) / 2
            yield (
                "discriminator",
                {"loss": (real_loss + fake_loss) / 2, "real": real_loss.detach(), "fake": fake_loss.detach()},
            )
        yield "generator", self._generator_losses(seen, fake, truth, self.generator_lambda, adversarial)
        if not warm:
            refined = self._refine(seen, fake.detach())
            yield "improver", self._generator_losses(seen, refined, truth, self.improver_lambda, adversarial)

    def _step_schedulers(self) -> None:
        """Move all schedules on by a batch, also that of a network that has not taken a step yet."""
        schedulers: Any = self.lr_schedulers()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            for scheduler in schedulers or ():
                scheduler.step()

    def losses(self, batch: ColorBatch) -> dict[str, Tensor]:
        """Return the distance of the improved a*b* / 110 to the truth, and the errors of the generator alone."""
        from colorzoo.metrics import mse, psnr

        seen, truth = self._inputs_and_targets(batch)
        made = self.generator(seen)
        loss = self._distance(self._refine(seen, made), truth)
        alone = lab_to_rgb(torch.cat([(seen + 1) * 50, _AB * made.detach().float()], dim=1))
        metrics = {"generator_mse": mse(alone, batch["rgb"]), "generator_psnr": psnr(alone, batch["rgb"])}
        return {"loss": loss, **{name: value.mean() for name, value in metrics.items()}}

    def _inputs_and_targets(self, batch: ColorBatch) -> tuple[Tensor, Tensor]:
        """L* and a*b*, both on [-1, 1]."""
        return grey_to_lightness(batch["grey"]) / 50 - 1, batch["lab"][:, 1:] / _AB

    def _refine(self, seen: Tensor, made: Tensor) -> Tensor:
        refined: Tensor = made + self.improver(torch.cat([seen, made], dim=1))
        return refined

    def _discriminate(self, seen: Tensor, ab: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(torch.cat([seen, ab], dim=1))
        return logits.float()

    def _distance(self, ab: Tensor, truth: Tensor) -> Tensor:
        return F.l1_loss(ab.float(), truth) if self.distance == "l1" else F.mse_loss(ab.float(), truth)

    def _generator_losses(
        self, seen: Tensor, ab: Tensor, truth: Tensor, weight: float, adversarial: bool
    ) -> dict[str, Tensor]:
        distance = self._distance(ab, truth)
        losses = {"loss": weight * distance, self.distance: distance.detach()}
        if adversarial:
            with _frozen(self.discriminator):
                fooled = _adversarial_loss(self._discriminate(seen, ab), True)
            losses |= {"loss": losses["loss"] + fooled, "adversarial": fooled.detach()}
        return losses


def _patch_gan(width: int, layers: int) -> nn.Sequential:
    """L* and a*b* ``(B, 3, H, W)`` -> a logit for each patch: real (positive) or made (negative)?"""
    widths = [width * min(2**layer, 8) for layer in range(layers + 1)]
    # Batch norm would make the images that it judges depend on the others of their batch, all real or all made.
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
        parameter.data *= 0.1  # an improver begins by leaving the image as it is
    return nn.Sequential(*layers, last)


def _adversarial_loss(logits: Tensor, real: bool) -> Tensor:
    """Cross entropy of the discriminator's judgement if the images were all real, or all made."""
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
