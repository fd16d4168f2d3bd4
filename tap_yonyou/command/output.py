"""How messages leave: in whole lines, all of them, whatever stdout is."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder
from singer_sdk.singerlib import StateMessage

from tap_yonyou.command import signals
from tap_yonyou.compat import override
from tap_yonyou.errors import RunError

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message

_logger = logging.getLogger("tap-yonyou.output")

#: A message that is half of what Meltano takes in a line (`elt.buffer_size`): only a state can be.
_LARGE: Final = 25 << 20


class Stdout(io.BufferedWriter):
    """Writes all that it is given at once, or fails for good.

    A signal that comes meanwhile waits until the target has read it. If it does not read, the
    process ends after five seconds or at a second signal, perhaps within a line: no STATE follows.
    """

    @override
    def write(self, data: Any) -> int:
        with signals.deferred():
            try:
                size = super().write(data)
                self.flush()
            except OSError as error:
                # What is still in the buffer, or comes later, would follow half a line.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
                if isinstance(error, BrokenPipeError):
                    raise  # click ends --about, --discover and --help in silence
                advice = "look at the file or target behind it"
                msg = f"stdout cannot be written ({error.strerror}); {advice}"
                raise RunError(msg, kind="target") from error
        return size


def install() -> None:
    """Let all that is printed go through one `Stdout`; a RunError if stdout is closed."""
    if sys.stdout is None:
        msg = "stdout is closed; start the tap with a target or a file to write to"
        raise RunError(msg, kind="target")
    fd = sys.stdout.fileno()
    # A pipe that does not block refuses what it has no room for. Whoever shares this end of it
    # gets a blocking one, too: a shell or a scheduler, which leaves the writing to the tap.
    os.set_blocking(fd, True)
    stdout = Stdout(io.FileIO(fd, "w", closefd=False))
    sys.stdout = io.TextIOWrapper(stdout, encoding="utf-8", write_through=True)


class Writer(MsgSpecWriter):
    """Writes messages; records leave together, a page at a time."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        super().__init__()
        #: Whether the last message was a STATE.
        self.ends_with_state = False
        self._is_large = False
        #: Records that are written with the next message, or by `flush`.
        self.held: list[dict[str, Any]] = []
        self._stream = ""
        self._others: dict[str, Any] = {}

    def hold(self, stream: str, **others: Any) -> None:
        """Hold records of a stream from now on, whose messages have these other members."""
        self._stream, self._others = stream, others

    def flush(self) -> None:
        """Write the records that are held."""
        if held := self.held:
            self.held, stream, others = [], self._stream, self._others
            self.ends_with_state = False
            messages = [
                {"type": "RECORD", "stream": stream, "record": record, **others} for record in held
            ]
            self.write(encoder.encode_lines(messages))

    @override
    def write_message(self, message: Message) -> None:
        """Write a message, after the records that came before it."""
        self.flush()
        lines = self.format_message(message)
        self.write(lines)
        self.ends_with_state = isinstance(message, StateMessage)
        if len(lines) > _LARGE and not self._is_large:
            self._is_large = True
            _logger.warning(
                "the state has %.0f MB, and Meltano takes 50 MiB; set snapshot_store",
                len(lines) / 1e6,
            )

    def write(self, lines: bytes | bytearray) -> None:
        """Write whole lines, and keep none of them back; a RunError if that fails."""
        try:
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            msg = "the target closed the pipe; look at its log"
            raise RunError(msg, kind="target") from error
