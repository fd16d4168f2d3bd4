"""How a list is read whole: page after page, and again if it changed meanwhile."""

from __future__ import annotations

import logging
from contextlib import closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.command.progress import Progress
from tap_yonyou.errors import U8Error
from tap_yonyou.u8.pages import U8Paginator
from tap_yonyou.u8.proof import Pass, Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_yonyou.u8.gateway import Listing
    from tap_yonyou.u8.lookahead import Lookahead
    from tap_yonyou.u8.values import Converter

_logger = logging.getLogger("tap-yonyou.reader")

_OBJECTS: Final = frozenset((dict,))
_BLANKS: Final = frozenset((None, ""))


class Reader:
    """Reads one list of U8.

    Attributes:
        pass_number: Which pass is being read, from 1.
        pages_read: How many pages came, in all passes together.
        rows: How many rows the last pass brought.
        is_proved: Whether the last pass is proved to be complete.
    """

    def __init__(
        self,
        listing: Listing,
        lookahead: Lookahead,
        converter: Converter,
        *,
        max_passes: int,
    ) -> None:
        """Request nothing yet.

        Args:
            listing: The list.
            lookahead: Gives the pages in order.
            converter: Makes records of rows.
            max_passes: How often all pages are read, if the list changes meanwhile.
        """
        self._listing = listing
        self._lookahead = lookahead
        self._converter = converter
        self._max_passes = max_passes
        self._label = listing.label
        key = self._key = listing.resource.key
        self._key_of: Callable[[Any], Any] | None = itemgetter(*key) if key else None
        self._is_blank = _BLANKS.__contains__ if len(key) == 1 else _is_blank
        self.pass_number = 1
        self.pages_read = 0
        self.rows = 0
        self.is_proved = False

    def first_page(self) -> Iterator[list[dict[str, Any]]]:
        """Read the first page only; it proves nothing.

        Yields:
            Its records.

        Raises:
            U8Error: The page could not be read, or has a row that cannot be a record.
        """
        yield from self._pass(Pass(), U8Paginator(most=1))

    def all_pages(self) -> Iterator[list[dict[str, Any]]]:
        """Read all pages, again if the list changed during the read.

        Yields:
            The records of each page; records come again with another pass.

        Raises:
            U8Error: The read could not be completed.
        """
        proof, doubt = Proof(), ""
        for number in range(1, self._max_passes + 1):
            self.pass_number = number
            if doubt:
                _logger.warning(
                    "%s: the list changed during the read (%s); reading again, pass %d of at "
                    "most %d",
                    self._label,
                    doubt,
                    number,
                    self._max_passes,
                )
            reading = Pass()
            yield from self._pass(reading)
            doubt = proof.doubt(reading)
            if not doubt:
                self.rows, self.is_proved = reading.rows, reading.is_proved
                return
        what, advice = (
            "the list changed during the read",
            "run again at a quieter time, or raise max_passes",
        )
        if proof.shared_keys:
            what = f"the key {', '.join(self._key)} is not unique, or the list changed"
            advice = "run again; if it comes again, declare another key with the setting resources"
        most = self._max_passes
        passes = f"each of {most} passes" if most > 1 else "1 pass"
        msg = (
            f"{self._label}: {what}, in {passes} (at last: {doubt}); nothing was deleted and no "
            f"bookmark moved; {advice}"
        )
        raise U8Error(msg)

    def _pass(
        self, reading: Pass, paginator: U8Paginator | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        pages = self._lookahead.pages(self._listing, paginator)
        last_rows: list[Any] = []
        with closing(pages), Progress(self._label, _logger) as progress:
            for page, reply in pages:
                self.pages_read += 1
                reading.add_reply(reply, page)
                rows = reply.rows or []
                if reply.pages is None and rows and rows == last_rows:
                    problem = "the same rows came as on the page before; try a larger page_size"
                    raise self._error(page, problem)
                last_rows = rows if reply.pages is None else []
                yield from self._records(reading, rows, page)
                progress.page(page, reply.pages, len(rows))

    def _records(self, reading: Pass, rows: list[Any], page: int) -> Iterator[list[dict[str, Any]]]:
        """Convert the rows of a page; one that cannot be a record ends the read in its turn."""
        good, problem = len(rows), ""
        if not _OBJECTS.issuperset(map(type, rows)):
            good = next(n for n, row in enumerate(rows) if not isinstance(row, dict))
            problem = "is not a JSON object; look at the reply of the gateway"
        records = self._converter.records(rows[:good])
        keys: Sequence[Any]
        if self._key_of:
            keys = [*map(self._key_of, records)]
            if any(map(self._is_blank, keys)):
                good = next(n for n, key in enumerate(keys) if self._is_blank(key))
                names = self._key
                missing = [name for name in names if records[good][name] is None] or names
                problem = f"has no {' and no '.join(missing)}; fix it in U8, then run again"
            keys = keys[:good]
        else:  # without a key, rows are counted
            keys = range(reading.rows, reading.rows + good)
        reading.add_rows(keys)
        records = records[:good]
        yield records
        if problem:
            raise self._error(page, f"row {good + 1} {problem}")

    def _error(self, page: int, problem: str) -> U8Error:
        return U8Error(f"{self._label}, page {page}: {problem}")


def _is_blank(key: tuple[Any, ...]) -> bool:
    return None in key or _BLANKS.issuperset(key)
