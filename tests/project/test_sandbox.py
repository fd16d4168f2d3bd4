"""What the sandbox promises, seen through a socket."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

import sandbox
from sandbox import (
    ACCOUNTS,
    NOT_GRANTED,
    RESOURCES,
    Fault,
    Row,
    Sample,
    Sandbox,
    contact,
    contacts,
    rows,
    sample,
    touch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG_IN = {
    "from_account": ACCOUNTS.from_account,
    "app_key": ACCOUNTS.app_key,
    "app_secret": ACCOUNTS.app_secret,
}
NOTHING = {"errcode": "20002", "errmsg": "未检索到匹配的[客户联系人]"}
SAMPLE = (
    '{"page_index":"1","rows_per_page":"2","row_count":"225","errmsg":"","customercontacts":['
    '{"position":"","direct_leader":"","birthday":"","sex":"不详","direct_leader_code":"",'
    '"charge_person":"崔可","code":"00000007","ccusname":"天津鹏程电子有限公司","favorite":"",'
    '"mobile_phone":"","title":"","default":"1","charge_person_code":"00040","native":"",'
    '"email":"","be_main_linker":"1","ccuscode":"0215","name":"张天宇","wechat":"",'
    '"office_phone":""},'
    '{"position":"","direct_leader":"","birthday":"","sex":"不详","direct_leader_code":"",'
    '"charge_person":"师小容","code":"00000012","ccusname":"云飞电子科技集团","favorite":"",'
    '"mobile_phone":"","title":"","default":"1","charge_person_code":"00023","native":"",'
    '"email":"","be_main_linker":"1","ccuscode":"0111","name":"阚奇","wechat":"",'
    '"office_phone":""}'
    '],"page_count":"113","errcode":"0"}'
)


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def log_in(u8: Sandbox, **changes: str) -> Any:
    url = f"{u8.url}/system/token"
    return requests.get(url, {**LOG_IN, **changes}, timeout=5).json()


def ask(u8: Sandbox, resource: str = "customercontacts", **query: str | int) -> requests.Response:
    if not u8.tokens:
        log_in(u8)
    url = f"{u8.url}/api/{resource}/batch_get"
    who: dict[str, str | int] = {
        "from_account": ACCOUNTS.from_account,
        "to_account": ACCOUNTS.to_account,
        "app_key": ACCOUNTS.app_key,
        "token": u8.tokens[-1],
    }
    return requests.get(url, who | query, timeout=5, allow_redirects=False)


def document(u8: Sandbox, resource: str, code: str, **query: str | int) -> Any:
    """Ask for a document with its lines."""
    if not u8.tokens:
        log_in(u8)
    who: dict[str, str | int] = {
        "from_account": ACCOUNTS.from_account,
        "to_account": ACCOUNTS.to_account,
        "app_key": ACCOUNTS.app_key,
        "token": u8.tokens[-1],
    }
    url = f"{u8.url}/api/{resource}/get"
    return requests.get(url, {**who, "id": code, **query}, timeout=5).json()


def page(u8: Sandbox, resource: str = "customercontacts", **query: str | int) -> Any:
    return ask(u8, resource, **query).json()


def codes(u8: Sandbox, **query: str | int) -> list[str]:
    return [row["code"] for row in page(u8, "customercontacts", **query)["customercontacts"]]


# The reply


def test_page_of_two_is_the_vendors_sample(u8: Sandbox) -> None:
    reply = ask(u8, rows_per_page=2)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert reply.content.decode() == SAMPLE


def test_defaults_are_page_1_of_20_rows(u8: Sandbox) -> None:
    reply = page(u8)
    assert [reply[key] for key in ("page_index", "rows_per_page")] == ["1", "20"]
    assert [reply[key] for key in ("row_count", "page_count")] == ["225", "12"]
    assert reply["customercontacts"] == u8.tables["customercontacts"][:20]


@pytest.mark.parametrize("size", [7, 20, 45, 1000])
def test_pages_together_are_the_rows_once_each_in_order(size: int) -> None:
    with Sandbox(tables={"customercontacts": contacts(90)}) as u8:
        count = int(page(u8, rows_per_page=size)["page_count"])
        read = [
            row
            for n in range(count)
            for row in page(u8, rows_per_page=size, page_index=n + 1)["customercontacts"]
        ]
        assert read == u8.tables["customercontacts"]


def test_page_fields_can_be_numbers(u8: Sandbox) -> None:
    u8.numbers = True
    reply = page(u8)
    assert [reply[key] for key in ("page_index", "rows_per_page")] == [1, 20]
    assert [reply[key] for key in ("row_count", "page_count")] == [225, 12]
    assert reply["errcode"] == "0"


def test_rows_per_page_can_be_capped_and_says_so(u8: Sandbox) -> None:
    u8.max_rows_per_page = 50
    reply = page(u8, rows_per_page=1000, page_index=2)
    assert (reply["rows_per_page"], reply["page_count"]) == ("50", "5")
    assert reply["customercontacts"] == u8.tables["customercontacts"][50:100]
    assert page(u8, rows_per_page=10)["rows_per_page"] == "10"


def test_keys_can_be_left_out(u8: Sandbox) -> None:
    u8.omit = {"row_count", "page_count"}
    assert page(u8).keys() == {
        *("page_index", "rows_per_page", "errmsg", "customercontacts", "errcode"),
    }


def test_nothing_matching_is_20002(u8: Sandbox) -> None:
    assert page(u8, name="nobody") == NOTHING
    u8.tables["customercontacts"], u8.past_end = [], "empty"
    assert page(u8) == NOTHING


def test_page_past_the_end_answers_in_one_of_three_ways(u8: Sandbox) -> None:
    assert page(u8, page_index=13) == NOTHING
    u8.past_end = "empty"
    assert page(u8, page_index=13)["customercontacts"] == []
    u8.past_end = "rows_missing"
    reply = page(u8, page_index=13)
    assert "customercontacts" not in reply
    assert (reply["errcode"], reply["page_index"], reply["row_count"]) == (
        "0",
        "13",
        "225",
    )


# Filters


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"code_begin": "00000012", "code_end": "00000022"}, [2, 3, 4]),
        ({"code_begin": "00000047"}, [9, 10]),
        ({"code_end": "00000012"}, [1, 2]),
        ({"name": "天"}, [1]),
        ({"ccuscode": "0111"}, [2]),
        ({"ccusname": "电子"}, [1, 2]),
        ({"direct_leader_code": "00000017"}, [4]),
        ({"direct_leader": "丁"}, [4]),
        ({"charge_person_code": "00040"}, [1]),
        ({"charge_person": "小"}, [2]),
        ({"be_main_linker": "1"}, [1, 2, 3, 5, 7, 9]),
        ({"be_main_linker": "0"}, [4, 6, 8, 10]),
        ({"default": "1"}, [1, 2, 3, 6, 9]),
        ({"default": "0"}, [4, 5, 7, 8, 10]),
        ({"title": "女士"}, [5, 8]),
        ({"sex": "男"}, [4, 7, 10]),
        ({"birthday": "1964-05-05"}, [4]),
        ({"position": "会计"}, [7]),
        ({"mobile_phone": "00000000003"}, [3]),
        ({"office_phone": "000-00000005"}, [5]),
        ({"email": "contact5@"}, [5]),
        ({"favorite": "围棋"}, [4, 6, 9]),
        ({"wechat": "invented"}, [6]),
        ({"qq": "0009"}, [9]),
        ({"sex": "男", "be_main_linker": "1"}, [7]),
        ({"name": "", "sex": "男"}, [4, 7, 10]),
    ],
)
def test_filter_finds(query: dict[str, str], wanted: list[int]) -> None:
    with Sandbox(tables={"customercontacts": contacts(10)}) as u8:
        assert codes(u8, **query) == [contact(n)["code"] for n in wanted]


@pytest.mark.parametrize(
    "name",
    ["ccuscode", "title", "position", "mobile_phone", "office_phone", "qq"],
)
def test_filter_by_the_whole_value_refuses_a_part(u8: Sandbox, name: str) -> None:
    row = next(row for row in u8.tables["customercontacts"] if row.get(name))
    assert page(u8, **{name: str(row[name])})["errcode"] == "0"
    assert page(u8, **{name: str(row[name])[:-1]}) == NOTHING


def test_filters_count_before_paging(u8: Sandbox) -> None:
    reply = page(u8, sex="男", rows_per_page=10, page_index=2)
    men = [row for row in u8.tables["customercontacts"] if row["sex"] == "男"]
    assert reply["row_count"] == str(len(men))
    assert reply["customercontacts"] == men[10:20]


# Any list

GOODS = Sample(
    title="存货",
    filters={
        "text": "code_begin code_end",
        "keyword": "name",
        "boolean": "sale_flag",
        "date": "modifydate_begin modifydate_end start_date",
        "number": "timestamp_begin timestamp_end rate",
    },
    columns={"rate": "iTaxRate"},
)
GOODS_ROWS: list[Row] = [
    {"code": "A1", "name": "螺丝", "ModifyDate": "2024-01-01 00:00:00.0", "sale_flag": True},
    {"code": "A2", "name": "螺母", "modifydate": "2024-01-02 23:59:59.0", "sale_flag": -1},
    {"code": "B", "name": 7, "ModifyDate": "", "timestamp": "99.5", "start_date": "2024-01-01"},
    {"code": "C", "name": None, "timestamp": 562021.5549, "iTaxRate": "13.0000"},
]


@pytest.fixture
def goods() -> Iterator[Sandbox]:
    """A U8+ with a list that has no file, beside the contacts."""
    tables: dict[str, list[Row]]
    tables = {"goods": GOODS_ROWS, "plain": [{"id": "1"}], "customercontacts": contacts(90)}
    with Sandbox(tables=tables, samples={"goods": GOODS}) as running:
        yield running


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"code_begin": "A2", "code_end": "B"}, ["A2", "B"]),
        ({"name": "螺"}, ["A1", "A2"]),
        ({"name": "7"}, ["B"]),
        ({"name": "None"}, []),
        ({"sale_flag": "1"}, ["A1", "A2"]),
        ({"sale_flag": "0"}, ["B", "C"]),
        ({"modifydate_begin": "2024-01-02"}, ["A2"]),
        ({"modifydate_end": "2024-01-02"}, ["A1", "A2"]),
        ({"start_date": "2024-01-01"}, ["B"]),
        ({"timestamp_begin": "100"}, ["C"]),
        ({"timestamp_begin": "99.5000", "timestamp_end": "562021.5549"}, ["B", "C"]),
        ({"rate": "13"}, ["C"]),
        ({"iTaxRate": "0"}, ["A1", "A2", "B", "C"]),
    ],
)
def test_filter_of_any_list_goes_by_its_kind(
    goods: Sandbox, query: dict[str, str], wanted: list[str]
) -> None:
    reply = page(goods, "goods", **query)
    assert [row["code"] for row in reply.get("goods", [])] == wanted
    assert wanted or reply == {"errcode": "20002", "errmsg": "未检索到匹配的[存货]"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("timestamp_begin", value) for value in ("abc", "NaN", "1.", "")],
        ("modifydate_end", "2024-01-02 00:00:00"),
    ],
)
def test_bad_value_is_refused_by_its_kind(goods: Sandbox, name: str, value: str) -> None:
    assert page(goods, "goods", **{name: value})["errcode"] == ("29001" if value else "0")


def test_list_nothing_is_known_of_is_served_as_it_is(goods: Sandbox) -> None:
    reply = page(goods, "plain", code_begin="A")
    assert (reply["plain"], reply["row_count"]) == ([{"id": "1"}], "1")
    assert page(goods, "plain", page_index=2)["errmsg"] == "未检索到匹配的[plain]"


def test_rows_may_stand_elsewhere_in_the_reply(goods: Sandbox) -> None:
    goods.samples["plain"] = Sample(title="凭证", array="voucherlist.entry")
    reply = page(goods, "plain")
    assert reply["voucherlist"] == {"entry": [{"id": "1"}]}
    assert "plain" not in reply


def test_list_that_is_not_there_is_404(goods: Sandbox) -> None:
    assert ask(goods, "nothing").status_code == 404


def test_fault_and_hook_can_be_for_one_list(goods: Sandbox) -> None:
    goods.fail(Fault.errcode("20006"), resource="goods")
    goods.fail(Fault.errcode("1"), page=2, resource="customercontacts")
    goods.before(1, goods.tables["plain"].clear, resource="plain")
    asked: list[tuple[str, int]] = [("customercontacts", 1), ("goods", 1), ("goods", 2)]
    asked += [("customercontacts", 2), ("plain", 1)]
    answers = [page(goods, resource, page_index=n)["errcode"] for resource, n in asked]
    assert answers == ["0", "20006", "20002", "1", "20002"]


def test_one_list_can_be_refused(goods: Sandbox) -> None:
    goods.refused["goods"] = NOT_GRANTED
    goods.refused["plain"] = ("39009", "{}")
    assert page(goods, "goods") == dict(zip(("errcode", "errmsg"), NOT_GRANTED, strict=True))
    assert page(goods, "plain")["errmsg"] == "{}"
    assert page(goods)["errcode"] == "0"
    assert page(goods, "goods", token="unknown")["errcode"] == "30012"


# Documents


@pytest.fixture
def orders() -> Iterator[Sandbox]:
    """A U8+ with sales orders."""
    with Sandbox(tables={"saleorder": rows("saleorder")}) as running:
        yield running


def test_a_list_of_documents_has_an_address_of_its_own_and_no_lines(orders: Sandbox) -> None:
    reply = page(orders, "saleorderlist", rows_per_page=3)
    assert reply["saleorderlist"] == orders.tables["saleorder"][:3]
    assert all("entry" not in row for row in reply["saleorderlist"])
    assert ask(orders, "saleorder").status_code == 404


def test_a_document_is_its_head_with_its_lines(orders: Sandbox) -> None:
    head = orders.tables["saleorder"][2]
    code = str(head["code"])
    assert document(orders, "saleorder", code) == {
        "errcode": "0",
        "errmsg": "",
        "saleorder": {**head, "entry": orders.lines["saleorder"][code]},
    }
    assert [line["rowno"] for line in orders.lines["saleorder"][code]] == ["1", "2", "3", "4"]


def test_a_document_that_is_not_there_is_20002(orders: Sandbox) -> None:
    nothing = {"errcode": "20002", "errmsg": "未检索到匹配的[销售订单]"}
    assert document(orders, "saleorder", "SO0") == nothing
    code = str(orders.tables["saleorder"].pop(3)["code"])
    assert document(orders, "saleorder", code) == nothing
    assert document(orders, "saleorder", "")["errcode"] == "39001"


def test_lines_may_be_edited(orders: Sandbox) -> None:
    first, second, third = (str(row["code"]) for row in orders.tables["saleorder"][:3])
    orders.lines["saleorder"][first][0]["quantity"] = "7"
    orders.lines["saleorder"][second] = []
    assert document(orders, "saleorder", first)["saleorder"]["entry"][0]["quantity"] == "7"
    assert document(orders, "saleorder", second)["saleorder"]["entry"] == []
    orders.tables["saleorder"].append({"code": "手工/1 号"})
    assert len(document(orders, "saleorder", "手工/1 号")["saleorder"]["entry"]) == 2
    assert len(document(orders, "saleorder", third)["saleorder"]["entry"]) == 4


def test_a_document_needs_accounts_a_token_and_a_data_source(orders: Sandbox) -> None:
    code = str(orders.tables["saleorder"][0]["code"])
    assert document(orders, "saleorder", code, app_key="wrong")["errcode"] == "39002"
    assert document(orders, "saleorder", code, token="unknown")["errcode"] == "30012"
    assert document(orders, "saleorder", code, ds_sequence=2)["errcode"] == "29002"
    orders.published = False
    assert document(orders, "saleorder", code)["errcode"] == "30021"


def test_documents_can_be_refused_apart_from_their_list(orders: Sandbox) -> None:
    code = str(orders.tables["saleorder"][0]["code"])
    orders.refused["saleorder/get"] = NOT_GRANTED
    assert document(orders, "saleorder", code)["errcode"] == "39003"
    assert page(orders, "saleorderlist")["errcode"] == "0"


def test_a_data_source_has_documents_of_its_own(orders: Sandbox) -> None:
    orders.sources, code = (1, 2), str(orders.tables["saleorder"][0]["code"])
    orders.others = {2: {"saleorder": rows("saleorder", 3)}}
    orders.other_lines = {2: {"saleorder": {code: [{"quantity": "9"}]}}}
    other = document(orders, "saleorder", code, ds_sequence=2)
    assert other["saleorder"]["entry"] == [{"quantity": "9"}]
    assert len(document(orders, "saleorder", code, ds_sequence=1)["saleorder"]["entry"]) == 2


def test_fault_and_hook_can_be_for_one_document(orders: Sandbox) -> None:
    first, second = (str(row["code"]) for row in orders.tables["saleorder"][:2])
    orders.fail(Fault.errcode("20006"), endpoint="get", document=second)
    orders.fail(Fault.errcode("1"), endpoint="get", resource="purchaseorder")
    orders.before_get(first, orders.lines["saleorder"][first].clear)
    assert page(orders, "saleorderlist")["errcode"] == "0"
    assert document(orders, "saleorder", second)["errcode"] == "20006"
    assert document(orders, "saleorder", second)["errcode"] == "0"
    assert document(orders, "saleorder", first)["saleorder"]["entry"] == []
    orders.fail(Fault.errcode("2"), endpoint="get")
    assert document(orders, "saleorder", first)["errcode"] == "2"


def test_a_list_may_have_the_lines_in_its_rows_or_beside_them() -> None:
    with Sandbox(tables={"bom": rows("bom", 9)}) as u8:
        inside = page(u8, "bom")["bom"]
        assert inside == u8.tables["bom"]
        u8.samples["bom"] = replace(sample("bom"), beside=True)
        reply = page(u8, "bom", rows_per_page=2)
        assert [{*row} for row in reply["bom"]] == [{*row} - {"entry"} for row in inside[:2]]
        assert reply["entry"] == inside[0]["entry"] + inside[1]["entry"]


def test_addresses_may_be_others() -> None:
    other = replace(sample("saleinvoice"), path="salesinvoicelist", document="salesinvoice")
    table = rows("saleinvoice", 3)
    with Sandbox(tables={"saleinvoice": table}, samples={"saleinvoice": other}) as u8:
        assert page(u8, "salesinvoicelist")["salesinvoicelist"] == table
        reply = document(u8, "salesinvoice", str(table[0]["invoiceno"]))
        assert len(reply["salesinvoice"]["entry"]) == 2


def test_a_column_with_an_underscore_is_filtered_by_and_not_shown() -> None:
    with Sandbox(tables={"otherin": rows("otherin", 90)}) as u8:
        reply = page(u8, "otherinlist", auditdate_begin="2024-03-01", rows_per_page=90)
        assert 0 < int(reply["row_count"]) < 90
        assert not [name for row in reply["otherinlist"] for name in row if name[0] == "_"]
        code = str(u8.tables["otherin"][0]["code"])
        assert "_auditdate" not in document(u8, "otherin", code)["otherin"]


DOCUMENTS = [resource for resource in RESOURCES if sample(resource).entry]


@pytest.mark.parametrize("resource", DOCUMENTS)
def test_documents_have_one_to_five_lines_and_days_of_a_year(resource: str) -> None:
    make, heads = sample(resource).entry, rows(resource)
    codes = [str(head[sample(resource).key[0]]) for head in heads]
    assert make
    assert {len(make(code)) for code in codes} == {1, 2, 3, 4, 5}
    assert make(codes[7]) == make(codes[7])
    assert codes == sorted(codes)
    days = [str(head.get("date", head.get("vouchdate"))) for head in heads]
    assert (days[0], days[-1], sorted(days)) == ("2024-01-01", "2024-12-29", days)


def test_some_of_the_last_documents_are_not_approved() -> None:
    heads = rows("saleorder")
    waiting = [n for n, head in enumerate(heads) if not head.get("verifier")]
    assert len(waiting) == 8
    assert min(waiting) >= 200


# Being let in


def test_log_in_answers_the_vendors_reply(u8: Sandbox) -> None:
    reply = log_in(u8)
    token = {"appKey": ACCOUNTS.app_key, "expiresIn": 7200, "id": u8.tokens[-1]}
    assert reply == {"errcode": "0", "errmsg": "", "token": token}


def test_secret_and_key_must_be_percent_encoded(u8: Sandbox) -> None:
    raw = "&".join(f"{name}={value}" for name, value in LOG_IN.items())
    reply = requests.get(f"{u8.url}/system/token?{raw}", timeout=5).json()
    assert reply["errcode"] == "39002"


@pytest.mark.parametrize("name", LOG_IN)
def test_log_in_needs_the_right_accounts(u8: Sandbox, name: str) -> None:
    assert log_in(u8, **{name: "wrong"})["errcode"] == "39002"
    assert log_in(u8, **{name: ""})["errcode"] == "39001"
    assert u8.tokens == []


@pytest.mark.parametrize("name", ["from_account", "to_account", "app_key"])
def test_list_needs_the_right_accounts(u8: Sandbox, name: str) -> None:
    assert page(u8, **{name: "wrong"})["errcode"] == "39002"
    assert page(u8, **{name: ""})["errcode"] == "39001"


def test_unknown_token_is_30012(u8: Sandbox) -> None:
    assert page(u8, token="unknown")["errcode"] == "30012"
    assert page(u8, token="")["errcode"] == "39001"


def test_token_lives_as_long_as_it_says(u8: Sandbox) -> None:
    now = 1000.0
    u8.clock = lambda: now
    u8.token_life = 60
    assert log_in(u8)["token"]["expiresIn"] == 60
    now += 59
    assert page(u8)["errcode"] == "0"
    now += 1
    assert page(u8)["errcode"] == "30012"
    log_in(u8)
    assert page(u8)["errcode"] == "0"


def test_revoked_tokens_are_30012(u8: Sandbox) -> None:
    log_in(u8)
    log_in(u8)
    old, new = u8.tokens
    assert page(u8, token=old)["errcode"] == page(u8, token=new)["errcode"] == "0"
    u8.revoke()
    assert page(u8, token=old)["errcode"] == page(u8, token=new)["errcode"] == "30012"


def test_newest_token_may_be_the_only_good_one(u8: Sandbox) -> None:
    u8.newest_token_only = True
    assert page(u8)["errcode"] == "0"
    log_in(u8)
    old, new = u8.tokens
    assert page(u8, token=old)["errcode"] == page(u8, token="unknown")["errcode"] == "30012"
    assert page(u8, token=new)["errcode"] == "0"


def test_unpublished_app_is_30021(u8: Sandbox) -> None:
    u8.published = False
    assert page(u8) == {"errcode": "30021", "errmsg": "此应用未上线"}


def test_data_source_must_exist(u8: Sandbox) -> None:
    u8.sources = (1, 2)
    assert page(u8, ds_sequence=2)["errcode"] == "0"
    assert page(u8, ds_sequence=3)["errcode"] == "29002"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("page_index", value) for value in ("0", "-1", "abc", "1.5")],
        *[("rows_per_page", value) for value in ("0", "abc")],
        *[("be_main_linker", "true"), ("default", "yes")],
        *[("birthday", value) for value in ("19900101", "1990-1-1", "1990-02-30")],
    ],
)
def test_bad_value_is_refused(u8: Sandbox, name: str, value: str) -> None:
    reply = page(u8, **{name: value})
    assert reply == {"errcode": "29001", "errmsg": f"参数[{name}]的值无效"}


def test_anything_else_is_404_and_only_get_will_do(u8: Sandbox) -> None:
    assert requests.get(f"{u8.url}/api/nothing", timeout=5).status_code == 404
    assert requests.post(f"{u8.url}/system/token", timeout=5).status_code == 405


# Faults


def test_reset_breaks_the_connection(u8: Sandbox) -> None:
    u8.fail(Fault.reset())
    with pytest.raises(requests.ConnectionError, match="ConnectionResetError"):
        ask(u8)


def test_close_ends_the_connection_unanswered(u8: Sandbox) -> None:
    u8.fail(Fault.close())
    with pytest.raises(requests.ConnectionError, match="without response"):
        ask(u8)


def test_cut_sends_half_of_what_it_announced(u8: Sandbox) -> None:
    whole = len(ask(u8).content)
    half = whole // 2
    u8.fail(Fault.cut())
    message = rf"{half} bytes read, {whole - half} more expected"
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=message):
        ask(u8)


def test_stall_keeps_the_caller_waiting(u8: Sandbox) -> None:
    u8.fail(Fault.stall(0.2))
    begin = time.monotonic()
    with pytest.raises(requests.ConnectionError, match="without response"):
        ask(u8)
    assert time.monotonic() - begin >= 0.2


def test_status_answers_as_told(u8: Sandbox) -> None:
    u8.fail(Fault.status(503, {"Retry-After": "7"}, b"busy"))
    reply = ask(u8)
    assert (reply.status_code, reply.content) == (503, b"busy")
    assert reply.headers["Retry-After"] == "7"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff\xfe"])
def test_body_is_sent_as_it_is(u8: Sandbox, body: bytes) -> None:
    u8.fail(Fault.body(body, content_type="text/html"))
    reply = ask(u8)
    assert (reply.status_code, reply.content) == (200, body)
    assert reply.headers["Content-Type"] == "text/html"


def test_reply_and_errcode_are_json_with_status_200(u8: Sandbox) -> None:
    u8.fail(Fault.reply({"customercontacts": [{}]}))
    u8.fail(Fault.errcode("20006", "忙"))
    assert page(u8) == {"customercontacts": [{}]}
    assert page(u8) == {"errcode": "20006", "errmsg": "忙"}
    assert page(u8)["errcode"] == "0"


def test_redirect_points_elsewhere(u8: Sandbox) -> None:
    u8.fail(Fault.redirect("http://elsewhere.example/"))
    reply = ask(u8)
    assert (reply.status_code, reply.headers["Location"]) == (
        302,
        "http://elsewhere.example/",
    )


def test_fault_waits_for_its_page_and_its_turns(u8: Sandbox) -> None:
    u8.fail(Fault.errcode("20006"), page=2, times=2)
    answers = [page(u8, page_index=n)["errcode"] for n in (1, 2, 2, 2)]
    assert answers == ["0", "20006", "20006", "0"]
    u8.fail(Fault.errcode("1"), page=1)
    assert page(u8)["errcode"] == "1"  # Page 1 also if nobody says so.


def test_fault_may_last_for_ever(u8: Sandbox) -> None:
    u8.fail(Fault.errcode("1"), times=None)
    assert {page(u8)["errcode"] for _ in range(10)} == {"1"}


def test_failed_log_in_issues_no_token(u8: Sandbox) -> None:
    u8.fail(Fault.errcode("1"), endpoint="token")
    assert log_in(u8)["errcode"] == "1"
    assert u8.tokens == []


# Time and change


def test_every_request_waits_for_the_latency(u8: Sandbox) -> None:
    u8.latency = 0.1
    begin = time.monotonic()
    log_in(u8)
    assert time.monotonic() - begin >= 0.1


def test_rows_may_be_edited_between_pages(u8: Sandbox) -> None:
    first = codes(u8)
    with u8.lock:
        del u8.tables["customercontacts"][0]
    second = codes(u8, page_index=2)
    assert contact(21)["code"] not in first + second
    assert page(u8)["row_count"] == "224"
    u8.tables["customercontacts"] = contacts(3)
    assert page(u8)["row_count"] == "3"


def test_hook_runs_once_just_before_its_page(u8: Sandbox) -> None:
    u8.before(page=3, do=lambda: u8.tables["customercontacts"].insert(0, contact(0)))
    counts = [page(u8, page_index=n)["row_count"] for n in (1, 2, 3, 3)]
    assert counts == ["225", "225", "226", "226"]


# The record


def test_requests_are_recorded_in_order(u8: Sandbox) -> None:
    with requests.Session() as session:
        session.get(f"{u8.url}/system/token?name=%E9%98%9A&x=a%2Bb", timeout=5)
        session.get(f"{u8.url}/nowhere", headers={"User-Agent": "me"}, timeout=5)
    requests.get(u8.url, timeout=5)
    first, second, third = u8.requests
    assert (first.path, first.query) == ("/system/token", {"name": "阚", "x": "a+b"})
    assert first.raw_query == "name=%E9%98%9A&x=a%2Bb"
    assert (second.path, second.user_agent) == ("/nowhere", "me")
    assert first.connection == second.connection != third.connection


# The samples


@pytest.mark.parametrize("resource", RESOURCES)
def test_sample_makes_the_same_rows_every_time(resource: str) -> None:
    made = rows(resource, 1000)
    assert made == rows(resource, 1000)
    keys = {tuple(row.get(name, "") for name in sample(resource).key) for row in made}
    assert len(keys) == 1000


@pytest.mark.parametrize("resource", RESOURCES)
def test_filters_are_about_columns_that_rows_have(resource: str) -> None:
    known = sample(resource)
    columns = {name.lower() for row in rows(resource) for name in row}
    assert {known.column(name).lower() for name in known.kinds} <= columns


@pytest.mark.parametrize("resource", ["customer", "customerclass", "batchproperty"])
def test_touched_row_has_the_highest_row_version(resource: str) -> None:
    made = rows(resource, 1000)
    name = "pubufts" if resource == "batchproperty" else "timestamp"
    for row in (made[2], made[1]):
        kind = type(row[name])
        touch(row)
        assert max(made, key=lambda row: Decimal(str(row[name]))) is row
        assert type(row[name]) is kind


def test_touched_row_is_found_by_its_marks_of_change() -> None:
    with Sandbox(tables={"customer": rows("customer"), "inventory": rows("inventory")}) as u8:
        highest = max(Decimal(str(row["timestamp"])) for row in u8.tables["customer"])
        for table in u8.tables.values():
            touch(table[4], "2026-01-02")
        for resource, query in (
            ("customer", {"timestamp_begin": str(highest + 1)}),
            ("customer", {"ModifyDate_begin": "2026-01-02"}),
            ("inventory", {"modifydate_begin": "2026-01-02"}),
        ):
            assert page(u8, resource, **query)[resource] == [u8.tables[resource][4]]


def test_nothing_here_comes_from_the_tap() -> None:
    files = [*Path(sandbox.__file__).parent.rglob("*.py")]
    assert len(files) > len(RESOURCES)
    assert [file for file in files if "tap_yonyou" in file.read_text("utf-8")] == []


def test_contacts_are_texts_and_ascend_by_code() -> None:
    made = contacts(1000)
    assert made == sorted(made, key=lambda row: str(row["code"]))
    assert all(isinstance(value, str) for row in made for value in row.values())


def test_contacts_differ_in_their_keys() -> None:
    made = contacts(100)
    for name in ("qq", "wechat", "native"):
        assert {name in row for row in made} == {True, False}


# The end


@pytest.mark.filterwarnings("error")
def test_leaving_ends_everything_at_once() -> None:
    threads = {*threading.enumerate()}
    with requests.Session() as idle:
        with Sandbox() as u8:
            u8.fail(Fault.stall(60), times=None)
            idle.get(u8.url, timeout=5)
            # One caller gives up, one is still there at the end.
            callers = [threading.Thread(target=give_up, args=(u8, wait)) for wait in (0.5, 30)]
            for caller in callers:
                caller.start()
            while len(u8.requests) < 3:
                time.sleep(0.01)
            callers[0].join()
            begin = time.monotonic()
        assert time.monotonic() - begin < 10
        callers[1].join(10)
        assert {*threading.enumerate()} <= threads
        with pytest.raises(requests.ConnectionError):
            idle.get(u8.url, timeout=5)
    gc.collect()


@pytest.mark.filterwarnings("error")
def test_leaving_drops_an_answer_that_is_not_read() -> None:
    with Sandbox() as u8:
        u8.fail(Fault.body(bytes(50_000_000)))
        caller = requests.get(f"{u8.url}/api/customercontacts/batch_get", stream=True, timeout=5)
    gc.collect()
    caller.close()


def give_up(u8: Sandbox, wait: float) -> None:
    with pytest.raises(requests.RequestException):
        requests.get(f"{u8.url}/api/customercontacts/batch_get", timeout=wait)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_line_serves_until_told_to_stop(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--rows", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        printed = dict(process.stdout.readline().split() for _ in range(5))
        url = printed.pop("url")
        assert printed == ACCOUNTS._asdict()
        reply = requests.get(f"{url}/system/token", LOG_IN, timeout=5).json()
        assert reply["errcode"] == "0"
        process.send_signal(number)
        assert process.wait(5) == 0
