"""Ctrl-C, and the signals that ask a process to end, which a command takes like Ctrl-C."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C: 128 plus the number of that signal."""

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class TerminatedError(KeyboardInterrupt):
    """A signal asked the process to end.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopEvent(threading.Event):
    """An event that is set by a signal, whose number it keeps."""

    number: int = signal.SIGINT


@contextmanager
def raise_on_signals() -> Iterator[None]:
    """Let the signals that end a process raise `TerminatedError` in the block, as Ctrl-C raises KeyboardInterrupt."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TerminatedError(number)

    with _handlers(_ENDING, end):
        yield


@contextmanager
def stop_on_signals() -> Iterator[StopEvent]:
    """Yield an event that the first such signal sets, so that no write is cut; a second one raises."""
    stop = StopEvent()

    def press(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise TerminatedError(number)
        stop.number = number
        stop.set()

    with _handlers([signal.SIGINT, *_ENDING], press):
        yield stop


@contextmanager
def _handlers(numbers: Sequence[int], handler: Any) -> Iterator[None]:
    """Set handlers, but where there are none to set, and for a hang-up that `nohup` has switched off."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignored = [number for number in _ENDING if signal.getsignal(number) == signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers if number not in ignored}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)
