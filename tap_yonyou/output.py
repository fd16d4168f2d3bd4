"""How messages leave, and how a signal ends the process: whole lines, whatever happens.

A signal ends the run at once, also in a wait or in a request, but never within a line.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder

from tap_yonyou.compat import override
from tap_yonyou.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.singerlib import Message

#: Seconds after which a process that a signal could not end is ended the hard way: one that
#: waits for a name server, or for a target that does not read.
_GRACE: Final = 1.5


class Writer(MsgSpecWriter):
    """Writes messages in whole lines; records leave together, a page at a time."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        super().__init__()
        self._records: list[dict[str, Any]] = []
        atexit.register(self.flush)

    def write_record(self, message: dict[str, Any]) -> None:
        """Write a RECORD message, at the latest with the next `flush`.

        Args:
            message: The message as a dictionary.
        """
        self._records.append(message)

    def flush(self) -> None:
        """Write the records that are held.

        Raises:
            TapError: Nobody reads any more.
            Ended: A signal came meanwhile.
        """
        if records := self._records:
            self._records = []
            self.write(encoder.encode_lines(records))

    @override
    def write_message(self, message: Message) -> None:
        """Write a message, after the records that came before it.

        Args:
            message: Any message of Singer.

        Raises:
            TapError: Nobody reads any more.
            Ended: A signal came meanwhile.
        """
        self.flush()
        self.write(self.format_message(message))

    def write(self, lines: bytes | bytearray) -> None:
        """Write whole lines, and keep none of them back.

        Args:
            lines: One or more lines with their ends.

        Raises:
            TapError: Nobody reads any more.
            Ended: A signal came meanwhile.
        """
        with _uninterrupted():
            try:
                sys.stdout.buffer.write(lines)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                # The rest has nowhere to go; the interpreter would stumble over it at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                msg = "the target closed the pipe; look at its log"
                raise TapError(msg) from None


class Ended(SystemExit):
    """A signal asked for the end; the exit code is 128 + its number."""

    def __init__(self, number: int) -> None:
        """Keep the name for the log.

        Args:
            number: The signal's number.
        """
        super().__init__(128 + number)
        self.signal = signal.Signals(number).name


class _Signals:
    """A signal that came while a line was being written waits for its end."""

    writing = False
    waiting: int | None = None


def on_signal(number: int, _: object = None) -> None:
    """End the run; a handler for `signal.signal`.

    Args:
        number: The signal's number.

    Raises:
        Ended: Here and now, or at the end of the line that is being written.
    """
    if _Signals.writing:
        _Signals.waiting = number
    else:
        raise Ended(number)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    _Signals.writing = True
    try:
        yield
    finally:
        _Signals.writing = False
        if (number := _Signals.waiting) is not None:
            raise Ended(number)


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
