"""What no log line may show: secrets, tokens, and the query strings that carry them.

One filter on every handler sees each line before it is written, whichever library wrote it and
whether it becomes plain text or JSON.
"""

from __future__ import annotations

import html
import json
import logging
import re
import traceback
from typing import Final
from urllib.parse import quote

from singer_sdk.logging import StructuredFormatter

from tap_yonyou.compat import override

MASK: Final = "***"

#: A shorter secret, in bytes, would be found in half of the words of a log (two Chinese characters
#: are a name); where it does travel, in a query string, it is hidden with all of that.
_SHORTEST: Final = 4
#: A secret of fewer characters is hidden only where it stands alone.
_LONG: Final = 8

#: Where a short secret may begin: at a word's start, or after an escaped sign.
_START: Final = r"(?:(?<![a-z0-9_])|(?<=%[0-9a-f]{2})|(?<=\\[nrt]))"
#: A blank within a secret, which a server may have tidied or escaped.
_BLANKS: Final = r"(?:\s|\+|\\[nrt]|%(?:25)*(?:20|09|0a|0d))+"

#: What is matched by itself: a run of backslashes, of which escapes are made, or a character.
_SIGNS: Final = re.compile(r"\\+|.", re.DOTALL)

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
        if secret and len(secret.strip().encode(errors="replace")) >= _SHORTEST:
            _secrets.add(secret)
    parts = []
    for secret in sorted(_secrets, key=len, reverse=True):
        part = _BLANKS.join(
            "".join(map(_spellings, _SIGNS.findall(word))) for word in secret.split()
        )
        # Only Latin letters make one word with it: Chinese is written without blanks.
        parts.append(part if len(secret) >= _LONG else rf"{_START}{part}(?![a-z0-9_])")
    _pattern = re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


def hide_value(value: object) -> None:
    """Keep a value of a record out of the log, as far as it can be told from other texts.

    Args:
        value: A filter or a bookmark; a short number would hide counts and times as well.
    """
    text = "" if value is None or isinstance(value, bool) else str(value)
    if not (text.isdecimal() and len(text) < _LONG):
        hide(text)


def _spellings(character: str) -> str:
    """Match a sign as it is, or escaped for a URL, JSON, Python or HTML, even repeatedly."""
    if "\\" in character:
        return r"(?:\\|%(?:25)*5c)+"
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    json_form = json.dumps(character)[1:-1].lstrip("\\") or character
    forms = {character, json_form, f"u{code:04x}", html.escape(character), f"&#{code};"}
    percent = quote(character, safe="", errors="surrogatepass").replace("%", "%(?:25)*")
    forms = {*map(re.escape, forms), percent}
    return rf"\\*(?:{'|'.join(sorted(forms, key=len, reverse=True))})"


def redact(text: str) -> str:
    """Mask secrets and query strings.

    Args:
        text: Any text.

    Returns:
        The text with `***` in their place.
    """
    # A secret may have a character that ends a query string.
    return _QUERY.sub(f"?{MASK}", _pattern.sub(MASK, text))


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
    """Describe where an exception came from.

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


class _Readable(logging.Formatter):
    """Leaves Chinese as it is in the JSON of the SDK's formatter, which escapes it."""

    def __init__(self, sdk: StructuredFormatter) -> None:
        super().__init__()
        self._sdk = sdk

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = json.loads(self._sdk.format(record))
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="backslashreplace").decode()


def install() -> None:
    """Put the filter on every handler there is, and on the one for lines that find none."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    handlers = {handler for logger in loggers for handler in logger.handlers}
    if logging.lastResort:
        handlers.add(logging.lastResort)
    for handler in handlers:
        handler.addFilter(_FILTER)
        # JSON is read as UTF-8: in any other encoding it had better stay escaped.
        encoding = getattr(getattr(handler, "stream", None), "encoding", None) or ""
        if isinstance(handler.formatter, StructuredFormatter) and encoding.lower() == "utf-8":
            handler.setFormatter(_Readable(handler.formatter))
    logging.getLogger("singer_sdk.mapper").addFilter(_without_values)


def _without_values(record: logging.LogRecord) -> bool:
    """Leave out what the mapper speaks of: rules and their results may be personal data."""
    record.msg, record.args = str(record.msg).replace("%s", MASK), ()
    return True


_FILTER: Final = RedactingFilter()
