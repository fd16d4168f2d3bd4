"""Pages in order, with the following ones already on the wire.

The far U8 server takes its time for each page; a few requests in flight at once hide most of it.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tap_yonyou.pagination import U8Paginator
    from tap_yonyou.reply import Reply


def in_order(
    fetch: Callable[[int, threading.Event], Reply],
    paginator: U8Paginator,
    concurrency: Callable[[], int],
) -> Generator[tuple[int, Reply], None, None]:
    """Read pages for as long as the paginator names one.

    There are never more pages in memory than `concurrency` + 1: the one that was given out last,
    and those on the wire or waiting for their turn.

    Args:
        fetch: Requests a page by its number; gives up waiting once the event is set.
        paginator: Says which pages there are.
        concurrency: The most requests in flight, as it is at the moment.

    Yields:
        The number of each page and its reply, in order.

    Raises:
        Exception: What `fetch` raised for a page, when it is that page's turn.
    """
    ahead: deque[tuple[int, Future[Reply]]] = deque()
    abandoned = threading.Event()

    def ask() -> None:
        while len(ahead) < concurrency():
            page = paginator.current_value + len(ahead)
            if page > paginator.last_known or paginator.finished:
                break
            future: Future[Reply] = Future()
            ahead.append((page, future))
            if concurrency() == 1:
                _run(future, fetch, page, abandoned)
            else:
                # A daemon: a request in flight must not hold up the end of the process.
                args = (future, fetch, page, abandoned)
                threading.Thread(target=_run, args=args, name="page", daemon=True).start()

    try:
        while not paginator.finished:
            ask()
            page, future = ahead.popleft()
            reply = future.result()
            paginator.advance(reply)  # type: ignore[arg-type]
            if concurrency() > 1:
                ask()  # so that these travel while this page is converted and written
            yield page, reply
    finally:
        abandoned.set()


def _run(
    future: Future[Reply],
    fetch: Callable[[int, threading.Event], Reply],
    page: int,
    abandoned: threading.Event,
) -> None:
    try:
        future.set_result(fetch(page, abandoned))
    except BaseException as error:  # noqa: BLE001 -- raised again where the page is waited for
        future.set_exception(error)
