"""How a list is read whole: page after page, and again if it changed meanwhile."""

from __future__ import annotations

import logging
from contextlib import closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.completeness import Pass, Proof
from tap_yonyou.errors import U8Error
from tap_yonyou.lookahead import in_order
from tap_yonyou.pagination import U8Paginator
from tap_yonyou.progress import Progress

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from tap_yonyou.gateway import Gateway
    from tap_yonyou.records import Converter
    from tap_yonyou.reply import Reply

_logger = logging.getLogger("tap-yonyou.reader")

_OBJECTS: Final = frozenset((dict,))


class Reader:
    """Reads one list of U8.

    Attributes:
        pages_read: How many pages came, in all passes together.
        rows: How many rows the last pass brought.
        is_proved: Whether the last pass is proved to be complete.
    """

    def __init__(  # noqa: PLR0913
        self,
        gateway: Gateway,
        converter: Converter,
        *,
        name: str,
        path: str,
        keys: Sequence[str],
        params: Mapping[str, Any],
        page_size: int,
        max_passes: int,
    ) -> None:
        """Request nothing yet.

        Args:
            gateway: Answers the requests.
            converter: Makes records of rows.
            name: The resource's name, also the key of the rows in a reply.
            path: Its path.
            keys: The fields that identify a record.
            params: Filters.
            page_size: Rows to ask for in one request.
            max_passes: How often all pages are read, if the list changes meanwhile.
        """
        self._gateway = gateway
        self._converter = converter
        self._name = name
        self._path = path
        self._keys = keys
        self._key_of = itemgetter(*keys)
        self._params = {**params, "rows_per_page": page_size}
        self._max_passes = max_passes
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
            if doubt:
                _logger.warning(
                    "%s: the list changed during the read (%s); reading again, pass %d of at "
                    "most %d",
                    self._name,
                    doubt,
                    number,
                    self._max_passes,
                )
            reading = Pass()
            yield from self._pass(reading, U8Paginator())
            doubt = proof.doubt(reading)
            if not doubt:
                self.rows, self.is_proved = reading.rows, reading.is_proved
                return
        most = self._max_passes
        passes = f"each of {most} passes" if most > 1 else "1 pass"
        msg = (
            f"{self._name}: the list changed during the read, in {passes} "
            f"(at last: {doubt}); nothing was deleted and no bookmark moved; run again at a "
            "quieter time, or raise max_passes"
        )
        raise U8Error(msg)

    def _pass(self, reading: Pass, paginator: U8Paginator) -> Iterator[list[dict[str, Any]]]:
        def fetch(page: int, abandoned: threading.Event) -> Reply:
            return self._gateway.get(
                self._path,
                self._name,
                {"page_index": page, **self._params},
                label=f"{self._name}, page {page}",
                abandoned=abandoned,
            )

        pages = in_order(fetch, paginator, lambda: self._gateway.concurrency)
        last_rows: list[Any] = []
        with closing(pages), Progress(self._name, _logger) as progress:
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
        for key in self._keys:
            values = [record[key] for record in records]
            if not all(values):
                good = min(good, next(n for n, value in enumerate(values) if not value))
                problem = f"has no {key}; fix it in U8, then run again"
        records = records[:good]
        reading.add_rows(map(self._key_of, records))
        yield records
        if problem:
            raise self._error(page, f"row {good + 1} {problem}")

    def _error(self, page: int, problem: str) -> U8Error:
        return U8Error(f"{self._name}, page {page}: {problem}")
