"""How a list is read whole: page after page, and again if it changed during the read."""

from __future__ import annotations

import logging
from contextlib import closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_yonyou.errors import U8Error
from tap_yonyou.u8.pages import U8Paginator
from tap_yonyou.u8.proof import Pass, Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_yonyou.u8.documents import Head
    from tap_yonyou.u8.gateway import Endpoint
    from tap_yonyou.u8.pages import Lookahead
    from tap_yonyou.u8.reply import Reply
    from tap_yonyou.u8.values import Converter

_logger = logging.getLogger("tap-yonyou.reader")

_OBJECTS: Final = frozenset((dict,))
_BLANKS: Final = frozenset((None, ""))


class Page(NamedTuple):
    """The records of one page, or of one document, each with its key."""

    records: list[dict[str, Any]]
    keys: Sequence[Any]
    number: int
    #: How many pages or documents there are; None if that is not known.
    total: int | None
    #: The rows as they came.
    rows: list[Any]
    #: Of a document, what the list says of it.
    head: Head | None = None


class Reader:
    """Reads one list of U8."""

    #: What is wrong with some of it, if the rest was read.
    problem: U8Error | None = None

    def __init__(
        self,
        endpoint: Endpoint,
        lookahead: Lookahead,
        converter: Converter,
        key: Sequence[str],
        *,
        max_passes: int,
    ) -> None:
        """Send nothing yet; read all pages at most `max_passes` times if the list changes."""
        self._endpoint = endpoint
        self._lookahead = lookahead
        self._converter = converter
        self._key = key
        self._key_of: Callable[[Any], Any] | None = itemgetter(*key) if key else None
        self._is_blank = _BLANKS.__contains__ if len(key) == 1 else _is_blank
        self._max_passes = max_passes
        self._first_pass = U8Paginator()
        self.pages_read = 0
        self.rows = 0
        self.keys: set[Any] = set()
        self.is_proved = False

    def expect(self) -> None:
        """Request the first page while the lists before it are still being read."""
        self._lookahead.expect(self._endpoint, self._first_pass)

    def first_page(self) -> Iterator[Page]:
        """Read the first page only; that proves nothing."""
        paginator = U8Paginator(most=1)
        yield from self._pass(paginator, Pass(paginator))

    def all_pages(self) -> Iterator[Page]:
        """Read all pages, again if the list changed during the read."""
        proof, doubt = Proof(), ""
        paginator, self._first_pass = self._first_pass, U8Paginator()
        for number in range(1, self._max_passes + 1):
            if doubt:
                _logger.warning(
                    "%s: the list changed during the read (%s); reading again, pass %d of at "
                    "most %d",
                    self._endpoint.label,
                    doubt,
                    number,
                    self._max_passes,
                )
                paginator = U8Paginator()
            reading = Pass(paginator)
            yield from self._pass(paginator, reading)
            doubt = proof.doubt(reading)
            if not doubt:
                self.is_proved = reading.is_proved
                return
        raise self._changed(doubt, shares_keys=bool(proof.shared_keys))

    def _changed(self, doubt: str, *, shares_keys: bool) -> U8Error:
        what = "the list changed during the read"
        advice = "run again at a quieter time, or raise max_passes"
        if shares_keys:
            what = f"the key {', '.join(self._key)} is not unique, or the list changed"
            advice = "run again; if it fails again, declare another key with the setting resources"
        most = self._max_passes
        passes = f"each of {most} passes" if most > 1 else "1 pass"
        return U8Error(
            f"{self._endpoint.label}: {what}, in {passes} (at last: {doubt}); nothing was deleted "
            f"and no bookmark moved; {advice}",
            kind="changed",
        )

    def _pass(self, paginator: U8Paginator, reading: Pass) -> Iterator[Page]:
        last_rows: list[Any] = []
        with closing(self._lookahead.replies(self._endpoint, paginator)) as replies:
            for number, (ask, reply) in enumerate(replies, start=1):
                self.pages_read += 1
                rows = reply.rows or []
                if reply.pages is None:
                    if rows and rows == last_rows:
                        problem = "the same rows came as on the page before"
                        raise self._error(ask.label, f"{problem}; try a larger page_size")
                    last_rows = rows
                records, keys, problem = self._records(reply, rows, reading)
                yield Page(records, keys, number, paginator.total, rows)
                if problem:
                    raise self._error(ask.label, problem)
        self.rows, self.keys = reading.rows, reading.keys
        if reading.lines is not None:
            self.rows, self.keys = len(reading.lines), reading.lines

    def _records(
        self,
        reply: Reply,  # noqa: ARG002 -- the lines of documents may stand beside the rows
        rows: list[Any],
        reading: Pass,
    ) -> tuple[list[dict[str, Any]], Sequence[Any], str]:
        """Convert the rows of a page, up to one that cannot be a record, and say why it cannot."""
        good, problem = len(rows), ""
        if not _OBJECTS.issuperset(map(type, rows)):
            good = next(n for n, row in enumerate(rows) if not isinstance(row, dict))
            problem = f"row {good + 1} is not a JSON object; look at the reply of the gateway"
        records = self._converter.records(rows[:good])
        if not self._key_of:  # rows without a key are counted
            numbers = range(reading.rows, reading.rows + good)
            reading.add(numbers)
            return records, numbers, problem
        keys = [*map(self._key_of, records)]
        if any(map(self._is_blank, keys)):
            good = next(n for n, key in enumerate(keys) if self._is_blank(key))
            blank = [name for name in self._key if records[good][name] is None] or self._key
            names = " and no ".join(blank)
            problem = f"row {good + 1} has no {names}; fix it in U8, then run again"
        reading.add(keys[:good])
        return records[:good], keys[:good], problem

    def _error(self, ask: str, problem: str) -> U8Error:
        return U8Error(f"{self._endpoint.label}, {ask}: {problem}")


def _is_blank(key: tuple[Any, ...]) -> bool:
    return None in key or _BLANKS.issuperset(key)
