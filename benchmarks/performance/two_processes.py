"""DistributedDataParallel: two processes on two cores beside one process on one core."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from performance.comparison import ROUNDS, Row, Turns, compared

_MARK = "images a second: "
_WARM_UP = 4


def two_processes(seconds: float, batches: int = 16, rounds: int = ROUNDS) -> Row:
    """`fit` of fusion_cnn; each turn starts its processes anew, so that neither waits beside the other."""
    what = "fit of fusion_cnn by two processes on two cores, beside one process on one core"
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        return Row(what, "-", "-", note="needs two cores, and a system that pins processes to them")
    turns = Turns()
    end = time.perf_counter() + seconds
    while len(turns.ours) < rounds or time.perf_counter() < end:
        turns.theirs.append(_launched(1, batches))
        turns.ours.append(_launched(2, batches))
    return compared(what, turns, "pictures/s", must=1.7, aim=1.85)


def _launched(processes: int, batches: int) -> float:
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    # Named here: Lightning starts the second process from within the first, which is pinned by then.
    cores = [str(core) for core in sorted(os.sched_getaffinity(0))[:processes]]
    command = [sys.executable, "-m", "performance.two_processes", str(batches), *cores]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    rates = [line.removeprefix(_MARK) for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not rates:
        raise RuntimeError(f"{processes} processes did not train: {done.stderr[-2000:]}")
    return float(rates[0])


def _train(batches: int, cores: list[int]) -> None:
    """Be one of the processes: train on a core of its own; the first one prints the rate of all."""
    processes = len(cores)
    os.sched_setaffinity(0, {cores[int(os.environ.get("LOCAL_RANK", "0"))]})

    from lightning.pytorch import Callback, Trainer

    import colorzoo
    from colorzoo.datamodules.synthetic import SyntheticDataModule
    from performance.beside_fit import PicturesInMemory

    class Clock(Callback):
        begun = 0.0

        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            done = trainer.fit_loop.epoch_loop.total_batch_idx + 1
            if done == _WARM_UP:
                self.begun = time.perf_counter()
            if done == _WARM_UP + batches and trainer.is_global_zero:
                seconds = time.perf_counter() - self.begun
                print(f"{_MARK}{processes * batches * data.batch_size / seconds}", flush=True)

    rgb = SyntheticDataModule(train_images=512).load_split("train").rgb
    data = PicturesInMemory(rgb, batch_size=64, random_shift=2)
    trainer = Trainer(
        max_steps=_WARM_UP + batches,
        max_epochs=-1,
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        logger=False,
        callbacks=[Clock()],
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(colorzoo.create("fusion_cnn"), data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One of the processes of this comparison.")
    parser.add_argument("batches", type=int)
    parser.add_argument("cores", type=int, nargs="+", help="one for each process")
    given = parser.parse_args()
    _train(given.batches, given.cores)
