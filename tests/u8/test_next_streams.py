"""While the last pages of one list arrive, the first ones of the next are on the wire."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from sandbox import NOT_GRANTED, RESOURCES, Fault, Sandbox, rows
from tap_yonyou.u8 import resources
from tap_yonyou.u8.gateway import Listing
from tap_yonyou.u8.lookahead import Lookahead
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
        (request.path.split("/")[2], request.query["page_index"])
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


# Where there is nothing to hide


@pytest.mark.parametrize(
    ("waits", "alone"),
    [
        ([0.001] * 12, 12),
        # Another program holds one of them up.
        ([0.001, 0.02, 0.001, 0.02, 0.02, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001], 12),
        ([0.004] * 12, 12),
        ([0.02] * 12, 4),
        ([0.1] * 12, 1),
        ([0.001, 0.1, 0.001, 0.1, 0.1, 0.001], 5),
        ([0.001] * 6 + [0.02] * 6, 9),
    ],
)
def test_threads_ask_for_pages_where_a_wait_is_worth_hiding(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], alone: int
) -> None:
    """That is half of the time that a page takes here, three times in a row, or 50 ms."""
    clock = {"perf_counter": 1.0, "thread_time": 1.0}
    for kind in ("perf_counter", "thread_time"):
        monkeypatch.setattr(f"tap_yonyou.u8.lookahead.time.{kind}", lambda kind=kind: clock[kind])
    here = []

    def fetch(_: Listing, page: int, __: threading.Event) -> Reply:
        if threading.current_thread() is threading.main_thread():
            here.append(page)
            clock["perf_counter"] += 0.005 + waits[page - 1]
            clock["thread_time"] += 0.005
        return Reply({"errcode": "0", "page_count": f"{len(waits)}", "x": [page]}, "x")

    for _ in Lookahead(fetch, lambda: 2).pages(listing("a")):
        clock = {kind: now + 0.01 for kind, now in clock.items()}
    assert here == [*range(1, alone + 1)]


def test_a_server_that_becomes_slow_is_noticed(tap: RunTap, u8: Sandbox) -> None:
    u8.latency = 0
    u8.tables = {"customercontacts": rows("customercontacts", 9000)}

    def slow_down() -> None:
        u8.latency = LATENCY

    u8.before(5, slow_down)
    run = tap(concurrency=4, page_size=300)
    assert run.code == 0
    assert len(run.records) == 9000
    assert u8.most_at_once == 4


# The order of requests, without a server


class Pages:
    """Answers at once, or when told to."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.asked: list[tuple[str, int]] = []

    def __call__(self, listing: Listing, page: int, _: threading.Event) -> Reply:
        self.asked.append((listing.label, page))
        time.sleep(0.06)  # more than is read one after the other
        return Reply({"errcode": "0", "page_count": str(self.pages), "x": [1]}, "x")


def listing(name: str) -> Listing:
    return Listing(resources.load("customercontacts"), name, {})


def test_a_first_page_that_has_become_old_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch, lists = Pages(1), [listing(name) for name in "abc"]
    lookahead = Lookahead(fetch, lambda: 4)
    for one in lists:
        lookahead.expect(one)
    assert [page for page, _ in lookahead.pages(lists[0])] == [1]
    now = time.monotonic()
    monkeypatch.setattr("tap_yonyou.u8.lookahead.time.monotonic", lambda: now + 61)
    assert [page for page, _ in lookahead.pages(lists[1])] == [1]
    assert fetch.asked.count(("a", 1)) == 1
    assert fetch.asked.count(("b", 1)) == 2


def test_no_more_pages_of_the_next_lists_are_held_than_requests_may_be_in_flight() -> None:
    fetch, lists = Pages(3), [listing(f"{n}") for n in range(9)]
    lookahead = Lookahead(fetch, lambda: 4)
    for one in lists:
        lookahead.expect(one)
    read = 0
    for one in lists:
        for _ in lookahead.pages(one):
            read += 1
            time.sleep(0.07)  # for those that can be asked for to be so
            # Of this list there are three, of the next ones four, and one was given out.
            assert len(fetch.asked) - read <= 4 + 4
    assert sorted(fetch.asked) == [(f"{n}", page) for n in range(9) for page in (1, 2, 3)]


def test_what_was_named_and_is_not_read_is_given_up() -> None:
    ended = threading.Event()

    def fetch(listing: Listing, page: int, abandoned: threading.Event) -> Reply:
        if listing.label == "b":
            abandoned.wait(60)
            ended.set()
        time.sleep(0.06)
        return Reply({"errcode": "0", "page_count": "1", "x": [page]}, "x")

    lookahead = Lookahead(fetch, lambda: 4)
    first, second, third = (listing(name) for name in "abc")
    for one in (first, second, third):
        lookahead.expect(one)
    assert [page for page, _ in lookahead.pages(first)] == [1]
    assert [page for page, _ in lookahead.pages(third)] == [1]
    assert ended.wait(5)
