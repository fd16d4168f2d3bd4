"""Pages in order, with the following ones already on the wire.

The far U8 server takes its time for each page; a few requests in flight at once hide most of it,
those for the next lists among them. Where there is nothing to hide, pages are asked for one after
the other: threads that pass the interpreter's lock to and fro take a tenth of the time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from statistics import median
from typing import TYPE_CHECKING, Final

from tap_yonyou.u8.pages import U8Paginator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tap_yonyou.u8.gateway import Listing
    from tap_yonyou.u8.reply import Reply

    Fetch = Callable[[Listing, int, threading.Event], Reply]

#: A wait for a page, in seconds, that is hidden whatever else takes time.
_LONG: Final = 0.05
#: Shorter ones are hidden if they take this part of the time between two of them.
_PART: Final = 0.5
#: How many pages tell so.
_SAMPLES: Final = 3
#: For how many seconds the first page of a list may wait for its turn: the further apart pages are
#: read, the more may have changed between them.
_FRESH: Final = 60.0


class Lookahead:
    """The pages of all lists of a run.

    There are never more than `concurrency` requests in flight. Of the list being read, no more
    pages than that are in memory beside the one that was given out last; of the next lists neither.
    """

    def __init__(self, fetch: Fetch, concurrency: Callable[[], int]) -> None:
        """Ask for nothing yet.

        Args:
            fetch: Requests a page of a list by its number; gives up waiting once the event is set.
            concurrency: The most requests in flight, as it is at the moment.
        """
        self._fetch = fetch
        self._concurrency = concurrency
        self._next: deque[_List] = deque()
        self._running: set[Future[Reply]] = set()
        self._pace = _Pace()

    def expect(self, listing: Listing) -> None:
        """Name the list that is read after those that were named before.

        Args:
            listing: What `pages` will be called with.
        """
        self._next.append(_List(listing, U8Paginator()))

    def pages(
        self, listing: Listing, paginator: U8Paginator | None = None
    ) -> Generator[tuple[int, Reply], None, None]:
        """Read the pages of a list for as long as the paginator names one.

        Args:
            listing: The list.
            paginator: Says which pages there are; None for all.

        Yields:
            The number of each page and its reply, in order.

        Raises:
            Exception: What `fetch` raised for a page, when it is that page's turn.
        """
        one = self._expected(listing) or _List(listing, paginator or U8Paginator())
        try:
            while not one.paginator.finished:
                self._look_ahead(one)
                if not one.ahead:
                    _, run = one.next_fetch(self._fetch)
                    self._pace.measure(run)
                page, future = one.ahead.popleft()
                reply = future.result()
                one.paginator.advance(reply)  # type: ignore[arg-type]
                # So that these travel while this page is converted and written.
                self._look_ahead(one)
                yield page, reply
        finally:
            one.abandoned.set()

    def close(self) -> None:
        """Give up the lists that were named and not read."""
        while self._next:
            self._next.popleft().abandoned.set()

    def _expected(self, listing: Listing) -> _List | None:
        """Give a list that was named; those before it failed before they were read."""
        if all(one.listing is not listing for one in self._next):
            return None
        while (one := self._next.popleft()).listing is not listing:
            one.abandoned.set()
        if one.ahead and time.monotonic() - one.asked_at > _FRESH:
            one.abandoned.set()
            return None
        return one

    def _look_ahead(self, one: _List) -> None:
        """Fill up what is on the wire, with pages of the next lists if one has no others."""
        most = self._concurrency()
        if not self._pace.is_slow or most == 1:
            return
        while len(one.ahead) < most and self._start(one):
            pass
        if one.is_asked_for:
            held = sum(len(other.ahead) for other in self._next)
            for other in self._next:
                while held < most and self._start(other):
                    held += 1

    def _start(self, one: _List) -> bool:
        """Ask for the next page in a thread of its own, if there is one, and room for it."""
        if one.next_page is None or len(self._running) >= self._concurrency():
            return False
        future, run = one.next_fetch(self._fetch)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        # A daemon: a request in flight must not hold up the end of the process.
        threading.Thread(target=run, name="page", daemon=True).start()
        return True


class _List:
    """The pages of one list that were asked for, and the next one."""

    def __init__(self, listing: Listing, paginator: U8Paginator) -> None:
        self.listing = listing
        self.paginator = paginator
        self.ahead: deque[tuple[int, Future[Reply]]] = deque()
        self.abandoned = threading.Event()
        self.asked_at = 0.0

    @property
    def next_page(self) -> int | None:
        """The page to ask for; None if no other one is known."""
        page: int = self.paginator.current_value + len(self.ahead)
        return page if page <= self._last_known and not self.paginator.finished else None

    @property
    def is_asked_for(self) -> bool:
        """Whether all pages have been asked for."""
        is_known = self.paginator.current_value > 1 or self.paginator.finished
        return is_known and self.next_page is None

    @property
    def _last_known(self) -> int:
        first = self.ahead[0][1] if self.ahead and self.paginator.current_value == 1 else None
        if first and first.done() and not first.exception():
            return first.result().pages or 1
        return self.paginator.last_known

    def next_fetch(self, fetch: Fetch) -> tuple[Future[Reply], Callable[[], None]]:
        """Give what will hold the next page, and what gets it."""
        page: int = self.paginator.current_value + len(self.ahead)
        future: Future[Reply] = Future()
        self.asked_at = self.asked_at or time.monotonic()
        self.ahead.append((page, future))

        def run() -> None:
            try:
                future.set_result(fetch(self.listing, page, self.abandoned))
            except BaseException as error:  # noqa: BLE001 -- raised where the page is waited for
                future.set_exception(error)

        return future, run


class _Pace:
    """Tells whether waiting for a page takes so long that it is worth hiding."""

    def __init__(self) -> None:
        self.is_slow = False
        self._waits: deque[float] = deque(maxlen=_SAMPLES)
        self._works: deque[float] = deque(maxlen=_SAMPLES)
        self._ended = 0.0

    def measure(self, fetch: Callable[[], None]) -> None:
        """Fetch a page, here and now."""
        began, used = time.perf_counter(), time.thread_time()
        if self._ended:
            self._works.append(began - self._ended)
        fetch()
        self._ended = time.perf_counter()
        # What the processor did meanwhile, for the most part parsing, cannot be hidden.
        self._waits.append(self._ended - began - (time.thread_time() - used))
        # The shortest ones: another program may hold up any of them.
        is_long = min([*self._waits][-2:]) > _LONG
        is_sure = len(self._works) == _SAMPLES
        self.is_slow = is_long or (is_sure and min(self._waits) > _PART * median(self._works))
