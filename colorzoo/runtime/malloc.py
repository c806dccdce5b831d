"""How a process of its own, such as the command line, takes and gives back memory; a library leaves that alone."""

import ctypes
import os
import sys

_TRIM, _MAP = "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"
# mallopt(3): the option's number, and a size that tensors hardly reach.
_OPTIONS = {_TRIM: (-1, 2**31 - 1), _MAP: (-3, 2**30)}


def retain_freed_memory() -> None:
    """Let this process keep the memory that it frees for what it asks for next, on Linux, and ask for large pages.

    Large tensors come and go with every batch and every strip. Each time the C library fetches their memory anew, and
    the page faults take up to a third of the time. What the process holds at most stays the same.

    Call it before torch makes its first tensor. Variables of the environment that say otherwise are obeyed:
    ``THP_MEM_ALLOC_ENABLE`` of torch, ``MALLOC_TRIM_THRESHOLD_`` and ``MALLOC_MMAP_THRESHOLD_`` of the C library.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not every C library has it
    if mallopt is None:
        return
    for variable, option in _OPTIONS.items():
        if variable not in os.environ:
            mallopt(*option)
