"""How long `colorzoo colorize` takes from nothing to one coloured picture, against starting PyTorch alone.

    python benchmarks/cold_start.py -o docs/results/cold_start.md

Both are whole processes and take turns. Beside the wall clock stands the time of the processor, user and system, which
other programs on the machine change less.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import PIL.Image

from colorzoo.output_file import replace_file
from colorzoo.report import markdown_table

Times = tuple[float, float]
"""Seconds of the wall clock, and of the processor."""


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description="Measure how long colouring one picture takes from nothing.")
    parser.add_argument("-m", "--model", default="fusion_cnn", help="a published colouriser")
    parser.add_argument("--pairs", type=int, default=7, help="how often both are started (default: 7)")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file; without it the table is printed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "one.jpg")
        PIL.Image.effect_noise((320, 240), 60).save(photo)
        alone = [sys.executable, "-c", "import torch"]
        colours = [sys.executable, "-m", "colorzoo", "colorize", str(photo), "-m", args.model, "--overwrite"]
        for command in (alone, colours):
            seconds(command)  # the files of both are then in the memory of the system
        pairs = [(seconds(alone), seconds(colours)) for _ in range(args.pairs)]
    rows = [("", "import torch", "colorzoo colorize", "ratio", "least to most")]
    for index, clock in enumerate(("wall clock", "processor")):
        torch_alone, whole = ([run[index] for run in runs] for runs in zip(*pairs, strict=True))
        ratios = [long / short for short, long in zip(torch_alone, whole, strict=True)]
        middles = [f"{statistics.median(values):.2f} s" for values in (torch_alone, whole)]
        rows.append((clock, *middles, f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"))
    text = f"{args.model}, one JPEG of 320x240 pixels; medians of {args.pairs} pairs\n\n{markdown_table(rows)}"
    print(text)
    if args.output:
        replace_file(args.output, text.encode())


def seconds(command: list[str]) -> Times:
    """Run a command and return how long it took."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, worked


if __name__ == "__main__":
    main()
