"""The command line does not fetch the memory of large tensors anew each time."""

import subprocess
import sys

import pytest

COUNT = """
import ctypes, resource
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # no large pages, which would hide how often memory is fetched
import colorzoo.runtime.malloc
if KEEP: colorzoo.runtime.malloc.retain_freed_memory()
import numpy  # as torch does, it takes the memory of large arrays from malloc
def work():
    for _ in range(5):
        numpy.ones((1000, 10_000), numpy.float32) + 1
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(keep, **environment):
    command = [sys.executable, "-c", COUNT.replace("KEEP", str(keep))]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(told.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is asked to")
def test_freed_memory_is_kept_unless_the_environment_says_otherwise():
    assert page_faults(keep=False) > 10_000
    assert page_faults(keep=True) < 1000
    assert page_faults(True, MALLOC_TRIM_THRESHOLD_="100000", MALLOC_MMAP_THRESHOLD_="100000") > 10_000
