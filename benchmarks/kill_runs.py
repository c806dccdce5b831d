"""What is left of runs over a folder that are killed, share it or meet a full disk, and what a second run does.

    python benchmarks/kill_runs.py --tries 500

Each try starts one to three runs of `colorzoo denoise FOLDER -o OUT --skip-existing`, ends some of them at a random
moment (SIGKILL, SIGTERM, SIGHUP, or a limit on the size of files, which is a full disk that leaves room for small
ones), and lets another run follow. It fails unless every name in OUT is that of a whole file, equal to what an
undisturbed run writes; unless nobody announced what is not there, or what another run announced; unless the runs that
could end account for every file; and unless the last run does the rest and leaves nothing temporary.

Runs are forked from a process that has imported everything; with --processes each starts as a command of its own.
"""

import argparse
import io
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from tqdm import tqdm

from colorzoo.cli import main as colorzoo
from colorzoo.io.atomic import atomic_replace
from colorzoo.io.owned_file import PREFIX

OUTPUT = Path("docs/reliability.md")
ROW = "kill_runs.py: killed, concurrent and full-disk runs"
NOTHING = "nothing wrong"
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
_TOTAL = re.compile(
    r"^(\d+) done, (\d+) skipped, (\d+) refused, (\d+) failed(?:, (\d+) not begun)?, of (\d+)", re.MULTILINE
)


def command_of(images: Path, out: Path) -> list[str]:
    """Return the arguments of a run."""
    options = ["-m", "linear_denoiser", "--strength", "0", "--no-provenance", "--skip-existing"]
    return ["denoise", str(images), "-o", str(out), *options]


class Run:
    """One run over the folder.

    Args:
        images: The folder.
        out: Where the results go.
        log: Begins the names of the files for what it prints.
        fork: Fork this process instead of starting another.
        room: The largest file that it may write, in bytes.
    """

    def __init__(self, images: Path, out: Path, log: Path, fork: bool, room: int | None = None) -> None:
        command = command_of(images, out)
        self.out, self.err = log.with_suffix(".out"), log.with_suffix(".err")
        self.status: int | None = None
        for path in (self.out, self.err):  # it may be killed before it opens them
            path.touch()
        if fork:
            self.pid = os.fork()
            if not self.pid:
                self._become(command, room)
            return
        with self.out.open("wb") as out_stream, self.err.open("wb") as err_stream:
            limit = ["prlimit", f"--fsize={room}"] if room is not None else []
            self.pid = subprocess.Popen(
                [*limit, sys.executable, "-m", "colorzoo", *command], stdout=out_stream, stderr=err_stream
            ).pid

    def _become(self, command: list[str], room: int | None) -> None:
        status = 99
        try:
            for number, path in ((1, self.out), (2, self.err)):
                os.dup2(os.open(path, os.O_WRONLY), number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            torch.set_num_threads(1)
            tqdm.set_lock(
                threading.RLock()
            )  # its own is shared with all forks, and held for ever by one that is killed
            status = colorzoo(command)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def end(self, number: int) -> None:
        """Send a signal, if the run has not ended yet."""
        if self.wait(os.WNOHANG) is None:
            os.kill(self.pid, number)

    def wait(self, options: int = 0) -> int | None:
        """Return the exit status, negative for the number of a signal; None if it still runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, options)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status

    def announced(self) -> list[str]:
        """Return the names that it has printed whole."""
        return self.out.read_text().split("\n")[:-1]

    def totals(self) -> list[int]:
        """Return done, skipped, refused, failed, not begun, and all; nothing if it was killed."""
        found = _TOTAL.findall(self.err.read_text())
        return [int(number or 0) for number in found[-1]] if found else []


def make_images(folder: Path) -> None:
    """Write images of several formats and sizes, one that is torn, and two files that are none."""
    folder.mkdir()
    draws = np.random.default_rng(0)
    for index, suffix in enumerate(("png", "jpg", "tif", "webp", "bmp", "png", "jpg", "gif", "ppm", "tif")):
        side = 200 if index in (2, 5) else 24
        image = PIL.Image.fromarray(draws.integers(0, 256, (side, side), dtype=np.uint8))
        below = folder / ("box" if index % 3 else "") / f"{index}.{suffix}"
        below.parent.mkdir(exist_ok=True)
        image.save(below)
    (folder / "torn.png").write_bytes((folder / "box" / "5.png").read_bytes()[:2000])
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("hidden")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each named file below a folder."""
    paths = folder.rglob("*")
    return {str(path): path.read_bytes() for path in paths if path.is_file() and not path.name.startswith(".")}


def try_once(images: Path, expected: dict[str, bytes], seconds: float, draw: random.Random, fork: bool) -> Counter[str]:
    """Disturb some runs, let another follow, and return what happened and was wrong, by name."""
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name, "out")
        kind = draw.choice(["killed", "killed", "killed", "full disk", "undisturbed"])
        full = draw.choice(sorted(map(len, expected.values()))) - 1 if kind == "full disk" else None
        runs = [Run(images, out, Path(name, f"run{index}"), fork, full) for index in range(draw.choice([1, 2, 3]))]
        if kind == "killed":
            for run in draw.sample(runs, draw.randint(1, len(runs))):
                time.sleep(draw.uniform(0, seconds / len(runs)))
                run.end(draw.choice(_SIGNALS))
        statuses = [run.wait() for run in runs]
        seen.update([f"{kind}, {len(runs)} at once" if len(runs) > 1 else f"{kind}, alone"])
        seen["processes killed"] += sum(status in (-9, -15, -1, 143, 129) for status in statuses)
        found = _relative(out)
        seen["WRONG: not whole"] += sum(found[path] != expected.get(path) for path in found)
        announced = [str(Path(path).relative_to(out)) for run in runs for path in run.announced()]
        seen["WRONG: announced but not there"] += len(set(announced) - set(found))
        seen["WRONG: done twice"] += len(announced) - len(set(announced))
        ended = [run for run, status in zip(runs, statuses, strict=True) if status in (0, 1)]
        cut = [run for run in ended if full is not None and run.err.stat().st_size >= full]
        seen["logs cut by the full disk"] += len(cut)
        ended = [run for run in ended if run not in cut]
        seen["WRONG: not accounted for"] += sum(not _is_whole_account(run.totals()) for run in ended)
        if kind == "undisturbed":
            seen["WRONG: undisturbed, but not all done"] += found != expected
        last = Run(images, out, Path(name, "last"), fork)
        seen["WRONG: exit status of the last run"] += last.wait() != 1  # there is a torn image
        seen["WRONG: not done by the last run"] += _relative(out) != expected
        done, skipped, refused, failed, left, _ = last.totals() or [0] * 6
        seen["WRONG: total of the last run"] += (done + skipped, refused, failed, left) != (len(expected) + 2, 1, 0, 0)
        seen["WRONG: temporary files left"] += len(list(out.rglob(f"{PREFIX}*")))
    return seen


def _relative(out: Path) -> dict[str, bytes]:
    return {str(Path(path).relative_to(out)): data for path, data in contents(out).items()}


def _is_whole_account(totals: Sequence[int]) -> bool:
    return bool(totals) and sum(totals[:5]) == totals[5] == 13


def measure(tries: int, seed: int, fork: bool) -> Counter[str]:
    """Return what happened in all tries, and what was wrong.

    Args:
        tries: How many.
        seed: Of the moments and kinds.
        fork: As for `Run`.
    """
    seen: Counter[str] = Counter()
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        images, out = Path(name, "images"), Path(name, "whole")
        make_images(images)
        torch.set_num_threads(1)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            colorzoo(command_of(images, out))  # imports here what forks then have
        begun = time.perf_counter()
        out = Path(name, "timed")
        Run(images, out, Path(name, "second"), fork).wait()
        seconds = time.perf_counter() - begun
        expected = _relative(out)
        assert len(expected) == 10
        assert expected == _relative(Path(name, "whole"))
        for _ in range(tries):
            seen += try_once(images, expected, seconds, draw, fork)
    return seen


def format_row(tries: int, seen: Counter[str]) -> str:
    """Return the row of the table."""
    wrong = {what.removeprefix("WRONG: "): count for what, count in sorted(seen.items()) if what.startswith("WRONG")}
    happened = "; ".join(f"{what}: {count}" for what, count in sorted(seen.items()) if not what.startswith("WRONG"))
    found = "; ".join(f"{what}: {count}" for what, count in wrong.items()) or NOTHING
    return f"| {ROW} | {tries} tries ({happened}) | {found} |"


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the row of the table.

    Args:
        arguments: Those of the command line; None for those of the process.

    Returns:
        1 if anything was wrong.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", action="store_true")
    parser.add_argument("-o", "--output", type=Path, help=f"the table whose row is replaced, such as {OUTPUT}")
    options = parser.parse_args(arguments)
    seen = measure(options.tries, options.seed, not options.processes)
    row = format_row(options.tries, seen)
    print(row)
    if options.output:
        lines = options.output.read_text().splitlines()
        lines = [row if line.startswith(f"| {ROW} |") else line for line in lines]
        atomic_replace(options.output, "\n".join([*lines, ""]).encode())
    return int(not row.endswith(f"| {NOTHING} |"))


if __name__ == "__main__":
    sys.exit(main())
