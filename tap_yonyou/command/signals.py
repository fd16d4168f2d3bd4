"""How a signal ends the run: at once, also in a wait or in a request, but never within a line."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds after which a process that a signal could not end is ended the hard way: one that
#: waits for a name server, or for a target that does not read.
_GRACE: Final = 1.5


class Ended(SystemExit):
    """A signal asked for the end; the exit code is 128 + its number."""

    def __init__(self, number: int) -> None:
        """Keep the name for the log.

        Args:
            number: The signal's number.
        """
        super().__init__(128 + number)
        self.signal = signal.Signals(number).name


class _State:
    is_deferred = False
    waiting: int | None = None
    is_ending = False


def on_signal(number: int, _: object = None) -> None:
    """End the run; a handler for `signal.signal`. A second signal changes nothing.

    Args:
        number: The signal's number.

    Raises:
        Ended: Here and now, or at the end of what must not be interrupted.
    """
    if _State.is_ending:
        return
    if _State.is_deferred:
        _State.waiting = number
    else:
        _State.is_ending = True
        raise Ended(number)


@contextmanager
def deferred() -> Iterator[None]:
    """Keep a signal that comes meanwhile waiting for the end of the block.

    Raises:
        Ended: A signal came.
    """
    _State.is_deferred = True
    try:
        yield
    finally:
        _State.is_deferred = False
        if (number := _State.waiting) is not None:
            _State.waiting, _State.is_ending = None, True
            raise Ended(number)


def is_waiting() -> bool:
    """Tell whether a signal waits for the end of a `deferred` block."""
    return _State.waiting is not None


def end_on_signals() -> None:
    """Let SIGTERM and SIGINT end this process within two seconds, wherever it is."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    ours, interpreters = socket.socketpair()
    interpreters.setblocking(False)  # noqa: FBT003 -- positional only
    # The interpreter writes a signal's number here at once, even if it cannot call a handler.
    signal.set_wakeup_fd(interpreters.detach(), warn_on_full_buffer=False)

    def watch() -> None:
        number = ours.recv(1)[0]
        time.sleep(_GRACE)
        os._exit(128 + number)

    threading.Thread(target=watch, name="signals", daemon=True).start()
