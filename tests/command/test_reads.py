"""The stream tap_yonyou_reads: what was read, when, and how it ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from sandbox import Fault, Sandbox, contact, contacts, rows
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from tests.conftest import Read, Run, RunTap

READS, STREAM = "tap_yonyou_reads", "customercontacts"
STREAMS = ["customercontacts", "warehouse", READS]


@pytest.fixture
def settings(settings: dict[str, Any], u8: Sandbox) -> dict[str, Any]:
    u8.tables["warehouse"] = rows("warehouse", 30)
    return settings | {"streams": STREAMS, "max_attempts": 1}


def reads(run: Run) -> dict[tuple[str, int], dict[str, Any]]:
    """The records of the stream, by list and data source; they come last and fit the schema."""
    kinds = [(m["type"], m.get("stream")) for m in run.messages]
    found = [m["record"] for m in run.of("RECORD") if m["stream"] == READS]
    assert kinds[-len(found) - 2 :] == [
        ("SCHEMA", READS),
        *[("RECORD", READS)] * len(found),
        *kinds[-1:],
    ]
    assert run.messages[-1]["type"] == "STATE"
    schema = run.messages[-len(found) - 2]
    for record in found:
        Draft202012Validator(schema["schema"]).validate(record)
        assert record.keys() == schema["schema"]["properties"].keys()
    assert len({record["run_id"] for record in found}) == 1
    return {(record["stream"], record["data_source"]): record for record in found}


def metrics(run: Run, name: str) -> list[tuple[Any, ...]]:
    """Stream, data source, value and status of the SDK's metrics."""
    points = [
        json.loads(line.partition("METRIC: ")[2])
        for line in run.log.splitlines()
        if "METRIC: " in line
    ]
    return [
        (
            tags["stream"],
            tags.get("context", {}).get("ds_sequence"),
            point["value"],
            tags.get("status"),
        )
        for point in points
        if point["metric"] == name
        for tags in [point["tags"]]
    ]


@pytest.mark.installed
def test_one_record_says_what_was_read_of_each_list(read: Read, u8: Sandbox) -> None:
    before = datetime.now(UTC)
    read()
    u8.tables[STREAM][3]["name"] = "新名"
    del u8.tables[STREAM][9]
    u8.tables[STREAM] += [contact(226), contact(227)]
    u8.tables["warehouse"][0]["unknown"] = "x"
    found = reads(read())
    assert [*found] == [(STREAM, 0), ("warehouse", 0)]
    one = found[STREAM, 0]
    times = [datetime.fromisoformat(one.pop(name)) for name in ("started_at", "ended_at")]
    assert before < times[0] < times[1] < datetime.now(UTC)
    assert len(one.pop("run_id")) == 32
    assert one == {
        "stream": STREAM,
        "data_source": 0,
        "replication_method": "LOG_BASED",
        "outcome": "complete",
        "rows_read": 226,
        "rows_new": 2,
        "rows_changed": 1,
        "rows_deleted": 1,
        "rows_unchanged": 223,
        "pages": 10,
        "requests": 11,
        "values_nulled": 0,
        "fields_dropped": 0,
        "errcode": None,
        "error_kind": None,
        "error": None,
        "tap_version": version("tap-yonyou"),
    }
    assert found["warehouse", 0]["fields_dropped"] == 1


def test_without_the_stream_nothing_is_reported(tap: RunTap) -> None:
    assert {m["stream"] for m in tap(streams=STREAMS[:2]).of("SCHEMA")} == {*STREAMS[:2]}


def test_it_is_written_though_lists_failed(tap: RunTap, u8: Sandbox) -> None:
    u8.sources, u8.others = (1, 2), {2: {STREAM: contacts(40), "warehouse": rows("warehouse", 3)}}
    u8.fail(Fault.errcode("30021", "张天宇"), resource=STREAM, source=2)
    u8.omit = {"row_count", "page_count"}
    run = tap(ds_sequences=[1, 2])
    assert run.code == 1
    assert "1 of 4 reads failed: customercontacts, data source 2" in run.errors[-1]
    found = reads(run)
    assert {key: one["outcome"] for key, one in found.items()} == {
        (STREAM, 1): "unproved",
        (STREAM, 2): "failed",
        ("warehouse", 1): "unproved",
        ("warehouse", 2): "unproved",
    }
    failed = found[STREAM, 2]
    assert (failed["errcode"], failed["error_kind"]) == ("30021", "access")
    # What the server says may hold a value: only the log has it.
    assert failed["error"].startswith(
        "customercontacts, data source 2, page 1: errcode 30021: the app"
    )
    assert "张天宇" in run.log
    assert found["warehouse", 1]["rows_new"] is None
    assert "error_kind: access" in run.log


def test_if_the_log_in_fails_every_list_has_failed(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("30021"), endpoint="token", times=None)
    run = tap()
    assert run.code == 1
    assert {key: (one["outcome"], one["error_kind"]) for key, one in reads(run).items()} == {
        (STREAM, 0): ("failed", "access"),
        ("warehouse", 0): ("failed", "access"),
    }
    assert reads(run)["warehouse", 0]["started_at"] is None


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("server", {}),
        ("access", {}),
        ("changed", {"max_passes": 1}),
        ("deletes", {"method": "LOG_BASED"}),
        ("settings", {"stream_maps": {STREAM: {"email": "int(name)"}}}),
    ],
)
def test_the_kind_of_an_error_says_whether_it_may_pass(
    read: Read, u8: Sandbox, kind: str, given: dict[str, Any]
) -> None:
    read(method="LOG_BASED")
    match kind:
        case "server":
            u8.fail(Fault.reset(), resource=STREAM)
        case "access":
            u8.fail(Fault.status(403), resource=STREAM)
        case "changed":
            u8.before(2, lambda: u8.tables[STREAM].insert(0, contact(0)), resource=STREAM)
        case "deletes":
            del u8.tables[STREAM][10:]
    run = read(**{"method": "FULL_TABLE", **given})
    assert run.code == 1
    found = reads(run)
    assert found[STREAM, 0]["error_kind"] == kind
    assert found[STREAM, 0]["error"] in run.errors[0]
    assert found["warehouse", 0]["outcome"] == "complete"
    assert f"error_kind: {kind}" in run.log


def test_codes_of_documents_stand_in_the_log_only(read: Read) -> None:
    with Sandbox(tables={"saleorder": rows("saleorder", 12)}) as u8:
        given = {"streams": ["saleorder_entry", READS], "api_url": u8.url}
        read(**given)
        code = str(u8.tables["saleorder"][0]["code"])
        u8.tables["saleorder"][0]["sum"] = u8.tables["saleorder"][1]["sum"] = "1"
        u8.lines["saleorder"][str(u8.tables["saleorder"][1]["code"])][0]["quantity"] = "1"
        u8.fail(Fault.errcode("20006"), endpoint="get", document=code)
        run = read(**given)
    assert f"could not be read ({code})" in run.errors[0]
    (one,) = reads(run).values()
    assert code not in json.dumps(one)
    assert one["error"].startswith("saleorder_entry: 1 of ")
    assert (one["rows_new"], one["rows_changed"], one["rows_unchanged"]) == (0, 1, 11)


def test_nothing_new_is_complete_with_incremental(read: Read) -> None:
    given = {"method": "INCREMENTAL", "streams": ["customercontacts", READS]}
    read(**given)
    (one,) = reads(read(**given)).values()
    assert one["outcome"] == "complete"
    assert one["replication_method"] == "INCREMENTAL"


def test_the_bookmark_says_when_the_list_was_last_complete(read: Read, u8: Sandbox) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first = read().state["bookmarks"][STREAM]["complete_at"]
    assert before <= datetime.fromisoformat(first) <= datetime.now(UTC)
    u8.fail(Fault.errcode("30021"), resource=STREAM)
    assert read().state["bookmarks"][STREAM]["complete_at"] == first
    u8.omit = {"row_count", "page_count"}
    assert read().state["bookmarks"][STREAM]["complete_at"] == first


def test_the_metrics_of_each_list_and_data_source_are_its_own(tap: RunTap, u8: Sandbox) -> None:
    u8.sources, u8.others = (1, 2), {2: {STREAM: contacts(40)}}
    u8.fail(Fault.errcode("30021"), source=1, page=2)
    run = tap(streams=[STREAM], ds_sequences=[1, 2], page_size=50, concurrency=1)
    durations = [(one[1], one[3]) for one in metrics(run, "sync_duration")]
    assert durations == [(1, "failed"), (2, "succeeded")]
    counts = {one[1]: one[2] for one in metrics(run, "record_count")}
    assert counts == {1: 50, 2: 40}


def test_a_test_that_went_well_has_succeeded(tap: RunTap) -> None:
    run = tap("--test")
    assert run.code == 0
    assert {(one[0], one[3]) for one in metrics(run, "sync_duration")} == {
        (name, "succeeded") for name in STREAMS
    }


def test_nothing_is_deleted_by_a_read_that_is_not_proved(read: Read, u8: Sandbox) -> None:
    read()
    del u8.tables[STREAM][:3]
    u8.omit = {"row_count", "page_count"}
    one = reads(read())[STREAM, 0]
    assert one["outcome"] == "unproved"
    assert (one["rows_deleted"], one["rows_unchanged"]) == (0, 222)


def test_a_replication_key_for_all_streams_is_not_for_it(tap: RunTap) -> None:
    catalog = catalog_of(tap, "INCREMENTAL", streams=[STREAM, READS])
    for entry in catalog["streams"]:
        entry["replication_key"] = "code"
    run = tap(catalog=catalog, streams=[STREAM, READS])
    assert run.code == 0
    assert [*reads(run)] == [(STREAM, 0)]


def test_it_is_never_log_based(tap: RunTap) -> None:
    run = tap(catalog=catalog_of(tap), emit_activate_version_messages=True)
    assert "_sdc_deleted_at" not in run.of("SCHEMA")[-1]["schema"]["properties"]
    assert {m["stream"] for m in run.of("ACTIVATE_VERSION")} == {STREAM, "warehouse"}
    assert "in full_table mode" in next(s for s in run.log.splitlines() if READS in s)
