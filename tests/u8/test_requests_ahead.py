"""The next pages are requested ahead of time, and nothing else changes by that."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.helpers.conform import TypeConformanceLevel

from sandbox import ACCOUNTS, Fault, Sandbox, contacts
from tap_yonyou.command.output import Writer
from tap_yonyou.command.progress import Progress
from tap_yonyou.compat import override
from tap_yonyou.errors import U8Error
from tap_yonyou.stream import U8Stream
from tap_yonyou.tap import TapYonyou
from tap_yonyou.u8.gateway import Endpoint
from tap_yonyou.u8.pages import Ask, Lookahead, U8Paginator
from tap_yonyou.u8.reply import Reply
from tests.conftest import TAP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run, RunTap

PAGES = 12


@pytest.fixture
def u8() -> Any:
    with Sandbox(tables={"customercontacts": contacts(240)}, latency=0.1) as running:
        yield running


def is_whole(run: Run, u8: Sandbox) -> bool:
    return run.code == 0 and run.codes == [row["code"] for row in u8.tables["customercontacts"]]


@pytest.mark.parametrize("concurrency", [1, 2, 4, 16])
def test_so_many_requests_are_in_flight_and_no_more(
    tap: RunTap,
    u8: Sandbox,
    concurrency: int,
) -> None:
    run = tap(page_size=20, concurrency=concurrency)
    assert is_whole(run, u8)
    assert u8.most_at_once == min(concurrency, PAGES - 1)
    # The first page alone says how many there are.
    assert u8.requests[1].query["page_index"] == "1"
    assert len(u8.requests) == 1 + PAGES
    assert len({request.connection for request in u8.requests}) <= concurrency


@pytest.mark.installed
def test_four_by_default(tap: RunTap, u8: Sandbox) -> None:
    assert is_whole(tap(page_size=20), u8)
    assert u8.most_at_once == 4


def test_pages_come_in_order_though_answers_do_not(tap: RunTap, u8: Sandbox) -> None:
    for page in (1, 2, 6, 12):
        u8.fail(Fault.status(500), page=page)
    assert is_whole(tap(page_size=20), u8)


def test_a_token_is_renewed_once_for_all_that_are_in_flight(tap: RunTap, u8: Sandbox) -> None:
    u8.before(page=4, do=u8.revoke)
    assert is_whole(tap(page_size=20, concurrency=8), u8)
    assert len(u8.tokens) == 2


def test_the_error_is_that_of_the_first_page_and_the_rows_before_it_come_out(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.fail(Fault.errcode("20006"), page=4, times=None)
    for page in (5, 6):
        u8.fail(Fault.errcode("39999"), page=page, times=None)
    run = tap(page_size=20)
    assert run.code == 1
    assert run.errors[0].startswith("customercontacts, page 4: errcode 20006")
    assert len(run.errors) == 1
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"][:60]]


def test_a_failure_is_not_held_up_by_what_is_in_flight(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.stall(60), page=5, times=None)
    u8.fail(Fault.errcode("30021"), page=3)
    started = time.monotonic()
    run = tap(page_size=20)
    assert run.code == 1
    assert time.monotonic() - started < 30


def test_rows_that_come_or_go_are_noticed_with_requests_in_flight(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.before(page=7, do=lambda: u8.tables["customercontacts"].pop(0))
    run = tap(page_size=20)
    assert run.code == 0
    assert "the list changed" in run.log
    assert {row["code"] for row in u8.tables["customercontacts"]} <= set(run.codes)


def test_too_many_requests_are_repeated_after_the_time_that_the_server_asks_for(
    tap: RunTap, u8: Sandbox
) -> None:
    u8.fail(Fault.status(429, {"Retry-After": "1"}), page=3)
    run = tap(page_size=20, concurrency=8)
    assert is_whole(run, u8)
    assert "page 3: HTTP 429; attempt 2 of 2 follows in 1.0 s" in run.log
    assert u8.most_at_once == 8


def test_no_thread_is_left_behind(u8: Sandbox) -> None:
    before = {*threading.enumerate()}
    u8.fail(Fault.errcode("30021"), page=6)
    config = {**ACCOUNTS._asdict(), "api_url": u8.url, "page_size": 20, "max_attempts": 3}
    tap = TapYonyou(config=config, message_writer=Silent())
    with pytest.raises(U8Error):
        tap.sync_all()
    deadline = time.monotonic() + 10
    while {*threading.enumerate()} - before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Silent(Writer):
    @override
    def write(self, lines: object) -> None:
        pass


ENDPOINT = Endpoint("/api/x/batch_get", "x", "x", {})


def reply(page: int) -> Reply:
    return Reply({"errcode": "0", "page_count": "9", "page_index": page, "x": [1]}, "x")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_more_pages_are_held_than_the_requests_in_flight_and_one(concurrency: int) -> None:
    asked: list[int] = []

    def fetch(_: Endpoint, ask: Ask, __: threading.Event) -> Reply:
        asked.append(ask.params["page_index"])
        return reply(asked[-1])

    replies = Lookahead(fetch, concurrency).replies(ENDPOINT, U8Paginator())
    for page, (ask, answer) in enumerate(replies, start=1):
        assert (ask.params, ask.label) == ({"page_index": page}, f"page {page}")
        assert answer.body["page_index"] == page
        time.sleep(0.01)  # the consumer is slow, the server is not
        assert len(asked) <= page + concurrency
    assert sorted(asked) == [*range(1, 10)]


def test_a_reader_that_stops_ends_the_waits() -> None:
    ended = threading.Event()

    def fetch(_: Endpoint, ask: Ask, abandoned: threading.Event) -> Reply:
        if ask.label == "page 2":
            abandoned.wait(60)
            ended.set()
        return reply(ask.params["page_index"])

    replies = Lookahead(fetch, 4).replies(ENDPOINT, U8Paginator())
    next(replies)
    replies.close()
    assert ended.wait(5)


# The messages are those of the SDK


class SlowStream(U8Stream):
    """The same stream by the SDK's own way."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.RECURSIVE
    _alias = None


def output(
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    stream: type[U8Stream],
    config: dict[str, Any],
    catalog: dict[str, Any],
    state: dict[str, Any],
) -> bytes:
    monkeypatch.setattr("tap_yonyou.tap.U8Stream", stream)
    TapYonyou(config=dict(config), catalog=catalog, state=state).sync_all()
    out = re.sub(
        rb'"time_extracted":"[^"]+Z"', b'"time_extracted":"T"', capfdbinary.readouterr().out
    )
    return re.sub(rb'"version":\d+', b'"version":1', out)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"emit_activate_version_messages": True},
        {"stream_maps": {"customercontacts": {"__alias__": "contacts"}}},
        {"stream_maps": {"customercontacts": {"customer": "ccuscode", "name": "__NULL__"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
    ids=["plain", "versions", "alias", "map", "flattening"],
)
@pytest.mark.parametrize("method", ["FULL_TABLE", "INCREMENTAL"])
def test_messages_are_byte_for_byte_those_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    u8: Sandbox,
    catalog: dict[str, Any],
    config: dict[str, Any],
    method: str,
) -> None:
    u8.latency = 0
    u8.tables["customercontacts"][3] |= {
        "name": 'quotes " and \\ and \u2028',
        "birthday": "2024/2/9",
        "define1": "1.50",
    }
    u8.tables["customercontacts"][4] |= {"name": 12, "default": -1, "email": None}
    config |= {**ACCOUNTS._asdict(), "api_url": u8.url, "page_size": 50}
    (entry,) = catalog["streams"]
    entry["replication_method"] = method
    entry["schema"]["properties"]["define1"] = {"type": ["number", "null"]}
    entry["metadata"].append(
        {"breadcrumb": ["properties", "qq"], "metadata": {"selected": False}},
    )
    fast, slow = (
        output(monkeypatch, capfdbinary, stream, config, catalog, {})
        for stream in (U8Stream, SlowStream)
    )
    complete_at = rb'"complete_at":"[^"]+"'
    assert re.sub(complete_at, b"", fast) == re.sub(complete_at, b"", slow)
    assert fast.count(b'"type":"RECORD"') == 240


def test_a_nested_selection_goes_the_sdks_way(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    u8.tables["customercontacts"][0]["define"] = {"a": "甲", "b": "乙"}
    (entry,) = catalog["streams"]
    entry["schema"]["properties"]["define"] = {
        "type": ["object", "null"],
        "properties": {"a": {"type": ["string", "null"]}, "b": {"type": ["string", "null"]}},
    }
    entry["metadata"].append(
        {
            "breadcrumb": ["properties", "define", "properties", "b"],
            "metadata": {"selected": False},
        },
    )
    assert tap(catalog=catalog).records[0]["define"] == {"a": "甲"}


# Progress


def at_a_terminal(settings: dict[str, Any], tmp_path: Path, level: str) -> str:
    import json  # noqa: PLC0415

    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings | {"page_size": 20}))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    env = os.environ | {"TAP_YONYOU_LOGLEVEL": level}
    with subprocess.Popen(
        [TAP, "--config", config],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
        except OSError:  # how Linux says that nobody writes there any more
            pass
        os.close(ours)
        assert process.wait(timeout=30) == 0
    return shown.decode()


def test_a_terminal_shows_a_live_bar(settings: dict[str, Any], tmp_path: Path) -> None:
    shown = at_a_terminal(settings, tmp_path, "INFO")
    assert re.search(r"customercontacts: .*/12 \[.*<.*, \d+ rows, \d+ rows/s\]", shown)


def test_it_is_off_above_info(settings: dict[str, Any], tmp_path: Path) -> None:
    assert "rows/s" not in at_a_terminal(settings, tmp_path, "WARNING")


def test_elsewhere_a_line_comes_every_ten_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import logging  # noqa: PLC0415

    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    caplog.set_level(logging.INFO)
    with Progress("customercontacts", logging.getLogger("progress")) as progress:
        for page in range(1, 101):
            now[0] += 0.3
            progress.page(page, 100, 500)
    assert caplog.messages == [
        "customercontacts: page 34 of 100, 17000 rows, 1667 rows/s, about 20 s left",
        "customercontacts: page 68 of 100, 34000 rows, 1667 rows/s, about 10 s left",
    ]


def test_a_short_read_says_nothing_of_it(tap: RunTap) -> None:
    run = tap(page_size=20)
    assert run.code == 0
    assert "rows/s" not in run.log
