"""Which rows a filter of a list lets through."""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, TypeAlias

Row: TypeAlias = dict[str, object]
Filter: TypeAlias = Callable[[Row], bool]
Kind: TypeAlias = Literal["text", "keyword", "boolean", "date", "number"]


def make_filter(name: str, kind: Kind, column: str, value: str) -> Filter:
    """Return what tells whether a row fits a filter.

    Args:
        name: the filter's; ``…_begin`` and ``…_end`` are the ends of a range.
        kind: how `value` and the row's own value are read before they are compared.
        column: the row's key, in any case.
        value: as it was sent.

    Raises:
        ValueError: `value` is not of this kind.

    """
    # Guess: how strict U8 is.
    if not re.fullmatch(_FORMS[kind], value, re.DOTALL):
        raise ValueError(value)
    read, fits = _READERS[kind], _comparison(name, kind)
    wanted = read(value)

    def lets_through(row: Row) -> bool:
        try:
            return fits(read(_text(row, column)), wanted)
        except (ValueError, ArithmeticError):
            return False  # The row holds no date or no number.

    return lets_through


def _comparison(name: str, kind: Kind) -> Callable[[Any, Any], bool]:
    # Seen: both ends are inclusive. Guess: plain string order for texts; see `U8.tables`.
    if name.endswith("_begin"):
        return operator.ge
    if name.endswith("_end"):
        return operator.le
    return operator.contains if kind == "keyword" else operator.eq


def _text(row: Row, column: str) -> str:
    if column in row:
        value = row[column]
    else:
        # Vendor: inventory's modifydate_begin is about ModifyDate. Seen: a key in another
        # case than its page has it.
        found = (value for key, value in row.items() if key.lower() == column.lower())
        value = next(found, None)
    return "" if value is None else str(value)


def _is_true(text: str) -> bool:
    # Seen: -1 and JSON's true in other lists than the contacts.
    return text.lower() in {"1", "-1", "true"}


def _day(text: str) -> dt.date:
    # Seen: "yyyy-MM-dd HH:mm:ss.f" in rows. Guess: a filter compares the days alone.
    return dt.date.fromisoformat(text[:10])


# Vendor: dates are yyyy-MM-dd. Guess: 1 and 0 as the rows spell it; pages only say "boolean".
_FORMS: dict[Kind, str] = {
    "text": ".*",
    "keyword": ".*",
    "boolean": "[01]",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "number": r"-?[0-9]+(\.[0-9]+)?",
}
_READERS: dict[Kind, Callable[[str], Any]] = {
    "text": str,
    "keyword": str,
    "boolean": _is_true,
    "date": _day,
    "number": Decimal,
}
