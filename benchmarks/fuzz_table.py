"""Fuzz every reader of files for some minutes each, and write how many inputs were tried into docs/reliability.md.

    python benchmarks/fuzz_table.py --minutes 30 -o docs/reliability.md

A target is a file of tests that call ``fuzz`` of tests/fuzzing.py; its tests share the minutes. The message of a
failure says where its input lies.
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


def find_targets() -> dict[str, list[str]]:
    """Return the tests that fuzz, as pytest names them, by the file they stand in."""
    targets = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "from fuzzing import" not in text or path.name == "test_fuzzing.py":
            continue
        tests = re.findall(r"^def (test_\w+)(.*?)(?=^\S|\Z)", text, re.M | re.S)
        # Where none calls it by itself, as for films, a process of its own does.
        found = [name for name, body in tests if "fuzz(" in body] or [name for name, _ in tests]
        name = path.relative_to(ROOT).as_posix()
        targets[name] = [f"{name}::{test}" for test in found]
    return targets


def fuzz_target(name: str, tests: list[str], minutes: float) -> str:
    """Run the tests of a target, which share the minutes, and return its row of the table."""
    pytest = [sys.executable, "-m", "pytest", "-m", "slow or not slow", *tests]
    listed = subprocess.run([*pytest, "--collect-only"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    kinds = sum("::" in line for line in listed.splitlines())
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        environment = os.environ | {"COLORZOO_FUZZ": str(minutes / kinds), "COLORZOO_FUZZ_LOG": str(log)}
        ran = subprocess.run(pytest, cwd=ROOT, env=environment, capture_output=True, text=True)
        lines = log.read_text().splitlines() if log.exists() else []
    tries = sum(int(line.rpartition("\t")[2]) for line in lines)
    found = (
        "nothing"
        if ran.returncode == 0
        else "a fault: " + "; ".join(re.findall(r"^E +\S*Error: (.+)", ran.stdout, re.M)[-1:])
    )
    shared = f", shared by {kinds} tests" if kinds > 1 else ""
    return f"{_ROW}{name.removeprefix('tests/')} | {tries} inputs in {minutes:g} minutes{shared} | {found} |"


def main() -> int:
    """Fuzz the targets, and replace their rows."""
    targets = find_targets()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument(
        "--only", nargs="+", choices=targets, default=list(targets), metavar="FILE", help="some targets"
    )
    parser.add_argument("-o", "--output", type=Path, help="the page whose rows are replaced")
    options = parser.parse_args()
    rows = []
    for name in options.only:
        rows.append(fuzz_target(name, targets[name], options.minutes))
        print(rows[-1], flush=True)
        if options.output:
            head = rows[-1].split(" | ")[0]
            lines = [line for line in options.output.read_text().splitlines() if not line.startswith(f"{head} ")]
            place = max(index for index, line in enumerate(lines) if line.startswith("|")) + 1
            atomic_replace(options.output, "\n".join([*lines[:place], rows[-1], *lines[place:], ""]).encode())
    return int(any(not row.endswith("| nothing |") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
