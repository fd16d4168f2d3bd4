"""A U8+ that is never the bottleneck: every row is encoded before the first request.

`python -m bench.server --rows 1000000` prints one line of JSON and serves until its standard input
closes. The address says how many rows a list has, how late each answer comes, and how many percent
of the rows (0 or 1) are not as before, `http://127.0.0.1:<port>/<rows>/<milliseconds>/<percent>`,
so that one server does for all cases. The rows are the sandbox's, and so is the wording of a reply.
Sales orders are old, approved and have five lines each; `/gets` says how many were asked for.
"""

from __future__ import annotations

import argparse
import itertools
import json
import mmap
import socket
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from bench.plan import LINES
from sandbox import ACCOUNTS, contact, contacts, rows, sample
from sandbox.fault import JSON, encode
from sandbox.u8 import BAD_TOKEN, NOTHING_MATCHES, U8, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = "a-token-of-the-benchmark"  # noqa: S105 -- opens nothing
#: How many orders differ in more than their code. These are of 2024 and approved.
_ORDERS = 200


class Rows:
    """All rows as they stand on the wire, in a temporary file that stays in the page cache."""

    def __init__(self, rows: Iterable[bytes]) -> None:
        """Write them."""
        self._ends = [0]
        # Not memory of the process: a million rows take some 450 MB.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- open for as long as the map is
        for row in rows:
            self._file.write(row + b",")
            self._ends.append(self._ends[-1] + len(row) + 1)
        self._file.flush()
        self._view = memoryview(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))

    def __getitem__(self, part: slice) -> memoryview:
        """Give rows side by side, with commas between them, without copying them."""
        first, end, _ = part.indices(len(self._ends) - 1)
        return self._view[self._ends[first] : max(self._ends[end] - 1, self._ends[first])]


def _contacts(count: int, *, edited: bool) -> Iterable[bytes]:
    for n in range(1, count + 1):
        yield encode(contact(n) | ({"name": "改名"} if edited and not n % 100 else {}))


class Orders:
    """Sales orders: the rows of their list, and each with its lines."""

    def __init__(self, count: int) -> None:
        """Encode what differs."""
        found = sample("saleorder")
        assert found.entry  # noqa: S101 -- for mypy
        # The lines of one whose number ends so are five.
        self._lines = [encode(found.entry(f"{5 * n + LINES - 1:05d}")) for n in range(_ORDERS)]
        self._edited = [lines.replace(b'"quantity":"', b'"quantity":"1') for lines in self._lines]
        self._heads = [encode({**row, "code": "?"}) for row in rows("saleorder", _ORDERS)]
        self.rows = Rows(self.head(n, edited=False) for n in range(1, count + 1))
        self.edited = Rows(self.head(n, edited=True) for n in range(1, count + 1))

    def head(self, n: int, *, edited: bool) -> bytes:
        """Give the row of order `n` in the list."""
        row = self._heads[n % _ORDERS].replace(b'"?"', b'"SO%07d"' % n, 1)
        return row.replace(b'"sum":"', b'"sum":"1', 1) if edited and not n % 100 else row

    def document(self, n: int, *, edited: bool) -> bytes:
        """Give order `n` with its lines."""
        lines = (self._edited if edited and not n % 100 else self._lines)[n % _ORDERS]
        return self.head(n, edited=edited)[:-1] + b',"entry":' + lines + b"}"


class Service:
    """What is answered to a request."""

    def __init__(self, count: int, orders: int) -> None:
        """Encode so many contacts, and so many orders."""
        self._contacts = [Rows(_contacts(count, edited=edited)) for edited in (False, True)]
        self._orders = Orders(orders)
        self._gets = itertools.count()
        self.gets = 0

    def answer(
        self, path: str, query: dict[str, str], count: int, changed: int = 0
    ) -> list[bytes | memoryview]:
        """Answer as the sandbox does.

        Args:
            path: The path without what the address of the case adds.
            query: The parameters.
            count: How many rows this case has.
            changed: How many percent of them have changed.

        Returns:
            The body, in parts.
        """
        if path == "/gets":
            return [encode(self.gets)]
        if path == "/system/token":
            token = {"appKey": ACCOUNTS.app_key, "expiresIn": 7200, "id": _TOKEN}
            return [encode({"errcode": "0", "errmsg": "", "token": token})]
        if query.get("token") != _TOKEN:
            return [encode(Refused(BAD_TOKEN).reply)]
        if path == "/api/saleorder/get":
            self.gets = next(self._gets) + 1
            document = self._orders.document(int(query["id"][2:]), edited=bool(changed))
            return [b'{"errcode":"0","errmsg":"","saleorder":', document, b"}"]
        if path == "/api/saleorderlist/batch_get":
            orders = self._orders.edited if changed else self._orders.rows
            return _page(orders, "saleorder", query, count)
        return _page(self._contacts[changed > 0], "customercontacts", query, count)

    def check(self, count: int, size: int) -> None:
        """Make sure that the first and the last page, and a document, are the sandbox's.

        Raises:
            AssertionError: They are not.
        """
        known = U8(tables={"customercontacts": contacts(count)})
        known.tables["saleorder"] = json.loads(b"[" + self._orders.rows[:count] + b"]")
        lines = json.loads(self._orders.document(1, edited=False))["entry"]
        known.lines["saleorder"] = {"SO0000001": lines}
        login = known.token(ACCOUNTS._asdict())["token"]
        assert isinstance(login, dict)  # noqa: S101
        query = {**ACCOUNTS._asdict(), "rows_per_page": str(size), "id": "SO0000001"}
        signed = query | {"token": str(login["id"])}
        ours = self.answer("/api/saleorder/get", query | {"token": _TOKEN}, count)
        _compare("a document", ours, known.get("saleorder", signed))
        self._gets, self.gets = itertools.count(), 0
        for resource in known.tables:
            path = f"/api/{sample(resource).path or resource}/batch_get"
            for page in (1, -(-count // size)):
                asked = {"page_index": str(page)}
                ours = self.answer(path, query | asked | {"token": _TOKEN}, count)
                theirs = known.batch_get(resource, signed | asked)
                _compare(f"page {page} of {resource}", ours, theirs)


def _page(
    table: Rows, resource: str, query: dict[str, str], count: int
) -> list[bytes | memoryview]:
    known = sample(resource)
    array = known.path or resource
    page, size = int(query.get("page_index", 1)), int(query.get("rows_per_page", 20))
    part = table[(page - 1) * size : min(page * size, count)]
    if not part:
        return [encode(Refused(NOTHING_MATCHES, known.title).reply)]
    head, tail = encode(
        {
            "page_index": str(page),
            "rows_per_page": str(size),
            "row_count": str(count),
            "errmsg": "",
            array: [],
            "page_count": str(-(-count // size)),
            "errcode": "0",
        }
    ).split(b"[]")
    return [head + b"[", part, b"]" + tail]


def _compare(what: str, ours: list[bytes | memoryview], theirs: dict[str, object]) -> None:
    if b"".join(ours) != encode(theirs):
        msg = f"{what} is not what the sandbox answers"
        raise AssertionError(msg)


class Server:
    """Listens on loopback; every connection has a thread, which mostly waits in the kernel."""

    def __init__(self, service: Service) -> None:
        """Take any free port."""
        self._service = service
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        """Answer from now on until the process ends."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        # Nothing of a reply waits for the acknowledgement of what went before.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in received:
                    if not (more := _receive(connection)):
                        return
                    received += more
                request, _, received = received.partition(b"\r\n\r\n")
                try:
                    for part in self._response(request):
                        connection.sendall(part)
                except ConnectionError:
                    return

    def _response(self, request: bytes) -> list[bytes | memoryview]:
        target = urlsplit(request.split(b" ", 2)[1].decode())
        try:
            _, count, latency, changed, rest = target.path.split("/", 4)
            query = {name: values[0] for name, values in parse_qs(target.query).items()}
            time.sleep(int(latency) / 1000)
            first, *others = self._service.answer(f"/{rest}", query, int(count), int(changed))
        except ValueError:
            return [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"]
        length = sum(map(len, (first, *others)))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n"
        return [head.encode() + first, *others]


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def main() -> None:
    """Prepare, say where the server is, and serve until the standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m bench.server", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows to prepare (100000)")
    parser.add_argument("--orders", type=int, default=0, help="sales orders to prepare (0)")
    options = parser.parse_args()
    service = Service(options.rows, max(options.orders, 100))
    service.check(min(options.rows, options.orders, 250) or 100, 100)
    server = Server(service)
    server.start()
    ready = {"port": server.port, "accounts": ACCOUNTS._asdict(), "token": _TOKEN}
    print(json.dumps(ready), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
