"""The service on a socket: HTTP, the record of requests, and the faults on order."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from aiohttp import web

from sandbox.fault import JSON, Fault, encode
from sandbox.u8 import U8, Query, Refused

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Self

Endpoint: TypeAlias = Literal["token", "batch_get"]
PATHS: dict[str, Endpoint] = {
    "/system/token": "token",
    "/api/customercontacts/batch_get": "batch_get",
}


class Request(NamedTuple):
    """A request as it arrived."""

    path: str
    query: dict[str, str]
    raw_query: str
    connection: int
    """Equal for requests on one TCP connection."""
    user_agent: str


@dataclass
class _Order:
    fault: Fault
    endpoint: Endpoint
    page: str | None
    times: float


class _Hook(NamedTuple):
    page: str
    do: Callable[[], object]


@dataclass(kw_only=True, eq=False, repr=False)
class Sandbox(U8):
    """The service, listening on 127.0.0.1 in a thread of its own within ``with``.

    Attributes:
        latency: seconds every request waits before it is answered.
        port: where to listen; 0 takes any free port.
        tls: serve https on localhost with this context, as the vendor does.
        url: the address, known inside the ``with`` block.
        requests: every request so far, in order of arrival, also those met by a fault.
        most_at_once: how many requests were being answered at the same time, at the most.

    """

    latency: float = 0
    port: int = 0
    tls: ssl.SSLContext | None = None
    url: str = field(default="", init=False)
    requests: list[Request] = field(default_factory=list, init=False)
    most_at_once: int = field(default=0, init=False)
    _at_once: int = field(default=0, init=False)
    _orders: list[_Order] = field(default_factory=list, init=False)
    _hooks: list[_Hook] = field(default_factory=list, init=False)
    _stop: Callable[[], None] = field(init=False)

    def fail(
        self,
        fault: Fault,
        endpoint: Endpoint = "batch_get",
        page: int | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer the next `times` requests (``None``: all) with `fault`.

        That is requests to `endpoint`, and if `page` is given for that page only. Of
        several faults that fit a request, the one ordered first is played.
        """
        wanted = None if page is None else str(page)
        with self.lock:
            count = float("inf") if times is None else times
            self._orders.append(_Order(fault, endpoint, wanted, count))

    def before(self, page: int, do: Callable[[], object]) -> None:
        """Call `do` once, just before `page` is answered or met by a fault.

        It runs in the server's thread with `lock` held, so it may edit `rows`.
        """
        with self.lock:
            self._hooks.append(_Hook(str(page), do))

    def __enter__(self) -> Self:
        """Start listening; an OSError if the port is taken."""
        listener = socket.create_server(("127.0.0.1", self.port))
        origin = "https://localhost" if self.tls else "http://127.0.0.1"
        self.url = f"{origin}:{listener.getsockname()[1]}"
        loop, stop = asyncio.new_event_loop(), asyncio.Event()

        def serve() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve(listener, stop))

        # A daemon, so that a block never left cannot keep the process alive.
        thread = threading.Thread(target=serve, name="sandbox", daemon=True)
        thread.start()

        def shut_down() -> None:
            loop.call_soon_threadsafe(stop.set)
            thread.join()

        self._stop = shut_down
        return self

    def __exit__(self, *_: object) -> None:
        """Drop every connection, answered or not, and end the thread."""
        self._stop()

    async def _serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        known: weakref.WeakKeyDictionary[object, int] = weakref.WeakKeyDictionary()
        count = itertools.count(1)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if (transport := request.transport) is None:
                return web.Response()  # The caller has left already.
            if transport not in known:
                known[transport] = next(count)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                return await self._handle(request, known[transport])
            finally:
                self._at_once -= 1

        server = web.Server(handle, access_log=None)
        # A stalled request gets this long, twice; 0 would mean for ever.
        runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=self.tls).start()
        await stop.wait()
        await runner.cleanup()

    async def _handle(
        self,
        request: web.BaseRequest,
        connection: int,
    ) -> web.StreamResponse:
        query = dict(request.query)
        self.requests.append(
            Request(
                path=request.path,
                query=query,
                raw_query=request.raw_path.partition("?")[2],
                connection=connection,
                user_agent=request.headers.get("User-Agent", ""),
            ),
        )
        await asyncio.sleep(self.latency)
        endpoint = PATHS.get(request.path)
        if endpoint is None:
            return web.Response(status=404)
        if request.method != "GET":
            return web.Response(status=405)
        with self.lock:
            page = query.get("page_index") or "1"
            if endpoint == "batch_get":
                self._run_hooks(page)
            fault = self._next_fault(endpoint, page)
        if fault:
            return await fault.play(request, lambda: self._answer(endpoint, query))
        body = self._answer(endpoint, query)
        return web.Response(body=body, headers={"Content-Type": JSON})

    def _run_hooks(self, page: str) -> None:
        for hook in [hook for hook in self._hooks if hook.page == page]:
            self._hooks.remove(hook)
            hook.do()

    def _next_fault(self, endpoint: Endpoint, page: str) -> Fault | None:
        for order in self._orders:
            fits = order.endpoint == endpoint and order.page in {None, page}
            if fits and order.times > 0:
                order.times -= 1
                return order.fault
        return None

    def _answer(self, endpoint: Endpoint, query: Query) -> bytes:
        answer = self.token if endpoint == "token" else self.batch_get
        # Encoded under the lock too: the reply holds the very rows that may be edited.
        with self.lock:
            try:
                return encode(answer(query))
            except Refused as refused:
                return encode(refused.reply)
