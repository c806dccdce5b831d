"""How fast a folder is coloured, against calling the model on one image after another, as a Markdown table.

    python benchmarks/folder.py ~/.cache/colorzoo/data/imagenette/val -o docs/results/folder.md

The photographs are made grey, scaled to a megapixel and stored as JPEG first. Both ways take turns, and read and write
the same files. Beside the images a second of the wall clock stands the processor's time for each, which other
programs on the machine change less. The last rows show as many images to the network, together and one by one.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.find import image_names
from colorzoo.io.image_header import measure_path
from colorzoo.io.pil_file import read_image, write_image
from colorzoo.runtime.parallel_images import map_images

_SIZE = (1152, 864)
_BATCH = 8

Figures = tuple[float, float]
"""Images a second, and seconds of the processor for each."""


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description="Measure how fast a folder of megapixel photographs is coloured.")
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("-m", "--model", default="fusion_cnn", help="a published colouriser")
    parser.add_argument("--count", type=int, default=200, help="how many of the photographs (default: 200)")
    parser.add_argument("--rounds", type=int, default=3, help="how often; medians are shown (default: 3)")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file; without it the table is printed")
    args = parser.parse_args()
    model = colorzoo.load(args.model)
    with tempfile.TemporaryDirectory() as folder:
        pairs = megapixels(args.folder, Path(folder), args.count)
        figures = measured(model, pairs, args.rounds)
    rows = [("way", "pictures/s", "against one by one", "CPU time an image")]
    slow = figures["one by one"][0]
    for name, (rate, work) in figures.items():
        against = f"{rate / slow:.2f} x" if name in ("one by one", "folder") else "-"
        rows.append((name, f"{rate:.2f}", against, f"{1000 * work:.0f} ms"))
    threads = torch.get_num_threads()
    title = f"{len(pairs)} photographs of {_SIZE[0]}x{_SIZE[1]} pixels, {args.model}, torch with {threads} threads"
    text = f"{title}; medians of {args.rounds} rounds\n\n{markdown_table(rows)}"
    print(text)
    if args.output:
        atomic_replace(args.output, text.encode())


def megapixels(folder: Path, scratch: Path, count: int) -> list[tuple[Path, Path]]:
    """Write grey photographs of a megapixel, a quarter of them upright, and return source and target of each."""
    found = [folder / name for name in sorted(image_names(folder))]
    pairs = []
    for index, path in enumerate(found[:: max(1, len(found) // count)][:count]):
        size = _SIZE if index % 4 else _SIZE[::-1]
        pairs.append((scratch / f"{index}.jpg", scratch / "out" / f"{index}.jpg"))
        with PIL.Image.open(path) as image:
            image.convert("L").resize(size, PIL.Image.Resampling.LANCZOS).save(pairs[-1][0], quality=92)
    return pairs


def measured(model: Colorizer, pairs: list[tuple[Path, Path]], rounds: int) -> dict[str, Figures]:
    """Return the medians of each way, which take turns."""

    def one_by_one() -> None:
        for source, target in pairs:
            write_image(model.colorize(read_image(source)), target, overwrite=True)

    def folder() -> None:
        outcomes = map_images(
            pairs,
            read_image,
            lambda image: (model.colorize(image), None),
            lambda image, target: write_image(image, target, True),
            open_file=measure_path,
        )
        assert not [outcome for outcome in outcomes if outcome.error]

    def network(batch: int) -> None:
        lightness = 100 * torch.rand(batch, 1, 192, 256)
        for _ in range(0, len(pairs), batch):
            model.predict_ab(lightness)

    ways: dict[str, Callable[[], None]] = {
        "one by one": one_by_one,
        "folder": folder,
        "the network alone, one by one": torch.no_grad()(lambda: network(1)),
        f"the network alone, batches of {_BATCH}": torch.no_grad()(lambda: network(_BATCH)),
    }
    times: dict[str, list[Figures]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun, worked = time.perf_counter(), time.process_time()
            way()
            seconds = time.perf_counter() - begun
            times[name].append((len(pairs) / seconds, (time.process_time() - worked) / len(pairs)))
    return {
        name: (statistics.median(rate for rate, _ in figures), statistics.median(work for _, work in figures))
        for name, figures in times.items()
    }


if __name__ == "__main__":
    main()
