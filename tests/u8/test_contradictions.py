"""Answers that contradict themselves, and bodies that break."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest

from sandbox import Fault, Sandbox, contacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunTap

SIZE = 20


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    with Sandbox(tables={"customercontacts": contacts(5 * SIZE)}) as running:
        yield running


# Counts that lie


def test_an_empty_first_page_of_several_is_a_change_though_no_rows_are_counted(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.omit = {"row_count", "rows_per_page"}
    empty: dict[str, object] = {"errcode": "0", "page_count": "5", "customercontacts": []}
    u8.fail(Fault.reply(empty), page=1, times=None)
    run = tap(page_size=SIZE)
    assert run.code == 1
    assert "page 1 of 5 brought no rows" in run.errors[0]
    assert run.of("STATE") == []


@pytest.mark.parametrize("rows", [0, SIZE], ids=["no rows", "the same rows"])
def test_a_number_of_pages_that_grows_with_each_reply_is_not_followed_for_ever(
    tap: RunTap,
    u8: Sandbox,
    rows: int,
) -> None:
    for page in range(1, 31):
        reply: dict[str, object] = {"errcode": "0", "row_count": "100", "rows_per_page": "20"}
        served = u8.tables["customercontacts"][:SIZE] if page == 1 else contacts(rows)
        reply |= {"page_count": str(page + 1), "customercontacts": served}
        u8.fail(Fault.reply(reply), page=page, times=None)
    run = tap(page_size=SIZE, max_passes=1)
    assert run.code == 1
    assert "the list changed during the read" in run.errors[0]
    assert len(u8.requests) < 10


def test_a_number_of_pages_beyond_reason_ends_with_the_rows(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    for page in range(1, 41):
        rows = u8.tables["customercontacts"][(page - 1) * SIZE : page * SIZE]
        reply = {"row_count": "100", "rows_per_page": "20", "page_count": "999999"}
        u8.fail(
            Fault.reply({"errcode": "0", **reply, "customercontacts": rows}),
            page=page,
            times=None,
        )
    run = tap(page_size=SIZE, max_passes=1)
    assert "brought no rows" in run.errors[0]
    assert len(u8.requests) < 15


def test_a_page_that_comes_twice_is_a_change_though_no_rows_are_counted(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.omit = {"row_count"}
    again = {"page_count": "5", "rows_per_page": "20", "customercontacts": contacts(SIZE)}
    u8.fail(Fault.reply({"errcode": "0", **again}), page=3)
    run = tap(page_size=SIZE)
    assert run.code == 1
    assert "(100 rows came, 80 different ones); reading again" in run.log
    assert run.of("STATE") == []


# Bodies that break


ID = random.Random(1).randbytes(4000).hex()  # noqa: S311 -- invented
TOKEN = json.dumps({"errcode": "0", "token": {"id": ID}})
ZIPPED = gzip.compress(TOKEN.encode())


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Length: 100000000000000", b"{}"),
        (f"Content-Length: 1{'0' * 30}", b"{}"),
        ("Transfer-Encoding: chunked", b"-5\r\n\r\n{}"),
        ("Transfer-Encoding: chunked", b"f" * 20 + b"\r\n\r\n{}"),
        ("Transfer-Encoding: chunked", b"2\r\n{}\r\n"),
        (f"Content-Encoding: gzip\r\nContent-Length: {len(ZIPPED)}", ZIPPED[:-999]),
        ("Content-Encoding: gzip\r\nContent-Length: 4", b"oops"),
    ],
    ids=[
        "length",
        "huge length",
        "negative chunk",
        "huge chunk",
        "no last chunk",
        "cut gzip",
        "no gzip",
    ],
)
def test_a_body_that_does_not_keep_its_headers_promise_is_a_broken_answer(
    tap: RunTap,
    head: str,
    body: bytes,
) -> None:
    with _Server(head, body) as server:
        run = tap(api_url=server.url)
    assert run.code == 1
    assert run.errors[0].startswith("log-in: the connection failed (")
    assert "; given up after 2 attempts; " in run.errors[0]


def test_a_gzip_body_that_is_shorter_than_what_was_zipped_is_not_json(tap: RunTap) -> None:
    cut = ZIPPED[:-999]
    with _Server(f"Content-Encoding: gzip\r\nContent-Length: {len(cut)}", cut) as server:
        run = tap(api_url=server.url)
    assert run.errors[0].startswith("log-in: the body is not JSON; given up after 2 attempts")


@pytest.mark.parametrize("encoding", ["gzip", "chunked", "to the end"])
def test_a_body_of_any_encoding_may_drip_no_longer_than_request_timeout(
    tap: RunTap,
    encoding: str,
) -> None:
    head, body = {
        "gzip": (f"Content-Encoding: gzip\r\nContent-Length: {len(ZIPPED)}", ZIPPED),
        "chunked": ("Transfer-Encoding: chunked", b"fff\r\n" + TOKEN.encode()),
        "to the end": ("Connection: close", TOKEN.encode()),
    }[encoding]
    started = time.monotonic()
    with _Server(head, body, pause=0.02) as server:
        run = tap(api_url=server.url, request_timeout=1)
    assert run.errors[0].startswith("log-in: no answer within 1 s; given up after 2 attempts")
    assert time.monotonic() - started < 20  # the drips would take minutes


class _Server:
    """Answers every request with the same head, and with a body at once or byte by byte."""

    def __init__(self, head: str, body: bytes, pause: float = 0) -> None:
        self._head = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode()
        self._parts = [bytes([byte]) for byte in body] if pause else [body]
        self._pause = pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(65_536)
            client.sendall(self._head)
            for part in self._parts:
                client.sendall(part)
                time.sleep(self._pause)
