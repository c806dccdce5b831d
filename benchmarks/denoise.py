"""De-noise the held-out photographs of BSDS400: published models beside filters that learn nothing, in one table.

    python benchmarks/denoise.py --models linear_denoiser
    python benchmarks/denoise.py --color --models cnn_denoiser cnn_denoiser.color

Each image is spoiled with the noise of its name and the seed, as the test loop does it. Gaussian noise is not
clipped, as in the literature. Filters of scikit-image and of ``bm3d``, which is free for non-commercial use only, take
part where these are installed.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from nonlocal_mean import nonlocal_adaptive_mean
from torch import Tensor

import colorzoo
from colorzoo.base.denoiser import Denoiser
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.errors import UsageError
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.metrics import psnr
from colorzoo.noise.filters import adaptive_median, median, switching_mean
from colorzoo.noise.synthesis import Noise

OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "denoise_photographs.md"
COLOR_OUTPUT = OUTPUT.with_name("denoise_color_photographs.md")
GAUSSIAN = {f"Gaussian, sigma {sigma:g}": Noise(sigma=sigma, clip=False) for sigma in (15.0, 25.0, 50.0)}
IMPULSE = {f"impulse, {share:.0%}": Noise(impulse=share) for share in (0.15, 0.5, 0.7)}

Restore = Callable[[Tensor], Tensor]


def filters(noise: Noise) -> dict[str, Restore | None]:
    """Return what learns nothing by name, each channel by itself; None where a filter is made for other noise.

    Args:
        noise: The noise that is to be taken out; the filters may know its level.
    """
    impulses = noise.ranges()[0][1] > 0
    found: dict[str, Restore | None] = {
        "noisy input": lambda noisy: noisy,
        "3x3 median": median,
        "adaptive median": adaptive_median if impulses else None,
        "mean of sound neighbours": switching_mean if impulses else None,
        "non-local adaptive mean (after NAMF)": nonlocal_adaptive_mean if impulses else None,
    }
    deviation = noise.ranges()[1][1] / 255
    if find_spec("skimage"):
        found["non-local means (scikit-image)"] = None if impulses else lambda noisy: _nonlocal_means(noisy, deviation)
    if find_spec("bm3d"):
        found["BM3D"] = None if impulses else lambda noisy: _bm3d(noisy, deviation)
    return {name: restore and _by_channel(restore) for name, restore in found.items()}


def _by_channel(restore: Restore) -> Restore:
    return lambda noisy: torch.cat([restore(channel) for channel in noisy.split(1, dim=1)], dim=1)


def denoisers(names: Sequence[str]) -> dict[str, Denoiser]:
    """Load published de-noisers by name.

    Args:
        names: As `colorzoo.load` takes them.

    Raises:
        UsageError: If a name is that of a colouriser.
    """
    models = {name: colorzoo.load(name) for name in names}
    for name, model in models.items():
        if not isinstance(model, Denoiser):
            raise UsageError(f"{name} is no de-noiser; leave it out")
    return models


@torch.no_grad()
def measured(noise: Noise, models: dict[str, Denoiser], data: BSDSDataModule, split: str) -> dict[str, str]:
    """Return, by method, the mean over the images of PSNR in dB, or a dash where it is made for other noise.

    Args:
        noise: What spoils the images.
        models: De-noisers by name.
        data: Where the images come from; the noise outside training is replaced.
        split: ``"test"`` or ``"val"``.
    """
    data.make_pairs = replace(data.make_pairs, eval_noise=noise)
    loader = data.test_dataloader() if split == "test" else data.val_dataloader()
    pairs = [data.on_after_batch_transfer(batch, 0) for batch in loader]
    figures = {}
    for name, restore in (filters(noise) | models).items():
        if restore is None:
            figures[name] = "-"
            continue
        ratios = [psnr(restore(pair["noisy"]), pair["clean"]) for pair in pairs]
        figures[name] = f"{float(torch.cat(ratios).mean()):.2f}"
        print(f"{noise.describe()}: {name} {figures[name]} dB", flush=True)
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all methods at all noises; print and write the table."""
    parser = argparse.ArgumentParser(description="De-noise held-out photographs: models beside filters.")
    parser.add_argument("--models", nargs="*", default=[], help="published de-noisers to measure too")
    parser.add_argument("--root", help="folder of BSDS400; by default bsds400 in $COLORZOO_DATA")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="val: to choose what to measure")
    parser.add_argument("--color", action="store_true", help="in colour, with Gaussian noise")
    parser.add_argument("--output", type=Path, help="the Markdown file to write, if not the one in docs/results")
    options = parser.parse_args(arguments)
    models = denoisers(options.models)
    data = BSDSDataModule(root=options.root, grey="luma", color=options.color, noise=Noise())
    data.setup("test" if options.split == "test" else "validate")
    noises = GAUSSIAN if options.color else GAUSSIAN | IMPULSE
    columns = {title: measured(noise, models, data, options.split) for title, noise in noises.items()}
    methods = list(next(iter(columns.values())))
    figures = [(method, [column[method] for column in columns.values()]) for method in methods]
    rows = [(method, *cells) for method, cells in figures if set(cells) != {"-"}]
    table = markdown_table([("PSNR in dB", *columns), *rows])
    about = (
        f"Mean over {data.describe(options.split)}, {'in colour' if options.color else 'as luma'}. Gaussian noise is "
        "not clipped, and filters of it know its sigma; impulses are salt and pepper. A dash stands where a filter is "
        "made for other noise. Filters, and models of one channel, see each channel by itself.\n\n"
        "Written by `benchmarks/denoise.py`.\n"
    )
    print(table)
    atomic_replace(options.output or (COLOR_OUTPUT if options.color else OUTPUT), f"{about}\n{table}".encode())


def _nonlocal_means(noisy: Tensor, deviation: float) -> Tensor:
    from skimage.restoration import denoise_nl_means

    restored = denoise_nl_means(noisy[0, 0].numpy(), patch_size=5, patch_distance=8, h=0.6 * deviation, sigma=deviation)
    return torch.from_numpy(restored).reshape(noisy.shape).float().clamp(0, 1)


def _bm3d(noisy: Tensor, deviation: float) -> Tensor:
    from bm3d import bm3d

    return torch.from_numpy(bm3d(noisy[0, 0].numpy(), deviation)).reshape(noisy.shape).float().clamp(0, 1)


if __name__ == "__main__":
    main()
