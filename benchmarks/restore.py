"""What de-noising before colouring is worth: grey test images of CIFAR-10 with noise, as a Markdown table.

    python benchmarks/restore.py -o docs/results/restore.md

The noise of an image is that of its name and the seed, as everywhere in colorzoo; the images are looked for where
`CIFAR10DataModule` looks.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

import colorzoo
from colorzoo.data.batches import color_batch
from colorzoo.data.splits import seed_of
from colorzoo.datamodules.cifar10 import CIFAR10DataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.metrics import mse, psnr, ssim
from colorzoo.noise.filters import median
from colorzoo.noise.synthesis import Noise, add_noise
from colorzoo.pipeline import RESTORERS

_FIGURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mse": mse, "psnr": psnr, "ssim": ssim}
Restorer = Callable[[Tensor], Tensor]


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description="Measure colouring with and without de-noising on CIFAR-10.")
    parser.add_argument("--denoiser", action="append", help="may be given again (default: those of colorzoo restore)")
    parser.add_argument("--colorizer", default="fusion_cnn")
    parser.add_argument("--impulse", type=float, default=0.15, help="share of salt and pepper (default: 0.15)")
    parser.add_argument("--sigma", type=float, default=0.0, help="of Gaussian noise, in 8-bit levels (default: 0)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--root", help="of CIFAR-10, where it is not in $COLORZOO_DATA")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file; without it the table is printed")
    args = parser.parse_args()
    noise = Noise(args.impulse, args.sigma)
    denoisers = args.denoiser or list(RESTORERS.values())
    restore = colorzoo.Pipeline([*denoisers, args.colorizer], strength="auto")
    color = colorzoo.Pipeline([args.colorizer])
    chain = " → ".join([*denoisers, args.colorizer])
    ways: list[tuple[str, bool, Restorer]] = [
        (f"{args.colorizer} (the aim)", False, color),
        (chain, True, restore),
        (f"{args.colorizer} alone", True, color),
        (f"3x3 median → {args.colorizer}", True, lambda grey: color(median(grey))),
        (chain, False, restore),
        ("L* grey", False, lambda grey: grey.expand(-1, 3, -1, -1)),
    ]
    data = CIFAR10DataModule(root=args.root, seed=args.seed)
    figures: dict[int, dict[str, list[Tensor]]] = {way: {name: [] for name in _FIGURES} for way in range(len(ways))}
    for rgb, clean, noisy in _batches(data, noise):
        for way, (_, spoilt, restorer) in enumerate(ways):
            answer = restorer(noisy if spoilt else clean)
            for name, figure in _FIGURES.items():
                figures[way][name].append(figure(answer, rgb))
    means = {way: {name: float(torch.cat(parts).mean()) for name, parts in of.items()} for way, of in figures.items()}
    rows = [("what", "input", "MSE on [0, 1]", "against the aim", "PSNR", "SSIM")]
    for way, (name, spoilt, _) in enumerate(ways):
        mean = means[way]
        against = f"{100 * (mean['mse'] / means[0]['mse'] - 1):+.1f} %"
        numbers = (f"{100 * mean['mse']:.3f} %", against, f"{mean['psnr']:.2f} dB", f"{mean['ssim']:.3f}")
        rows.append((name, "noisy" if spoilt else "clean", *numbers))
    heading = f"{data.describe('test')}; noisy is {noise.describe()} of the L* grey; mean over the images\n\n"
    if args.output is None:
        print(heading + markdown_table(rows))
    else:
        atomic_replace(args.output, (heading + markdown_table(rows)).encode())


def _batches(data: CIFAR10DataModule, noise: Noise, size: int = 64) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield colour, grey, and noisy grey images."""
    source = data.load_split("test")
    for first in range(0, len(source), size):
        pictures = source.load_batch(list(range(first, min(first + size, len(source)))))
        pairs = color_batch(pictures)
        seeds = [seed_of(name, data.seed) for name in pictures["name"]]
        yield pairs["rgb"], pairs["grey"], add_noise(pairs["grey"], noise, seeds)


if __name__ == "__main__":
    main()
