"""Documents in trouble: no line of U8 is lost, and none is left that U8 does not have."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Fault, Sandbox, rows, sample
from sandbox.samples import Sample
from sandbox.u8 import Lines
from tap_yonyou.compat import override
from tap_yonyou.errors import TapError
from tap_yonyou.replication import documents
from tap_yonyou.u8.values import CHINA
from tests.in_process import InProcess
from tests.loaded import Loaded
from tests.orders import ORDERS, SIZE, STREAM, code, lines, settled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from tests.conftest import RunTap


class World:
    """A U8, the tap in this process, and a target."""

    def __init__(self, u8: Sandbox, stream: str = STREAM, **settings: Any) -> None:
        self.u8, self.stream, self.loaded = u8, stream, Loaded()
        self.settings = {"page_size": 12, "concurrency": 1} | settings
        self.messages: list[dict[str, Any]] = []

    def run(
        self, method: str = "LOG_BASED", key: str = "", states: int | None = None, **given: Any
    ) -> bool:
        """Run; with `states`, the tap is killed after so many. Tell if the run was complete."""
        options = self.settings | given
        run = InProcess(self.u8, self.stream, state=self.loaded.state, **options)
        chosen, is_complete = run.tap.streams[self.stream], True
        chosen.forced_replication_method = method
        if key:
            chosen.replication_key = key
        try:
            run.sync()
        except TapError:
            is_complete = False
        self.messages = run.kept.messages
        if states is not None:
            places = [n for n, m in enumerate(self.messages) if m["type"] == "STATE"]
            self.messages = self.messages[: places[states - 1] + 1]
            is_complete = False
        self.loaded.load(self.messages)
        return is_complete

    @property
    def records(self) -> list[dict[str, Any]]:
        return [m["record"] for m in self.messages if m["type"] == "RECORD"]

    def living(self) -> list[tuple[Any, ...]]:
        names = ("code", "line_number", "inventorycode")
        return [tuple(one[name] for name in names) for one in self.loaded.living(self.stream)]


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    """Thirty sales orders of long ago, approved."""
    with Sandbox(tables={ORDERS: settled(rows(ORDERS, SIZE))}) as running:
        yield running


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STATE follows five documents."""
    monkeypatch.setattr(documents, "_DOCUMENTS", 5)


# A start that took several runs


@pytest.mark.usefixtures("_few")
def test_versions_turned_on_before_a_start_is_resumed_delete_nothing(u8: Sandbox) -> None:
    world = World(u8)
    world.run(states=4, emit_activate_version_messages=False)
    assert world.living()
    assert world.run(emit_activate_version_messages=True)
    assert world.living() == lines(u8)


@pytest.mark.usefixtures("_few")
def test_a_start_that_died_in_the_first_of_two_data_sources_deletes_nothing(
    u8: Sandbox,
) -> None:
    u8.sources = (1, 2)
    world = World(u8, ds_sequences=[1, 2], emit_activate_version_messages=True)
    world.run(states=4)
    assert world.living()
    assert world.run()
    assert sorted(world.living()) == sorted(2 * lines(u8))


@pytest.mark.usefixtures("_few")
def test_a_start_that_is_resumed_in_another_data_source_deletes_nothing(
    u8: Sandbox, tmp_path: Path
) -> None:
    u8.sources = (1, 2)
    u8.others = {2: {ORDERS: [dict(row, code=f"X{row['code']}") for row in u8.tables[ORDERS]]}}
    store = tmp_path / "store"
    world = World(u8, emit_activate_version_messages=True, snapshot_store=str(store), ds_sequence=1)
    assert world.run()
    for file in store.iterdir():
        file.unlink()
    u8.fail(Fault.errcode("39003"), endpoint="get", document=code(u8, 20))
    assert not world.run()
    before = world.living()
    u8.forgive()
    assert world.run(ds_sequence=2)
    assert set(before) < set(world.living())


@pytest.mark.usefixtures("_few")
def test_a_run_that_goes_on_fetches_what_the_last_one_has_not(u8: Sandbox) -> None:
    for row in u8.tables[ORDERS]:
        row["verifier"] = ""  # All are open, and fetched in each run.
    world = World(u8)
    assert world.run()
    for number in (0, 29):
        u8.lines[ORDERS][code(u8, number)][0]["inventorycode"] = "新货"
    u8.fail(Fault.errcode("39003"), endpoint="get", document=code(u8, 20))
    assert not world.run()
    u8.forgive()
    assert world.run()
    assert world.living() == lines(u8)


# Deletes


def test_max_deletes_holds_when_the_snapshot_is_lost(u8: Sandbox, tmp_path: Path) -> None:
    world = World(u8, emit_activate_version_messages=True, snapshot_store=str(tmp_path / "store"))
    assert world.run()
    before = world.living()
    for file in (tmp_path / "store").iterdir():
        file.unlink()
    u8.tables[ORDERS] = u8.tables[ORDERS][:2]
    assert not world.run()
    assert world.living() == before


def test_another_list_of_the_same_documents_deletes_nothing(u8: Sandbox) -> None:
    u8.samples["subset"] = Sample(title="销售订单", path="subset", array="subset")
    u8.tables["subset"] = u8.tables[ORDERS][:20]

    def declared(path: str) -> dict[str, Any]:
        return {
            "orders": {
                "key": ["code"],
                "path": f"/api/{path}/batch_get",
                "rows": path,
                "schema": {"code": {"type": "string"}},
                "entry": {
                    "path": "/api/saleorder/get",
                    "rows": "saleorder.entry",
                    "schema": {"inventorycode": {"type": ["string", "null"]}},
                },
            }
        }

    world = World(u8, "orders_entry", resources=declared("saleorderlist"))
    assert world.run()
    before = world.living()
    assert world.run(resources=declared("subset"))
    assert world.living() == before


def test_filters_of_the_heads_warn_that_a_version_deletes_lines(
    u8: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(u8, emit_activate_version_messages=True)
    with caplog.at_level(logging.WARNING):
        assert world.run(filters={ORDERS: {"code_end": code(u8, 4)}})
    assert any(m["type"] == "ACTIVATE_VERSION" for m in world.messages)
    assert "filters are set together" in caplog.text


# Another method in between


def test_lines_that_another_method_wrote_do_not_live_on(u8: Sandbox) -> None:
    first = code(u8, 0)
    world = World(u8)
    u8.lines[ORDERS][first] = [{"inventorycode": "1"}]
    assert world.run(emit_activate_version_messages=True)
    u8.lines[ORDERS][first] = [{"inventorycode": str(n)} for n in range(5)]
    u8.tables[ORDERS][0]["sum"] = "5"
    assert world.run("FULL_TABLE")
    u8.lines[ORDERS][first] = [{"inventorycode": "1"}]
    u8.tables[ORDERS][0]["sum"] = "1"
    del u8.tables[ORDERS][5]
    assert world.run(emit_activate_version_messages=True)
    assert world.living() == lines(u8)


@pytest.mark.usefixtures("_few")
def test_another_method_is_noticed_though_a_run_died_before_it(u8: Sandbox) -> None:
    world = World(u8)
    assert world.run()
    for number in range(12):
        u8.tables[ORDERS][number]["remark"] = "新"
        u8.lines[ORDERS][code(u8, number)][0]["inventorycode"] = "新货"
    world.run(states=2)
    before, changed = dict(u8.tables[ORDERS][25]), code(u8, 25)
    u8.lines[ORDERS][changed][0]["inventorycode"] = "乙"
    u8.tables[ORDERS][25]["remark"] = "改"
    assert world.run("FULL_TABLE")
    del u8.lines[ORDERS][changed]  # They are as at first again.
    u8.tables[ORDERS][25] = before
    assert world.run()
    assert world.living() == lines(u8)


# INCREMENTAL


def test_a_document_edited_during_the_read_that_cannot_be_read_fails_the_stream(
    u8: Sandbox,
) -> None:
    table = [dict(row, ufts=f"{1000 + n}") for n, row in enumerate(rows("oughtpay", SIZE))]
    u8.tables = {"oughtpay": table}
    u8.omit = {"row_count"}
    make = u8.known("oughtpay").entry
    assert make is not None
    u8.lines["oughtpay"] = Lines(make)
    world, edited, last = World(u8, "oughtpay_entry"), str(table[3]["code"]), str(table[29]["code"])

    def edit() -> None:
        # Its page has been read: only the second look sees it.
        u8.tables["oughtpay"][3] = table[3] | {"ufts": "1025"}
        fault = Fault.errcode("20006")
        u8.before_get(last, lambda: u8.fail(fault, endpoint="get", document=edited))

    u8.before(2, edit)
    assert not world.run("INCREMENTAL", "ufts")


def test_a_second_look_that_finds_nothing_at_all_confirms_no_deletion(u8: Sandbox) -> None:
    world, victim = World(u8), code(u8, 0)

    def trouble() -> None:
        u8.fail(Fault.errcode("20002"), endpoint="get", document=victim)
        u8.fail(Fault.errcode("20002"), page=1)

    u8.before_get(victim, trouble)
    assert not world.run("INCREMENTAL", "date")
    u8.forgive()
    assert world.run("INCREMENTAL", "date")
    assert world.living() == lines(u8)


# What U8 sends


def test_two_documents_with_one_number_and_different_types_fail_the_stream(u8: Sandbox) -> None:
    """U8 is asked by number alone, and answers with one of them."""
    table = rows("saleinvoice", 3)
    table[1] |= {"invoiceno": table[0]["invoiceno"], "vouchertype": "another"}
    u8.tables = {"saleinvoice": table}
    assert not World(u8, "saleinvoice_entry").run("FULL_TABLE")


def test_a_date_that_cannot_be_read_counts_as_recent(u8: Sandbox) -> None:
    for row in u8.tables[ORDERS]:
        row["date"] = f"{datetime.now(CHINA):%Y%m%d}"
    world = World(u8)
    assert world.run()
    u8.lines[ORDERS][code(u8, 3)][0]["inventorycode"] = "新"
    assert world.run()
    assert world.living() == lines(u8)


def test_lines_beside_the_rows_that_belong_to_none_of_them_fail_the_stream(u8: Sandbox) -> None:
    u8.tables = {"bom": rows("bom", 4)}
    for row in u8.tables["bom"]:
        entry: Any = row["entry"]
        row["entry"] = [{**line, "bomid": "nobody's"} for line in entry]
    u8.samples["bom"] = replace(sample("bom"), beside=True)
    assert not World(u8, "bom_entry").run("FULL_TABLE")


def test_a_single_line_beside_the_rows_is_read(u8: Sandbox) -> None:
    u8.tables = {"bom": rows("bom", 1)}
    row: dict[str, Any] = dict(u8.tables["bom"][0])
    line = row.pop("entry")[0]
    reply = {"errcode": "0", "row_count": "1", "page_count": "1", "rows_per_page": "12"}
    u8.fail(Fault.reply({**reply, "bom": [row], "entry": {**line, "bomid": row["bomid"]}}))
    world = World(u8, "bom_entry")
    assert world.run("FULL_TABLE")
    assert len(world.records) == 1


def test_the_next_list_is_not_requested_before_the_documents(u8: Sandbox) -> None:
    """Its first page would be old when the others come."""
    vendors = rows("vendor", 40)
    u8.tables["vendor"] = vendors
    world = World(u8, concurrency=8, page_size=20, streams=[STREAM, "vendor"])
    assert world.run()
    for row in u8.tables[ORDERS]:
        row["remark"] = "新"
    u8.requests.clear()
    assert world.run()
    paths = [request.path.removeprefix("/api/") for request in u8.requests]
    # But for those in flight at that moment.
    assert paths[paths.index("vendor/batch_get") :].count("saleorder/get") < 8


@pytest.mark.parametrize(
    ("days", "time", "date", "is_fetched"),
    [
        (1, "15:59:59", "2026-11-26", False),
        (1, "15:59:59", "2026-11-27", True),
        (1, "16:00:00", "2026-11-27", False),
        (1, "16:00:00", "2026-11-28", True),
        (0, "16:00:00", "2026-11-28", False),
        (0, "16:00:00", "2026-11-29", True),
        (31, "16:00:00", "2026-10-28", False),
        (31, "16:00:00", "2026-10-29", True),
    ],
)
def test_lookback_days_end_at_midnight_in_china(
    u8: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    time: str,
    date: str,
    is_fetched: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    class Clock(datetime):
        @classmethod
        @override
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromisoformat(f"2026-11-27T{time}+00:00").astimezone(tz)

    monkeypatch.setattr(documents, "datetime", Clock)
    u8.tables[ORDERS][6]["date"] = date
    world = World(u8, lookback_days=days)
    assert world.run()
    u8.requests.clear()
    assert world.run()
    asked = [r.query["id"] for r in u8.requests if r.path.endswith("/get")]
    assert asked == ([code(u8, 6)] if is_fetched else [])


@pytest.mark.parametrize(
    "body",
    [
        b'{"errcode":"0","saleorder":{"code":"SO","entry":[null]}}',
        b'{"errcode":"0","saleorder":{"code":{"a":1},"entry":[]}}',
        b'{"errcode":"0","saleorder":{"code":["SO"],"entry":[]}}',
        b'{"errcode":0,"saleorder":[{"code":"SO","entry":[]}]}',
        b'{"errcode":"0","saleorder":{"Code":"SO","code":"other","entry":[{"a":1}]}}',
        b'{"errcode":"0","saleorder":{"code":"\\ud83d","entry":[{"a":1}]}}',
        b'{"errcode":"0","entry":[]}',
        b"[]",
        b"null",
        b"",
        b'{"errcode":"0","saleorder":"x"}',
        b'{"errcode":"0","errmsg":null,"saleorder":null,"entry":[]}',
    ],
)
def test_an_odd_body_is_a_document_that_cannot_be_read(
    u8: Sandbox, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    u8.fail(Fault.body(body), endpoint="get", document=code(u8, 3), times=None)
    world = World(u8)
    assert not world.run()
    assert world.living() == [one for one in lines(u8) if one[0] != code(u8, 3)]
    assert "a fault of the tap" not in caplog.text


# Declarations

ENTRY = {"path": "/api/saleorder/get", "rows": "saleorder.entry"}
DECLARED: dict[str, Any] = {
    "key": ["code"],
    "path": "/api/saleorderlist/batch_get",
    "rows": "saleorderlist",
    "entry": ENTRY,
}


@pytest.mark.parametrize(
    "change",
    [
        {"key": ["nothing"]},
        {"entry": {**ENTRY, "rows": "saleorder"}},
        {"entry": {**ENTRY, "rows": "entry"}},
        {"entry": {"rows": "entry"}},
        {"entry": {"rows": "sum"}},
        {"entry": {**ENTRY, "schema": {"line_number": {"type": "string"}}}},
        {"entry": {**ENTRY, "parameter": "page_index"}},
        {"rows": "saleorderlist.x"},
    ],
    ids=str,
)
def test_a_wrong_declaration_is_one_line(tap: RunTap, change: dict[str, Any]) -> None:
    given = {"streams": ["orders_entry"], "resources": {"orders": DECLARED | change}}
    run = tap("--discover", **given)
    assert "a fault of the tap" not in run.log
    assert run.code == 0 or len(run.errors) == 1
