"""Fuzzing with a budget: damaged inputs end in the errors meant for them, soon, and in little memory.

A test calls `fuzz`, which takes half a second; with ``COLORZOO_FUZZ=N`` in the environment, N minutes. What a failed
test, or a crash of the interpreter, was given last lies in the file that the message names, or else in the newest
``colorzoo-fuzz-*`` of the folder for temporary files; make a test of it. ``COLORZOO_FUZZ_LOG=FILE`` counts the tries.
"""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

CALL_SECONDS, WAITING_SECONDS = 20, 120
"""No call may compute longer, or take longer by the clock, which a busy machine stretches."""

_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**63 - 1, 2**64 - 1)
_NESTED: list[Any] = []
for _ in range(200):
    _NESTED = [_NESTED]
_VALUES = (
    *(None, True, False, "", "x", "x" * 100_000, "../x", "/x", "\0", "é\ud800", "os.system", "true"),
    *(0, -1, 1, 2, 3, 1000, 100_000, 2**31, 2**63, 10**30, -(10**18), 0.5, -0.5, 1e308, 1e-308),
    *(float("nan"), float("inf"), [], {}, [1], [[]], {"x": 1}, _NESTED, [0] * 10_000, [10_000] * 4),
)


def fuzz(
    seed_inputs: Sequence[Any],
    call: Callable[[Any], object],
    allowed_errors: type[Exception] | tuple[type[Exception], ...],
    *,
    mutate: Callable[[Any, Random, Sequence[Any]], Any] | None = None,
    megabytes: int = 500,
    seed: int = 0,
) -> int:
    """Call something with mutated inputs until the time is over; fail where it misbehaves.

    Args:
        seed_inputs: Sound inputs, which are called first and must not raise anything; each small.
        call: What is fuzzed.
        allowed_errors: What it may raise of a damaged input.
        mutate: Returns an input changed, given the input, a random generator and all seed inputs; `mutate_bytes` unless
            given.
        megabytes: By how much a call may raise the peak of the process's memory (Linux only).
        seed: Of the random generators; the same seed mutates in the same way.

    Returns:
        The number of calls.
    """
    mutate = mutate or mutate_bytes
    last = Path(tempfile.gettempdir(), f"colorzoo-fuzz-{os.getpid()}")
    end = time.monotonic() + (60 * float(os.environ.get("COLORZOO_FUZZ", 0)) or 0.5)
    tries = 0
    with _address_space(megabytes):
        # Some are mutated even where the machine is so busy that the sound ones take all the time.
        while tries < len(seed_inputs) + 8 or time.monotonic() < end:
            random = Random(f"{seed} {tries}")
            sound = tries < len(seed_inputs)
            given = seed_inputs[tries] if sound else mutate(random.choice(seed_inputs), random, seed_inputs)
            last.write_bytes(given if isinstance(given, bytes) else repr(given).encode(errors="backslashreplace"))
            before = _restart_peak()
            try:
                with _alarm():
                    call(given)
            except BaseException as error:
                if sound or not isinstance(error, allowed_errors):
                    raise AssertionError(f"try {tries} of seed {seed}: {error!r}; it was given {last}") from error
            grown = (_peak() - before) >> 20
            assert grown < megabytes, f"try {tries} of seed {seed} took {grown} MiB; it was given {last}"
            tries += 1
    last.unlink()
    if log := os.environ.get("COLORZOO_FUZZ_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{os.environ.get('PYTEST_CURRENT_TEST', '')}\t{tries}\n")
    return tries


def mutate_bytes(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """Return bytes with some flipped, overwritten, cut off, left out, repeated, put in, or taken from another input."""
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        start = random.randrange(len(result) + 1)
        stop = start + random.choice((1, 2, 4, 8, 64, 512))
        match random.randrange(8):
            case 0 | 1 if start < len(result):
                result[start] ^= 1 << random.randrange(8)
            case 2:
                size = random.choice((1, 2, 4, 8))
                number = random.choice(_INTEGERS) % (1 << 8 * size)
                result[start : start + size] = number.to_bytes(size, random.choice(("little", "big")))
            case 3:
                del result[start:]
            case 4:
                del result[start:stop]
            case 5:
                result[start:start] = result[start:stop] * random.choice((1, 2, 100))
            case 6:
                result[start:start] = random.randbytes(stop - start)
            case 7:
                other = random.choice(others)
                result[start:] = other[random.randrange(len(other) + 1) :]
    return bytes(result)


def mutate_tree(tree: Any, random: Random, others: Sequence[Any] = ()) -> Any:
    """Return lists and dicts, as of JSON, with one or more values replaced, left out, doubled, renamed or swapped."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        tree = _mutate_one(tree, random)
    return tree


def _mutate_one(tree: Any, random: Random) -> Any:
    """Change a value: here, or below."""
    if not isinstance(tree, dict | list) or not tree or random.random() < 0.05:
        if isinstance(tree, int | float) and random.random() < 0.3:
            return random.choice((-tree, tree + 1, tree - 1, 2 * tree, 1000 * tree, float(tree), str(tree)))
        return random.choice(_VALUES)
    changed: Any = tree.copy()
    key = random.choice(list(tree)) if isinstance(tree, dict) else random.randrange(len(tree))
    other = random.choice(list(tree)) if isinstance(tree, dict) else random.randrange(len(tree))
    match random.randrange(12):
        case 0:
            del changed[key]
        case 1 if isinstance(tree, dict):
            changed[random.choice(("", "x", "__class__", "weights", f"{key}x"))] = changed.pop(key)
        case 1:
            changed.insert(key, changed[other])
        case 2:
            changed[key], changed[other] = changed[other], changed[key]
        case _:
            changed[key] = _mutate_one(tree[key], random)
    return changed


class _TooSlow(BaseException):
    """Not an `Exception`, which what is fuzzed might take for another."""


@contextmanager
def _alarm():
    def ring(*_):
        raise _TooSlow(f"no answer within {CALL_SECONDS} s of computing, or {WAITING_SECONDS} s of waiting")

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, CALL_SECONDS),
        (signal.SIGALRM, signal.ITIMER_REAL, WAITING_SECONDS),
    )
    before = [signal.signal(number, ring) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


@contextmanager
def _address_space(megabytes):
    """Let what would take the machine's memory fail instead; 4 GiB more for threads, which reserve but do not use."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    status = _status("VmSize")
    if status:
        resource.setrlimit(resource.RLIMIT_AS, (status + (megabytes << 20) + (4 << 30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _restart_peak():
    """Make the present memory the peak; return it."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak():
    return _status("VmHWM")


def _status(field):
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:")), 0)
