"""Which asks a list consists of, and their replies in order, requested ahead of time.

A reply takes long, and the next asks are known: up to `concurrency` requests are in flight while a
page is converted and written, those for the next lists among them.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from singer_sdk.pagination import PageNumberPaginator

from tap_yonyou.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from tap_yonyou.u8.gateway import Endpoint
    from tap_yonyou.u8.reply import Reply

    Fetch = Callable[[Endpoint, "Ask", threading.Event], Reply]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Ask(NamedTuple):
    """One request of many that make up a read."""

    params: Mapping[str, Any]
    #: For log lines and errors, for example `page 3`.
    label: str
    #: Fields that each row of the reply gets.
    fields: Mapping[str, Any] = _NOTHING
    #: If it asks for a document, what tells that from others.
    document: Mapping[str, Any] = _NOTHING


class Asks(Protocol):
    """What a read consists of, as far as the replies so far tell."""

    def ahead(self) -> Iterator[Ask]:
        """Give the asks without a reply that may be sent now; none at the end of the read."""

    def answered(self, ask: Ask, reply: Future[Reply]) -> None:
        """Take note of the reply to the first ask; raise its error unless the rest is wanted."""


class U8Paginator(PageNumberPaginator):
    """Counts pages from 1, for as long as the replies say that there are more.

    `page_count` decides; without it `row_count` and the reply's own `rows_per_page`, which a
    server may cap; without these, the first page without rows is the end. The page count of the
    first reply is never exceeded, because a server that always reports one more would be read for
    ever.

    What contradicts itself is a sign that the list changed during the read: rows that are inserted
    or deleted shift the later pages. `row_count`, which every reply reports, is the one signal
    there is (source: vendor's page).

    Attributes:
        change: What showed that the list changed during the read; empty if nothing did.
        is_counted: Whether every reply so far reported a `row_count`.
        total: How many pages there are; None if that is not known.
    """

    def __init__(self, most: int | None = None) -> None:
        """Start at the first page; read at most so many."""
        super().__init__(1)
        self.change = ""
        self.is_counted = False
        self.total: int | None = None
        self._most = most
        self._last_known = 1
        self._reported: dict[str, int] = {}

    @property
    def row_count(self) -> int | None:
        """How many rows the replies report; None if they do not."""
        return self._reported.get("row_count")

    def ahead(self) -> Iterator[Ask]:
        """Give the pages that are known to exist."""
        last = 0 if self.finished else self._last_known
        for page in range(self.current_value, last + 1):
            yield Ask({"page_index": page}, f"page {page}")

    def answered(self, ask: Ask, reply: Future[Reply]) -> None:  # noqa: ARG002 -- the current one
        """Go on to the next page."""
        self.advance(reply.result())  # type: ignore[arg-type]

    @override
    def has_more(self, response: Any) -> bool:
        reply: Reply = response
        page, rows = self.current_value, len(reply.rows or [])
        self.total = self.total or reply.pages
        self.change = self.change or self._change(reply, page, rows)
        if page == self._most:
            return False
        if reply.pages is None:
            self._last_known = page + 1
            return rows > 0
        self._last_known = min(reply.pages, self.total or reply.pages)
        return rows > 0 and page < self._last_known

    def _change(self, reply: Reply, page: int, rows: int) -> str:
        # Past the end a server may count nothing.
        if rows or page == 1 or reply.row_count:
            self.is_counted = reply.row_count is not None and (page == 1 or self.is_counted)
            for name, value in (("row_count", reply.row_count), ("page_count", reply.page_count)):
                before = value if value is None else self._reported.setdefault(name, value)
                if before != value:
                    return f"{name} was {before}, then {value}"
        if not rows and page <= (self.total or 0) > 1:
            return f"page {page} of {self.total} brought no rows"
        if rows and reply.pages and page < reply.pages and reply.rows_per_page not in {None, rows}:
            return f"page {page} brought {rows} of {reply.rows_per_page} rows"
        return ""


class Lookahead:
    """The replies to all asks of a run, with at most `concurrency` requests in flight.

    Of the list being read, at most `concurrency` replies are in memory beside the current one; of
    the next lists together as many again.
    """

    def __init__(self, fetch: Fetch, concurrency: int) -> None:
        """Send nothing yet; `fetch` gives up waiting once its event is set."""
        self._fetch = fetch
        self._concurrency = concurrency
        self._slots = threading.Semaphore(concurrency)
        self._next: deque[_Read] = deque()

    def expect(self, endpoint: Endpoint, asks: Asks) -> None:
        """Announce what `replies` is called with after everything announced before."""
        self._next.append(_Read(endpoint, asks))

    def replies(self, endpoint: Endpoint, asks: Asks) -> Generator[tuple[Ask, Reply], None, None]:
        """Give each ask with its reply, in order; an error is raised when it is its turn."""
        read = self._announced(asks) or _Read(endpoint, asks)
        try:
            while self._send(read):
                ask, reply = read.sent.popleft()
                failed = reply.exception()  # once it is there
                asks.answered(ask, reply)
                read.is_known = True
                # So that these travel while this reply is converted and written.
                self._send(read)
                if not failed:
                    yield ask, reply.result()
        finally:
            read.abandoned.set()

    def close(self) -> None:
        """Abandon what was announced and not read."""
        while self._next:
            self._next.popleft().abandoned.set()

    def _announced(self, asks: Asks) -> _Read | None:
        """Give a read that was announced; those before it failed before they began."""
        if all(read.asks is not asks for read in self._next):
            return None
        while (read := self._next.popleft()).asks is not asks:
            read.abandoned.set()
        return read

    def _send(self, read: _Read) -> bool:
        """Send as much as may be in flight; False at the end of the read."""
        asks = [*islice(read.asks.ahead(), self._concurrency)]
        for ask in asks[len(read.sent) :]:
            # The ask whose turn it is waits for a slot.
            if not self._slots.acquire(blocking=not read.sent):
                return True
            self._start(read, ask)
        if read.is_known and read.endpoint.is_last and len(asks) < self._concurrency:
            self._send_next()
        return bool(asks)

    def _send_next(self) -> None:
        """Use what is left for the first asks of the next lists."""
        held = sum(len(read.sent) for read in self._next)
        for read in self._next:
            for ask in islice(read.asks.ahead(), len(read.sent), None):
                if held >= self._concurrency or not self._slots.acquire(blocking=False):
                    return
                self._start(read, ask)
                held += 1

    def _start(self, read: _Read, ask: Ask) -> None:
        reply: Future[Reply] = Future()
        read.sent.append((ask, reply))

        def run() -> None:
            try:
                answer = self._fetch(read.endpoint, ask, read.abandoned)
            except BaseException as error:  # noqa: BLE001 -- raised where the reply is wanted
                self._slots.release()
                reply.set_exception(error)
            else:
                self._slots.release()
                reply.set_result(answer)

        # A daemon: a request in flight must not hold up the end of the process.
        threading.Thread(target=run, name="ask", daemon=True).start()


@dataclass(eq=False)
class _Read:
    """The asks of one read that were sent, and those that follow."""

    endpoint: Endpoint
    asks: Asks
    sent: deque[tuple[Ask, Future[Reply]]] = field(default_factory=deque)
    abandoned: threading.Event = field(default_factory=threading.Event)
    #: Whether a reply has reported how many asks there are.
    is_known: bool = False
