"""A list that has no file is declared by a user, and read like the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Fault, Row, Sandbox
from sandbox.samples import Sample
from tests.conftest import execute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunTap

ITEMS: list[Row] = [
    {"code": f"{n:03d}", "Name": f"项目{n}", "qty": n, "more": {"a": n}} for n in range(1, 46)
]
VOUCHERS: list[Row] = [
    {"id": str(n), "amount": f"{n}.10", "lines": [{"no": n}]} for n in range(1, 31)
]
LOG: list[Row] = [{"text": "same"} for _ in range(25)]


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    tables: Any = {"fitem": ITEMS, "voucherlist": VOUCHERS, "log": LOG}
    samples = {
        "fitem": Sample(title="项目", row=lambda n: ITEMS[n - 1], filters={"text": "code_begin"}),
        "voucherlist": Sample(
            title="凭证", row=lambda n: VOUCHERS[n - 1], array="voucherlist.entry"
        ),
    }
    with Sandbox(tables=tables, samples=samples) as running:
        yield running


def entry(catalog: dict[str, Any]) -> dict[str, Any]:
    (one,) = catalog["streams"]
    return dict(one)


def test_its_fields_are_those_of_a_page_and_no_type_is_guessed(tap: RunTap) -> None:
    given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["code"]}}}
    catalog = json.loads(tap("--discover", **given).out)
    assert entry(catalog)["schema"]["properties"] == {
        "code": {"type": "string"},
        "Name": {"type": ["string", "null"]},
        "qty": {"type": ["string", "null"]},
        "more": {"type": ["object", "null"]},
    }
    run = tap(**given, catalog=catalog, page_size=20)
    assert run.code == 0
    assert run.records == [{**item, "qty": str(item["qty"])} for item in ITEMS]
    # Without a catalog, discovery is a part of the run.
    assert tap(**given, page_size=20).records == run.records


def test_a_key_that_comes_later_is_reported(tap: RunTap, u8: Sandbox) -> None:
    u8.tables["fitem"] = [*ITEMS[:-1], {**ITEMS[-1], "late": "1"}]
    run = tap(streams=["fitem"], resources={"fitem": {"key": ["code"]}}, page_size=20)
    assert run.code == 0
    assert "1 field dropped (late 1)" in run.log


def test_rows_may_be_nested(tap: RunTap, u8: Sandbox) -> None:
    declared = {
        "key": ["id"],
        "rows": "voucherlist.entry",
        "params": {"bill_date_from": "2026-01-01"},
        "schema": {
            "id": {"type": "string"},
            "amount": {"type": ["number", "null"]},
            "lines": {"type": ["array", "null"]},
        },
    }
    run = tap(streams=["voucherlist"], resources={"voucherlist": declared}, page_size=20)
    assert run.code == 0
    assert [record["id"] for record in run.records] == [row["id"] for row in VOUCHERS]
    assert '"amount":30.10' in run.out
    pages = [request.query for request in u8.requests if "page_index" in request.query]
    assert {page["bill_date_from"] for page in pages} == {"2026-01-01"}


def test_without_a_key_rows_are_counted_and_nothing_is_deleted(tap: RunTap, u8: Sandbox) -> None:
    given = {"streams": ["log"], "resources": {"log": {"key": []}}, "page_size": 10}
    run = tap(**given, emit_activate_version_messages=True)
    assert run.code == 0
    assert run.records == LOG
    assert run.of("ACTIVATE_VERSION") == []
    assert run.of("SCHEMA")[0]["key_properties"] == []
    u8.before(2, u8.tables["log"].pop, resource="log")
    u8.before(3, u8.tables["log"].pop, resource="log")
    assert "the list changed during the read" in tap(**given).log


def test_it_may_be_incremental(tap: RunTap, u8: Sandbox) -> None:
    marker = {"field": "code", "parameter": "code_begin", "kind": "code"}
    given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["code"], "incremental": marker}}}
    catalog = json.loads(tap("--discover", **given).out)
    catalog["streams"][0]["replication_method"] = "INCREMENTAL"
    first = tap(**given, catalog=catalog)
    assert first.code == 0, first.log
    assert first.state["bookmarks"]["fitem"]["replication_key_value"] == "045"
    u8.tables["fitem"] = [*ITEMS, {"code": "046"}]
    second = tap(**given, catalog=catalog, state=first.state)
    assert second.codes == ["045", "046"]


def test_the_lines_of_declared_documents_are_a_stream(tap: RunTap) -> None:
    lines = {"path": "/api/count/get", "schema": {"qty": {"type": ["number", "null"]}}}
    given = {"streams": ["count_entry"], "resources": {"count": {"key": ["no"], "entry": lines}}}
    found = entry(json.loads(tap("--discover", **given).out))
    assert found["key_properties"] == ["no", "line_number"]
    assert [*found["schema"]["properties"]] == ["no", "line_number", "qty"]
    unknown = tap(**(given | {"streams": ["counts_entry"]}))
    assert unknown.errors == ["unknown stream counts_entry in streams: did you mean count_entry?"]


def test_without_an_account_discovery_offers_the_key_and_says_so(
    tmp_path: Path,
    clean_env: dict[str, str],
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"streams": ["fitem"], "resources": {"fitem": {"key": ["code"]}}}))
    run = execute("--config", str(config), "--discover", env=clean_env)
    assert run.code == 0
    assert [*entry(json.loads(run.out))["schema"]["properties"]] == ["code"]
    assert "without one, only the fields of its declaration are offered" in run.log


def test_a_built_in_list_may_be_corrected_on_purpose_and_keeps_its_types(
    tap: RunTap, u8: Sandbox
) -> None:
    u8.tables["customercontacts"] = [{"code": "1", "name": "x", "default": "1"}, {"name": "y"}]
    declared = {"customercontacts": {"key": ["name"], "replaces": True}}
    run = tap(resources=declared, filters={"customercontacts": {"code_end": "1"}})
    assert run.of("SCHEMA")[0]["key_properties"] == ["name"]
    assert [(r["name"], r["code"], r["default"]) for r in run.records] == [
        ("x", "1", True),
        ("y", None, None),
    ]
    assert u8.requests[-1].query["code_end"] == "1"


def test_a_list_that_cannot_be_seen_is_one_line(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("39999", "无权限"), times=None)
    run = tap(streams=["fitem"], resources={"fitem": {"key": ["code"]}})
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith("fitem, page 1: errcode 39999 (无权限): ")


@pytest.mark.parametrize("name", ["_sdc_deleted_at", "ds_sequence", "DS_Sequence"])
def test_a_page_with_a_field_that_is_the_taps_own_is_one_line(
    tap: RunTap, u8: Sandbox, name: str
) -> None:
    u8.tables["fitem"] = [{"code": "1", name: "99900011122"}]
    given: dict[str, Any] = {"streams": ["fitem"], "resources": {"fitem": {"key": ["code"]}}}
    for mode in ("--discover", "--test"):
        run = tap(mode, **given)
        assert (run.code, run.out) == (1, "")
        assert run.errors == [
            f"fitem: U8 sends {name}, a field that the tap adds itself: declare a schema without "
            "it, with the setting resources"
        ]
        assert "99900011122" not in run.log
    given["resources"]["fitem"]["schema"] = {"code": {"type": "string"}}
    run = tap(**given)
    assert (run.code, run.records) == (0, [{"code": "1"}])


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"customer": {"key": ["code"]}}, "resources.customer is built in; set replaces: true "),
        (
            {"custmer": {"key": ["code"], "replaces": True}},
            "resources.custmer replaces nothing: did you mean customer?",
        ),
        (
            {"saleorder_entry": {"key": ["code"], "replaces": True}},
            "resources.saleorder_entry are lines: declare them as resources.saleorder.entry",
        ),
        (
            {"x": {"key": [], "entry": {"path": "/x"}}},
            "resources.x.key is empty: lines need the key of their document",
        ),
        ({"x": {"path": "/x"}}, "resources.x.key is missing"),
        ({"x": {"key": "code"}}, "resources.x.key must be a list in JSON"),
        ({"x": {"key": ["id"], "schema": {}}}, "resources.x.schema lacks id, its key"),
        (
            {"x": {"key": [], "incremental": {"field": "t", "parameter": "t", "kind": "day"}}},
            "resources.x.incremental.kind must be one of code, timestamp, date",
        ),
        (
            {"x": {"key": [], "params": {"token": "1"}}},
            "resources.x.params.token must not be blank, nor a parameter that the tap sets itself",
        ),
        (
            {"x": {"keys": ["code"], "key": []}},
            "unknown setting resources.x.keys: did you mean key?",
        ),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(
    tap: RunTap,
    declared: dict[str, Any],
    said: str,
) -> None:
    run = tap(resources=declared)
    assert run.code == 1
    assert len(run.errors) == 1, run.errors
    assert run.errors[0].startswith(said)
