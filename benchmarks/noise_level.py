"""How well `colorzoo.estimate_noise` does on images that are spoiled on purpose, as a Markdown table.

    python benchmarks/noise_level.py ~/.cache/colorzoo/data/bsds400/test -o docs/results/noise_level.md

Beside the mean and the standard deviation over the images it prints the mean strength that ``"auto"`` makes of each
kind of noise: 0 leaves an image alone.
"""

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from colorzoo.data.splits import seed_of
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.convert import to_batch
from colorzoo.io.find import image_names
from colorzoo.io.pil_file import read_image
from colorzoo.noise.estimation import NoiseLevel, estimate_noise
from colorzoo.noise.synthesis import Noise, add_noise

_IMPULSE = (0.01, 0.05, 0.15, 0.3, 0.5, 0.7)
_SIGMA = (2.0, 5.0, 10.0, 15.0, 25.0, 50.0)
_BOTH = ((0.05, 10.0), (0.15, 10.0), (0.15, 25.0), (0.4, 25.0), (0.7, 25.0), (0.4, 50.0))
_NOISES = (
    Noise(),
    *(Noise(impulse=share) for share in _IMPULSE),
    *(Noise(sigma=sigma) for sigma in _SIGMA),
    *(Noise(share, sigma) for share, sigma in _BOTH),
)


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description="Measure the estimate of noise on a folder of clean images.")
    parser.add_argument("folder", type=Path, help="clean images; they are made grey")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file; without it the table is printed")
    args = parser.parse_args()
    pictures = [args.folder / name for name in sorted(image_names(args.folder))]
    if not pictures:
        parser.error(f"{args.folder} holds no image")
    rows: list[tuple[str, ...]] = [
        ("noise", "impulses found", "sigma found", "strength for impulses", "strength for Gaussian noise")
    ]
    for noise in _NOISES:
        levels = list(_levels(pictures, noise))
        rows.append(
            (
                noise.describe(),
                _spread([100 * level.impulse for level in levels], " %"),
                _spread([level.sigma for level in levels]),
                f"{statistics.fmean(level.strength(['impulse']) for level in levels):.2f}",
                f"{statistics.fmean(level.strength(['gaussian']) for level in levels):.2f}",
            )
        )
    source = "/".join(args.folder.resolve().parts[-2:])
    table = f"{len(pictures)} images of {source}, grey, mean ± standard deviation\n\n{markdown_table(rows)}"
    if args.output is None:
        print(table)
    else:
        atomic_replace(args.output, table.encode())


def _levels(pictures: list[Path], noise: Noise) -> Iterator[NoiseLevel]:
    for path in pictures:
        noisy = add_noise(to_batch(read_image(path).convert("L")), noise, seeds=[seed_of(path.name, 0)])
        yield estimate_noise(_as_stored(noisy))


def _as_stored(noisy: Tensor) -> Tensor:
    """Round to what a file of 8 bits holds."""
    return (255 * noisy).round() / 255


def _spread(values: list[float], unit: str = "") -> str:
    return f"{statistics.fmean(values):.2f} ± {statistics.pstdev(values):.2f}{unit}"


if __name__ == "__main__":
    main()
