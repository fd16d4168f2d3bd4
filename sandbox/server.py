"""The service on a socket: HTTP, the record of requests, and the faults on order."""

from __future__ import annotations

import asyncio
import itertools
import re
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

Endpoint: TypeAlias = Literal["token", "batch_get", "get"]
_CALL = re.compile(r"/api/(\w+)/(batch_get|get)")


class Request(NamedTuple):
    """A request as it arrived."""

    path: str
    query: dict[str, str]
    raw_query: str
    connection: int
    """Equal for requests on one TCP connection."""
    user_agent: str
    authorization: str


class _Target(NamedTuple):
    """What a request is for, or which requests are meant: ``None`` is any."""

    endpoint: Endpoint
    resource: str | None
    page: str | None
    source: str | None
    document: str | None = None

    def means(self, request: _Target) -> bool:
        return all(wanted in {None, given} for wanted, given in zip(self, request, strict=True))


@dataclass
class _Order:
    fault: Fault
    target: _Target
    times: float


class _Hook(NamedTuple):
    target: _Target
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
        most_at_once: the most requests that were being answered at the same time.

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

    def fail(  # noqa: PLR0913
        self,
        fault: Fault,
        endpoint: Endpoint = "batch_get",
        page: int | None = None,
        times: int | None = 1,
        *,
        resource: str | None = None,
        source: int | None = None,
        document: str | None = None,
    ) -> None:
        """Answer the next `times` requests (``None``: all) with `fault`.

        That is requests to `endpoint`, and if `page`, `resource`, `source` or `document` is given
        for that page, list, data source or document (by its code) only. Of several faults that fit
        a request, the one ordered first is played.
        """
        target = _Target(endpoint, resource, _text(page), _text(source), document)
        count = float("inf") if times is None else times
        with self.lock:
            self._orders.append(_Order(fault, target, count))

    def forgive(self) -> None:
        """Forget the faults that were ordered."""
        with self.lock:
            self._orders.clear()

    def before(
        self,
        page: int,
        do: Callable[[], object],
        *,
        resource: str | None = None,
        source: int | None = None,
    ) -> None:
        """Call `do` once, just before `page` is answered or met by a fault.

        That is of any list, or of `resource`, in any data source, or in `source`. It runs in the
        server's thread with `lock` held, so it may edit `tables`.
        """
        with self.lock:
            target = _Target("batch_get", resource, str(page), _text(source))
            self._hooks.append(_Hook(target, do))

    def before_get(
        self,
        code: str,
        do: Callable[[], object],
        *,
        resource: str | None = None,
        source: int | None = None,
    ) -> None:
        """Call `do` once, just before the document `code` is answered or met by a fault.

        Otherwise like `before`; `do` may edit `lines`, too.
        """
        with self.lock:
            target = _Target("get", resource, None, _text(source), code)
            self._hooks.append(_Hook(target, do))

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
        # A connection that is being accepted when the server closes is never closed itself; one
        # with an answer that the caller does not read would wait for that.
        asyncio.get_running_loop().remove_reader(listener)
        await _idle()
        for connection in server.connections:
            if connection.transport:
                connection.transport.abort()
        await runner.cleanup()
        await _idle()

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
                authorization=request.headers.get("Authorization", ""),
            ),
        )
        await asyncio.sleep(self.latency)
        target = self._target(request.path, query)
        if target is None:
            return web.Response(status=404)
        if request.method != "GET":
            return web.Response(status=405)
        with self.lock:
            self._run_hooks(target)
            fault = self._next_fault(target)
        if fault:
            return await fault.play(request, lambda: self._answer(target, query))
        body = self._answer(target, query)
        return web.Response(body=body, headers={"Content-Type": JSON})

    def _target(self, path: str, query: Query) -> _Target | None:
        page, source = query.get("page_index") or "1", query.get("ds_sequence")
        if path == "/system/token":
            return _Target("token", None, page, source)
        if found := _CALL.fullmatch(path):
            for resource in self.tables:
                known = self.known(resource)
                if found.groups() == (known.path or resource, "batch_get"):
                    return _Target("batch_get", resource, page, source)
                if known.entry and found.groups() == (known.document or resource, "get"):
                    return _Target("get", resource, None, source, query.get("id"))
        return None

    def _run_hooks(self, target: _Target) -> None:
        for hook in [hook for hook in self._hooks if hook.target.means(target)]:
            self._hooks.remove(hook)
            hook.do()

    def _next_fault(self, target: _Target) -> Fault | None:
        for order in self._orders:
            if order.target.means(target) and order.times > 0:
                order.times -= 1
                return order.fault
        return None

    def _answer(self, target: _Target, query: Query) -> bytes:
        # Encoded under the lock too: the reply holds the very rows that may be edited.
        with self.lock:
            try:
                if target.resource is None:  # A log-in.
                    return encode(self.token(query))
                answer = self.get if target.endpoint == "get" else self.batch_get
                return encode(answer(target.resource, query))
            except Refused as refused:
                return encode(refused.reply)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


async def _idle() -> None:
    """Let the event loop do what it has begun."""
    for _ in range(5):
        await asyncio.sleep(0)
