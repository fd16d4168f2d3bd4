"""How a signal ends a run: at once, also in a wait or a request, but not within a line."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that a target has to read what is being written; Docker kills after ten.
_GRACE: Final = 5


class Ended(SystemExit):
    """A signal ended the run; the exit code is 128 + its number."""

    def __init__(self, number: int) -> None:
        """Keep the signal's name for the log."""
        super().__init__(128 + number)
        self.signal = signal.Signals(number).name


class _State:
    number = 0
    is_deferred = False


def on_signal(number: int, _: object = None) -> None:
    """End the run; a later signal, or the alarm after five seconds, ends the process at once."""
    if not _State.number:
        _State.number = number
        signal.alarm(_GRACE)
        if not _State.is_deferred:
            raise Ended(number)
    # `timeout`, or a terminal and a scheduler, send two within a second and mean one.
    elif signal.getitimer(signal.ITIMER_REAL)[0] < _GRACE - 1:
        os._exit(128 + _State.number)


@contextmanager
def deferred() -> Iterator[None]:
    """Let a first signal wait for the end of the block, for at most five seconds."""
    is_ending = bool(_State.number)
    _State.is_deferred = True
    try:
        yield
    finally:
        _State.is_deferred = False
        if _State.number and not is_ending:
            raise Ended(_State.number)


def end_on_signals() -> None:
    """Let SIGTERM and SIGINT end this process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, on_signal)
