"""What colouring a large grey photograph costs, beside what Pillow takes to decode and encode it.

    python benchmarks/large_pictures.py --megapixels 1 12 100 --threads 1

Times are the least of three runs. With one thread they are of the processor, which does not depend on what else the
machine does; with more they are by the clock, and the machine should be otherwise idle. Memory is the most that the
process ever held, so each size is a process of its own.
"""

import argparse
import io
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import torch

import colorzoo
from colorzoo.runtime.malloc import retain_freed_memory

_RUNS = 3


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description="Measure time and memory of colouring large grey JPEGs.")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 100])
    parser.add_argument("--model", default="photo_unet")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", help="a photograph to enlarge (default: noise over a gradient)")
    args = parser.parse_args()
    if len(args.megapixels) == 1:
        print(_measured(args.megapixels[0], args.model, args.threads, args.picture))
        return
    print("| megapixels | decode s | colorize s | encode s | all / Pillow alone | peak memory GiB |\n|" + "---|" * 6)
    for megapixels in args.megapixels:
        options = ["--megapixels", str(megapixels), "--model", args.model, "--threads", str(args.threads)]
        options += ["--picture", args.picture] if args.picture else []
        subprocess.run([sys.executable, __file__, *options], check=True)


def _measured(megapixels: float, model_name: str, threads: int, picture: str | None) -> str:
    retain_freed_memory()  # as the command line does
    PIL.Image.MAX_IMAGE_PIXELS = None
    torch.set_num_threads(threads)
    model: Any = colorzoo.load(model_name)
    file = _jpeg(megapixels, picture)
    decode, image = _timed(lambda: _decoded(file))
    colorize, coloured = _timed(lambda: model.colorize(image))
    encode, _ = _timed(lambda: coloured.save(io.BytesIO(), "JPEG", quality=95, subsampling=0))
    ratio = (decode + colorize + encode) / (decode + encode)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"| {megapixels:g} | {decode:.3f} | {colorize:.3f} | {encode:.3f} | {ratio:.2f} | {peak:.2f} |"


def _jpeg(megapixels: float, picture: str | None) -> bytes:
    width, height = round((megapixels * 4e6 / 3) ** 0.5), round((megapixels * 3e6 / 4) ** 0.5)
    if picture:
        with PIL.Image.open(picture) as source:
            image = source.convert("L").resize((width, height), PIL.Image.Resampling.BICUBIC)
    else:
        noise = np.random.default_rng(0).normal(0, 6, (height, width)).astype(np.float32)
        image = PIL.Image.fromarray(np.clip(noise + np.linspace(10, 245, width), 0, 255).astype(np.uint8))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=92)
    return stream.getvalue()


def _decoded(file: bytes) -> PIL.Image.Image:
    image = PIL.Image.open(io.BytesIO(file))
    image.load()
    return image


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = []
    for _ in range(_RUNS):
        started = clock()
        result = work()
        times.append(clock() - started)
    return min(times), result


if __name__ == "__main__":
    main()
