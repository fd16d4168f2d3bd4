"""How a stream is replicated: what to ask for, what to let through, what a proof allows."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from tap_yonyou.errors import U8Error, counted
from tap_yonyou.u8.values import CHINA, date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_yonyou.u8.resources import Marker

Records = list[dict[str, Any]]

#: What Decimal takes besides, such as `12E4`, may be a row version in hexadecimal.
_VERSION: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


#: Shorter lists may lose any number of rows.
_FEW_ROWS: Final = 20


class Outcome(NamedTuple):
    """How a read without an error ended.

    Attributes:
        rows: How many rows the last pass brought.
        is_proved: Whether that is proved to be all of them.
        is_rechecked: False if what `recheck` asked for did not come.
    """

    rows: int
    is_proved: bool
    is_rechecked: bool = True


class Replication(Protocol):
    """One run of one stream.

    Attributes:
        params: What to ask for, beside the configured filters and in place of one of that name.
        version: What the records carry; None for nothing.
        begins_version: Whether ACTIVATE_VERSION is to follow a read that is proved complete.
        deletes: Whether the target is to learn what is gone.
    """

    params: Mapping[str, Any]
    version: int | None
    begins_version: bool
    deletes: bool

    def let_through(self, records: Records, number: int) -> Records:
        """Choose what is emitted when a page has come.

        Args:
            records: The page.
            number: The number of the pass that it belongs to, from 1.

        Returns:
            Records that the target needs, of this page and those before it.

        Raises:
            U8Error: The records cannot be replicated like this.
        """

    def recheck(self) -> Mapping[str, Any] | None:
        """Say what to ask for once more, because it may have changed during the read.

        Returns:
            Parameters in place of `params`; None if nothing has to be asked for.
        """

    def rest(self, outcome: Outcome) -> Iterable[Records]:
        """Give what is to be emitted after the last page.

        Args:
            outcome: How the read ended.

        Raises:
            U8Error: More would be deleted than may be.
        """

    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Give what the state is to hold of the stream.

        Args:
            outcome: How the read ended.
        """

    def told(self, outcome: Outcome) -> str:
        """Say for the log what came.

        Args:
            outcome: How the read ended.

        Returns:
            The beginning of a line, with its comma or semicolon.
        """


class Breaker(NamedTuple):
    """Keeps a mistake, of U8 or of a setting, from deleting most of a table.

    Attributes:
        stream: The stream's name.
        rows_before: How many rows the last complete read brought; None if that is not known.
        max_percent: How many percent of them may be gone.
    """

    stream: str
    rows_before: int | None
    max_percent: int

    def check(self, gone: int) -> None:
        """Make sure that not too much is gone.

        Args:
            gone: How many rows are.

        Raises:
            U8Error: It is more than may be.
        """
        before = self.rows_before or 0
        if before >= _FEW_ROWS and gone * 100 > before * self.max_percent:
            msg = (
                f"{self.stream}: {gone} of the {before} rows of the last complete read are gone, "
                f"more than max_deletes_percent ({self.max_percent}) allows; nothing was deleted "
                "and no bookmark moved; if they are to be deleted, run once with "
                "max_deletes_percent 100"
            )
            raise U8Error(msg)


class FullTable:
    """Asks for everything; with a version, what did not come is gone."""

    def __init__(self, version: int | None = None, breaker: Breaker | None = None) -> None:
        """Begin a run.

        Args:
            version: What the records carry; None if the target is to delete nothing.
            breaker: How much may be deleted.
        """
        self.params: Mapping[str, Any] = {}
        self.version = version
        self.begins_version = self.deletes = version is not None
        self._breaker = breaker

    def let_through(self, records: Records, number: int) -> Records:  # noqa: ARG002
        """Let every record through."""
        return records

    def recheck(self) -> None:
        """Ask for nothing: the next run reads everything again."""

    def rest(self, outcome: Outcome) -> tuple[()]:
        """Give nothing, but make sure that not too much is gone.

        Raises:
            U8Error: More is gone than may be.
        """
        if self.deletes and self._breaker and outcome.is_proved:
            self._breaker.check((self._breaker.rows_before or 0) - outcome.rows)
        return ()

    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Keep how many rows there are, and what they carry."""
        version = {} if self.version is None else {"version": self.version}
        return {"rows": outcome.rows, **version} if outcome.is_proved else {}

    def told(self, outcome: Outcome) -> str:
        """Say how many rows came."""
        return counted(outcome.rows, "row") + ","


class Incremental:
    """Asks for what begins at the bookmark.

    The bookmark is the last code in the server's order, which is its collation: codes are never
    compared here. Of row versions and days it is the greatest.

    A row that is changed after its page was read gets a version that a later page may exceed; so
    what was changed since the first page is asked for once more, before the bookmark moves. A day
    later than that of the run's start, a mistake or one that has just begun, is no bookmark.
    """

    version: int | None = None
    begins_version = deletes = False

    def __init__(self, stream: str, marker: Marker, bookmark: Any) -> None:
        """Begin a run.

        Args:
            stream: The stream's name.
            marker: The field and the filter.
            bookmark: Where the last run ended; None if there was none.
        """
        self._stream = stream
        self._marker = marker
        self._latest = _LATEST[marker.kind]
        self._today = datetime.now(CHINA).date().isoformat()
        if marker.kind == "date" and ((bookmark := _day(bookmark)) or "") > self._today:
            bookmark = None
        self._bookmark = bookmark
        self._pages = 0
        self._after_first_page: Any = None
        self._is_rechecking = False
        self.params: Mapping[str, Any] = {} if bookmark is None else {marker.filter: bookmark}

    def let_through(self, records: Records, number: int) -> Records:  # noqa: ARG002
        """Let every record through: the target updates the one it has already."""
        field = self._marker.field
        values = [value for record in records if (value := record[field]) is not None]
        if self._marker.kind == "date":
            values = [min(day, self._today) for value in values if (day := _day(value))]
        try:
            latest = self._latest(self._bookmark, values) if values else self._bookmark
        except ValueError:
            msg = (
                f"{self._stream}: a {field} is not a number, so that changes cannot be told "
                "apart; read this stream with FULL_TABLE"
            )
            raise U8Error(msg) from None
        if not self._is_rechecking:
            self._bookmark = latest
        self._pages += 1
        if self._pages == 1:
            self._after_first_page = latest
        return records

    def recheck(self) -> Mapping[str, Any] | None:
        """Ask once more for what has a version like those that came after the first page."""
        self._is_rechecking = True
        is_needed = self._marker.kind == "timestamp" and self._pages > 1
        if not is_needed:
            return None
        # Without a version on the first page, all the rows may have got one since.
        after = self._after_first_page
        return {} if after is None else {self._marker.filter: after}

    def rest(self, outcome: Outcome) -> tuple[()]:  # noqa: ARG002
        """Give nothing: what was not asked for is not gone."""
        return ()

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

    def told(self, outcome: Outcome) -> str:
        """Say how many rows came."""
        return counted(outcome.rows, "row") + ","


def _last(_: Any, values: list[Any]) -> Any:
    return values[-1]


def _greatest_version(before: Any, values: Iterable[Any]) -> Any:
    """Compare as decimals, and keep the text as it came: it is sent back like that."""
    before = [] if before is None else [before]
    return max((*before, *values), key=_version)


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
    except (TypeError, ValueError):
        return None


_LATEST: Final[Mapping[str, Callable[[Any, list[Any]], Any]]] = {
    "code": _last,
    "timestamp": _greatest_version,
    "date": _greatest_day,
}
