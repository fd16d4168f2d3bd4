"""Several streams in one run: one that fails does not stop the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Tap

from sandbox import ACCOUNTS, Fault, Row, Sandbox, contacts
from tap_yonyou.compat import override
from tap_yonyou.errors import RunError, TapError, U8Error
from tap_yonyou.tap import TapYonyou
from tap_yonyou.u8 import resources
from tests.in_process import Kept
from tests.u8.test_resources import GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator

WAREHOUSES: list[Row] = [
    {"code": f"{number:02d}", "name": f"仓{number}"} for number in range(1, 31)
]


@pytest.fixture
def u8(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A U8+ with contacts and warehouses, and a tap that has both streams."""
    both = {
        "customercontacts": resources.load("customercontacts"),
        "warehouse": resources.of("warehouse", GOOD),
    }
    monkeypatch.setattr(resources, "names", lambda: [*both])
    monkeypatch.setattr(resources, "load", both.__getitem__)
    with Sandbox(tables={"customercontacts": contacts(60), "warehouse": WAREHOUSES}) as running:
        yield running


def tap_of(u8: Sandbox, kept: Kept, **settings: Any) -> TapYonyou:
    config = {**ACCOUNTS._asdict(), "api_url": u8.url, "page_size": 20, "max_attempts": 1}
    config |= {"streams": ["warehouse", "customercontacts"]}
    config |= {"emit_activate_version_messages": True, **settings}
    return TapYonyou(config=config, message_writer=kept)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


def test_all_selected_streams_are_read(u8: Sandbox) -> None:
    kept = Kept()
    tap_of(u8, kept).sync_all()
    for stream, rows in u8.tables.items():
        codes = [message["record"]["code"] for message in kept.of("RECORD", stream)]
        assert codes == [row["code"] for row in rows]
        assert len(kept.of("ACTIVATE_VERSION", stream)) == 1
    assert len(u8.tokens) == 1


def test_a_stream_that_fails_does_not_stop_the_others(
    u8: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = Kept()
    u8.fail(Fault.errcode("39999", "无权限"), page=2, resource="customercontacts")
    with pytest.raises(U8Error, match=r"^1 of 2 streams failed: customercontacts$"):
        tap_of(u8, kept).sync_all()
    assert len(kept.of("RECORD", "warehouse")) == 30
    assert len(kept.of("ACTIVATE_VERSION", "warehouse")) == 1
    assert kept.of("ACTIVATE_VERSION", "customercontacts") == []
    # What was read stays; the state is that of the stream that succeeded.
    assert len(kept.of("RECORD", "customercontacts")) == 20
    assert kept.messages[-1]["type"] == "STATE"
    assert kept.messages[-1]["value"]["bookmarks"].keys() >= {"warehouse"}
    (line,) = errors(caplog)
    assert line.startswith("customercontacts, page 2: errcode 39999 (无权限): ")


def test_every_failure_is_said(u8: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    u8.refused = {"warehouse": ("39003", "no"), "customercontacts": ("39003", "no")}
    with pytest.raises(U8Error, match=r"^2 of 2 streams failed: customercontacts, warehouse$"):
        tap_of(u8, Kept()).sync_all()
    assert [line.split(",")[0] for line in errors(caplog)] == ["customercontacts", "warehouse"]


def test_a_failed_stream_moves_no_bookmark_though_the_others_write_states(u8: Sandbox) -> None:
    kept = Kept()
    tap = tap_of(u8, kept, emit_activate_version_messages=False)
    contacts_ = tap.streams["customercontacts"]
    contacts_.forced_replication_method, contacts_.replication_key = "INCREMENTAL", "code"
    u8.fail(Fault.errcode("39999"), page=2, resource="customercontacts")
    with pytest.raises(U8Error):
        tap.sync_all()
    states = [m["value"]["bookmarks"] for m in kept.messages if m["type"] == "STATE"]
    assert states
    assert all("replication_key_value" not in state.get("customercontacts", {}) for state in states)


@pytest.mark.parametrize("stream", ["warehouse", "customercontacts"])
def test_a_refused_log_in_ends_the_run_at_once(u8: Sandbox, stream: str) -> None:
    def revoke() -> None:
        u8.revoke()
        u8.fail(Fault.errcode("39002"), endpoint="token", times=None)

    u8.before(1, revoke, resource=stream)
    with pytest.raises(
        RunError, match=r"^log-in: errcode 39002: this code is not known to the tap; check api_url"
    ):
        tap_of(u8, Kept()).sync_all()
    last = u8.requests[-1]
    assert last.path == "/system/token"


def test_a_target_that_goes_away_ends_the_run_at_once(u8: Sandbox) -> None:
    class Broken(Kept):
        @override
        def write(self, lines: bytes | bytearray) -> None:
            if b'"RECORD"' in lines:
                msg = "the target closed the pipe; look at its log"
                raise RunError(msg)

    with pytest.raises(TapError, match="the target closed the pipe"):
        tap_of(u8, Broken()).sync_all()
    # What was requested ahead of time may have arrived; nothing more.
    assert len(u8.requests) <= 1 + 1 + 4


def test_a_run_that_succeeds_is_that_of_the_sdk(u8: Sandbox) -> None:
    ours, sdks = Kept(), Kept()
    tap_of(u8, ours).sync_all()
    Tap.sync_all(tap_of(u8, sdks))
    for kept in (ours, sdks):
        for message in kept.messages:
            message.pop("time_extracted", None)
            message.pop("version", None)
            for bookmark in message.get("value", {}).get("bookmarks", {}).values():
                for moment in ("version", "complete_at"):
                    bookmark.pop(moment, None)
    assert ours.messages == sdks.messages
