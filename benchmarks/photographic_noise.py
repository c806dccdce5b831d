"""De-noise photographs that went through film, camera, scanner and JPEG: de-noisers beside BM3D, as a Markdown table.

    python benchmarks/photographic_noise.py --models cnn_denoiser.color

On 100 images of ``photos/val`` and the 20 test images of ``bsds400``, which no published de-noiser has seen. The
target of an image has its blur, but none of its noise. ``bm3d``, which is free for non-commercial use only, takes part
where it is installed; it is told the true deviation of what is wrong with each image.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

import colorzoo
from colorzoo.data.root import data_root
from colorzoo.data.splits import seed_of
from colorzoo.datamodules.bsds import BSDSDataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.convert import to_batch
from colorzoo.io.find import image_names
from colorzoo.io.pil_file import read_image
from colorzoo.metrics import psnr
from colorzoo.noise.degradations import Degradations, degrade
from colorzoo.noise.photographic import Blur, CameraNoise, Grain, Grey, Jpeg, Resample

OUTPUT = Path(__file__).parent.parent / "docs" / "results" / "photographic_noise.md"
CHAIN = Degradations(
    [
        Grey(probability=0.25),
        Blur(probability=0.3),
        Grain(probability=0.6),
        CameraNoise(probability=0.5),
        Resample(probability=0.3, steps=[Jpeg(probability=0.5)]),
        Jpeg(),
    ]
)
PHOTOS, BSDS = "100 of photos/val", "20 of bsds400/test"

Restore = Callable[[Tensor, Tensor], Tensor]
"""Takes the noisy image and its target, of which only the true deviation may be used."""


def images(root: Path, split: str) -> Iterator[tuple[str, str, Tensor]]:
    """Yield the title of each set, and name and pixels of its images.

    Args:
        root: The folder of ``photos`` and ``bsds400``.
        split: ``"test"``, or ``"val"``: other images of the same folders, to choose by.
    """
    names = sorted(image_names(root / "photos" / "val"))
    # Sorted by source, so that every fourth has all sources.
    for name in names[0 if split == "test" else 2 :: 4]:
        yield PHOTOS, name, to_batch(read_image(root / "photos" / "val" / name).convert("RGB"))
    for name in BSDSDataModule(root=str(root / "bsds400")).split_names()[split]:
        yield BSDS, name, to_batch(read_image(root / "bsds400" / name).convert("RGB"))


def methods(models: Sequence[str]) -> dict[str, Restore]:
    """Return what restores an image, by name: nothing, BM3D if it is installed, and models at full strength.

    Args:
        models: De-noisers as `colorzoo.load` takes them.
    """
    found: dict[str, Restore] = {"degraded input": lambda noisy, clean: noisy}
    if find_spec("bm3d"):
        found["BM3D with the true sigma"] = _bm3d
    for name in models:
        model = colorzoo.load(name)
        found[name] = lambda noisy, clean, model=model: model.denoise(noisy)  # type: ignore[misc]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all methods; print and write the table."""
    parser = argparse.ArgumentParser(description="De-noise photographs of film, camera and JPEG.")
    parser.add_argument("--models", nargs="*", default=[], help="published de-noisers, or files, to measure")
    parser.add_argument("--root", type=Path, default=data_root(), help="of the data; by default $COLORZOO_DATA")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="val: to choose what to measure")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the Markdown file to write")
    options = parser.parse_args(arguments)
    restorers = methods(options.models)
    gains: dict[str, dict[str, list[float]]] = {name: {PHOTOS: [], BSDS: []} for name in restorers}
    untouched: dict[str, list[float]] = {name: [] for name in restorers}
    ratios: list[float] = []
    for title, name, image in images(options.root, options.split):
        noisy, clean, _ = degrade(image, CHAIN, [seed_of(name, 0)])
        ratios.append(float(psnr(noisy, clean)))
        for method, restore in restorers.items():
            gains[method][title].append(float(psnr(restore(noisy, clean), clean)) - ratios[-1])
            untouched[method].append(float(psnr(restore(image, image), image)))
    heading = ("mean over the images", f"PSNR over the input, {PHOTOS}", BSDS, "all", "PSNR of clean images")
    rows = []
    for method, gain in gains.items():
        means = (_mean(gain[PHOTOS]), _mean(gain[BSDS]), _mean([*gain[PHOTOS], *gain[BSDS]]))
        rows.append((method, *(f"{mean:+.2f} dB" for mean in means), f"{_mean(untouched[method]):.1f} dB"))
    table = markdown_table([heading, *rows])
    about = (
        f"Images of photos/val and bsds400/{options.split}, degraded by {CHAIN.describe()}. Mean PSNR of the input: "
        f"{_mean(ratios):.2f} dB. Identical images count as 100 dB.\n\nWritten by `benchmarks/photographic_noise.py`.\n"
    )
    print(table)
    atomic_replace(options.output, f"{about}\n{table}".encode())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _bm3d(noisy: Tensor, clean: Tensor) -> Tensor:
    from bm3d import bm3d, bm3d_rgb

    deviation = float((noisy - clean).square().mean().sqrt())
    if deviation == 0:
        return noisy
    if torch.equal(noisy[:, 0], noisy[:, 1]):  # it divides by the range of the colours
        return torch.from_numpy(bm3d(noisy[0, 0].numpy(), deviation)).float().clamp(0, 1).expand_as(noisy)
    restored = torch.from_numpy(bm3d_rgb(noisy[0].movedim(0, -1).numpy(), deviation))
    return restored.movedim(-1, 0)[None].float().clamp(0, 1)


if __name__ == "__main__":
    main()
