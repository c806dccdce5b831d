"""A training step of Pix2Pix with the tutorials' networks: colorzoo's task beside a plain PyTorch loop."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.models.pix2pix import Pix2Pix
from performance.beside_fit import PicturesInMemory, fit_beside
from performance.comparison import Row, Work, compared
from performance.tutorial_networks import TutorialUNet, tutorial_patch_gan

_LAMBDA = 100.0


def pix2pix_cpu(seconds: float, size: int = 256, batch_size: int = 1) -> Row:
    """Both in float32 on the processor."""
    task, data, plain = _players(size, batch_size, "cpu", steps=1)
    turns = fit_beside(task, data, plain, 1, seconds)
    what = f"Pix2Pix training step at {size} px, batch of {batch_size}, beside a plain loop over the same networks"
    return compared(what, turns, "pictures/s", must=1, aim=1.15)


def pix2pix_gpu(seconds: float, size: int = 256, batch_size: int = 16) -> Row:
    """Ours in bfloat16 and compiled, theirs in float32 as the tutorials have it."""
    what = f"Pix2Pix training step on a GPU at {size} px, bfloat16 and compiled beside a plain float32 loop"
    if not torch.cuda.is_available():
        return Row(what, "-", "-", note="no GPU")
    task, data, plain = _players(size, batch_size, "cuda", steps=20)
    for player in (task.generator, task.discriminator, task.improver):
        player.compile()  # type: ignore[operator,union-attr]
    options = {"accelerator": "gpu", "devices": 1, "precision": "bf16-mixed"}
    return compared(what, fit_beside(task, data, plain, 20, seconds, **options), "pictures/s")


def _players(size: int, batch_size: int, device: str, steps: int) -> tuple[Pix2Pix, PicturesInMemory, Work]:
    """Return colorzoo's task with the tutorials' networks, its images, and a plain loop over a copy of them."""
    rgb = SyntheticDataModule(size=size, train_images=4 * batch_size).load_split("train").rgb
    data = PicturesInMemory(rgb, batch_size=batch_size)
    model = colorzoo.create("pix2pix", size=size)
    if not isinstance(model, Pix2Pix):
        raise TypeError(f"pix2pix is a {type(model).__name__}; this file knows the players of Pix2Pix")
    model.generator = TutorialUNet(size)  # type: ignore[assignment]
    model.discriminator = tutorial_patch_gan()
    theirs = copy.deepcopy(model).train().to(device)
    data.setup("fit")
    pairs = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    seen, truth = (pairs["lab"][:, :1] / 50 - 1).to(device), (pairs["lab"][:, 1:] / 110).to(device)
    step = plain_step(theirs.generator, theirs.discriminator, theirs.improver)

    def turn() -> float:
        for _ in range(steps):
            step(seen, truth)
        if device == "cuda":
            torch.cuda.synchronize()
        return float(steps * batch_size)

    model.optim = OptimizerConfig("adam", lr=2e-4, beta1=0.5)
    return model, data, turn


def plain_step(
    generator: nn.Module, discriminator: nn.Module, improver: nn.Module | None = None
) -> Callable[[Tensor, Tensor], None]:
    """Return a step of the game as tutorials write it, with an improver as one more player where there is one.

    Args:
        generator: L* -> a*b*, both on [-1, 1].
        discriminator: L* and a*b* -> logits.
        improver: L* and a*b* -> what to add to a*b*.
    """
    players = [player for player in (discriminator, generator, improver) if player is not None]
    optimizers = [torch.optim.Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999)) for player in players]

    def says(seen: Tensor, ab: Tensor, real: bool) -> Tensor:
        logits = discriminator(torch.cat([seen, ab], dim=1))
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))

    def mended(seen: Tensor, made: Tensor) -> Tensor:
        if improver is None:
            return made
        return made + improver(torch.cat([seen, made], dim=1))

    def learn(which: int, loss: Tensor) -> None:
        optimizers[which].zero_grad()
        loss.backward()
        optimizers[which].step()

    def step(seen: Tensor, truth: Tensor) -> None:
        made = generator(seen)
        discriminator.requires_grad_(True)
        fake = says(seen, made.detach(), False)
        if improver is not None:
            fake = (fake + says(seen, mended(seen, made).detach(), False)) / 2
        learn(0, (fake + says(seen, truth, True)) / 2)
        discriminator.requires_grad_(False)
        learn(1, says(seen, made, True) + _LAMBDA * F.l1_loss(made, truth))
        if improver is not None:
            better = mended(seen, made.detach())
            learn(2, says(seen, better, True) + _LAMBDA * F.l1_loss(better, truth))

    return step
