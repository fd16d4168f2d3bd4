"""Several data sources in one run: each is read, proved and remembered by itself."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import RESOURCES, Fault, Sandbox, contact, contacts, rows
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Read, Run, RunTap
    from tests.loaded import Loaded

STREAM = "customercontacts"
SOURCES = [1, 2, 3]
SIZE = 60
DELETES: dict[str, Any] = {"emit_activate_version_messages": True}


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    """Three data sources with the same codes and other names."""
    with Sandbox(tables={STREAM: table(1)}, sources=(1, 2, 3, 4)) as running:
        running.others = {number: {STREAM: table(number)} for number in (2, 3, 4)}
        yield running


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    return settings | {"ds_sequences": SOURCES, "page_size": 25}


def table(source: int) -> list[dict[str, Any]]:
    return [row | {"name": f"账套{source}"} for row in contacts(SIZE)]


def tables(u8: Sandbox) -> dict[int, list[dict[str, Any]]]:
    others = {number: one[STREAM] for number, one in u8.others.items()}
    return {1: u8.tables[STREAM], **others}


def asked(u8: Sandbox) -> list[tuple[str, str]]:
    """Data source and page of each request."""
    return [
        (request.query["ds_sequence"], request.query["page_index"])
        for request in u8.requests
        if request.path != "/system/token"
    ]


def keys(run: Run) -> list[tuple[int, str]]:
    return [(record["ds_sequence"], record["code"]) for record in run.records]


def summaries(run: Run) -> list[str]:
    return [line.split(" | ", 3)[3] for line in run.log.splitlines() if " set to null" in line]


def bookmarks(run: Run) -> dict[int, dict[str, Any]]:
    partitions = run.state["bookmarks"][STREAM]["partitions"]
    return {one["context"]["ds_sequence"]: one for one in partitions}


def in_u8(u8: Sandbox, sources: list[int] = SOURCES) -> list[tuple[str, int, Any]]:
    found = [(row["code"], n, row["name"]) for n in sources for row in tables(u8)[n]]
    return sorted(found)


def living(loaded: Loaded) -> list[tuple[str, int, Any]]:
    return [(one["code"], one["ds_sequence"], one["name"]) for one in loaded.living()]


# Records


@pytest.mark.installed
def test_every_row_comes_from_each_with_its_number_in_the_key(tap: RunTap, u8: Sandbox) -> None:
    run = tap()
    assert run.code == 0
    schema, *others = run.of("SCHEMA")
    assert all(other == schema for other in others)
    assert schema["key_properties"] == ["code", "ds_sequence"]
    assert schema["schema"]["properties"]["ds_sequence"]["type"] == "integer"
    assert keys(run) == [(n, row["code"]) for n in SOURCES for row in tables(u8)[n]]
    assert {record["name"] for record in run.records if record["ds_sequence"] == 3} == {"账套3"}
    assert set(asked(u8)) == {(str(n), str(page)) for n in SOURCES for page in (1, 2, 3)}


def test_one_of_them_makes_the_same_table(tap: RunTap) -> None:
    run = tap(ds_sequences=[2, 2])
    assert run.of("SCHEMA")[0]["key_properties"] == ["code", "ds_sequence"]
    assert {record["ds_sequence"] for record in run.records} == {2}
    assert len(run.records) == SIZE


def test_without_the_setting_nothing_changes(tap: RunTap, u8: Sandbox) -> None:
    for given in ({}, {"ds_sequence": 2}):
        run = tap(ds_sequences=None, **given)
        assert run.of("SCHEMA")[0]["key_properties"] == ["code"]
        assert "ds_sequence" not in run.records[0]
        assert "partitions" not in run.state["bookmarks"][STREAM]
    assert u8.requests[1].query.keys().isdisjoint({"ds_sequence"})


def test_a_row_without_a_key_is_still_none(tap: RunTap, u8: Sandbox) -> None:
    u8.others[2][STREAM][7]["code"] = ""
    run = tap()
    assert run.code == 1
    assert run.errors[0] == (
        "customercontacts, data source 2, page 1: row 8 has no code; fix it in U8, then run again"
    )


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (
            {"ds_sequences": [1], "ds_sequence": 1},
            "ds_sequence and ds_sequences are both set: set one of them",
        ),
        ({"ds_sequences": []}, "ds_sequences must name one or more"),
        ({"ds_sequences": [0]}, "ds_sequences.0 must be a whole number of at least 1"),
        ({"ds_sequences": "1,2"}, "ds_sequences must be a list in JSON"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    tap: RunTap, u8: Sandbox, given: dict[str, Any], error: str
) -> None:
    run = tap(**given)
    assert (run.code, run.errors) == (1, [error])
    assert u8.requests == []


def test_the_number_cannot_be_deselected(tap: RunTap, u8: Sandbox) -> None:
    u8.tables["fitem"] = [{"code": "1"}]
    resources: dict[str, Any] = {"fitem": {"key": []}}
    (entry,) = catalog_of(tap, streams=["fitem"], resources=resources)["streams"]
    (number,) = (one for one in entry["metadata"] if "ds_sequence" in one["breadcrumb"])
    assert number["metadata"]["inclusion"] == "automatic"


def test_a_catalog_of_before_is_refused(tap: RunTap) -> None:
    catalog = catalog_of(tap, ds_sequences=None)
    assert tap(catalog=catalog).errors == [
        "customercontacts: key_properties in the catalog must be code, ds_sequence"
    ]


# Each by itself


def test_a_change_during_the_read_has_only_its_data_source_read_again(
    tap: RunTap, u8: Sandbox
) -> None:
    u8.before(2, lambda: u8.others[2][STREAM].pop(0), source=2)
    run = tap(concurrency=1)
    assert run.code == 0
    assert "customercontacts, data source 2: the list changed during the read" in run.log
    assert [asked(u8).count((str(n), "1")) for n in SOURCES] == [1, 2, 1]


def test_requests_are_counted_for_each(tap: RunTap) -> None:
    counted = re.findall(r'"http_request_count","value":(\d+),.*"ds_sequence":(\d)', tap().log)
    # With the log-in, which is the first one's.
    assert counted == [("4", "1"), ("3", "2"), ("3", "3")]


def test_each_has_a_summary(tap: RunTap) -> None:
    lines = summaries(tap(concurrency=1))
    assert [line.partition(" set to")[0].partition(", 0.")[0] for line in lines] == [
        "customercontacts, data source 1: 60 rows, 3 pages, 4 requests",
        "customercontacts, data source 2: 60 rows, 3 pages, 3 requests",
        "customercontacts, data source 3: 60 rows, 3 pages, 3 requests",
    ]


@pytest.mark.parametrize("page", [1, 3])
@pytest.mark.parametrize("failing", SOURCES)
def test_one_that_fails_is_named_and_the_others_are_read(
    read: Read, u8: Sandbox, loaded: Loaded, failing: int, page: int
) -> None:
    read(page_size=25, emit_activate_version_messages=True)
    for number in SOURCES:
        tables(u8)[number][0]["name"] = "新名"
        tables(u8)[number].pop()
    u8.fail(Fault.errcode("29002", "服务器未启动"), page=page, times=None, source=failing)
    run = read(page_size=25, emit_activate_version_messages=True, max_attempts=1)
    assert run.code == 1
    label = f"customercontacts, data source {failing}"
    assert run.errors[0].startswith(f"{label}, page {page}: errcode 29002 (服务器未启动)")
    assert run.errors[1:] == [f"1 of 3 reads failed: {label}"]
    gone = {record["ds_sequence"] for record in run.records if record["_sdc_deleted_at"]}
    assert gone == {*SOURCES} - {failing}
    u8.forgive()
    run = read(page_size=25)
    assert {record["ds_sequence"] for record in run.records} == {failing}
    assert living(loaded) == in_u8(u8)
    assert read(page_size=25).records == []


def test_the_bookmarks_of_those_that_were_read_do_not_wait_for_the_others(
    read: Read,
) -> None:
    run = read(page_size=25)
    states = [m["value"]["bookmarks"][STREAM]["partitions"] for m in run.of("STATE")]
    assert [sum("rows" in one for one in partitions) for partitions in states][1:4] == [1, 1, 2]
    assert [one["rows"] for one in bookmarks(run).values()] == [SIZE] * 3


# Replication


def test_log_based_compares_each_with_its_own_snapshot(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    assert len(read().records) == 3 * SIZE
    u8.others[2][STREAM][4]["name"] = "新名"
    gone = u8.others[3][STREAM].pop(9)["code"]
    run = read()
    assert keys(run) == [(2, contact(5)["code"]), (3, gone)]
    assert run.records[1]["_sdc_deleted_at"]
    assert [line.partition(";")[0].partition("read: ")[2] for line in summaries(run)] == [
        "0 new, 0 changed, 0 deleted, 60 unchanged",
        "0 new, 1 changed, 0 deleted, 59 unchanged",
        "0 new, 0 changed, 1 deleted, 59 unchanged",
    ]
    assert living(loaded) == in_u8(u8)


def test_incremental_has_a_bookmark_for_each(tap: RunTap, u8: Sandbox) -> None:
    del u8.others[3][STREAM][-10:]
    catalog = catalog_of(tap, "INCREMENTAL")
    catalog["streams"][0]["replication_key"] = "code"
    first = tap(catalog=catalog)
    last = {n: one["replication_key_value"] for n, one in bookmarks(first).items()}
    assert last == {n: tables(u8)[n][-1]["code"] for n in SOURCES}
    u8.requests.clear()
    tap(catalog=catalog, state=first.state)
    sent = {r.query["ds_sequence"]: r.query["code_begin"] for r in u8.requests[1:]}
    assert sent == {str(n): code for n, code in last.items()}


def test_the_limit_on_deletes_looks_at_each(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    given = {"emit_activate_version_messages": True}
    read(**given)
    del u8.others[2][STREAM][10:]
    run = read(**given)
    assert run.code == 1
    assert run.errors[0].startswith(
        "customercontacts, data source 2: 50 of the 60 rows of the last complete read are deleted"
    )
    assert run.of("ACTIVATE_VERSION") == []
    assert len(loaded.living()) == 3 * SIZE


def test_one_version_for_all_is_activated_after_the_last(read: Read) -> None:
    run = read(emit_activate_version_messages=True)
    (activated,) = run.of("ACTIVATE_VERSION")
    assert {message["version"] for message in run.of("RECORD")} == {activated["version"]}
    kinds = [message["type"] for message in run.messages]
    assert kinds.index("ACTIVATE_VERSION") > len(kinds) - 1 - kinds[::-1].index("RECORD")


@pytest.mark.parametrize("failing", SOURCES)
def test_a_version_is_activated_only_if_all_data_sources_are_proved_in_one_run(
    read: Read, u8: Sandbox, failing: int
) -> None:
    u8.fail(Fault.errcode("30021"), source=failing)
    first = read(**DELETES)
    assert (first.code, len(first.records)) == (1, 2 * SIZE)
    assert first.of("ACTIVATE_VERSION") == []
    # The one that failed starts over alone, with the version of the others.
    second = read(**DELETES)
    assert (second.code, len(second.records)) == (0, SIZE)
    assert second.of("ACTIVATE_VERSION") == []
    assert len({m["version"] for run in (first, second) for m in run.of("RECORD")}) == 1
    # As `meltano run --full-refresh` starts it.
    assert len(read(**DELETES, state={}).of("ACTIVATE_VERSION")) == 1


def test_one_that_is_added_deletes_nothing_of_the_others(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    deletes = {"emit_activate_version_messages": True}
    first = read(**deletes)
    run = read(**deletes, ds_sequences=[*SOURCES, 4])
    assert {record["ds_sequence"] for record in run.records} == {4}
    assert run.of("ACTIVATE_VERSION") == []
    assert {m["version"] for m in run.of("RECORD")} == {m["version"] for m in first.of("RECORD")}
    assert living(loaded) == in_u8(u8, [*SOURCES, 4])
    # Nor does one that is taken away.
    assert read(**deletes, ds_sequences=[1, 4]).records == []
    assert len(loaded.living()) == 4 * SIZE


def test_one_that_is_not_read_keeps_its_rows(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    """All have one table, and to a new version the rows of the others would be gone."""
    read(**DELETES, ds_sequences=[1])
    assert read(**DELETES, ds_sequences=[2]).of("ACTIVATE_VERSION") == []
    assert read(**DELETES, ds_sequences=[1, 2]).records == []
    assert living(loaded) == in_u8(u8, [1, 2])


def test_a_full_refresh_deletes_what_a_read_that_failed_has_left(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.omit = {"row_count"}  # so that everything is written, and no snapshot is kept
    read(**DELETES)
    u8.omit = set()
    del tables(u8)[2][0]
    time.sleep(1.1)  # versions are seconds
    assert read(**DELETES, state={}).code == 0
    assert living(loaded) == in_u8(u8)
    assert read(**DELETES).records == []


def test_one_that_never_succeeds_has_the_others_written_once(read: Read, u8: Sandbox) -> None:
    written = []
    for _ in range(3):
        u8.fail(Fault.errcode("30021"), source=2, page=2)
        run = read(**DELETES, page_size=20)
        written.append([key for key in keys(run) if key[0] != 2])
    assert [len(one) for one in written] == [2 * SIZE, 0, 0]


def test_each_has_a_file_of_its_own(read: Read, tmp_path: Any) -> None:
    folder = tmp_path / "snapshots"
    read(snapshot_store=str(folder))
    names = sorted(file.name[: -len("-20241231T000000Z-01234567")] for file in folder.iterdir())
    assert names == [f"customercontacts-data-source-{n}" for n in SOURCES]
    assert read(snapshot_store=str(folder)).records == []


# Log-ins


@pytest.mark.parametrize("source", [None, 1, 3], ids=["first", "in the first", "in the last"])
@pytest.mark.parametrize(
    ("fault", "attempts"),
    [(Fault.errcode("39002"), 1), (Fault.status(503), 2)],
    ids=["refused", "unavailable"],
)
def test_a_log_in_that_fails_ends_the_run_once_for_all(
    tap: RunTap, u8: Sandbox, source: int | None, fault: Fault, attempts: int
) -> None:
    def lock_out() -> None:
        u8.revoke()
        u8.fail(fault, endpoint="token", times=None)

    if source is None:
        lock_out()
    else:
        u8.before(1, lock_out, source=source)
    run = tap(concurrency=1)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("log-in: ")
    paths = [request.path for request in u8.requests]
    assert {*paths[-attempts:]} == {"/system/token"}
    assert paths.count("/system/token") == attempts + (source is not None)


# Requests


def test_all_data_sources_of_all_lists_share_the_one_bound(tap: RunTap, u8: Sandbox) -> None:
    u8.tables = {name: rows(name, 20) for name in RESOURCES}
    u8.others.clear()
    u8.latency = 0.05
    run = tap(streams=RESOURCES, ds_sequences=[1, 2, 3, 4], concurrency=8)
    assert run.code == 0
    assert len(run.records) == 4 * 20 * len(RESOURCES)
    assert u8.most_at_once == 8
    assert len(u8.requests) == 1 + 4 * len(RESOURCES)
    assert [*dict.fromkeys(m["stream"] for m in run.of("RECORD"))] == RESOURCES


def test_the_connection_test_asks_for_one_page(tap: RunTap, u8: Sandbox) -> None:
    assert tap("--test").code == 0
    assert asked(u8) == [("1", "1")]


def test_the_connection_test_fails_if_that_does(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("30021"))
    run = tap("--test")
    assert run.code == 1
    assert run.errors[0].startswith("customercontacts, data source 1, page 1: errcode 30021")


def test_a_declared_list_is_discovered_in_the_first(tap: RunTap, u8: Sandbox) -> None:
    u8.tables = {"fitem": [{"code": "1", "x": "y"}]}
    u8.others.clear()
    given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["code"]}}, "ds_sequences": [2]}
    run = tap(**given)
    assert run.records == [{"code": "1", "x": "y", "ds_sequence": 2}]
    assert asked(u8)[0] == ("2", "1")
