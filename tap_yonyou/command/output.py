"""How messages leave: in whole lines, all of them, whatever stdout is."""

from __future__ import annotations

import io
import logging
import os
import select
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

#: What a pipe takes whole or not at all, so that it never holds half a line.
_PART_BYTES: Final = select.PIPE_BUF


#: A message that is half of what Meltano takes in a line (`elt.buffer_size`): only a state can be.
_LARGE: Final = 25 << 20


class Stdout(io.RawIOBase):
    """A file that takes all it is given, or fails for good.

    A pipe may take a part of a write, or nothing for now; the rest follows. Lines go in parts of
    `PIPE_BUF` bytes at the most, a longer line by itself. Nothing follows a byte that was lost.
    """

    def __init__(self, fd: int) -> None:
        """Write nothing yet.

        Args:
            fd: An open file descriptor.
        """
        self._fd = fd
        self._failure: BaseException | None = None

    @override
    def fileno(self) -> int:
        return self._fd

    @override
    def writable(self) -> bool:
        return True

    @override
    def isatty(self) -> bool:
        return os.isatty(self._fd)

    @override
    def write(self, data: Any) -> int:
        """Write lines.

        Args:
            data: Bytes.

        Returns:
            How many these were.

        Raises:
            RunError: They cannot be written.
            Ended: A signal came; what was written ends with a line.
        """
        if self._failure is None:
            try:
                self._write_lines(bytes(data))
            except OSError as error:
                self._failure = _explain(error)
            except BaseException as error:
                self._failure = error
                raise
        if self._failure is not None:
            raise self._failure
        return len(data)

    def _write_lines(self, lines: bytes) -> None:
        view, start = memoryview(lines), 0
        with signals.deferred():
            while start < len(lines) and not signals.is_waiting():
                stop = _end_of_part(lines, start)
                while start < stop:
                    try:
                        start += os.write(self._fd, view[start:stop])
                    except BlockingIOError:
                        select.select((), (self._fd,), ())


def install() -> None:
    """Let all that is printed go through one `Stdout`.

    Raises:
        RunError: stdout is closed.
    """
    if sys.stdout is None:
        msg = "stdout is closed; start the tap with a target or a file to write to"
        raise RunError(msg)
    whole: Any = Stdout(sys.stdout.fileno())
    sys.stdout = io.TextIOWrapper(whole, encoding="utf-8", write_through=True)


def _end_of_part(lines: bytes, start: int) -> int:
    stop = start + _PART_BYTES
    if stop >= len(lines):
        return len(lines)
    newline = lines.rfind(b"\n", start, stop)
    if newline < 0:
        newline = lines.find(b"\n", stop)
    return newline + 1 or len(lines)


def _explain(error: OSError) -> RunError:
    if isinstance(error, BrokenPipeError):
        return RunError("the target closed the pipe; look at its log")
    return RunError(
        f"stdout cannot be written ({error.strerror}); look at the file or target behind it"
    )


class Writer(MsgSpecWriter):
    """Writes messages; records leave together, a page at a time.

    Attributes:
        ends_with_state: Whether the last message was a STATE.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        super().__init__()
        self.ends_with_state = False
        self._is_large = False
        self._records: list[dict[str, Any]] = []

    def write_record(self, message: dict[str, Any]) -> None:
        """Write a RECORD message, at the latest with the next `flush`.

        Args:
            message: The message as a dictionary.
        """
        self.ends_with_state = False
        self._records.append(message)

    def flush(self) -> None:
        """Write the records that are held.

        Raises:
            RunError: They cannot be written.
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
            RunError: It cannot be written.
            Ended: A signal came meanwhile.
        """
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
        """Write whole lines, and keep none of them back.

        Args:
            lines: One or more lines with their ends.

        Raises:
            RunError: They cannot be written.
            Ended: A signal came meanwhile.
        """
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
