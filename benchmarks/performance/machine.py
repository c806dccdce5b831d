"""The machine that measures: what it is, and the most that it can do."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

_EDGE = 2048
_COPIED = 256 << 20
_REPEATS = 7


def described() -> list[str]:
    """Say what the figures depend on, one line each; nothing that names the machine."""
    lines = [
        f"Processor: {_processor()}, {os.cpu_count()} cores",
        f"System: {platform.system()}, Python {platform.python_version()}",
        f"torch {torch.__version__}, {torch.get_num_threads()} threads ({torch.backends.cpu.get_cpu_capability()})",
    ]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return [*lines, f"GPU: {gpu}"]


def gemm_peak(edge: int = _EDGE) -> float:
    """Most GFLOP/s of a product of two square float32 matrices, at the threads torch has now."""
    left, right = torch.randn(2, edge, edge)
    product = torch.empty(edge, edge)
    return 2 * edge**3 / _least_seconds(lambda: torch.mm(left, right, out=product)) / 1e9


def copy_peak(size: int = _COPIED) -> float:
    """Most GB/s of copying memory too large for any cache; a byte read and written counts once."""
    source, target = torch.ones(2, size, dtype=torch.uint8)
    return size / _least_seconds(lambda: target.copy_(source)) / 1e9


def _least_seconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
