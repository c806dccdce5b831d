"""How fast colorzoo is, beside its peers and the limits of the machine, as a table in docs/performance.md.

    python benchmarks/performance.py
    python benchmarks/performance.py --only lab_pairs_256 fit_small

Each row is measured in a process of its own, in which both sides take turns on the same threads. Its ratio is the
median of the pairs, its spread their least and greatest. Peers that are not installed are left out, and the row says
so; ``pip install colorzoo[benchmarks]`` brings them.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from performance.comparison import HEADING, Row
from performance.machine import copy_peak, described, gemm_peak

from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace
from colorzoo.runtime.malloc import retain_freed_memory

OUTPUT = Path(__file__).parent.parent / "docs" / "performance.md"
ROWS = {
    "lab_pairs_256": "lab_pairs",
    "lab_pairs_cifar": "lab_pairs",
    "fit_small": "fit",
    "fit_photos": "fit",
    "pix2pix_cpu": "pix2pix_step",
    "pix2pix_gpu": "pix2pix_step",
    "two_processes": "two_processes",
    "inference_share": "photo_unet",
    "cold_colorize": "cold_start",
    "inference_onnxruntime": "photo_unet",
    "inference_smp": "photo_unet",
    "training_smp": "photo_unet",
    "rgb_to_lab_skimage": "denoising",
    "denoise_dncnn": "denoising",
    "denoise_drunet": "denoising",
    "denoise_nl_means": "denoising",
    "denoise_wavelet": "denoising",
    "time_to_psnr": "time_to_psnr",
}
"""The functions that measure a row each, and their files in benchmarks/performance."""
LONGER = {"time_to_psnr": 30}
"""Rows that take so many times as long as others."""

_MARK = "row: "


def measured(name: str, seconds: float) -> Row:
    """Measure a row in this process; what is not installed leaves it empty.

    Args:
        name: One of `ROWS`.
        seconds: For the turns of both sides.
    """
    try:
        row: Row = getattr(import_module(f"performance.{ROWS[name]}"), name)(seconds)
    except ModuleNotFoundError as error:
        return Row(name, "-", "-", note=f"{error.name} is not installed")
    return row


def document(rows: Sequence[Row], limits: Sequence[str]) -> str:
    """Return the table as Markdown, with what it depends on.

    Args:
        rows: In this order.
        limits: What the machine is and can do, a line each.
    """
    notes = [f"- {row.what}: {row.note}." for row in rows if row.note]
    parts = [
        "# Performance",
        "colorzoo beside its peers: both sides take turns in one process, and a ratio is the median of the pairs, with "
        "the least and the greatest. Above 1 colorzoo is faster, but where a limit (<=) is given, which is a share of "
        "time.",
        "\n".join(f"- {line}" for line in limits),
        markdown_table([HEADING, *(row.cells() for row in rows)]).strip(),
        "\n".join(notes),
        "Written by `python benchmarks/performance.py`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each row in a process of its own; print and write the table."""
    parser = argparse.ArgumentParser(description="Measure colorzoo beside its peers.")
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="NAME", help=f"of {', '.join(ROWS)}")
    parser.add_argument(
        "--seconds",
        type=float,
        default=30,
        help="for the turns of a row; a training takes 30 times as long (default: 30)",
    )
    parser.add_argument("--output", type=Path, help="a Markdown file (default: docs/performance.md; with --only none)")
    parser.add_argument("--alone", choices=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.alone:
        retain_freed_memory()  # for both sides, as the command line does
        print(_MARK + json.dumps(dataclasses.asdict(measured(options.alone, options.seconds))), flush=True)
        return
    limits = [*described(), f"Product of matrices: {gemm_peak():.0f} GFLOP/s; copy of memory: {copy_peak():.1f} GB/s"]
    print("\n".join(limits), flush=True)
    rows = []
    for name in options.only or ROWS:
        rows.append(_in_a_process(name, options.seconds * LONGER.get(name, 1)))
        print(f"{name}: {' | '.join(rows[-1].cells()[1:])} {rows[-1].note}", flush=True)
    output = options.output or (None if options.only else OUTPUT)
    if output:
        atomic_replace(output, document(rows, limits).encode())


def _in_a_process(name: str, seconds: float) -> Row:
    """Measure a row where no other row has left threads, workers or memory behind."""
    command = [sys.executable, __file__, "--alone", name, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [line.removeprefix(_MARK) for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not found:
        print(done.stderr, file=sys.stderr)
        return Row(name, "-", "-", note="failed; run it alone to see why")
    return Row(**json.loads(found[0]))


if __name__ == "__main__":
    main()
