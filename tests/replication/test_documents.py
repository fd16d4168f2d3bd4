"""Documents with their lines: every line of every document, and only the changed ones fetched."""

from __future__ import annotations

import base64
import json
import signal
import struct
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from sandbox import Fault, Sandbox, rows, sample
from tap_yonyou.u8 import resources
from tap_yonyou.u8.values import CHINA
from tests.conftest import TAP, catalog_of
from tests.orders import ORDERS, SIZE, STREAM, code, lines, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Read, Run, RunTap
    from tests.loaded import Loaded

GONE = "_sdc_deleted_at"
#: Documents with lines that are asked for one by one.
BY_GET = [
    name for name in resources.names() if (entry := resources.load(name).entry) and entry.path
]


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    """Thirty sales orders of long ago, approved."""
    with Sandbox(tables={ORDERS: settled(rows(ORDERS, SIZE))}) as running:
        yield running


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    return settings | {"streams": [STREAM], "page_size": 12}


def emitted(run: Run) -> list[tuple[Any, ...]]:
    return [(one["code"], one["line_number"], one["inventorycode"]) for one in run.records]


def living(loaded: Loaded) -> list[tuple[Any, ...]]:
    return [
        (one["code"], one["line_number"], one["inventorycode"]) for one in loaded.living(STREAM)
    ]


def fetched(u8: Sandbox) -> list[str]:
    """The documents that were asked for, and forget them."""
    codes = [request.query["id"] for request in u8.requests if request.path.endswith("/get")]
    u8.requests.clear()
    return codes


def edit(u8: Sandbox, number: int, item: str = "新货") -> None:
    """Edit a line, by which the sum in the list changes."""
    u8.lines[ORDERS][code(u8, number)][0]["inventorycode"] = item
    u8.tables[ORDERS][number]["sum"] = f"{len(item)}{item}"


def days_ago(days: int) -> str:
    return (datetime.now(CHINA).date() - timedelta(days=days)).isoformat()


# What is read


@pytest.mark.installed
def test_every_line_comes_with_the_code_of_its_document_and_its_place(
    tap: RunTap, u8: Sandbox
) -> None:
    run = tap()
    assert run.code == 0, run.log
    assert emitted(run) == lines(u8)
    assert run.of("SCHEMA")[0]["key_properties"] == ["code", "line_number"]
    assert {one["date"] for one in run.records} == {row["date"] for row in u8.tables[ORDERS]}
    assert "saleorder_entry: 30 documents, of which 30 are to be fetched" in run.log


@pytest.mark.parametrize("name", BY_GET)
def test_the_lines_of_each_kind_of_document_are_read(tap: RunTap, name: str) -> None:
    head = name.removesuffix("_entry")
    with Sandbox(tables={head: rows(head, 20)}) as u8:
        run = tap(streams=[head, name], api_url=u8.url)
    assert run.code == 0, run.log
    key = resources.load(head).key
    records: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
    for one in run.records:
        records["line_number" in one].append(tuple(one[part] for part in key))
    assert len(records[False]) == 20
    assert Counter(records[True]) == {each: len(u8.lines[head][each[0]]) for each in records[False]}
    assert run.log.count("0 values set to null; 0 fields dropped") == 2


@pytest.mark.parametrize("where", ["in the rows", "beside them"])
def test_lines_that_stand_in_the_list_are_read_from_there(
    tap: RunTap, u8: Sandbox, where: str
) -> None:
    u8.tables = {"bom": rows("bom", 20)}
    u8.samples["bom"] = replace(sample("bom"), beside=where == "beside them")
    run = tap(streams=["bom_entry"])
    assert run.code == 0, run.log
    expected = Counter({str(row["bomid"]): len(list(row["entry"])) for row in rows("bom", 20)})  # type: ignore[call-overload]
    assert Counter(one["bomid"] for one in run.records) == expected
    assert all(request.path.endswith("batch_get") for request in u8.requests[1:])


def test_an_edit_in_a_list_with_lines_writes_the_line(read: Read, u8: Sandbox) -> None:
    u8.tables = {"bom": rows("bom", 20)}
    given: dict[str, Any] = {"streams": ["bom_entry"]}
    read(**given)
    row: dict[str, Any] = u8.tables["bom"][3]
    row["entry"][0]["remark"] = "新"
    gone = row["entry"].pop()
    run = read(**given)
    assert [bool(one[GONE]) for one in run.records] == ([False, True] if row["entry"] else [True])
    assert gone
    assert read(**given).records == []


def test_a_document_without_lines_is_one_whose_entry_is_empty(tap: RunTap, u8: Sandbox) -> None:
    u8.lines[ORDERS][code(u8, 3)] = []
    run = tap()
    assert run.code == 0
    assert emitted(run) == lines(u8)


@pytest.mark.parametrize("odd", ["销/2024 01", "A%2F1", "单１２", "a&id=b", "50%", "+1"])
def test_a_code_may_have_any_characters(tap: RunTap, u8: Sandbox, odd: str) -> None:
    u8.tables[ORDERS][0] = u8.tables[ORDERS][0] | {"code": odd}
    u8.lines[ORDERS][odd] = [{"inventorycode": "01"}]
    run = tap(concurrency=1)
    assert run.code == 0, run.log
    assert fetched(u8)[0] == odd
    assert emitted(run)[0] == (odd, 1, "01")


def test_the_connection_test_asks_for_a_page_of_heads_and_one_document(
    tap: RunTap, u8: Sandbox
) -> None:
    assert tap("--test").code == 0
    assert [r.path for r in u8.requests[1:]] == [
        "/api/saleorderlist/batch_get",
        "/api/saleorder/get",
    ]


def test_documents_are_in_flight_up_to_the_concurrency(tap: RunTap, u8: Sandbox) -> None:
    u8.latency = 0.05
    assert tap(concurrency=5).code == 0
    assert u8.most_at_once == 5


def test_a_token_that_dies_during_the_fetches_is_renewed(tap: RunTap, u8: Sandbox) -> None:
    u8.before_get(code(u8, 9), u8.revoke)
    run = tap(concurrency=4)
    assert (run.code, emitted(run)) == (0, lines(u8))
    assert len(u8.tokens) == 2


def test_the_filters_of_a_document_serve_both_its_streams(tap: RunTap, u8: Sandbox) -> None:
    last = code(u8, 4)
    for name in (ORDERS, STREAM):
        run = tap(filters={name: {"code_end": last}})
        assert run.code == 0, run.log
        assert {one["code"] for one in run.records} == {code(u8, n) for n in range(5)}
    assert "unknown filter" in tap(filters={STREAM: {"code_ende": last}}).errors[0]


def test_a_selection_and_a_map_apply_to_lines(tap: RunTap, u8: Sandbox) -> None:
    catalog = catalog_of(tap, "FULL_TABLE", streams=[STREAM])
    for item in catalog["streams"][0]["metadata"]:
        if item["breadcrumb"] == ["properties", "inventoryname"]:
            item["metadata"]["selected"] = False
    maps = {STREAM: {"__alias__": "order_lines", "inventorycode": "inventorycode[:2]"}}
    run = tap(catalog=catalog, stream_maps=maps)
    assert run.code == 0, run.log
    assert {message["stream"] for message in run.of("RECORD")} == {"order_lines"}
    assert "inventoryname" not in run.records[0]
    assert {len(one["inventorycode"]) for one in run.records} == {2}
    assert len(run.records) == len(lines(u8))


def test_two_data_sources_with_the_same_codes_are_two_documents(
    tap: RunTap, read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.sources = (1, 2)
    u8.others = {2: {ORDERS: settled(rows(ORDERS, SIZE))}}
    codes = [code(u8, number) for number in range(SIZE)]
    u8.other_lines = {2: {ORDERS: {each: [{"inventorycode": "二"}] for each in codes}}}
    given: dict[str, Any] = {"ds_sequences": [1, 2], "streams": [STREAM]}
    given["catalog"] = catalog_of(tap, **given)
    run = read(**given)
    assert run.code == 0, run.log
    assert Counter(one["ds_sequence"] for one in run.records) == {1: len(lines(u8)), 2: SIZE}
    u8.requests.clear()
    u8.other_lines[2][ORDERS][code(u8, 5)] = []
    u8.others[2][ORDERS][5]["sum"] = "0"
    run = read(**given)
    assert fetched(u8) == [code(u8, 5)]
    assert [(one["ds_sequence"], one["code"], bool(one[GONE])) for one in run.records] == [
        (2, code(u8, 5), True)
    ]
    assert len(loaded.living(STREAM)) == len(lines(u8)) + SIZE - 1


def test_a_document_may_be_declared(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    declared = {
        "key": ["code"],
        "path": "/api/saleorderlist/batch_get",
        "rows": "saleorderlist",
        "entry": {
            "path": "/api/saleorder/get",
            "rows": "saleorder.entry",
            "schema": {"inventorycode": {"type": ["string", "null"]}},
        },
    }
    given: dict[str, Any] = {"streams": ["orders_entry"], "resources": {"orders": declared}}
    run = read(**given)
    assert run.code == 0, run.log
    assert emitted(run) == lines(u8)
    fetched(u8)
    edit(u8, 2)
    assert emitted(read(**given))[0][2] == "新货"
    assert fetched(u8) == [code(u8, 2)]
    # Without a schema, the fields are those of the first document.
    del declared["entry"]["schema"]  # type: ignore[attr-defined]
    assert "quantity" in read(**given, state={}).records[0]
    assert loaded.living("orders_entry")


# What is broken


BROKEN: dict[str, dict[str, Any]] = {
    "no wrapper": {},
    "an empty object": {ORDERS: {}},
    "no lines": {ORDERS: {"code": "SO"}},
    "lines that are no list": {ORDERS: {"code": "SO", "entry": "x"}},
    "lines that are no objects": {ORDERS: {"code": "SO", "entry": ["x"]}},
    "another document": {ORDERS: {"code": "another", "entry": [{"inventorycode": "1"}]}},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_document_is_never_an_empty_one_and_does_not_hide_the_others(
    read: Read, u8: Sandbox, loaded: Loaded, kind: str
) -> None:
    read()
    before = living(loaded)
    broken = code(u8, 3)
    reply = json.dumps({"errcode": "0", "errmsg": ""} | BROKEN[kind]).replace("SO", broken)
    u8.fail(Fault.body(reply.encode()), endpoint="get", document=broken, times=None)
    for number in (3, 7):
        edit(u8, number)
    deleted = u8.tables[ORDERS].pop(20)["code"]
    run = read()
    assert run.code == 1
    assert run.errors == [
        f"saleorder_entry: 1 of 2 documents could not be read ({broken}); the others were written, "
        "and no document was deleted; look at these documents in U8, then run again"
    ]
    assert {one["code"] for one in run.records} == {code(u8, 7)}
    assert len(living(loaded)) == len(before)
    # What was written is not fetched again; what was not is, and whether the deleted one is there.
    u8.forgive()
    fetched(u8)
    assert read().code == 0
    assert fetched(u8) == [broken, deleted]
    assert living(loaded) == lines(u8)


def test_a_document_that_cannot_be_read_for_three_nights_fails_three_times(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    edit(u8, 3)
    u8.fail(Fault.errcode("20006"), endpoint="get", document=code(u8, 3), times=None)
    for night in range(3):
        edit(u8, 10 + night)
        run = read(max_attempts=1)
        assert (run.code, len(run.errors)) == (1, 1)
        assert {one["code"] for one in run.records} == {code(u8, 10 + night)}
    u8.forgive()
    assert read().code == 0
    assert living(loaded) == lines(u8)
    assert read().records == []


def test_a_code_that_means_not_granted_ends_the_stream_at_once(tap: RunTap, u8: Sandbox) -> None:
    u8.refused["saleorder/get"] = ("39003", "此应用没有调用该API的权限")
    run = tap(concurrency=1)
    assert run.code == 1
    assert run.errors[0].startswith("saleorder_entry, document 1 of 30: errcode 39003")
    assert len(fetched(u8)) <= 2


def test_ten_failures_in_a_row_end_the_stream(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("20006"), endpoint="get", times=None)
    run = tap(max_attempts=1, concurrency=1)
    assert run.code == 1
    assert run.errors[0].startswith("saleorder_entry, document 10 of 30: errcode 20006")
    assert len(fetched(u8)) <= 11


def test_the_same_code_twice_in_the_list_fails(tap: RunTap, u8: Sandbox) -> None:
    u8.tables[ORDERS][4] = dict(u8.tables[ORDERS][3])
    run = tap()
    assert run.code == 1
    assert "the key code is not unique" in run.errors[0]
    assert run.records == []


# What changes during the read


def test_a_document_deleted_between_list_and_get_is_deleted(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    edit(u8, 3)
    edit(u8, 9)
    gone = code(u8, 9)

    def delete() -> None:
        del u8.tables[ORDERS][9]
        del u8.lines[ORDERS][gone]
        u8.lines[ORDERS].make = None  # type: ignore[attr-defined]

    u8.before_get(code(u8, 3), delete)
    run = read(concurrency=1)
    assert run.code == 0, run.log
    assert {one["code"] for one in run.records if one[GONE]} == {gone}
    assert gone not in {one[0] for one in living(loaded)}
    # The list was looked at again.
    assert (
        sum(r.path.endswith("batch_get") and r.query["page_index"] == "1" for r in u8.requests) == 3
    )


def test_a_document_that_u8_does_not_find_though_the_list_has_it_is_a_broken_one(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    before = living(loaded)
    edit(u8, 3)
    u8.fail(Fault.errcode("20002"), endpoint="get", document=code(u8, 3))
    run = read()
    assert run.code == 1
    assert f"1 of 1 document could not be read ({code(u8, 3)})" in run.errors[0]
    assert living(loaded) == before


def test_a_document_added_or_edited_between_list_and_get_comes_with_the_next_run(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    edit(u8, 3)

    def change() -> None:
        edit(u8, 3, "又新")
        u8.tables[ORDERS].extend(settled(rows(ORDERS, SIZE + 1))[SIZE:])

    u8.before_get(code(u8, 3), change)
    assert emitted(read())[0] == (code(u8, 3), 1, "又新")
    fetched(u8)
    assert read().code == 0
    assert fetched(u8) == [code(u8, 3), code(u8, SIZE)]
    assert living(loaded) == lines(u8)


# LOG_BASED: only what may have changed is fetched


def test_settled_documents_are_not_fetched_again(read: Read, u8: Sandbox) -> None:
    first = read()
    total = len(lines(u8))
    assert f"30 documents: 30 fetched, 30 new, 0 changed, 0 deleted; {total} lines written;" in (
        first.summary
    )
    fetched(u8)
    second = read()
    assert (second.code, second.records, fetched(u8)) == (0, [], [])
    assert (
        "30 documents: 0 fetched, 0 new, 0 changed, 0 deleted; 0 lines written;" in second.summary
    )


def test_of_a_changed_document_all_lines_are_written_and_those_beyond_are_deleted(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.lines[ORDERS][code(u8, 4)] = [{"inventorycode": f"{n}"} for n in range(5)]
    read()
    fetched(u8)
    u8.lines[ORDERS][code(u8, 4)] = [{"inventorycode": "4"}, {"inventorycode": "1"}]
    u8.tables[ORDERS][4]["sum"] = "1"
    run = read()
    assert fetched(u8) == [code(u8, 4)]
    assert [
        (one["line_number"], one.get("inventorycode"), bool(one[GONE])) for one in run.records
    ] == [
        (1, "4", False),
        (2, "1", False),
        (3, None, True),
        (4, None, True),
        (5, None, True),
    ]
    assert living(loaded) == lines(u8)
    assert read().records == []


@pytest.mark.parametrize("change", ["its row", "not approved", "recent", "new"])
def test_a_document_is_fetched_if_it_may_have_changed(
    read: Read, u8: Sandbox, loaded: Loaded, change: str
) -> None:
    row = u8.tables[ORDERS][6]
    row |= {"verifier": "" if change == "not approved" else "某人"}
    row |= {"date": days_ago(10)} if change == "recent" else {}
    if change == "new":
        del u8.tables[ORDERS][6]
    read()
    fetched(u8)
    if change == "new":
        u8.tables[ORDERS].insert(6, row)
    else:
        u8.lines[ORDERS][str(row["code"])][0]["inventorycode"] = "新货"
        row |= {"closer": "某人"} if change == "its row" else {}
    run = read()
    assert fetched(u8) == [row["code"]]
    assert {one["code"] for one in run.records} == {row["code"]}
    assert living(loaded) == lines(u8)
    # Of a fetched document whose lines are the same nothing is written.
    assert read().records == []
    assert fetched(u8) == ([row["code"]] if change in {"not approved", "recent"} else [])


def test_lines_in_another_order_are_written_at_their_places(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.lines[ORDERS][code(u8, 4)] = [{"inventorycode": f"{n}"} for n in range(3)]
    read()
    u8.lines[ORDERS][code(u8, 4)].reverse()
    u8.tables[ORDERS][4]["verifysystime"] = "2024-06-01 10:00:00"
    assert emitted(read()) == [(code(u8, 4), n, f"{3 - n}") for n in (1, 2, 3)]
    assert living(loaded) == lines(u8)


def test_a_document_gone_from_the_list_deletes_its_lines(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    fetched(u8)
    gone = u8.tables[ORDERS].pop(8)["code"]
    run = read()
    assert fetched(u8) == [gone]  # to be sure
    assert [one["code"] for one in run.records] == [gone] * len(u8.lines[ORDERS][str(gone)])
    assert living(loaded) == lines(u8)
    assert "29 documents: 0 fetched, 0 new, 0 changed, 1 deleted; " in run.summary


def test_a_document_that_the_list_hides_is_not_deleted(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()

    def shift() -> None:
        u8.tables[ORDERS].append(u8.tables[ORDERS].pop(0) | {"code": "SO_NEW"})
        u8.lines[ORDERS]["SO_NEW"] = [{"inventorycode": "新货"}]

    u8.before(2, shift)
    run = read(page_size=12)
    assert {one["code"]: one[GONE] for one in run.records} == {"SO_NEW": None}
    assert {line[0] for line in lines(u8)} <= {line[0] for line in living(loaded)}
    # That it is deleted was seen too late; now it is.
    assert {one["code"] for one in read().records} == {"SO20240100001"}
    assert living(loaded) == sorted(lines(u8))
    fetched(u8)
    assert read().records == []
    assert fetched(u8) == []


def test_another_document_with_the_same_code_is_never_taken_for_one(
    read: Read, loaded: Loaded
) -> None:
    with Sandbox(tables={"accept": settled(rows("accept", 1))}) as u8:
        given = {"streams": ["accept_entry"], "api_url": u8.url, "max_attempts": 1}
        assert read(**given).code == 0
        receipt, before = u8.tables["accept"][0], loaded.living("accept_entry")
        u8.tables["accept"] += [receipt | {"vouchtype": "49"}]
        # The sandbox answers with the first one of them.
        for _ in range(2):
            assert "could not be read" in read(**given).errors[-1]
        assert loaded.living("accept_entry") == before


def test_a_document_is_deleted_though_another_one_has_its_code(read: Read, loaded: Loaded) -> None:
    with Sandbox(tables={"accept": settled(rows("accept", 1))}) as u8:
        given = {"streams": ["accept_entry"], "api_url": u8.url}
        read(**given)
        u8.tables["accept"] = [u8.tables["accept"][0] | {"vouchtype": "49"}]
        assert read(**given).code == 0
        assert {line["vouchtype"] for line in loaded.living("accept_entry")} == {"49"}


def test_a_document_that_leaves_the_filter_is_deleted_by_two_readings_of_the_list(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    some = {"filters": {STREAM: {"code_begin": code(u8, 5)}}}
    read(**some)
    fetched(u8)
    u8.tables[ORDERS][7]["code"] = "A"
    run = read(**some)
    assert fetched(u8) == []
    assert {one[GONE] is not None for one in run.records} == {True}
    assert len({one[0] for one in living(loaded)}) == SIZE - 6


def test_a_document_is_not_taken_for_another_one_that_the_filter_hides(tap: RunTap) -> None:
    """The reply has to say which of them it is."""
    with Sandbox(tables={"accept": settled(rows("accept", 1))}) as u8:
        receipt = u8.tables["accept"][0] | {"vouchtype": "48", "vouchdate": "2024-01-01"}
        payment = receipt | {"vouchtype": "49", "vouchdate": "2026-06-01"}
        u8.tables["accept"] = [receipt, payment]
        later = {"accept": {"vouchdate_begin": "2025-01-01"}}
        run = tap(streams=["accept_entry"], api_url=u8.url, filters=later, max_attempts=1)
        assert run.code == 1
        assert run.records == []


def test_the_limit_on_deletes_counts_documents(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    read()
    before = living(loaded)
    del u8.tables[ORDERS][10:]
    run = read()
    assert run.code == 1
    assert run.errors[0].startswith("saleorder_entry: 20 of the 30 rows of the last complete read")
    assert living(loaded) == before
    assert read(max_deletes_percent=100).code == 0
    assert living(loaded) == lines(u8)


def test_every_document_is_written_again_in_time_and_never_all_in_one_night(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read(rewrite_days=5)
    first, nights = json.dumps(loaded.state), []
    for days in range(6):
        fetched(u8)
        loaded.state = fetched_before(json.loads(first), days)
        run = read(rewrite_days=5)
        nights.append(set(fetched(u8)))
        assert {one["code"] for one in run.records} == nights[-1]
    assert not nights[0]
    assert nights[5] == {code(u8, n) for n in range(SIZE)}
    assert all(earlier <= later for earlier, later in pairwise(nights))
    assert max(len(later - earlier) for earlier, later in pairwise(nights)) < SIZE / 2
    loaded.state = fetched_before(json.loads(first), 99)
    read(rewrite_days=0)
    assert fetched(u8) == []


def fetched_before(state: Any, days: int) -> Any:
    """The state as if all had been fetched so many days earlier."""
    bookmark = state["bookmarks"][STREAM]
    head, _, content = bookmark["snapshot"].rsplit(":", 2)
    members = msgspec.msgpack.decode(base64.b64decode(content))
    entries = [members[4][at : at + 18] for at in range(0, len(members[4]), 18)]
    members[4] = b"".join(
        entry[:16] + struct.pack(">H", struct.unpack(">H", entry[16:])[0] - days)
        for entry in entries
    )
    data = msgspec.msgpack.encode(members)
    checksum = blake2b(data, digest_size=16).hexdigest()
    bookmark["snapshot"] = f"{head}:{checksum}:{base64.b64encode(data).decode()}"
    return state


def test_other_filters_fetch_only_what_is_new_and_delete_nothing(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    """So the history may be loaded year by year: the filter is widened."""
    read(filters={STREAM: {"code_begin": code(u8, 20)}})
    assert fetched(u8) == [code(u8, n) for n in range(20, 30)]
    run = read(filters={STREAM: {"code_begin": code(u8, 10)}})
    assert "other filters than at the last complete read; nothing is deleted" in run.log
    assert fetched(u8) == [code(u8, n) for n in range(10, 20)]
    read(filters={STREAM: {"code_begin": code(u8, 20)}})
    assert len(living(loaded)) == len([one for one in lines(u8) if one[0] >= code(u8, 10)])
    assert read(filters={STREAM: {"code_begin": code(u8, 20)}}).records == []


def test_after_another_replication_method_every_document_is_fetched_again(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    edit(u8, 3, "一时")
    read(method="FULL_TABLE")
    fetched(u8)
    edit(u8, 3, "终于")
    run = read()
    assert len(fetched(u8)) == SIZE
    assert len(run.records) == len(lines(u8))
    assert living(loaded) == lines(u8)


# A run that is killed


def killed(u8: Sandbox, tmp_path: Path, loaded: Loaded, after: int) -> list[dict[str, Any]]:
    """Run the tap until it has asked for so many documents; give what it wrote."""
    state = tmp_path / "state.json"
    state.write_text(json.dumps(loaded.state or {}))
    files = [f"--{name}={tmp_path / name}.json" for name in ("config", "catalog", "state")]
    with subprocess.Popen(
        [TAP, *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        u8.before_get(code(u8, after), lambda: process.send_signal(signal.SIGKILL))
        out = process.communicate()[0]
    return [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"}\n")]


def test_a_run_that_is_killed_goes_on_and_repeats_at_most_a_thousand(
    read: Read, tap: RunTap, u8: Sandbox, tmp_path: Path, loaded: Loaded
) -> None:
    """Neither settled documents nor recent ones, which any other run fetches again."""
    count, after = 1100, 1080
    u8.tables[ORDERS] = settled(rows(ORDERS, count))
    u8.lines[ORDERS] = {code(u8, n): [{"inventorycode": "01"}] for n in range(count)}
    for row in u8.tables[ORDERS][::2]:
        row |= {"date": days_ago(3), "verifier": ""}
    given: dict[str, Any] = {"page_size": 1000, "concurrency": 4}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog_of(tap, **given)))
    loaded.load(killed(u8, tmp_path, loaded, after))
    assert len(loaded.living(STREAM)) >= after - 1000
    fetched(u8)
    run = read(**given)
    assert run.code == 0, run.log
    again = fetched(u8)
    assert len(again) <= count - after + 1000
    assert not {code(u8, n) for n in range(after - 1000)} & {*again}
    assert living(loaded) == lines(u8)
    # The next run begins anew with the recent ones.
    assert read(**given).records == []
    assert sorted(fetched(u8)) == [row["code"] for row in u8.tables[ORDERS][::2]]


def test_lines_of_a_run_that_died_are_compared_with_what_it_may_have_written(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    """Killed between the lines of one document, which then has fewer, as before the run."""
    read()
    target, before = code(u8, 4), len(u8.lines[ORDERS][code(u8, 4)])
    row = dict(u8.tables[ORDERS][4])
    edit(u8, 4)
    u8.lines[ORDERS][target] += [{"inventorycode": f"多{n}"} for n in range(3)]
    messages = read_only(read, loaded)
    stop = next(n for n, m in enumerate(messages) if m["type"] == "RECORD") + before + 2
    loaded.load(messages[:stop])
    # All is as before.
    u8.tables[ORDERS][4] = row
    u8.lines[ORDERS][target] = rows_of_lines(target)
    fetched(u8)
    assert read().code == 0
    assert fetched(u8) == [target]
    assert living(loaded) == lines(u8)


def rows_of_lines(document: str) -> list[dict[str, Any]]:
    make: Callable[[str], list[Any]] | None = sample(ORDERS).entry
    assert make is not None
    return make(document)


def read_only(read: Read, loaded: Loaded) -> list[dict[str, Any]]:
    """Run the tap without loading what it writes."""
    kept, loaded_rows = loaded.state, {name: dict(table) for name, table in loaded.rows.items()}
    messages = read().messages
    loaded.state, loaded.rows = kept, loaded_rows
    return messages


# INCREMENTAL


def by_date(tap: RunTap) -> dict[str, Any]:
    catalog = catalog_of(tap, "INCREMENTAL", streams=[ORDERS, STREAM])
    for entry in catalog["streams"]:
        entry["replication_key"] = "date"
    return catalog


def test_incremental_goes_back_the_lookback_days_from_its_bookmark(
    tap: RunTap, u8: Sandbox
) -> None:
    for number, row in enumerate(u8.tables[ORDERS]):
        row["date"] = f"2024-03-{number + 1:02d}"
    given: dict[str, Any] = {
        "streams": [ORDERS, STREAM],
        "catalog": by_date(tap),
        "lookback_days": 10,
    }
    first = tap(**given)
    assert first.code == 0, first.log
    for name in (ORDERS, STREAM):
        assert first.state["bookmarks"][name]["replication_key_value"] == "2024-03-30"
    u8.requests.clear()
    run = tap(**given, state=first.state)
    assert {r.query["date_begin"] for r in u8.requests if "date_begin" in r.query} == {"2024-03-20"}
    assert {m["record"]["code"] for m in run.of("RECORD") if m["stream"] == STREAM} == {
        code(u8, n) for n in range(19, 30)
    }


def test_incremental_moves_no_bookmark_if_a_document_is_broken(tap: RunTap, u8: Sandbox) -> None:
    given: dict[str, Any] = {"catalog": by_date(tap), "streams": [ORDERS, STREAM]}
    u8.fail(Fault.errcode("20006"), endpoint="get", document=code(u8, 3), times=None)
    run = tap(**given)
    assert run.code == 1
    assert "replication_key_value" not in run.state["bookmarks"].get(STREAM, {})
    assert len({m["record"]["code"] for m in run.of("RECORD") if m["stream"] == STREAM}) == SIZE - 1


def test_full_table_with_versions_deletes_nothing_if_a_document_is_broken(
    tap: RunTap, u8: Sandbox
) -> None:
    given = {"emit_activate_version_messages": True}
    assert len(tap(**given).of("ACTIVATE_VERSION")) == 1
    u8.fail(Fault.errcode("20006"), endpoint="get", document=code(u8, 3), times=None)
    run = tap(**given)
    assert (run.code, run.of("ACTIVATE_VERSION")) == (1, [])
