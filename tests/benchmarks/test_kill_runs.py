"""Runs that are killed at random moments leave whole files only, and another run does the rest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_runs.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked")
def test_killed_concurrent_and_full_disk_runs_leave_whole_files(tmp_path):
    table = tmp_path / "reliability.md"
    table.write_text("| kill_runs.py: killed, concurrent and full-disk runs | | |\n| another | | |\n")
    command = [sys.executable, str(SCRIPT), "--tries", "3", "--seed", "3", "-o", str(table)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SCRIPT.parents[1])
    assert result.returncode == 0, result.stdout + result.stderr
    assert table.read_text() == f"{result.stdout}| another | | |\n"
    assert result.stdout.rstrip().endswith("| nothing wrong |")
