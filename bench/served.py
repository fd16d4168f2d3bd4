"""The benchmark's server as its other side sees it: a process, an address, and a rate."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The project's folder.
ROOT = Path(__file__).resolve().parent.parent
#: For how many seconds the server alone is measured.
_TRIAL = 1.0


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        accounts: What a caller needs to log in.
        token: The token that a log-in gives, for a peer that cannot log in by itself.
    """

    port: int
    accounts: Mapping[str, str]
    token: str

    def url(self, rows: int, latency: int = 0, changed: int = 0) -> str:
        """Give the address of a U8.

        Args:
            rows: How many rows it has.
            latency: Milliseconds before each answer.
            changed: How many percent of the rows have changed.
        """
        return f"http://127.0.0.1:{self.port}/{rows}/{latency}/{changed}"

    def gets(self) -> int:
        """Tell how many documents have been asked for."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"GET /0/0/0/gets HTTP/1.1\r\n\r\n")
            return int(connection.recv(1000).rpartition(b"\r\n")[2])

    def rate(self, rows: int, size: int) -> float:
        """Read pages over and over and look at none of them.

        Args:
            rows: How many rows there are.
            size: How many rows a page has.

        Returns:
            Rows a second: what server and loopback can do at most, for one connection.
        """
        pages, buffer, reads = -(-rows // size), bytearray(1 << 20), 0
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            began = time.perf_counter()
            while (elapsed := time.perf_counter() - began) < _TRIAL:
                query = f"token={self.token}&page_index={1 + reads % pages}&rows_per_page={size}"
                connection.sendall(f"GET /{rows}/0/0/api/?{query} HTTP/1.1\r\n\r\n".encode())
                received = connection.recv_into(buffer)
                end = buffer.index(b"\r\n\r\n", 0, received) + 4
                left = end + int(buffer[:end].rpartition(b":")[2]) - received
                while left:
                    left -= connection.recv_into(buffer)
                reads += 1
        return reads * size / elapsed


@contextmanager
def served(rows: int, orders: int = 0) -> Iterator[Served]:
    """Run the server in a process of its own.

    Args:
        rows: How many rows it prepares.
        orders: How many documents.

    Yields:
        The server, ready.

    Raises:
        RuntimeError: It did not start.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "bench.server", "--rows", str(rows), "--orders", str(orders)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout  # noqa: S101 -- for mypy
        line = process.stdout.readline()
        if not line:
            msg = "the benchmark's server did not start"
            raise RuntimeError(msg)
        try:
            yield Served(**json.loads(line))
        finally:
            process.communicate()  # closes its standard input, which ends it


@contextmanager
def sandboxed(sources: int, latency: int) -> Iterator[str]:
    """Run the sandbox, with all lists that it has, in a process of its own.

    Args:
        sources: How many data sources it has.
        latency: Milliseconds before each answer.

    Yields:
        Its address.
    """
    options = ["--port=0", f"--sources={sources}", f"--latency={latency}"]
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout  # noqa: S101 -- for mypy
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()
