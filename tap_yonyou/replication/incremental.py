"""INCREMENTAL: asks for what begins at the bookmark."""

from __future__ import annotations

import re
from datetime import date as day
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.compat import override
from tap_yonyou.errors import U8Error
from tap_yonyou.replication import Replication
from tap_yonyou.u8.values import CHINA, date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_yonyou.replication import Outcome, Records
    from tap_yonyou.u8.reader import Page
    from tap_yonyou.u8.resources import Marker

#: Decimal also takes texts such as `12E4`, which may be a row version in hexadecimal.
_VERSION: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


class Incremental(Replication):
    """Emits every row that comes, and moves the bookmark at the end.

    The bookmark is the last code in the server's order, which is its collation: codes are never
    compared here. Of row versions and days it is the greatest.

    A row that is changed after its page was read gets a version that a later page may exceed; so
    what was changed since the first page is read once more before the bookmark moves. A date after
    the day the run started (a typo, or midnight has passed) never becomes the bookmark.
    """

    def __init__(
        self, label: str, marker: Marker, bookmark: Any, *, lookback_days: int = 0
    ) -> None:
        """Begin so many days before the bookmark; None if there is none."""
        self._label = label
        self._marker = marker
        self._latest = _LATEST[marker.kind]
        self._today = datetime.now(CHINA).date().isoformat()
        if marker.kind == "date" and ((bookmark := _day(bookmark)) or "") > self._today:
            bookmark = None
        self._bookmark = bookmark
        self._is_first = True
        self._after_first_page: Any = None
        self._is_rechecking = False
        since = bookmark
        if lookback_days and bookmark:
            since = (day.fromisoformat(bookmark) - timedelta(days=lookback_days)).isoformat()
        self.params = {} if since is None else {marker.filter: since}

    @override
    def to_emit(self, page: Page) -> Records:
        """Give all records: the target updates those it has."""
        field = self._marker.field
        values = [value for record in page.records if (value := record[field]) is not None]
        if self._marker.kind == "date":
            values = [min(day, self._today) for value in values if (day := _day(value))]
        try:
            latest = self._latest(self._bookmark, values) if values else self._bookmark
        except ValueError:
            msg = (
                f"{self._label}: a {field} is not a number, so that changes cannot be told apart; "
                "read this stream with FULL_TABLE"
            )
            raise U8Error(msg) from None
        if not self._is_rechecking:
            self._bookmark = latest
        self._is_first &= page.number == 1 if page.head is None else page.head.page == 1
        if self._is_first:
            self._after_first_page = latest
        return page.records

    @override
    def after_pass(self, keys: set[Any], *, is_proved: bool) -> Mapping[str, Any] | None:
        """Ask once more for rows with a version that the first page does not exceed."""
        is_needed = self._marker.kind == "timestamp" and not self._is_first
        if self._is_rechecking or not is_needed:
            return None
        self._is_rechecking = True
        # Without a version on the first page, any row may have got one since.
        after = self._after_first_page
        return {} if after is None else {self._marker.filter: after}

    @override
    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Move the bookmark, but not past an edit that may have been missed."""
        bookmark = self._bookmark if outcome.is_rechecked else self._after_first_page
        if bookmark is None:
            return {}
        return {
            "replication_key": self._marker.field,
            # A number with a fraction would come back as a float, with other digits.
            "replication_key_value": bookmark if isinstance(bookmark, str | int) else str(bookmark),
        }


def _last(_: Any, values: list[Any]) -> Any:
    return values[-1]


def _greatest_version(before: Any, values: Iterable[Any]) -> Any:
    """Compare as decimals, and keep the text as it came: it is sent back like that."""
    return max((*([] if before is None else [before]), *values), key=_version)


def _version(value: Any) -> Decimal:
    if not _VERSION.fullmatch(text := str(value)):
        raise ValueError
    return Decimal(text)


def _greatest_day(before: Any, values: list[Any]) -> Any:
    return max([*([] if before is None else [before]), *values])


def _day(value: Any) -> str | None:
    """Read a day in any spelling that U8 has: texts of other spellings do not compare."""
    try:
        return date(value)
    except (TypeError, ValueError, OverflowError):
        return None


_LATEST: Final[Mapping[str, Callable[[Any, list[Any]], Any]]] = {
    "code": _last,
    "timestamp": _greatest_version,
    "date": _greatest_day,
}
