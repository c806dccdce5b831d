"""Fuzz every reader of files for some minutes each, and write how many inputs were tried into docs/reliability.md.

    python benchmarks/fuzz_table.py --minutes 30 -o docs/reliability.md

The targets are the tests that call ``fuzz`` of tests/fuzzing.py. The message of a failure says where its input lies.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from colorzoo.io.atomic import atomic_replace

ROOT = Path(__file__).parent.parent
_ROW = "| fuzz: "


def find_targets() -> list[str]:
    """Return the tests that fuzz, as pytest names them."""
    targets: list[str] = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "from fuzzing import" not in text or path.name == "test_fuzzing.py":
            continue
        tests = re.findall(r"^def (test_\w+)(.*?)(?=^\S|\Z)", text, re.M | re.S)
        # Where none calls it by itself, as for films, a process of its own does.
        found = [name for name, body in tests if "fuzz(" in body] or [name for name, _ in tests]
        targets += [f"{path.relative_to(ROOT).as_posix()}::{name}" for name in found]
    return targets


def fuzz_target(target: str, minutes: float) -> str:
    """Run a target and return its row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        environment = os.environ | {"COLORZOO_FUZZ": str(minutes), "COLORZOO_FUZZ_LOG": str(log)}
        command = [sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", target]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        lines = log.read_text().splitlines() if log.exists() else []
    tries = sum(int(line.rpartition("\t")[2]) for line in lines)
    found = "nothing" if ran.returncode == 0 else "a fault: " + "; ".join(re.findall(r"^E +(.+)", ran.stdout, re.M)[:1])
    kinds = f" for each of {len(lines)} kinds" if len(lines) > 1 else ""
    return f"{_ROW}{target.removeprefix('tests/')} | {tries} inputs in {minutes:g} minutes{kinds} | {found} |"


def main() -> int:
    """Fuzz all targets, and replace their rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target, and each kind of file in it")
    parser.add_argument("-o", "--output", type=Path, help="the page whose rows are replaced")
    options = parser.parse_args()
    rows = []
    for target in find_targets():
        rows.append(fuzz_target(target, options.minutes))
        print(rows[-1], flush=True)
    if options.output:
        lines = [line for line in options.output.read_text().splitlines() if not line.startswith(_ROW)]
        place = max(index for index, line in enumerate(lines) if line.startswith("|")) + 1
        atomic_replace(options.output, "\n".join([*lines[:place], *rows, *lines[place:], ""]).encode())
    return int(any(not row.endswith("| nothing |") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
