"""`--check` tells what a U8 does otherwise than the tap expects, and no value of a record."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from sandbox import ACCOUNTS, NOT_GRANTED, RESOURCES, Fault, Sandbox, rows, sample
from sandbox.fault import JSON, encode
from sandbox.u8 import Refused
from tap_yonyou.check import check
from tap_yonyou.check.report import suited
from tap_yonyou.compat import override
from tap_yonyou.tap import TapYonyou
from tap_yonyou.u8 import resources
from tests.conftest import execute

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox import Row
    from sandbox.u8 import Query

    Reply = dict[str, Any]

NAMES = resources.names()
#: Pages of ten rows, a page of `page_size`, and what else is asked of one stream.
MOST = 20
TRIALS = 3 * 8


class Report(NamedTuple):
    """What was written of an account, and what cannot be read."""

    text: str
    failed: list[str]

    def verdict(self, name: str) -> str:
        (line,) = re.findall(rf"^- {name}: (.*)$", self.text, re.MULTILINE)
        return str(line)

    def line(self, point: str) -> str:
        (line,) = re.findall(rf"^\| {re.escape(point)} \| (.*) \|$", self.text, re.MULTILINE)
        return str(line)

    @property
    def recommended(self) -> dict[str, Any]:
        found: list[str] = re.findall(r"^```json\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        settings: dict[str, Any] = json.loads(found[0]) if found else {}
        return settings

    @property
    def settings(self) -> dict[str, Any]:
        """Without `concurrency`, which is a matter of milliseconds here."""
        return {name: value for name, value in self.recommended.items() if name != "concurrency"}


def report_on(u8: Sandbox, *streams: str, **given: Any) -> Report:
    config = {**ACCOUNTS._asdict(), "api_url": u8.url, "streams": [*streams], "max_attempts": 1}
    return Report(*check(TapYonyou(config=config | given, setup_mapper=False).config))


class Liar(Sandbox):
    """A U8+ that changes its honest replies."""

    lie: Callable[[Reply, Query], Reply] = staticmethod(lambda reply, _: reply)

    @override
    def batch_get(self, resource: str, query: Query) -> Reply:
        try:
            reply = super().batch_get(resource, query)
        except Refused as refused:
            reply = refused.reply
        return self.lie(reply, query)

    @override
    def get(self, resource: str, query: Query) -> Reply:
        return self.lie(super().get(resource, query), query)


def u8_of(*names: str, count: int = 225) -> Liar:
    return Liar(tables={name: rows(name, count) for name in names})


# A U8 that does what is expected


@pytest.fixture(scope="module")
def honest() -> Report:
    with u8_of(*RESOURCES, count=75) as u8:
        return report_on(u8, *NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_of_the_sandbox_is_as_expected(name: str, honest: Report) -> None:
    assert honest.verdict(name) == "as expected"


def test_nothing_has_to_be_changed_for_the_sandbox(honest: Report) -> None:
    assert (honest.failed, honest.settings) == ([], {})


def test_it_names_what_was_only_assumed_and_is_so(honest: Report) -> None:
    part = honest.text.partition("\n- saleinvoice_entry: as expected\n")[2].partition("\n- ")[0]
    assert "path `/api/saleinvoicelist/batch_get`, `/api/saleinvoice/get`" in part
    part = honest.text.partition("\n- vendorclass: as expected\n")[2].partition("\n- ")[0]
    fields = resources.load("vendorclass").schema["properties"]
    assert f"field {', '.join(f'`{name}`' for name in fields)}" in part


def test_it_asks_for_little_one_after_the_other_but_for_the_trials() -> None:
    with Sandbox(tables={"saleorder": rows("saleorder")}, sources=(1, 2, 3)) as u8:
        u8.latency = 0.01
        report = report_on(u8, "saleorder_entry", ds_sequences=[1, 2, 3], page_size=77)
        asked = Counter(request.query.get("ds_sequence") for request in u8.requests)
        sizes = {request.query.get("rows_per_page", "10") for request in u8.requests}
        assert f"; {len(u8.requests)} requests." in report.text
    assert report.verdict("saleorder_entry, data source 3") == "as expected"
    assert asked[None] == 1  # the log-in
    assert asked["1"] <= MOST + TRIALS
    assert {asked["2"], asked["3"]} <= {*range(10, MOST + 1)}
    assert sizes == {"10", "77"}
    assert u8.most_at_once == 4


def test_more_requests_in_flight_are_tried_and_recommended_where_the_server_is_slow() -> None:
    with Sandbox(latency=0.05) as u8:
        report = report_on(u8, "customercontacts", concurrency=1)
    assert report.recommended["concurrency"] in {2, 4}
    assert re.search(r"in flight: [\d.]+ with 1, [\d.]+ with 2, [\d.]+ with 4\n", report.text)


@pytest.mark.parametrize(
    ("rates", "configured", "better"),
    [
        ({1: 10, 2: 11, 4: 11.9}, 1, None),
        ({1: 10, 2: 12, 4: 14}, 1, 2),
        ({1: 10, 2: 11, 4: 12}, 2, 4),
        ({1: 10, 2: 11, 4: 30}, 8, None),
        ({1: 10, 2: 11, 4: 0}, 4, 1),
        ({}, 3, None),
    ],
)
def test_more_requests_in_flight_have_to_be_a_fifth_faster(
    rates: dict[int, float], configured: int, better: int | None
) -> None:
    assert suited(rates, configured) == (better or configured)


def test_a_trial_in_which_a_request_fails_recommends_nothing() -> None:
    with u8_of("customer") as u8:
        u8.latency = 0.02
        u8.lie = lambda reply, _: {"errcode": "39998"} if u8.most_at_once > 2 else reply
        text = report_on(u8, "customer").text
    assert ", 0.0 with 4\n" in text


def test_it_reads_what_the_filters_of_the_configuration_let_through() -> None:
    with Sandbox() as u8:
        given = {"filters": {"customercontacts": {"code_end": "00000500"}}}
        report = report_on(u8, "customercontacts", **given)
        wanted = u8.batch_get("customercontacts", u8.requests[1].query)["row_count"]
    assert report.line("`row_count`").startswith(f"{wanted} (text) ")


def test_a_declared_resource_without_a_schema_is_looked_at_too() -> None:
    with u8_of("warehouse", "saleorder") as u8:
        u8.tables["fitem"] = rows("warehouse")
        declared: dict[str, Any] = {"fitem": {"key": ["code"]}}
        u8.tables["order"] = rows("saleorder")
        u8.samples["order"] = replace(sample("saleorder"), path="", document="", array="")
        declared["order"] = {"key": ["code"], "entry": {"path": "/api/order/get"}}
        names = ("fitem", "order", "order_entry")
        report = report_on(u8, *names, resources=declared)
    assert [report.verdict(name) for name in names] == ["as expected"] * 3


def test_rows_without_a_key_are_no_fault_of_a_list_that_has_none() -> None:
    with u8_of("warehouse", count=5) as u8:
        declared = {"warehouse": {"key": [], "replaces": True}}
        report = report_on(u8, "warehouse", resources=declared)
    assert report.verdict("warehouse") == "as expected"
    assert report.line("Time of a page of 10 rows").partition(" ")[2].startswith("s (median of 1)")


def test_a_list_without_rows_can_be_read() -> None:
    with Sandbox(tables={"warehouse": []}) as u8:
        report = report_on(u8, "warehouse")
    assert report.failed == []
    assert report.line("Granted").startswith("no rows, errcode 20002 ")


# A U8 that differs in one point


def counting(**numbers: str) -> Callable[[Reply, Query], Reply]:
    return lambda reply, _: reply | numbers


def growing(reply: Reply, query: Query) -> Reply:
    return reply | {"row_count": f"{225 + (query['page_index'] == '2')}"}


def capped(reply: Reply, query: Query) -> Reply:
    if query["rows_per_page"] == "10":
        return reply
    return reply | {"customer": reply["customer"][:100]}


def repeating(reply: Reply, query: Query) -> Reply:
    if reply["errcode"] == "0" or "code_begin" in query:
        return reply
    return {"errcode": "0", "row_count": "225", "page_count": "23", "customer": LAST}


def empty_in_the_middle(reply: Reply, query: Query) -> Reply:
    return reply | ({"customer": []} if query["page_index"] == "12" else {})


def refusing_ranges(reply: Reply, query: Query) -> Reply:
    return {"errcode": "29001", "errmsg": ""} if "code_end" in query else reply


def without_the_first(reply: Reply, query: Query) -> Reply:
    if query.get("code_begin", "1") == "1":
        return reply
    return {"errcode": "20002", "errmsg": ""} if query["code_begin"] else reply


def with_lower_ones(reply: Reply, query: Query) -> Reply:
    if "timestamp_begin" not in query:
        return reply
    return reply | {"customer": rows("customer", 3), "row_count": "3"}


def not_an_object(reply: Reply, query: Query) -> Reply:
    return reply | ({"customer": ["text"]} if query["page_index"] == "2" else {})


def each(change: Callable[[Row], object]) -> Callable[[Liar], None]:
    def do(u8: Liar) -> None:
        for row in u8.tables["customer"]:
            change(row)

    return do


def lying(lie: Callable[[Reply, Query], Reply]) -> Callable[[Liar], None]:
    return lambda u8: setattr(u8, "lie", lie)


def setting(name: str, value: object) -> Callable[[Liar], None]:
    return lambda u8: setattr(u8, name, value)


def knowing(**changes: Any) -> Callable[[Liar], None]:
    def do(u8: Liar) -> None:
        u8.samples["customer"] = replace(sample("customer"), **changes)

    return do


LAST = rows("customer")[-5:]
FAILS, DIFFERS, NOTED = "cannot be read", "differs", ""
LIES: dict[str, tuple[Callable[[Liar], object], str, str, str]] = {
    "not granted": (
        setting("refused", {"customer": ("30021", "此应用未上线")}),
        "Granted",
        "errcode 30021: the app is not published, or the enterprise account has not approved it; "
        "publish it in the developer account and have it approved, then run again",
        FAILS,
    ),
    "an unknown code": (
        setting("refused", {"customer": NOT_GRANTED}),
        "Granted",
        "errcode 39003: this code is not known to the tap; ",
        FAILS,
    ),
    "no row count": (
        setting("omit", {"row_count"}),
        "`row_count`",
        "missing, or no number",
        DIFFERS,
    ),
    "a word for a count": (
        lying(counting(page_count="many")),
        "`page_count`",
        "missing, or no number",
        DIFFERS,
    ),
    "a count of pages that nobody has": (
        lying(counting(page_count="99999999999999999999")),
        "Counts",
        "225 rows are not 99999999999999999999 pages of 10",
        FAILS,
    ),
    "a row count that is another": (
        lying(counting(row_count="224", page_count="22")),
        "Counts",
        "224 rows are not 22 pages of 10",
        FAILS,
    ),
    "a row count that changes": (lying(growing), "`row_count`", "225, 226 (text)", DIFFERS),
    "a page that is empty": (lying(empty_in_the_middle), "Page 12", "no rows, errcode 0", FAILS),
    "a page that fails": (
        lambda u8: u8.fail(Fault.status(503), page=12),
        "Page 12",
        "HTTP 503; given up after 1 attempt",
        FAILS,
    ),
    "pages with a cap": (
        setting("max_rows_per_page", 50),
        "Page of 500 rows",
        "50 rows in ",
        DIFFERS,
    ),
    "pages with a cap that no reply names": (
        lying(capped),
        "Page of 500 rows",
        "100 rows in ",
        FAILS,
    ),
    "a last page that comes again": (
        lying(repeating),
        "Page past the last one",
        "rows of the last page again",
        DIFFERS,
    ),
    "a last page that comes again, without counts": (
        lambda u8: (
            setting("tables", {"customer": rows("customer", 15)})(u8),
            lying(
                lambda reply, query: {
                    "errcode": "0",
                    "customer": reply.get("customer", []) if int(query["page_index"]) < 3 else LAST,
                }
            )(u8),
        ),
        "Page past the last one",
        "rows of the last page again",
        FAILS,
    ),
    "filters that are ignored": (
        knowing(filters={}),
        "Nothing between `code_begin`, `code_end`",
        "rows",
        DIFFERS,
    ),
    "a filter of INCREMENTAL that is ignored": (
        knowing(filters={"text": "code_begin code_end"}),
        "Rows from `timestamp_begin` on",
        "the same rows as without it",
        DIFFERS,
    ),
    "another code where nothing matches": (
        lying(refusing_ranges),
        "Nothing between `code_begin`, `code_end`",
        "errcode 29001: this code is not known to the tap; ",
        DIFFERS,
    ),
    "a filter that brings nothing": (
        lying(without_the_first),
        "Rows from `code_begin` on",
        "no rows, errcode 20002",
        DIFFERS,
    ),
    "a filter that brings lower ones": (
        lying(with_lower_ones),
        "Rows from `timestamp_begin` on",
        "lower values, too",
        DIFFERS,
    ),
    "a row version that is no number": (
        each(lambda row: row.update(timestamp="0x00000000000007D1")),
        "Row version `timestamp`",
        "0 of 65 are numbers, 1 different ones",
        DIFFERS,
    ),
    "a row version that does not grow": (
        each(lambda row: row.update(timestamp="7.5000")),
        "Row version `timestamp`",
        "65 of 65 are numbers, 1 different ones",
        DIFFERS,
    ),
    "fields that are not declared": (
        each(lambda row: row.update({"free`|1": "2024-05-06", "list": [{"a": 1}], "no": ""})),
        "Not declared",
        r"`free'\|1` (date), `list` (array), `no` (empty)",
        DIFFERS,
    ),
    "values that do not fit": (
        lambda u8: u8.tables["customer"][3].update(bcusdomestic="perhaps", seed_date=20240506),
        "Field `bcusdomestic`",
        "1 of 65 values do not fit; they look like boolean (0 or 1) or text",
        DIFFERS,
    ),
    "another spelling": (
        each(lambda row: row.update(NAME=row.pop("name"))),
        "Another spelling",
        "`NAME`, `modifydate`",
        NOTED,
    ),
    "a key that is not unique": (
        lambda u8: u8.tables["customer"][1].update(u8.tables["customer"][0]),
        "Key `code`",
        "65 rows, 0 blank, 1 doubled",
        FAILS,
    ),
    "a blank key": (
        lambda u8: u8.tables["customer"][1].update(code=""),
        "Key `code`",
        "65 rows, 1 blank, 0 doubled",
        FAILS,
    ),
    "a row that is no object": (
        lying(not_an_object),
        "Key `code`",
        "56 rows, 1 blank, 0 doubled",
        FAILS,
    ),
    "another order": (
        lambda u8: u8.tables["customer"].insert(5, u8.tables["customer"].pop()),
        "Order of the rows",
        "not by key",
        NOTED,
    ),
    "rows under another name": (
        knowing(array="data.list"),
        "Rows in the reply",
        "in `data.list`",
        FAILS,
    ),
}


def test_a_list_at_another_path_is_found_and_the_path_offered() -> None:
    declared = {"customer": {"key": ["code"], "replaces": True, "path": "/api/nowhere/batch_get"}}
    with u8_of("customer") as u8:
        report = report_on(u8, "customer", resources=declared)
    assert report.failed == ["customer"]
    assert "at `/api/customer/batch_get` | at `/api/nowhere/batch_get`" in report.line("Path")
    assert report.settings["resources"]["customer"]["path"] == "/api/customer/batch_get"


def report_that_names(
    stream: str, do: Callable[[Any], object], point: str, found: str, level: str
) -> Report:
    with u8_of(stream.removesuffix("_entry")) as u8:
        do(u8)
        report = report_on(u8, stream)
    line = report.line(point)
    assert line.startswith(found)
    assert line.endswith(f"| {level}")
    assert report.failed == ([stream] if level == FAILS else [])
    return report


@pytest.mark.parametrize("name", LIES)
def test_a_point_in_which_a_list_differs_is_named(name: str) -> None:
    report = report_that_names("customer", *LIES[name])
    _, point, found, level = LIES[name]
    verdict = report.verdict("customer")
    assert f"{point} ({found}" in verdict if level else verdict == "as expected"


def test_only_the_point_that_differs_is_named() -> None:
    with u8_of("customer") as u8:
        each(lambda row: row.update(cid=row["code"]))(u8)
        verdict = report_on(u8, "customer").verdict("customer")
    assert verdict == "**differs**: Not declared (`cid` (integer))"


def lines_of(change: Callable[[Row], object]) -> Callable[[Liar], None]:
    def do(u8: Liar) -> None:
        for row in u8.tables["saleorder"]:
            for line in u8.lines["saleorder"][str(row["code"])]:
                change(line)

    return do


def without_documents(reply: Reply, _: Query) -> Reply:
    return reply if "page_index" in reply else {"errcode": "20002", "errmsg": ""}


def with_another_document(reply: Reply, _: Query) -> Reply:
    if "saleorder" in reply:
        reply["saleorder"]["code"] = "SO1"
    return reply


def without_lines(reply: Reply, _: Query) -> Reply:
    if "saleorder" in reply:
        reply["saleorder"]["entry"] = ""
    return reply


DOCUMENTS: dict[str, tuple[Callable[[Liar], object], str, str, str]] = {
    "documents that are not granted": (
        setting("refused", {"saleorder/get": NOT_GRANTED}),
        "Documents by `id`",
        "0 of 3 came; errcode 39003: this code is not known to the tap",
        FAILS,
    ),
    "a key that is not taken": (
        lying(without_documents),
        "Documents by `id`",
        "0 of 3 came; no rows, errcode 20002",
        FAILS,
    ),
    "another document": (
        lying(with_another_document),
        "Documents by `id`",
        "0 of 3 came; the reply has another document",
        FAILS,
    ),
    "no lines": (lying(without_lines), "Lines", "0 in 3 documents", DIFFERS),
    "no row numbers": (
        lines_of(lambda line: line.update(rowno="")),
        "Row numbers `rowno`",
        "0 different ones within 3 documents, 9 lines",
        NOTED,
    ),
    "row numbers that are the same": (
        lines_of(lambda line: line.update(rowno="1")),
        "Row numbers `rowno`",
        "3 different ones within 3 documents, 9 lines",
        NOTED,
    ),
    "fields of lines that are not declared": (
        lines_of(lambda line: line.update(extra=1)),
        "Not declared",
        "`extra` (integer)",
        DIFFERS,
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_point_in_which_documents_differ_is_named(name: str) -> None:
    report_that_names("saleorder_entry", *DOCUMENTS[name])


# Settings to change


@pytest.mark.parametrize(
    ("stream", "do", "settings"),
    [
        ("customer", knowing(array="data.list"), {"rows": "data.list"}),
        ("customer", each(lambda row: row.update(new="x", much={"a": 1})), {"schema": ...}),
        ("customer", each(lambda row: row.update(bcusdomestic="perhaps")), {"schema": ...}),
        ("saleorder_entry", lines_of(lambda line: line.update(new=1, sum="?")), {"entry": ...}),
    ],
    ids=["rows", "fields", "a type", "lines"],
)
def test_with_the_settings_of_the_report_all_is_as_expected(
    stream: str, do: Callable[[Liar], object], settings: dict[str, Any]
) -> None:
    with u8_of("customer", "saleorder") as u8:
        do(u8)
        (name,) = (before := report_on(u8, stream).settings)["resources"]
        assert before["resources"][name].keys() == {"replaces", "key", *settings}
        after = report_on(u8, stream, **before)
    assert after.verdict(stream) == "as expected"
    assert after.settings == {}


@pytest.mark.parametrize(("field", "key"), [("cid", ["cid"]), ("cad", ["code", "sort_code"])])
def test_another_key_is_offered_that_is_unique(field: str, key: list[str]) -> None:
    with u8_of("customer") as u8:
        for number, row in enumerate(u8.tables["customer"]):
            row |= {"code": f"{number // 2:04}", field: str(number)}
        settings = report_on(u8, "customer").settings
        assert settings["resources"]["customer"]["key"] == key
        assert report_on(u8, "customer", **settings).verdict("customer") == "as expected"


def test_what_the_server_does_becomes_settings_that_the_tap_takes() -> None:
    with u8_of("customer") as u8:
        u8.max_rows_per_page, u8.lie = 50, refusing_ranges
        settings = report_on(u8, "customer").settings
        assert settings == {"page_size": 50, "errcode_actions": {"29001": "empty"}}
        assert report_on(u8, "customer", **settings).verdict("customer") == "as expected"


def test_what_is_declared_already_is_not_repeated() -> None:
    declared = {"customer": {"key": ["code"], "replaces": True, "params": {"secret": "s3cr3t"}}}
    with u8_of("customer") as u8:
        knowing(array="list")(u8)
        report = report_on(u8, "customer", resources=declared)
    assert report.settings["resources"] == {"customer": {"key": ["code"], "rows": "list"}}
    assert "s3cr3t" not in report.text


# The log-in


def test_a_log_in_that_fails_is_told_and_ends_the_check() -> None:
    with u8_of("customer") as u8:
        report = report_on(u8, "customer", app_secret="wrong")
        assert len(u8.requests) == 1
    assert report.failed == ["Log-in"]
    assert report.line("Log-in").startswith("errcode 39002: this code is not known to the tap; ")
    assert "## customer" not in report.text


def test_a_token_from_elsewhere_is_used() -> None:
    with u8_of("customer") as u8:
        token: Any = u8.token(ACCOUNTS._asdict())["token"]
        report = report_on(u8, "customer", app_secret=None, token=token["id"])
        assert "/system/token" not in {request.path for request in u8.requests}
    assert report.verdict("customer") == "as expected"


def test_a_clock_that_differs_is_told() -> None:
    with u8_of("customer") as u8:
        headers = {"Content-Type": JSON, "Date": "Tue, 05 Jan 2021 04:00:00 GMT"}
        body = encode(u8.token(ACCOUNTS._asdict()))
        u8.fail(Fault.status(200, headers, body), "token")
        report = report_on(u8, "customer")
    line = report.line("Clock of the server")
    assert line.startswith("-")
    assert line.endswith("differs")
    assert report.verdict("customer") == "as expected"


@pytest.mark.parametrize("date", ["Fri, 27 Nov 2026 22:00:00 -0000", "now", ""])
def test_a_clock_that_cannot_be_read_is_left_out(date: str) -> None:
    with u8_of("customer") as u8:
        headers = {"Content-Type": JSON, "Date": date}
        u8.fail(Fault.status(200, headers, encode(u8.token(ACCOUNTS._asdict()))), "token")
        assert report_on(u8, "customer").verdict("customer") == "as expected"


# The command


def run(u8: Sandbox, folder: Path, env: dict[str, str], *streams: str) -> Any:
    config = {**ACCOUNTS._asdict(), "api_url": u8.url, "streams": streams, "max_attempts": 1}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return execute("--config", str(folder / "config.json"), "--check", env=env)


def test_the_exit_code_tells_whether_the_streams_can_be_read(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    with u8_of("customer", "warehouse") as u8:
        u8.max_rows_per_page = 50
        done = run(u8, tmp_path, clean_env, "customer", "warehouse")
        assert (done.code, done.errors) == (0, [])
        assert done.out.startswith("# What this U8 does")
        assert "- warehouse: **differs**: Page of 500 rows (" in done.out
        u8.refused = {"warehouse": NOT_GRANTED}
        done = run(u8, tmp_path, clean_env, "customer", "warehouse")
    assert done.code == 1
    assert done.errors == ["cannot be read as configured: warehouse; the report says why"]
    assert "- warehouse: **cannot be read**: Granted (" in done.out


def test_neither_report_nor_log_shows_a_value_an_account_or_a_host(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    number = itertools.count(864213570)

    def secret(name: str, value: object) -> object:
        mark = next(number)
        is_text = not re.fullmatch(r"[\d.-]*", str(value))
        return f"Zq{mark}" if is_text or name == "name" else str(mark)

    with u8_of("customer", "saleorder") as u8:
        for table in u8.tables.values():
            for row in table:
                row |= {name: secret(name, value) for name, value in row.items()}
                row |= {"extra": f"Zq{next(number)}"}
        for row in u8.tables["saleorder"]:
            made = u8.lines["saleorder"][str(row["code"])]
            for line in made:
                line |= {name: secret(name, value) for name, value in line.items()}
        u8.tables["customer"][1]["code"] = u8.tables["customer"][0]["code"]
        u8.lie = telling
        env = clean_env | {"TAP_YONYOU_LOGLEVEL": "DEBUG"}
        done = run(u8, tmp_path, env, "customer", "saleorder", "saleorder_entry")
        text = done.out + done.log
        assert "urllib3" in done.log
        assert "differs" in done.out
        needles = {*u8.tokens, *ACCOUNTS, u8.url, u8.url.rpartition("/")[2], "127.0.0.1"}
        needles |= {u8.url.rpartition(":")[2], "Zq", "86421"}
    assert {needle for needle in needles if needle in text} == set()


def telling(reply: Reply, query: Query) -> Reply:
    """Put the values of a row into the message of an error."""
    if "code_end" in query or query.get("page_index") == "3":
        return {"errcode": "29001", "errmsg": "Zq864213577的值无效"}
    return reply
