"""How much memory there is."""

from contextlib import suppress
from pathlib import Path

_SYSTEM = Path("/proc/meminfo")
_CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file "),
    (
        *("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        *("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file "),
    ),
)
"""Where a container says its limit, what is used of it, and how much of that are files that may be forgotten."""


def available_memory() -> int | None:
    """Return how many bytes this process may still take; None where the system does not tell (other than Linux).

    Example:
        >>> (available_memory() or 1) > 0
        True
    """
    found = []
    with suppress(OSError, ValueError, StopIteration):
        found.append(1024 * _number_after(_SYSTEM, "MemAvailable:"))
    for limit, used, statistics, cached in _CONTAINERS:
        with suppress(OSError, ValueError, StopIteration):  # a limit "max" is no number
            free = int(Path(limit).read_text()) - int(Path(used).read_text())
            found.append(free + _number_after(Path(statistics), cached))
    return max(0, min(found)) if found else None


def _number_after(path: Path, start: str) -> int:
    line = next(line for line in path.read_text().splitlines() if line.startswith(start))
    return int(line.removeprefix(start).split()[0])
