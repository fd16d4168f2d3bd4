"""What no log line may show: secrets, tokens, and the query strings that carry them.

One filter on every handler sees each line before it is written, whichever library wrote it and
whether it becomes plain text or JSON.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Final
from urllib.parse import quote, quote_plus

from tap_yonyou.compat import override

MASK: Final = "***"

#: A shorter secret would be found in half of the words of a log; where it does travel, in a
#: query string, it is hidden with all of that.
_SHORTEST: Final = 4
#: A secret of fewer characters is hidden only where it stands alone.
_LONG: Final = 8

# Beside secrets a query string holds filters and the bookmark, which may be personal data.
_QUERY: Final = re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

_secrets: set[str] = set()
_pattern = re.compile(r"(?!)")


def hide(*secrets: str | None) -> None:
    """Keep secrets out of the log from now on.

    Args:
        secrets: Values as they are configured or were obtained; None is passed over.
    """
    global _pattern  # noqa: PLW0603 -- logging is one for the whole process, too
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST:
            _secrets.update((secret, quote(secret, safe=""), quote(secret), quote_plus(secret)))
    parts = [
        re.escape(secret) if len(secret) >= _LONG else rf"(?<!\w){re.escape(secret)}(?!\w)"
        for secret in sorted(_secrets, key=len, reverse=True)
    ]
    _pattern = re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def redact(text: str) -> str:
    """Mask secrets and query strings.

    Args:
        text: Any text.

    Returns:
        The text with `***` in their place.
    """
    return _pattern.sub(MASK, _QUERY.sub(f"?{MASK}", text))


class RedactingFilter(logging.Filter):
    """Cleans a record: its message, its extra fields and its exception."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = redact(text)
        if record.exc_info:
            # The text of an exception, and of those chained to it, may hold anything; a
            # traceback is shown where it was asked for, and without these texts.
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                clean += "\n" + frames(record.exc_info[1])
            record.exc_info = record.exc_text = None
        if clean != text:
            record.msg, record.args = clean, ()
        for name, value in vars(record).items():
            if name not in _STANDARD and not isinstance(value, int | float | None):
                setattr(record, name, redact(str(value)))
        return True


def frames(error: BaseException | None) -> str:
    """Word where an exception came from.

    Args:
        error: The exception.

    Returns:
        The type and the traceback of it and of those chained to it, without their texts.
    """
    parts: list[str] = []
    while error:
        parts[:0] = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n"]
        error = error.__cause__ or error.__context__
    return "".join(parts)


def install() -> None:
    """Put the filter on every handler there is."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        handler.addFilter(_FILTER)


_FILTER: Final = RedactingFilter()
