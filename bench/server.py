"""A U8+ that is never the bottleneck: every row is encoded before the first request.

`python -m bench.server --rows 1000000` prints one line of JSON and serves until its standard input
closes. The address says how many rows there are, how late each answer comes, and how many percent
of the rows (0 or 1) are not as before, `http://127.0.0.1:<port>/<rows>/<milliseconds>/<percent>`,
so that one server does for all cases. The rows are the sandbox's, and so is the wording of a reply.
"""

from __future__ import annotations

import argparse
import json
import mmap
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from sandbox import ACCOUNTS, contact, contacts
from sandbox.fault import JSON, encode
from sandbox.u8 import BAD_TOKEN, NOTHING_MATCHES, U8, Refused

_TOKEN = "a-token-of-the-benchmark"  # noqa: S105 -- opens nothing
#: How many rows are encoded at a time; bounds the memory of the preparation.
_PART = 10_000


class Rows:
    """All rows as they stand on the wire, in a temporary file that stays in the page cache."""

    def __init__(self, count: int, edited: int = 0) -> None:
        """Encode them.

        Args:
            count: How many rows the longest case reads.
            edited: How many of a hundred have another name.
        """
        self._ends = [0]
        # Not memory of the process: a million rows take some 450 MB.
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- open for as long as the map is
        for first in range(1, count + 1, _PART):
            for number in range(first, min(first + _PART, count + 1)):
                row = encode(contact(number) | ({"name": "改名"} if number % 100 < edited else {}))
                self._file.write(row + b",")
                self._ends.append(self._ends[-1] + len(row) + 1)
        self._file.flush()
        self._view = memoryview(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))

    def __getitem__(self, part: slice) -> memoryview:
        """Give rows side by side, with commas between them, without copying them."""
        first, end, _ = part.indices(len(self._ends) - 1)
        return self._view[self._ends[first] : max(self._ends[end] - 1, self._ends[first])]


@dataclass(frozen=True)
class Service:
    """What is answered to a request."""

    rows: Rows
    edited: Rows

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
        if path == "/system/token":
            token = {"appKey": ACCOUNTS.app_key, "expiresIn": 7200, "id": _TOKEN}
            return [encode({"errcode": "0", "errmsg": "", "token": token})]
        if query.get("token") != _TOKEN:
            return [encode(Refused(BAD_TOKEN).reply)]
        page, size = int(query.get("page_index", 1)), int(query.get("rows_per_page", 20))
        rows = (self.edited if changed else self.rows)[(page - 1) * size : min(page * size, count)]
        if not rows:
            return [encode(Refused(NOTHING_MATCHES, "客户联系人").reply)]
        head, tail = encode(
            {
                "page_index": str(page),
                "rows_per_page": str(size),
                "row_count": str(count),
                "errmsg": "",
                "customercontacts": [],
                "page_count": str(-(-count // size)),
                "errcode": "0",
            }
        ).split(b"[]")
        return [head + b"[", rows, b"]" + tail]

    def check(self, count: int, size: int) -> None:
        """Make sure that the first and the last page are what the sandbox answers.

        Raises:
            AssertionError: They are not.
        """
        known = U8(tables={"customercontacts": contacts(count)})
        login = known.token(ACCOUNTS._asdict())["token"]
        query = {**ACCOUNTS._asdict(), "rows_per_page": str(size)}
        assert isinstance(login, dict)  # noqa: S101
        for page in (1, -(-count // size)):
            query["page_index"] = str(page)
            signed = query | {"token": str(login["id"])}
            theirs = encode(known.batch_get("customercontacts", signed))
            ours = self.answer("/api/", query | {"token": _TOKEN}, count)
            if b"".join(ours) != theirs:
                msg = f"page {page} is not what the sandbox answers"
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
    options = parser.parse_args()
    service = Service(Rows(options.rows), Rows(options.rows, edited=1))
    service.check(min(options.rows, 2500), 1000)
    server = Server(service)
    server.start()
    ready = {"port": server.port, "accounts": ACCOUNTS._asdict(), "token": _TOKEN}
    print(json.dumps(ready), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
