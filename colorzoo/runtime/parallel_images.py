"""Many pictures, several at once: one is decoded while another is computed and a third is encoded.

Each picture stays with one thread from its file to its result, so that a folder needs the memory of few pictures
however many it holds. Pillow, NumPy and torch let other threads run while they work.
"""

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import PIL.Image
import torch

from colorzoo.errors import PictureWarning

Content = TypeVar("Content")
Remark = TypeVar("Remark")

ROOM = 24_000_000
"""Pixels that are in hand at once, unless a single picture has more: two photographs of 12 megapixels."""

_AHEAD = 4
"""Results of so many pictures for each thread may wait for one before them that takes longer."""


@dataclass(frozen=True)
class ImageResult(Generic[Remark]):
    """What became of one picture.

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


def map_images(
    pairs: Sequence[tuple[Path, Path]],
    read: Callable[[Path], Content],
    change: Callable[[Content], tuple[Content | None, Remark]],
    write: Callable[[Content, Path], object],
    *,
    workers: int | None = None,
    room: int = ROOM,
    stop: threading.Event | None = None,
) -> Generator[ImageResult[Remark], None, None]:
    """Read, change and write pictures, several at once, and tell of each in the order in which they were given.

    The functions are called from several threads at a time. The threads share the cores that torch may use: with many
    small pictures each has one, and a picture that fills the room has all of them.

    A picture that fails is told of as the others are. Once ``stop`` is set, what is being written is finished and told
    of, and nothing else is begun. A KeyboardInterrupt does the same but for the telling; so does closing the iterator,
    which is needed (``contextlib.closing``) where a loop over it may be left early.

    Args:
        pairs: Source and target of each picture.
        read: Makes a picture of a file.
        change: Makes another picture of it, or None if nothing is to be written, and a remark on what it did.
        write: Writes a picture to its target, whole or not at all.
        workers: How many threads there are; None for as many as torch uses, and at least two.
        room: How many pixels may be in hand at once; a picture of more goes alone.
        stop: Set by whoever wants an early end.

    Yields:
        An outcome for each pair that was finished.

    Raises:
        ValueError: If there is no worker or no room.

    Example:
        >>> pairs = [(Path(name), Path(name.upper())) for name in ("a", "b")]
        >>> for outcome in map_images(pairs, str, lambda text: (text * 2, "doubled"), lambda text, path: None):
        ...     print(outcome.source, outcome.target, outcome.remark)
        a A doubled
        b B doubled
    """
    cores = torch.get_num_threads()
    workers = max(2, cores) if workers is None else workers
    if workers < 1 or room < 1:
        raise ValueError(f"workers is {workers} and room {room}; give at least 1 of each")
    workers = max(1, min(workers, len(pairs)))
    return _ordered_results(
        pairs, _Worker(read, change, write, _PixelBudget(room), workers, cores, stop or threading.Event())
    )


def _ordered_results(
    pairs: Sequence[tuple[Path, Path]], line: "_Worker[Content, Remark]"
) -> Generator[ImageResult[Remark], None, None]:
    """Yield the outcomes, and leave no thread behind."""
    waiting: deque[Future[ImageResult[Remark]]] = deque()
    with _warnings_by_thread() as line.heard:
        pool = ThreadPoolExecutor(line.workers, thread_name_prefix="colorzoo")
        try:
            for pair in pairs:
                waiting.append(pool.submit(line.take, *pair))
                while len(waiting) >= _AHEAD * line.workers or (waiting and waiting[0].done()):
                    yield from _first(waiting)
                if line.stop.is_set():
                    break
            while waiting:
                yield from _first(waiting)
        finally:
            line.closed.set()
            pool.shutdown(cancel_futures=True)
            # New threads of torch take over what the last one was told.
            torch.set_num_threads(line.cores)


def _first(waiting: deque[Future[ImageResult[Remark]]]) -> Iterator[ImageResult[Remark]]:
    """Wait for the first outcome; there is none of a picture that was not finished."""
    with suppress(_StopError):
        yield waiting.popleft().result()


class _StopError(Exception):
    """No more is to be begun."""


@dataclass
class _Worker(Generic[Content, Remark]):
    """The stations that each picture passes, in one thread."""

    read: Callable[[Path], Content]
    change: Callable[[Content], tuple[Content | None, Remark]]
    write: Callable[[Content, Path], object]
    room: "_PixelBudget"
    workers: int
    cores: int
    stop: threading.Event
    closed: threading.Event = field(default_factory=threading.Event)
    heard: threading.local = field(default_factory=threading.local)

    def take(self, source: Path, target: Path) -> ImageResult[Remark]:
        """Take one picture through, and tell what became of it."""
        self._go_on()
        messages: list[str] = []
        self.heard.messages = messages
        pixels = _pixels(source)
        with self.room.of(pixels):
            torch.set_num_threads(self._threads(pixels))
            begun = time.perf_counter()
            remark, error = None, None
            try:
                self._go_on()
                content = self.read(source)
                self._go_on()
                changed, remark = self.change(content)
                self._go_on()
                if changed is not None:
                    self.write(changed, target)
            except _StopError:
                raise
            except Exception as caught:  # decoders and encoders of odd files raise nearly everything
                error = caught
            return ImageResult(
                source, target, time.perf_counter() - begun, remark, tuple(dict.fromkeys(messages)), error
            )

    def _go_on(self) -> None:
        if self.stop.is_set() or self.closed.is_set():
            raise _StopError

    def _threads(self, pixels: int) -> int:
        """Return the cores of a picture: its part of them if all are at work, more if few have room beside it."""
        share = min(1.0, pixels / self.room.size)
        return max(1, self.cores // self.workers, round(self.cores * share))


class _PixelBudget:
    """So many pixels may be in hand at once; who comes first goes in first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for a picture, or for one that is too large until there is nothing else."""
        taken = min(pixels, self.size)
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()


def _pixels(source: Path) -> int:
    """Return how many pixels a file's header promises; 0 if it makes none of them, which reading will find out."""
    try:
        with PIL.Image.open(source) as image:
            return image.width * image.height
    except Exception:  # see above
        return 0


@contextmanager
def _warnings_by_thread() -> Iterator[threading.local]:
    """Collect the warnings of each thread that has a list for its ``messages``; others are shown as ever."""
    heard = threading.local()
    with warnings.catch_warnings():
        warnings.filterwarnings("always", module=r"PIL\.")
        warnings.simplefilter("always", PictureWarning)
        shown = warnings.showwarning

        def hear(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: object = None,
            line: str | None = None,
        ) -> None:
            messages: list[str] | None = getattr(heard, "messages", None)
            if messages is None:
                shown(message, category, filename, lineno, file, line)  # type: ignore[arg-type]
            else:
                messages.append(str(message))

        warnings.showwarning = hear
        yield heard
