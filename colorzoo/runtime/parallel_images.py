"""Processes many images in parallel: one is decoded while another is computed and a third is encoded.

One thread takes an image from its file to its result, so that memory holds few images however many there are. Pillow,
NumPy and torch release the lock of the interpreter while they work.
"""

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import torch

from colorzoo.errors import PictureWarning
from colorzoo.runtime.memory import available_memory

Opened = TypeVar("Opened")
Content = TypeVar("Content")
Remark = TypeVar("Remark")

MEMORY_BUDGET = 1_500_000_000
"""Bytes that images at work may take at once, unless a single one takes more: two photographs of 12 megapixels."""

_RESULTS_AHEAD = 4
"""Results for each thread that may wait for an earlier one that takes longer."""


@dataclass(frozen=True)
class ImageResult(Generic[Remark]):
    """What became of one image.

    Args:
        source: Its file.
        target: Where its result was to go.
        seconds: How long it took, from its file to that of the result.
        remark: What the change said of it; None if it failed before.
        warnings: What was warned of while it was read, changed or written.
        error: Why there is no result; None if there is one, or none was wanted.
    """

    source: Path
    target: Path
    seconds: float
    remark: Remark | None = None
    warnings: tuple[str, ...] = ()
    error: Exception | None = None


@contextmanager
def _path_alone(source: Path) -> Iterator[tuple[Path, int]]:
    yield source, 0


def map_images(
    pairs: Sequence[tuple[Path, Path]],
    read: Callable[[Opened], Content],
    change: Callable[[Content], tuple[Content | None, Remark]],
    write: Callable[[Content, Path], object],
    *,
    open_file: Callable[[Path], AbstractContextManager[tuple[Opened, int]]] = _path_alone,  # type: ignore[assignment]
    claim: Callable[[Path], AbstractContextManager[object]] = nullcontext,
    workers: int | None = None,
    memory_budget: int | None = None,
    stop: threading.Event | None = None,
) -> Generator[ImageResult[Remark], None, None]:
    """Read, change and write images in parallel, and yield the results in the order in which the images were given.

    The functions are called from several threads at a time. The threads share the cores that torch may use: with many
    small images each has one, and an image that fills the budget has all of them.

    An image that fails has a result as the others have. Once ``stop`` is set, what is being written is finished and
    yielded, and nothing else is begun. A KeyboardInterrupt does the same but for yielding; so does closing the
    iterator, which is needed (``contextlib.closing``) where a loop over it may be left early.

    Args:
        pairs: Source and target of each image.
        read: Makes an image of what ``open_file`` yields.
        change: Makes another image of it, or None if nothing is to be written, and a remark on what it did.
        write: Writes an image to its target, whole or not at all.
        open_file: Opens a source until its target is written, and yields what ``read`` is given, and how many bytes of
            memory the image takes; by default the path itself, and none.
        claim: Given a target, holds it until it is written, or raises if it is not to be made.
        workers: How many threads there are; None for as many as torch uses, and at least two.
        memory_budget: How many bytes the images at work may take at once; an image of more is processed alone. None
            for `MEMORY_BUDGET`, or half of what is free if that is less.
        stop: Set by whoever wants an early end.

    Yields:
        A result for each pair that was finished.

    Raises:
        ValueError: If there is no worker or no budget.

    Example:
        >>> pairs = [(Path(name), Path(name.upper())) for name in ("a", "b")]
        >>> for result in map_images(pairs, str, lambda text: (text * 2, "doubled"), lambda text, path: None):
        ...     print(result.source, result.target, result.remark)
        a A doubled
        b B doubled
    """
    cores = torch.get_num_threads()
    workers = max(2, cores) if workers is None else workers
    if memory_budget is None:
        memory_budget = max(1, min(MEMORY_BUDGET, (available_memory() or 2 * MEMORY_BUDGET) // 2))
    if workers < 1 or memory_budget < 1:
        raise ValueError(f"workers is {workers} and memory_budget {memory_budget}; give at least 1 of each")
    workers = max(1, min(workers, len(pairs)))
    budget = _MemoryBudget(memory_budget)
    worker = _Worker(open_file, claim, read, change, write, budget, workers, cores, stop or threading.Event())
    return _ordered_results(pairs, worker)


def _ordered_results(
    pairs: Sequence[tuple[Path, Path]], worker: "_Worker[Opened, Content, Remark]"
) -> Generator[ImageResult[Remark], None, None]:
    """Yield the results in order, and leave no thread behind."""
    waiting: deque[Future[ImageResult[Remark]]] = deque()
    with _warnings_by_thread() as worker.thread_warnings:
        pool = ThreadPoolExecutor(worker.count, thread_name_prefix="colorzoo")
        try:
            for pair in pairs:
                waiting.append(pool.submit(worker.process, *pair))
                while len(waiting) >= _RESULTS_AHEAD * worker.count or (waiting and waiting[0].done()):
                    yield from _first(waiting)
                if worker.stop.is_set():
                    break
            while waiting:
                yield from _first(waiting)
        finally:
            worker.closed.set()
            pool.shutdown(cancel_futures=True)
            # New threads of torch inherit the number that was set last.
            torch.set_num_threads(worker.cores)


def _first(waiting: deque[Future[ImageResult[Remark]]]) -> Iterator[ImageResult[Remark]]:
    """Wait for the first result; there is none of an image that was not finished."""
    with suppress(_StopError):
        yield waiting.popleft().result()


class _StopError(Exception):
    """No more is to be begun."""


@dataclass
class _Worker(Generic[Opened, Content, Remark]):
    """Reads, transforms and writes one image at a time, in whichever thread calls it."""

    open_file: Callable[[Path], AbstractContextManager[tuple[Opened, int]]]
    claim: Callable[[Path], AbstractContextManager[object]]
    read: Callable[[Opened], Content]
    change: Callable[[Content], tuple[Content | None, Remark]]
    write: Callable[[Content, Path], object]
    budget: "_MemoryBudget"
    count: int
    cores: int
    stop: threading.Event
    closed: threading.Event = field(default_factory=threading.Event)
    thread_warnings: threading.local = field(default_factory=threading.local)

    def process(self, source: Path, target: Path) -> ImageResult[Remark]:
        """Process one image, and return what became of it."""
        self._check_stop()
        messages: list[str] = []
        self.thread_warnings.messages = messages
        begun = time.perf_counter()
        remark, error = None, None
        try:
            with self.open_file(source) as (opened, size), self.claim(target), self.budget.reserve(size):
                torch.set_num_threads(self._threads(size))
                begun = time.perf_counter()
                self._check_stop()
                content = self.read(opened)
                self._check_stop()
                changed, remark = self.change(content)
                self._check_stop()
                if changed is not None:
                    self.write(changed, target)
        except _StopError:
            raise
        except Exception as caught:  # decoders and encoders of odd files raise nearly everything
            error = caught
        seconds = time.perf_counter() - begun
        return ImageResult(source, target, seconds, remark, tuple(dict.fromkeys(messages)), error)

    def _check_stop(self) -> None:
        if self.stop.is_set() or self.closed.is_set():
            raise _StopError

    def _threads(self, size: int) -> int:
        """Return how many cores an image gets: its part of them if all are at work, more if few fit beside it."""
        share = min(1.0, size / self.budget.size)
        return max(1, self.cores // self.count, round(self.cores * share))


class _MemoryBudget:
    """A first-come-first-served budget of bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until so many bytes are free, or all of them for an image that is larger than the budget."""
        reserved = min(size, self.size)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= reserved)
            self._free -= reserved
        try:
            yield
        finally:
            with self._changed:
                self._free += reserved
                self._changed.notify_all()


@contextmanager
def _warnings_by_thread() -> Iterator[threading.local]:
    """Collect the warnings of each thread that has a list for its ``messages``; others are shown as usual."""
    collected = threading.local()
    with warnings.catch_warnings():
        warnings.filterwarnings("always", module=r"PIL\.")
        warnings.simplefilter("always", PictureWarning)
        show = warnings.showwarning

        def collect(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: object = None,
            line: str | None = None,
        ) -> None:
            messages: list[str] | None = getattr(collected, "messages", None)
            if messages is None:
                show(message, category, filename, lineno, file, line)  # type: ignore[arg-type]
            else:
                messages.append(str(message))

        warnings.showwarning = collect
        yield collected
