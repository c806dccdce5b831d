"""Runs parts in threads with torch limited to one thread each, so that Python overhead is parallel too."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_Part = TypeVar("_Part")
_Done = TypeVar("_Done")


def map_threads(work: Callable[[_Part], _Done], parts: Sequence[_Part]) -> Iterator[_Done]:
    """Call a function for every part, in as many threads as torch may use, and yield the answers in order.

    The answer for a part must not depend on other parts; the gradient is not recorded.

    Example:
        >>> list(map_threads(lambda part: part + 1, [1, 2, 3]))
        [2, 3, 4]
    """
    threads = torch.get_num_threads()
    alone = torch.no_grad()(work)
    if min(threads, len(parts)) < 2:
        yield from map(alone, parts)
        return
    try:
        # torch counts its threads by the thread that asks it, but new ones learn the number last set by any.
        with ThreadPoolExecutor(min(threads, len(parts)), "strips", torch.set_num_threads, (1,)) as pool:
            yield from pool.map(alone, parts)
    finally:
        torch.set_num_threads(threads)
