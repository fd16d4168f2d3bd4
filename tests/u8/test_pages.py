"""Every contact comes out once, exactly, however the server pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from sandbox import ACCOUNTS, Fault, contact, contacts

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import RunTap

FIELDS = [
    "code",
    "name",
    "ccuscode",
    "ccusname",
    "direct_leader_code",
    "direct_leader",
    "charge_person_code",
    "charge_person",
    "be_main_linker",
    "title",
    "sex",
    "birthday",
    "native",
    "default",
    "position",
    "mobile_phone",
    "office_phone",
    "email",
    "favorite",
    "wechat",
    "qq",
]


def pages(u8: Sandbox) -> list[dict[str, str]]:
    return [request.query for request in u8.requests if request.path != "/system/token"]


def indexes(u8: Sandbox) -> list[str]:
    return [page["page_index"] for page in pages(u8)]


def codes(u8: Sandbox) -> list[object]:
    return [row["code"] for row in u8.tables["customercontacts"]]


# Records


@pytest.mark.installed
def test_the_vendors_sample_becomes_exactly_these_records(tap: RunTap, u8: Sandbox) -> None:
    u8.tables["customercontacts"] = contacts(2)
    nothing = dict.fromkeys(FIELDS)
    assert tap().records == [
        nothing
        | {
            "code": "00000007",
            "name": "张天宇",
            "ccuscode": "0215",
            "ccusname": "天津鹏程电子有限公司",
            "charge_person_code": "00040",
            "charge_person": "崔可",
            "sex": "不详",
            "be_main_linker": True,
            "default": True,
        },
        nothing
        | {
            "code": "00000012",
            "name": "阚奇",
            "ccuscode": "0111",
            "ccusname": "云飞电子科技集团",
            "charge_person_code": "00023",
            "charge_person": "师小容",
            "sex": "不详",
            "be_main_linker": True,
            "default": True,
        },
    ]


def test_every_record_has_every_field_with_the_rows_value(tap: RunTap, u8: Sandbox) -> None:
    flags: dict[object, bool] = {"1": True, "0": False}
    expected = [
        {
            field: (flags[row[field]] if field in {"be_main_linker", "default"} else row[field])
            if row.get(field)
            else None
            for field in FIELDS
        }
        for row in u8.tables["customercontacts"]
    ]
    assert tap().records == expected


def test_stdout_is_schema_then_records_then_state(tap: RunTap) -> None:
    run = tap(page_size=100)
    kinds = [message["type"] for message in run.messages]
    assert kinds[:226] == ["SCHEMA"] + ["RECORD"] * 225
    assert set(kinds[226:]) == {"STATE"}
    schema = run.messages[0]
    assert schema["key_properties"] == ["code"]
    assert list(schema["schema"]["properties"]) == FIELDS
    assert "bookmark_properties" not in schema


def test_time_extracted_is_when_the_page_came(tap: RunTap, u8: Sandbox) -> None:
    u8.latency = 0.05
    times = [message["time_extracted"] for message in tap(page_size=75).of("RECORD")]
    assert times == sorted(times)
    assert [times.count(time) for time in dict.fromkeys(times)] == [75, 75, 75]


def test_a_value_that_cannot_be_converted_is_null_counted_and_not_logged(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.tables["customercontacts"][3] |= {
        "birthday": "1990年1月",
        "default": "默认",
        "mobile_phone": {"a": "b"},
    }
    u8.tables["customercontacts"][4]["birthday"] = "0000-00-00"
    run = tap(env={"TAP_YONYOU_LOGLEVEL": "DEBUG"})
    assert run.code == 0
    values = (run.records[3][field] for field in ("birthday", "default", "mobile_phone"))
    assert list(values) == [None, None, None]
    assert "4 values set to null (birthday 2, " in run.summary
    assert "1990年1月" not in run.log
    assert "默认" not in run.log


def test_numbers_and_booleans_of_json_are_taken_too(tap: RunTap, u8: Sandbox) -> None:
    u8.tables["customercontacts"][0] |= {
        "code": 7,
        "default": True,
        "be_main_linker": -1,
        "qq": 494.5,
    }
    record = tap().records[0]
    assert (record["code"], record["default"], record["be_main_linker"], record["qq"]) == (
        "7",
        True,
        True,
        "494.5",
    )


def test_nul_characters_are_removed(tap: RunTap, u8: Sandbox) -> None:
    u8.tables["customercontacts"][0]["name"] = "张\0天\0宇"
    assert tap().records[0]["name"] == "张天宇"


def test_fields_no_schema_knows_are_dropped_and_reported_once(tap: RunTap, u8: Sandbox) -> None:
    for row in u8.tables["customercontacts"]:
        row["define1"] = "自定义"
    run = tap(page_size=50)
    assert all(list(record) == FIELDS for record in run.records)
    assert run.summary.endswith("; 1 field dropped")
    (warning,) = [line for line in run.log.splitlines() if "| WARNING " in line]
    assert "customercontacts: 1 field dropped (define1 225): " in warning
    assert "`schema` extra" in warning
    assert run.log.count("define1") == 1


@pytest.mark.parametrize("code", [{}, {"code": ""}, {"code": None}, {"code": "\0"}, {"code": []}])
def test_a_row_without_a_code_ends_the_run_with_page_and_row(
    tap: RunTap,
    u8: Sandbox,
    code: dict[str, object],
) -> None:
    row = u8.tables["customercontacts"][121]
    del row["code"]
    row.update(code)
    run = tap(page_size=50)
    assert run.code == 1
    assert run.errors[-1] == (
        "customercontacts, page 3: row 22 has no code; fix it in U8, then run again"
    )
    assert run.codes == codes_before(u8, 121)


def codes_before(u8: Sandbox, row: int) -> list[object]:
    return [contact["code"] for contact in u8.tables["customercontacts"][:row]]


def test_a_row_that_is_no_object_ends_the_run(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.reply({"errcode": "0", "customercontacts": [contact(1), None]}))
    run = tap()
    assert run.code == 1
    assert run.errors[-1] == (
        "customercontacts, page 1: row 2 is not a JSON object; look at the reply of the gateway"
    )


# Requests


def test_a_page_is_asked_for_as_the_vendor_says(tap: RunTap, u8: Sandbox) -> None:
    tap(ds_sequence=1)
    assert pages(u8) == [
        {
            "from_account": ACCOUNTS.from_account,
            "to_account": ACCOUNTS.to_account,
            "app_key": ACCOUNTS.app_key,
            "token": u8.tokens[0],
            "ds_sequence": "1",
            "page_index": "1",
            "rows_per_page": "500",
        },
    ]


def test_the_data_source_is_not_named_by_default(tap: RunTap, u8: Sandbox) -> None:
    tap()
    assert "ds_sequence" not in pages(u8)[0]


def test_a_trailing_slash_of_the_address_is_harmless(tap: RunTap, u8: Sandbox) -> None:
    assert len(tap(api_url=f"{u8.url}/").records) == 225


TEXT_FILTERS = [
    *("code_begin", "code_end", "name", "ccuscode", "ccusname", "direct_leader_code"),
    *("direct_leader", "charge_person_code", "charge_person", "title", "sex", "position"),
    *("mobile_phone", "office_phone", "email", "favorite", "wechat", "qq"),
]


def test_every_filter_reaches_the_server_in_its_form(tap: RunTap, u8: Sandbox) -> None:
    texts = {name: f"{name} 张 +&=/%?#" for name in TEXT_FILTERS}
    day = {"birthday": "1990-02-28"}
    filters = texts | day | {"be_main_linker": True, "default": False}
    run = tap(filters={"customercontacts": filters})
    assert run.code == 0
    sent = texts | day | {"be_main_linker": "1", "default": "0"}
    assert pages(u8)[0].items() >= sent.items()
    # Percent-encoded UTF-8: the same under both readings of a plus sign.
    query = u8.requests[-1].raw_query
    assert query.isascii()
    assert "+" not in query
    for name, value in sent.items():
        assert f"{name}={value}" in unquote(query)


def test_empty_filters_are_not_sent(tap: RunTap, u8: Sandbox) -> None:
    tap(filters={"customercontacts": {"name": "", "birthday": "", "default": None}})
    assert pages(u8)[0].keys().isdisjoint({"name", "birthday", "default"})


def test_filters_choose_the_rows(tap: RunTap) -> None:
    run = tap(filters={"customercontacts": {"ccuscode": "0215"}})
    assert run.codes == ["00000007"]


# Pages


@pytest.mark.parametrize(
    ("omit", "numbers"),
    [
        (set(), False),
        (set(), True),
        ({"page_count"}, False),
        ({"page_count", "row_count"}, True),
        ({"page_count", "rows_per_page"}, False),
    ],
    ids=["strings", "numbers", "no page_count", "no counts", "row_count alone"],
)
@pytest.mark.parametrize(
    ("rows", "cap"),
    [(1, None), (100, None), (225, None), (300, None), (225, 40)],
)
def test_all_pages_are_read_in_order(
    tap: RunTap,
    u8: Sandbox,
    rows: int,
    cap: int | None,
    omit: set[str],
    numbers: bool,  # noqa: FBT001
) -> None:
    u8.tables["customercontacts"], u8.max_rows_per_page, u8.omit, u8.numbers = (
        contacts(rows),
        cap,
        omit,
        numbers,
    )
    run = tap(page_size=100)
    assert run.code == 0
    assert run.codes == codes(u8)
    count = -(-rows // (cap or 100))
    # Where the reply does not say how many pages there are, one more is asked for.
    beyond = omit not in (set(), {"page_count"})
    assert sorted(indexes(u8), key=int) == [str(index) for index in range(1, count + 1 + beyond)]
    read = count + beyond
    words = f": {rows} row{'s' * (rows > 1)}, {read} page{'s' * (read > 1)}, {read + 1} requests, "
    assert words in run.summary


@pytest.mark.parametrize("past_end", ["20002", "empty"])
def test_without_counts_the_end_is_a_page_without_rows_however_it_is_said(
    tap: RunTap,
    u8: Sandbox,
    past_end: Any,
) -> None:
    u8.omit, u8.past_end = {"page_count", "row_count"}, past_end
    run = tap(page_size=75)
    assert run.code == 0
    assert run.codes == codes(u8)


@pytest.mark.parametrize("rows", [None, {}, "", "none", 0], ids=repr)
def test_only_a_list_has_rows(tap: RunTap, u8: Sandbox, rows: object) -> None:
    reply = {"errcode": "0", "customercontacts": rows}
    u8.fail(Fault.reply(reply), page=1)  # repeated, and fine by then
    run = tap()
    assert run.code == 0
    assert "the reply has no list of rows; attempt 2 of 2" in run.log
    assert run.codes == codes(u8)
    u8.fail(Fault.reply(reply | {"row_count": "225"}), page=1, times=None)
    run = tap()
    assert run.code == 1
    assert "the reply has no list of rows; given up after 2 attempts" in run.errors[0]


@pytest.mark.parametrize(
    "reply",
    [
        {"errcode": "0", "row_count": "0"},
        {"errcode": "0", "row_count": 0, "customercontacts": ""},
        {"errcode": "20002", "customercontacts": None},
    ],
    ids=str,
)
def test_no_list_is_an_empty_result_if_the_reply_says_so(
    tap: RunTap,
    u8: Sandbox,
    reply: dict[str, Any],
) -> None:
    u8.fail(Fault.reply(reply))
    run = tap()
    assert run.code == 0
    assert run.records == []


def test_a_page_past_the_end_without_a_list_is_a_broken_answer(tap: RunTap, u8: Sandbox) -> None:
    u8.omit, u8.past_end = {"page_count", "row_count"}, "rows_missing"
    run = tap(page_size=75)
    assert run.code == 1
    assert run.errors[0].startswith("customercontacts, page 4: the reply has no list of rows")


def test_no_rows_at_all_is_an_empty_result(tap: RunTap, u8: Sandbox) -> None:
    u8.tables["customercontacts"] = []
    run = tap()
    assert run.code == 0
    assert run.records == []
    assert [message["type"] for message in run.messages][:2] == ["SCHEMA", "STATE"]
    assert ": 0 rows, 1 page, 2 requests, " in run.summary


def test_a_list_without_rows_is_an_empty_result_too(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.reply({"errcode": "0", "row_count": "0", "customercontacts": []}))
    assert (run := tap()).code == 0
    assert run.records == []


def test_a_missing_errcode_is_fine_where_the_rows_are(tap: RunTap, u8: Sandbox) -> None:
    u8.omit = {"errcode", "errmsg"}
    assert tap(page_size=100).codes == codes(u8)


@pytest.mark.parametrize(
    "fault",
    [Fault.errcode("20002"), Fault.reply({"errcode": "0", "customercontacts": []})],
)
def test_a_page_missing_in_the_middle_is_an_error(tap: RunTap, u8: Sandbox, fault: Fault) -> None:
    u8.fail(fault, page=2, times=None)
    run = tap(page_size=100)
    assert run.code == 1
    assert "page 2 of 3 brought no rows" in run.errors[-1]


def test_a_server_that_sends_the_same_page_for_ever_is_an_error(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.reply({"errcode": "0", "customercontacts": contacts(2)}), times=None)
    run = tap()
    assert run.code == 1
    assert len(pages(u8)) in {2, 3}


# Errors


@pytest.mark.parametrize("page", [1, 2])
def test_an_errcode_ends_the_run_with_code_message_and_what_to_do(
    tap: RunTap,
    u8: Sandbox,
    page: int,
) -> None:
    u8.fail(Fault.errcode("30021", "此应用未上线"), page=page, times=None)
    run = tap(page_size=100)
    assert run.code == 1
    assert len(run.records) == 100 * (page - 1)
    assert run.errors[-1] == (
        f"customercontacts, page {page}: errcode 30021 (此应用未上线): the app is not published, "
        "or the enterprise account has not approved it; publish it in the developer account and "
        "have it approved, then run again"
    )
    assert "Traceback" not in run.log
    assert not run.of("STATE")


def test_an_unknown_errcode_is_shown_as_it_came_in_one_line(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("39876", "两\n行"))
    assert tap().errors[-1] == (
        "customercontacts, page 1: errcode 39876 (两 行): this code is not known to the tap; if it "
        "passes by itself, or means that there are no rows, say so with errcode_actions"
    )


# INCREMENTAL


def incremental(catalog: dict[str, Any]) -> dict[str, Any]:
    catalog["streams"][0] |= {"replication_method": "INCREMENTAL", "replication_key": "code"}
    catalog["streams"][0]["metadata"][-1]["metadata"]["selected"] = True
    return catalog


def test_incremental_reads_from_the_bookmark_on_and_moves_it(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    incremental(catalog)
    first = tap(catalog=catalog, page_size=100)
    assert first.codes == codes(u8)
    assert "code_begin" not in pages(u8)[0]
    last = codes(u8)[-1]
    bookmark = {"snapshot": None, "replication_key": "code", "replication_key_value": last}
    assert bookmark.items() <= first.state["bookmarks"]["customercontacts"].items()
    assert first.of("SCHEMA")[0]["bookmark_properties"] == ["code"]

    u8.tables["customercontacts"].extend(contact(number) for number in (226, 227))
    u8.requests.clear()
    second = tap(catalog=catalog, state=first.state)
    assert pages(u8)[0]["code_begin"] == last
    assert second.codes == codes(u8)[-3:]
    bookmark = second.state["bookmarks"]["customercontacts"]
    assert bookmark["replication_key_value"] == codes(u8)[-1]


def test_the_bookmark_takes_the_place_of_a_configured_code_begin(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    filters = {"customercontacts": {"code_begin": "00000500", "name": "某"}}
    first = tap(catalog=incremental(catalog), filters=filters)
    assert pages(u8)[0]["code_begin"] == "00000500"
    u8.requests.clear()
    tap(catalog=catalog, filters=filters, state=first.state)
    assert pages(u8)[0]["code_begin"] == codes(u8)[-1]
    assert pages(u8)[0]["name"] == "某"


def test_the_bookmark_is_the_last_code_in_the_servers_order(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    # As a collation may order them; no order that a client could know.
    u8.tables["customercontacts"] = [
        contact(3) | {"code": code} for code in ("b", "张", "李", "B2")
    ]
    state = tap(catalog=incremental(catalog)).state
    assert state["bookmarks"]["customercontacts"]["replication_key_value"] == "B2"


def test_a_bookmark_stays_where_nothing_is_new(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    state = tap(catalog=incremental(catalog)).state
    u8.tables["customercontacts"] = u8.tables["customercontacts"][:10]
    run = tap(catalog=catalog, state=state)
    assert run.code == 0
    assert run.records == []
    assert run.messages[-1]["type"] == "STATE"
    bookmark = run.state["bookmarks"]["customercontacts"]
    assert bookmark.pop("complete_at") >= state["bookmarks"]["customercontacts"].pop("complete_at")
    assert bookmark == state["bookmarks"]["customercontacts"]


def test_a_failed_run_moves_no_bookmark(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    state = tap(
        catalog=incremental(catalog), filters={"customercontacts": {"code_end": "00000500"}}
    ).state
    u8.fail(Fault.errcode("39999"), page=2)
    run = tap(catalog=catalog, state=state, page_size=50)
    assert run.code == 1
    assert run.records
    before = state["bookmarks"]["customercontacts"]["replication_key_value"]
    for message in run.of("STATE"):
        bookmark = message["value"]["bookmarks"]["customercontacts"]
        assert bookmark["replication_key_value"] == before


def test_a_state_in_the_middle_of_a_read_follows_its_records_and_moves_no_bookmark(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    # The SDK writes a STATE each 10,000 records, here in the middle of a page.
    u8.tables["customercontacts"] = contacts(18_000)
    u8.fail(Fault.errcode("39999"), page=3)
    before = {"replication_key": "code", "replication_key_value": "00000000"}
    state = {"bookmarks": {"customercontacts": before}}
    run = tap(catalog=incremental(catalog), state=state, page_size=6000)
    assert run.code == 1
    kinds = [message["type"] for message in run.messages if message["type"] != "SCHEMA"]
    first, *others = (n for n, kind in enumerate(kinds) if kind == "STATE" and n)
    assert kinds[:first].count("RECORD") == 10_000
    assert others == []
    assert kinds.count("RECORD") == 12_000
    for message in run.of("STATE"):
        assert message["value"]["bookmarks"]["customercontacts"].items() >= before.items()


def test_the_bookmark_is_not_logged(tap: RunTap, u8: Sandbox, catalog: dict[str, Any]) -> None:
    state = tap(catalog=incremental(catalog)).state
    code = str(codes(u8)[-1])
    run = tap(catalog=catalog, state=state, env={"TAP_YONYOU_LOGLEVEL": "DEBUG"})
    assert code in run.out
    assert code not in run.log


@pytest.mark.parametrize("mode", ["FULL_TABLE", "INCREMENTAL"])
def test_every_successful_run_ends_with_a_state(
    tap: RunTap,
    catalog: dict[str, Any],
    mode: str,
) -> None:
    incremental(catalog)["streams"][0]["replication_method"] = mode
    state: dict[str, Any] = {}
    for _ in range(2):
        run = tap(catalog=catalog, state=state)
        assert run.messages[-1]["type"] == "STATE"
        state = run.state
