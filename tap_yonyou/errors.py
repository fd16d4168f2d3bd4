"""What went wrong, for a person: exceptions whose text is one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, SingerSDKError

from tap_yonyou.redaction import frames, redact

if TYPE_CHECKING:
    import logging


class TapError(SingerSDKError):
    """An error a person can act on.

    Its text says everything in one line, without secrets and values of records.

    Attributes:
        is_final: Whether U8 refuses, so that it would refuse any other request of the stream, too.
    """

    is_final = False


class SettingsError(TapError):
    """The configuration, the catalog or the state cannot be used."""


class U8Error(TapError, FatalAPIError):
    """A stream could not be read completely."""


class RunError(TapError):
    """No stream can be read any more: the run ends at once."""


def log_error(logger: logging.Logger, error: Exception) -> None:
    """Log what an exception says to a person, and at DEBUG where it came from."""
    if isinstance(error, SingerSDKError):
        lines = error.args
    else:  # its own text may hold a value of a record
        line = f"unexpected {type(error).__name__}, a fault of the tap: run again with "
        lines = (line + "TAP_YONYOU_LOGLEVEL=DEBUG and report what it shows",)
    for line in lines:
        logger.error("%s", line)
    logger.debug("%s", frames(error))


def one_line(text: str, limit: int = 200) -> str:
    """Make one line of a text of the server, without secrets, cut after `limit` characters."""
    # First mask: half a secret, or one with other blanks, would not be found any more.
    text = redact(text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else f"{text[:limit]}…"


def counted(number: int, noun: str) -> str:
    """Count things in words, for example `1 page` or `2 pages`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
