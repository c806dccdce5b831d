"""From the shell to a coloured image: a whole process, beside one that only imports torch."""

import dataclasses
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import PIL.Image

from performance.comparison import Row, Turns, Work, compared, take_turns

_EDGE = 256


def cold_colorize(seconds: float) -> Row:
    """`colorzoo colorize` of one grey JPEG by a published model."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "one.jpg", Path(folder) / "coloured.jpg"
        PIL.Image.linear_gradient("L").resize((_EDGE, _EDGE)).save(source)
        command = [sys.executable, "-m", "colorzoo", "colorize", str(source), "-o", str(target), "--overwrite"]
        turns = take_turns(_process(command), _process([sys.executable, "-c", "import torch"]), seconds)
        if not target.is_file():
            raise RuntimeError("colorzoo colorize wrote nothing")
    # Turns hold speeds; what is promised is a share of the time.
    slower = Turns(ours=turns.theirs, theirs=turns.ours, ours_cpu=turns.theirs_cpu, theirs_cpu=turns.ours_cpu)
    ours, theirs = (f"{statistics.median(1 / rate for rate in rates):.2f} s" for rates in (turns.ours, turns.theirs))
    row = compared("colorzoo colorize one.jpg, cold, beside python -c 'import torch'", slower, "", at_most=True)
    return dataclasses.replace(row, ours=ours, theirs=theirs, must=1.8, aim=1.4)


def _process(command: list[str]) -> Work:
    def run() -> float:
        subprocess.run(command, check=True, capture_output=True)
        return 1.0

    return run
