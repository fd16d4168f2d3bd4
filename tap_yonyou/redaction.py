"""What no log line may show: secrets, tokens, and the query strings that carry them.

A filter on every handler sees each line before it is written, whichever library wrote it and
whether it becomes plain text or JSON.
"""

from __future__ import annotations

import html
import logging
import re
import traceback
from typing import Final
from urllib.parse import quote, quote_plus

from tap_yonyou.compat import override

MASK: Final = "***"

#: Secrets shorter than this (in bytes) would match ordinary words. In a URL they are masked with
#: the whole query string.
_SHORTEST: Final = 4
#: A secret of fewer characters is masked only where no Latin letter or digit touches it.
_LONG: Final = 8
_WORD: Final = "[a-z0-9_]"

# Beside secrets a query string holds filters and the bookmark, which may be personal data.
_QUERY: Final = re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

_secrets: set[str] = set()
_pattern = re.compile(r"(?!)")


def hide(*secrets: str | None) -> None:
    """Keep secrets out of the log from now on."""
    global _pattern  # noqa: PLW0603 -- logging is one for the whole process, too
    for secret in secrets:
        if secret and len(secret.encode(errors="replace")) >= _SHORTEST:
            _secrets.add(secret)
    # The longest first: a shorter one that it begins with would leave the rest of it in sight.
    parts = map(_matching, sorted(_secrets, key=len, reverse=True))
    _pattern = re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def hide_record_value(value: object) -> None:
    """Keep a value of a record (a filter, a bookmark) out of the log.

    Numbers of fewer than eight digits are shown: they would mask counts and times as well.
    """
    text = "" if value is None or isinstance(value, bool) else str(value)
    if not (text.isdecimal() and len(text) < _LONG):
        hide(text)


def _matching(secret: str) -> str:
    """Match a secret as it is, escaped for JSON or Python, HTML, a URL, or twice for a URL."""
    secret = secret.encode(errors="replace").decode()
    once = quote(secret, safe="")
    texts = {html.escape(secret), quote_plus(secret), once, quote(once)}
    texts |= {quote(secret), quote(quote(secret))}  # some leave slashes alone
    pattern = "|".join(["".join(map(_in_json, secret)), *map(re.escape, texts)])
    return f"(?:{pattern})" if len(secret) >= _LONG else f"(?<!{_WORD})(?:{pattern})(?!{_WORD})"


def _in_json(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    return rf"\\*(?:{re.escape(character)}|u{ord(character):04x})"


def redact(text: str) -> str:
    """Mask secrets and query strings with `***`."""
    # Secrets first: one may have a character that ends a query string.
    return _QUERY.sub(f"?{MASK}", _pattern.sub(MASK, text))


class RedactingFilter(logging.Filter):
    """Masks secrets in a log record: in its message, its extra fields and its exception."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = redact(text)
        if record.exc_info:
            # The texts of an exception and of those chained to it may hold anything. DEBUG shows
            # a traceback without them.
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
    """Show types and tracebacks of an exception and of those chained to it, without texts."""
    parts: list[str] = []
    while error:
        parts[:0] = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n"]
        error = error.__cause__ or error.__context__
    return "".join(parts)


def install() -> None:
    """Put the filter on every handler, the one of last resort included."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    handlers = {handler for logger in loggers for handler in logger.handlers}
    if logging.lastResort:
        handlers.add(logging.lastResort)
    for handler in handlers:
        handler.addFilter(_FILTER)
    logging.getLogger("singer_sdk.mapper").addFilter(_without_values)


def _without_values(record: logging.LogRecord) -> bool:
    """Mask all arguments of the mapper's lines: rules and results may be personal data."""
    record.msg, record.args = str(record.msg).replace("%s", MASK), ()
    return True


_FILTER: Final = RedactingFilter()
