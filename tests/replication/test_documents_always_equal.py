"""Whatever happens to documents and to the tap: after a complete run the table has U8's lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sandbox import ACCOUNTS, Fault, Sandbox
from tap_yonyou.errors import TapError
from tap_yonyou.replication import documents
from tap_yonyou.tap import TapYonyou
from tests.in_process import Kept
from tests.loaded import Loaded

ORDERS, STREAM = "saleorder", "saleorder_entry"
NUMBERS = st.integers(0, 7)
#: A document is added or edited with so many lines of an item, or deleted with none.
EDIT = st.tuples(NUMBERS, st.none() | st.tuples(st.integers(0, 3), st.sampled_from("甲乙")))
EDITS = st.lists(EDIT, max_size=4)
STEP: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("edit"), EDITS),
    st.tuples(st.just("run"), st.just(None)),
    # Before a document is answered.
    st.tuples(st.just("edit during run"), st.tuples(NUMBERS, EDITS)),
    st.tuples(st.just("a document fails"), NUMBERS),
    st.tuples(st.just("not granted"), NUMBERS),
    st.tuples(st.just("a page fails"), st.integers(1, 2)),
    # From now on, the fields of records are others.
    st.tuples(st.just("stream maps"), st.booleans()),
    # After so many messages the tap is killed, and the target passes on what it has.
    st.tuples(st.just("tap dies"), st.integers(0, 25)),
)


class World:
    """A U8, the tap, and a target."""

    def __init__(self, u8: Sandbox, token: str, **settings: Any) -> None:
        self.u8 = u8
        self.loaded = Loaded()
        self.edits = 0
        self.is_mapped = False
        accounts = ACCOUNTS._asdict()
        del accounts["app_secret"]
        self.settings = {**accounts, "token": token, "api_url": u8.url, "streams": [STREAM]}
        self.settings |= {"page_size": 5, "max_attempts": 1, "concurrency": 2} | settings
        self.settings |= {"max_deletes_percent": 100, "rewrite_days": 0}
        catalog = json.loads(TapYonyou(config=self.settings).catalog_json_text)
        catalog["streams"][0]["replication_method"] = "LOG_BASED"
        catalog["streams"][0]["metadata"][-1]["metadata"]["selected"] = True
        self.catalog = catalog

    def edit(self, edits: list[tuple[int, tuple[int, str] | None]]) -> None:
        table = {str(row["code"]): row for row in self.u8.tables[ORDERS]}
        for number, to in edits:
            code = f"SO{number}"
            table.pop(code, None)
            self.u8.lines[ORDERS].pop(code, None)
            if to is not None:
                self.edits += 1
                table[code] = {"code": code, "date": "2024-01-01", "verifier": "某人"}
                table[code]["sum"] = f"{self.edits}"  # an edit shows in the list
                self.u8.lines[ORDERS][code] = [{"inventorycode": to[1]} for _ in range(to[0])]
        # U8 does not count the rows of an empty list, which therefore proves nothing.
        table["SO99"] = {"code": "SO99", "date": "2024-01-01", "verifier": "某人"}
        self.u8.lines[ORDERS].setdefault("SO99", [])
        self.u8.tables[ORDERS] = [table[code] for code in sorted(table)]

    def run(self) -> tuple[bool, list[dict[str, Any]]]:
        kept = Kept()
        mark = {"inventorycode": "inventorycode and inventorycode + '!'"}
        maps = {"stream_maps": {STREAM: mark}} if self.is_mapped else {}
        try:
            TapYonyou(
                config=self.settings | maps,
                catalog=json.loads(json.dumps(self.catalog)),
                state=json.loads(json.dumps(self.loaded.state or {})),
                message_writer=kept,
            ).sync_all()
        except TapError:
            return False, kept.messages
        return True, kept.messages

    def step(self, kind: str, what: Any) -> None:
        u8, most = self.u8, None
        match kind:
            case "edit":
                self.edit(what)
                return
            case "stream maps":
                self.is_mapped = what
                return
            case "edit during run":
                u8.before_get(f"SO{what[0]}", lambda: self.edit(what[1]))
            case "a document fails":
                u8.fail(Fault.errcode("20006"), endpoint="get", document=f"SO{what}")
            case "not granted":
                u8.fail(Fault.errcode("39003"), endpoint="get", document=f"SO{what}")
            case "a page fails":
                u8.fail(Fault.errcode("30021"), page=what)
            case "tap dies":
                most = what
        before = {code for code, _, _ in self.lines()}
        held = {code for code, _, _ in self.living()}
        messages = self.run()[1]
        self.loaded.load(messages[:most])
        if most is None and not any(m["type"] == "ACTIVATE_VERSION" for m in messages):
            # What lives before and after the run is never deleted by it.
            after = {code for code, _, _ in self.lines()}
            assert held & before & after <= {code for code, _, _ in self.living()}
        u8.forgive()
        u8._hooks.clear()  # noqa: SLF001 -- those of a document that was not asked for

    def lines(self) -> list[tuple[str, int, Any]]:
        return [
            (str(row["code"]), number, f"{line['inventorycode']}{'!' * self.is_mapped}")
            for row in self.u8.tables[ORDERS]
            for number, line in enumerate(self.u8.lines[ORDERS][str(row["code"])], start=1)
        ]

    def living(self) -> list[tuple[str, int, Any]]:
        names = ("code", "line_number", "inventorycode")
        return [(one[names[0]], one[names[1]], one[names[2]]) for one in self.loaded.living(STREAM)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("deletes", [True, False], ids=["versions", "no versions"])
def test_after_a_complete_run_the_living_lines_are_those_of_u8(
    monkeypatch: pytest.MonkeyPatch,
    deletes: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    monkeypatch.setattr(documents, "_DOCUMENTS", 2)  # so that states come in the middle

    @given(start=EDITS, steps=st.lists(STEP, max_size=8))
    @hypothesis_settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    def check(start: Any, steps: list[tuple[str, Any]]) -> None:
        u8.tables[ORDERS] = []
        u8.lines[ORDERS].clear()
        world = World(u8, token, emit_activate_version_messages=deletes)
        world.edit(start)
        for kind, what in steps:
            world.step(kind, what)
        is_complete, messages = world.run()
        assert is_complete
        world.loaded.load(messages)
        assert world.living() == world.lines()
        # And nothing is left to be fetched.
        u8.requests.clear()
        assert not [m for m in world.run()[1] if m["type"] == "RECORD"]
        assert not [request for request in u8.requests if request.path.endswith("/get")]

    with Sandbox(tables={ORDERS: []}) as u8:
        issued: Any = u8.token(ACCOUNTS._asdict())["token"]
        token = issued["id"]
        check()
