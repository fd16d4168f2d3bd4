"""Which asks a list consists of, and their replies in order, requested ahead of time.

A reply takes long, and the next asks are known: up to `concurrency` requests are in flight while a
page is converted and written, those for the next lists among them.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from singer_sdk.pagination import PageNumberPaginator

from tap_yonyou.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from tap_yonyou.u8.gateway import Endpoint
    from tap_yonyou.u8.reply import Reply

    Fetch = Callable[[Endpoint, "Ask", threading.Event], Reply]
    _Waiting = SimpleQueue[tuple["_Read", "Ask", Future[Reply]] | None]

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
        """Give the asks that may be sent now, in order; the first one has no reply yet.

        None are left at the end of the read.
        """

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
        row_count: How many rows the replies report; None if they do not.
        is_counted: Whether every reply so far reported a `row_count`.
        total: How many pages there are; None if that is not known.
    """

    def __init__(self, most: int | None = None) -> None:
        """Start at the first page; read at most so many."""
        super().__init__(1)
        self.is_counted = False
        self.total: int | None = None
        self._most = most
        self._last_known = 1
        self._reported: dict[str, int] = {}
        self._change = ""

    @property
    def row_count(self) -> int | None:
        """How many rows the replies report; None if they do not."""
        return self._reported.get("row_count")

    @property
    def change(self) -> str:
        """What showed that the list changed during the read; empty if nothing did."""
        return self._change

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
        """Tell whether a page follows the one of this `Reply`."""
        reply: Reply = response
        page, rows = self.current_value, len(reply.rows or [])
        self.total = self.total or reply.pages
        self._compare(reply, page, rows)
        if self._most is not None and page >= self._most:
            return False
        if reply.pages is None:
            self._last_known = page + 1
            return rows > 0
        self._last_known = min(reply.pages, self.total or reply.pages)
        return rows > 0 and page < self._last_known

    def _compare(self, reply: Reply, page: int, rows: int) -> None:
        if not rows and page <= (self.total or 0) > 1:
            self._note(f"page {page} of {self.total} brought no rows")
        # Past the end a server may count nothing.
        if not rows and page > 1 and not reply.row_count:
            return
        self.is_counted = reply.row_count is not None and (page == 1 or self.is_counted)
        for name, value in (("row_count", reply.row_count), ("page_count", reply.page_count)):
            if value is not None and (before := self._reported.setdefault(name, value)) != value:
                self._note(f"{name} was {before}, then {value}")
        if reply.pages and page < reply.pages and reply.rows_per_page not in {None, rows}:
            self._note(f"page {page} brought {rows} of {reply.rows_per_page} rows")

    def _note(self, change: str) -> None:
        self._change = self._change or change


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
        self._waiting: _Waiting = SimpleQueue()
        self._threads = 0

    def expect(self, endpoint: Endpoint, asks: Asks) -> None:
        """Announce what `replies` is called with after everything announced before."""
        self._next.append(_Read(endpoint, asks))

    def replies(self, endpoint: Endpoint, asks: Asks) -> Generator[tuple[Ask, Reply], None, None]:
        """Give each ask with its reply, in order.

        Raises:
            U8Error: An ask was not answered well; raised when it is its turn.
        """
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
            if not self._next:
                self._end_threads()

    def close(self) -> None:
        """Abandon what was announced and not read."""
        while self._next:
            self._next.popleft().abandoned.set()
        self._end_threads()

    def _end_threads(self) -> None:
        for _ in range(self._threads):
            self._waiting.put(None)
        # Of their own for the threads to come: one that is still busy leaves its end where it is.
        self._waiting, self._threads = SimpleQueue(), 0

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
        if read.is_known and len(asks) < self._concurrency:
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
        self._waiting.put((read, ask, reply))
        if self._threads < self._concurrency:
            self._threads += 1
            # A daemon: a request in flight must not hold up the end of the process.
            threading.Thread(
                target=self._answer_all, args=(self._waiting,), name="ask", daemon=True
            ).start()

    def _answer_all(self, waiting: _Waiting) -> None:
        for sent in iter(waiting.get, None):
            self._answer(*sent)
            del sent  # its reply would stay in memory until the next one

    def _answer(self, read: _Read, ask: Ask, reply: Future[Reply]) -> None:
        try:
            answer = self._fetch(read.endpoint, ask, read.abandoned)
        except BaseException as error:  # noqa: BLE001 -- raised where the reply is wanted
            self._slots.release()
            reply.set_exception(error)
        else:
            self._slots.release()
            reply.set_result(answer)


class _Read:
    """The asks of one read that were sent, and those that follow."""

    def __init__(self, endpoint: Endpoint, asks: Asks) -> None:
        self.endpoint = endpoint
        self.asks = asks
        self.sent: deque[tuple[Ask, Future[Reply]]] = deque()
        self.abandoned = threading.Event()
        #: Whether a reply told how many asks there are.
        self.is_known = False
