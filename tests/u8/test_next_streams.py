"""While the last pages of one list arrive, the first pages of the next are requested."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from sandbox import NOT_GRANTED, RESOURCES, Fault, Sandbox, rows
from tap_yonyou.u8.gateway import Endpoint
from tap_yonyou.u8.pages import Ask, Lookahead, U8Paginator
from tap_yonyou.u8.reply import Reply
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Run, RunTap

LATENCY = 0.1
NAMES = RESOURCES[:6]


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    with Sandbox(tables={name: rows(name, 20) for name in RESOURCES}, latency=LATENCY) as running:
        yield running


def asked(u8: Sandbox) -> list[tuple[str, str]]:
    """List and page of each request, in the order of their arrival."""
    return [
        (request.path.split("/")[2].removesuffix("list"), request.query["page_index"])
        for request in u8.requests
        if request.path != "/system/token"
    ]


def order(run: Run) -> list[str]:
    return [*dict.fromkeys(message["stream"] for message in run.of("RECORD"))]


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_lists_of_one_page_are_read_together_within_the_one_bound(
    tap: RunTap, u8: Sandbox, concurrency: int
) -> None:
    run = tap(streams=RESOURCES, concurrency=concurrency, page_size=100)
    assert run.code == 0
    assert order(run) == RESOURCES
    assert len(run.records) == 20 * len(RESOURCES)
    assert u8.most_at_once == concurrency
    assert sorted(asked(u8)) == [(name, "1") for name in RESOURCES]


def test_what_is_asked_for_when_all_threads_are_busy_waits_for_its_turn(
    tap: RunTap, u8: Sandbox
) -> None:
    """The rows without a key end the first list while its other pages are on the wire."""
    for row in u8.tables[NAMES[0]]:
        row.update(dict.fromkeys(row, ""))
    for page in range(2, 6):
        u8.fail(Fault.stall(1), resource=NAMES[0], page=page)
    run = tap(streams=NAMES, concurrency=4, page_size=2)
    assert run.code == 1
    assert order(run) == NAMES[1:]
    assert u8.most_at_once == 4


def test_a_list_is_asked_for_to_its_end_before_the_next(tap: RunTap, u8: Sandbox) -> None:
    run = tap(streams=NAMES[:3], concurrency=4, page_size=4)
    assert run.code == 0
    assert order(run) == NAMES[:3]
    assert u8.most_at_once <= 4
    wanted = [(name, str(page)) for name in NAMES[:3] for page in range(1, 6)]
    assert sorted(asked(u8)) == sorted(wanted)
    # Of the four requests in flight when the next list's turn comes, any may arrive first.
    assert asked(u8).index((NAMES[1], "1")) >= 2


def test_the_requests_of_each_are_counted_by_themselves(tap: RunTap) -> None:
    run = tap(streams=NAMES, concurrency=8, page_size=10)
    said = [line for line in run.log.splitlines() if "set to null" in line]
    assert ["2 pages, 3 requests" in line for line in said] == [True, *[False] * 5]
    assert ["2 pages, 2 requests" in line for line in said] == [False, *[True] * 5]


def test_nothing_is_asked_of_lists_that_fail_or_are_not_selected(tap: RunTap, u8: Sandbox) -> None:
    catalog = catalog_of(tap, "FULL_TABLE", streams=NAMES)
    root = next(m for m in catalog["streams"][1]["metadata"] if not m["breadcrumb"])
    root["metadata"]["selected"] = False
    u8.refused[NAMES[2]] = NOT_GRANTED
    run = tap(streams=NAMES, catalog=catalog, concurrency=8, page_size=5)
    assert run.code == 1
    assert order(run) == [NAMES[0], *NAMES[3:]]
    wanted = [(name, str(page)) for name in (NAMES[0], *NAMES[3:]) for page in range(1, 5)]
    assert sorted(asked(u8)) == sorted([*wanted, (NAMES[2], "1")])


def test_an_error_is_told_in_its_lists_turn(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("30021"), resource=NAMES[3], times=None)
    u8.fail(Fault.stall(0.3), resource=NAMES[0], page=1)
    run = tap(streams=NAMES, concurrency=8, page_size=100, max_attempts=3)
    assert run.code == 1
    assert run.errors[0].startswith(f"{NAMES[3]}, page 1: errcode 30021")
    assert run.errors[1] == f"1 of 6 streams failed: {NAMES[3]}"
    assert order(run) == [name for name in NAMES if name != NAMES[3]]


def test_the_connection_test_asks_for_one_page_of_each(tap: RunTap, u8: Sandbox) -> None:
    assert tap("--test", streams=NAMES, concurrency=8, page_size=5).code == 0
    assert sorted(asked(u8)) == [(name, "1") for name in NAMES]


# The order of requests, without a server


class Pages:
    """Answers with one row for each of so many pages."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.asked: list[tuple[str, int]] = []

    def __call__(self, endpoint: Endpoint, ask: Ask, _: threading.Event) -> Reply:
        self.asked.append((endpoint.label, ask.params["page_index"]))
        return Reply({"errcode": "0", "page_count": str(self.pages), "x": [1]}, "x")


def endpoint(name: str) -> Endpoint:
    return Endpoint("/api/x/batch_get", "x", name, {})


def test_no_more_pages_of_the_next_lists_are_held_than_requests_may_be_in_flight() -> None:
    fetch, lists = Pages(3), [(endpoint(f"{n}"), U8Paginator()) for n in range(9)]
    lookahead = Lookahead(fetch, 4)
    for one in lists:
        lookahead.expect(*one)
    read = 0
    for one in lists:
        for _ in lookahead.replies(*one):
            read += 1
            time.sleep(0.02)  # so that what may be requested is requested
            # Of this list there are three, of the next ones four, and one was given out.
            assert len(fetch.asked) - read <= 4 + 4
    assert sorted(fetch.asked) == [(f"{n}", page) for n in range(9) for page in (1, 2, 3)]


def test_what_was_announced_and_is_not_read_is_abandoned() -> None:
    ended = threading.Event()

    def fetch(endpoint: Endpoint, _: Ask, abandoned: threading.Event) -> Reply:
        if endpoint.label == "b":
            abandoned.wait(60)
            ended.set()
        return Reply({"errcode": "0", "page_count": "1", "x": [1]}, "x")

    lookahead = Lookahead(fetch, 4)
    first, second, third = ((endpoint(name), U8Paginator()) for name in "abc")
    for one in (first, second, third):
        lookahead.expect(*one)
    assert [ask.label for ask, _ in lookahead.replies(*first)] == ["page 1"]
    assert [ask.label for ask, _ in lookahead.replies(*third)] == ["page 1"]
    assert ended.wait(5)
