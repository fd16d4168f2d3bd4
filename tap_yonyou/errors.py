"""What a person is told when something goes wrong: exceptions, one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, SingerSDKError

from tap_yonyou.redaction import frames, redact

if TYPE_CHECKING:
    import logging


class TapError(SingerSDKError):
    """An error a person can act on.

    Its text is the whole story in one line and holds neither a secret nor a value of a record.
    """


class SettingsError(TapError):
    """The configuration, the catalog or the state cannot be used; nothing was requested."""


class U8Error(TapError, FatalAPIError):
    """A stream could not be read whole.

    Attributes:
        is_final: Whether U8 refuses, so that it would refuse any other request of the stream, too.
    """

    is_final = False


class RunError(TapError):
    """No stream can be read any more, which ends the run at once."""


def lines_of(error: Exception) -> list[str]:
    """Say what an exception tells a person.

    Args:
        error: Any exception.

    Returns:
        One or more lines.
    """
    if isinstance(error, SingerSDKError):
        return [str(line) for line in error.args]
    # Its own text may hold a value of a record.
    line = f"unexpected {type(error).__name__}, a fault of the tap: run again with "
    return [line + "TAP_YONYOU_LOGLEVEL=DEBUG and report what it shows"]


def log_error(logger: logging.Logger, error: Exception) -> None:
    """Write an exception to the log: what it tells a person, and at DEBUG where it came from.

    Args:
        logger: Where to.
        error: Any exception.
    """
    for line in lines_of(error):
        logger.error("%s", line)
    logger.debug("%s", frames(error))


def one_line(text: str, limit: int = 200) -> str:
    """Shorten a text of the server to what fits a log line.

    Args:
        text: Any text.
        limit: The most characters to keep.

    Returns:
        The text in one line without secrets, cut after `limit` characters.
    """
    # First of all: half a secret, or one with other blanks, would not be found any more.
    text = redact(text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else f"{text[:limit]}…"


def counted(number: int, noun: str) -> str:
    """Give a number of things in words.

    Args:
        number: How many.
        noun: What one of them is called.

    Returns:
        For example `1 page` or `2 pages`.
    """
    return f"{number} {noun}{'s' * (number != 1)}"
