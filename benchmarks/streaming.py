"""How fast a folder of photographs and the same as shards feed a network, and in how much memory, as a Markdown table.

    colorzoo shard ~/.cache/colorzoo/data/imagenette /tmp/shards
    python benchmarks/streaming.py ~/.cache/colorzoo/data/imagenette /tmp/shards -o docs/results/streaming.md

Both decode the same images and crop the same squares; no network is trained. Each way and round is a process of its
own, and they take turns. Memory is the most that loader and workers held together, what they share counted once; beside
it stands the same with mapped files, among them shards, which the system may take away again. Files that were read
before come from the system's cache, which suits the folder: on a disk that has to seek, or over a network, shards gain.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from colorzoo.datamodules.base import ImageDataModule
from colorzoo.datamodules.folder import ImageFolderDataModule
from colorzoo.datamodules.streaming import StreamingDataModule
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.atomic import atomic_replace

_SIZE = 128
_BATCH = 32
_WAYS = {"folder": ImageFolderDataModule, "shards": StreamingDataModule}


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(
        description="Measure how fast photographs are loaded, from a folder and as shards."
    )
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("shards", type=Path, help="what colorzoo shard made of them")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes (default: 0 2)")
    parser.add_argument("--batches", type=int, default=150, help=f"how many batches of {_BATCH} (default: 150)")
    parser.add_argument("--rounds", type=int, default=3, help="how often; medians are shown (default: 3)")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file; without it the table is printed")
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        root = args.folder if args.way == "folder" else args.shards
        print(json.dumps(measured(_WAYS[args.way], root, args.workers[0], args.batches)))
        return
    cells = [(way, workers) for workers in args.workers for way in _WAYS]
    rounds = [{cell: _process(args, *cell) for cell in cells} for _ in range(args.rounds)]
    rows = [("way", "workers", "pictures/s", "first batch after", "memory", "with mapped files")]
    for way, workers in cells:
        rate, wait, *memory = (
            statistics.median(figures[way, workers][name] for figures in rounds)
            for name in ("rate", "wait", "memory", "mapped")
        )
        rows.append(
            (way, str(workers), f"{rate:.0f}", f"{wait:.2f} s", *(f"{size / 2**20:.0f} MiB" for size in memory))
        )
    count = rounds[0][cells[0]]["pictures"]
    title = (
        f"{count:,.0f} training photographs of {args.folder.name}, squares of {_SIZE} pixels, {os.cpu_count()} cores"
    )
    text = f"{title}; {args.batches} batches of {_BATCH}; medians of {args.rounds} rounds\n\n{markdown_table(rows)}"
    print(text)
    if args.output:
        atomic_replace(args.output, text.encode())


def measured(way: Any, root: Path, workers: int, batches: int) -> dict[str, float]:
    """Return images a second, seconds to the first batch, and bytes of memory; batches after the first count."""
    data: ImageDataModule = way(str(root), size=_SIZE, batch_size=_BATCH, num_workers=workers)
    data.setup("fit")
    loader: Any = data.train_dataloader()
    loader.finish = lambda _, batch: batch  # loading alone, without pairs, as in a Trainer
    with _Memory() as memory:
        begun = time.perf_counter()
        first, done = 0.0, 0
        while done <= batches:
            for _ in loader:
                first = first or time.perf_counter()
                done += 1
                if done > batches:
                    break
        seconds = time.perf_counter() - first
    pictures = len(data.split_names()["train"])
    rate = _BATCH * (done - 1) / seconds
    figures = {"rate": rate, "wait": first - begun, "pictures": pictures}
    return figures | {"memory": memory.most, "mapped": memory.mapped}


class _Memory:
    """Looks ten times a second how much memory this process and its children hold."""

    def __enter__(self) -> "_Memory":
        self.most = self.mapped = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
            held = [_held(process) for process in processes]
            self.most = max(self.most, sum(own for own, _ in held))
            self.mapped = max(self.mapped, sum(total for _, total in held))


def _held(process: int | None) -> tuple[int, int]:
    """Return the share of a process in memory that belongs to no file, and in all that it has mapped, in bytes."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # it has ended
        return 0, 0
    found = {name: 1024 * int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
    return found["Pss_Anon"] + found["Pss_Shmem"], found["Pss"]


def _process(args: argparse.Namespace, way: str, workers: int) -> dict[str, float]:
    command = [sys.executable, __file__, args.folder, args.shards, "--way", way, "--workers", workers]
    command += ["--batches", args.batches]
    told = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True).stdout
    figures: dict[str, float] = json.loads(told.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
