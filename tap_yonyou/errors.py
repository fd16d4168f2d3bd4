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
        kind: `error_kind`, as reads.json describes it.
        errcode: The error code of U8, if there is one.
        private: The part of the text that may hold a value of a record, for the log only.
        is_final: Whether U8 refuses, so that it would refuse any other request of the stream, too.
    """

    kind = "server"
    is_final = False

    def __init__(
        self, *lines: str, kind: str = "", errcode: str | None = None, private: str = ""
    ) -> None:
        """Take one line, or more if there are several mistakes."""
        super().__init__(*lines)
        self.kind = kind or self.kind
        self.errcode = errcode
        self.private = private


class SettingsError(TapError):
    """The configuration, the catalog or the state cannot be used."""

    kind = "settings"


class U8Error(TapError, FatalAPIError):
    """A stream could not be read completely."""


class RunError(TapError):
    """No stream can be read any more: the run ends at once."""


def kind_of(error: Exception) -> str:
    """Give the `error_kind` of any exception."""
    default = "settings" if isinstance(error, SingerSDKError) else "bug"
    return error.kind if isinstance(error, TapError) else default


def lines_of(error: Exception) -> tuple[str, ...]:
    """Give what an exception says to a person."""
    if isinstance(error, SingerSDKError):
        return error.args
    # Its own text may hold a value of a record.
    line = f"unexpected {type(error).__name__}, a fault of the tap: run again with "
    return (line + "TAP_YONYOU_LOGLEVEL=DEBUG and report what it shows",)


def log_error(logger: logging.Logger, error: Exception) -> None:
    """Log what an exception says to a person, and at DEBUG where it came from."""
    for line in lines_of(error):
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
