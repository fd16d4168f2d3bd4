"""A resource's file says all there is to say of a list, and does not contradict itself."""

from __future__ import annotations

import copy
import json
from importlib import resources as packages
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tap_yonyou.errors import TapError
from tap_yonyou.u8 import resources
from tap_yonyou.u8.resources import Entry, Marker

if TYPE_CHECKING:
    from collections.abc import Iterator

CHINESE = r"^\S.* \(.+\)$"
DESCRIBED = {
    "description": {"pattern": CHINESE},
    "format": {"enum": ["date", "date-time"]},
}
TYPES = ["string", "boolean", "integer", "number", "object", "array"]
NULLABLE = {
    "type": "array",
    "items": False,
    "prefixItems": [{"enum": TYPES}, {"const": "null"}],
    "minItems": 2,
}
#: What is in an object; how well the object is attested stands outside.
INSIDE = {
    "type": "object",
    "additionalProperties": {
        "properties": {"type": NULLABLE, **DESCRIBED},
        "required": ["type", "description"],
        "additionalProperties": False,
    },
}
ABOUT = {
    **DESCRIBED,
    "$comment": {"enum": ["vendor", "seen", "assumed"]},
    "properties": INSIDE,
    "items": {
        "properties": {"type": {"const": "object"}, "properties": INSIDE},
        "required": ["type", "properties"],
    },
}
FIELDS = {
    "type": "object",
    "additionalProperties": {
        "properties": {
            "type": {"anyOf": [{"enum": ["string", "integer"]}, NULLABLE]},
            **ABOUT,
        },
        "required": ["type", "description", "$comment"],
        "additionalProperties": False,
    },
}
#: What a file may hold on the lines of documents.
LINES = {
    "type": "object",
    "properties": {
        "title": {"pattern": CHINESE},
        "$comment": ABOUT["$comment"],
        "path": {"pattern": "^/"},
        **{name: {"type": "string"} for name in ("parameter", "rows", "date", "approval")},
        "properties": FIELDS,
    },
    "required": ["title", "$comment", "rows", "properties"],
    "additionalProperties": False,
}
#: What a file may hold.
FILE = {
    "type": "object",
    "properties": {
        "title": {"pattern": CHINESE},
        "$comment": ABOUT["$comment"],
        "key": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "properties": FIELDS,
        "filters": {
            "type": "object",
            "propertyNames": {
                "not": {
                    "enum": [
                        *("from_account", "to_account", "app_key", "token"),
                        *("ds_sequence", "page_index", "rows_per_page"),
                    ],
                },
            },
            "additionalProperties": {
                "properties": {"type": {"enum": TYPES[:4]}, **ABOUT},
                "required": ["type", "description", "$comment"],
                "additionalProperties": False,
            },
        },
        "path": {"pattern": "^/"},
        "rows": {"type": "string"},
        "incremental": {"type": "array", "items": {"type": "string"}},
        "entry": LINES,
    },
    "required": ["title", "key", "properties", "filters"],
    "additionalProperties": False,
}


def contradictions(data: dict[str, Any]) -> Iterator[str]:
    """Say in a sentence each what is wrong with a resource's file."""
    errors = [*Draft202012Validator(FILE).iter_errors(data)]
    yield from (f"{error.json_path}: {error.message}" for error in errors)
    if not errors:
        yield from broken_references(data)
        yield from wrong_fields(data["properties"], data["key"])
        if "entry" in data:
            yield from wrong_lines(data)


def broken_references(data: dict[str, Any]) -> Iterator[str]:
    for name in data["key"]:
        if name not in data["properties"]:
            yield f"key: {name} is not among the properties"
    served = resources.of("any", data).incremental
    for name in data.get("incremental", []):
        if name not in served:
            yield f"incremental: {name} is not a property that has a filter {name}_begin"


def wrong_lines(data: dict[str, Any]) -> Iterator[str]:
    lines, key = data["entry"], [*data["key"], "line_number"]
    yield from (f"entry: {line}" for line in wrong_fields(lines["properties"], []))
    for name in lines["properties"]:
        if name.casefold() in [part.casefold() for part in key]:
            yield f"entry: {name} is a part of the key, and would not be read"
    for member in ("date", "approval"):
        if lines.get(member, data["key"][0]) not in data["properties"]:
            yield f"entry: {lines[member]}, its {member}, is not among the properties of the head"
    for marker in resources.of("any", data).incremental.values():
        if marker.kind == "code":
            yield f"incremental: {marker.field} does not tell of an edit of a document"


def wrong_fields(fields: dict[str, Any], key: list[str]) -> Iterator[str]:
    for name, about in fields.items():
        if name in key and "null" in about["type"]:
            yield f"{name} is nullable, but a part of the key"
        if name not in key and "null" not in about["type"]:
            yield f"{name} is not nullable, though it is no part of the key"
        for kind, inside in (("object", "properties"), ("array", "items")):
            if (kind in about["type"]) != (inside in about):
                yield f"{name} needs {inside} if it is an {kind}, and only then"
    spellings = [name.casefold() for name in fields]
    for name in fields:
        if spellings.count(name.casefold()) > 1:
            yield f"{name} is there in two spellings"


def data_of(name: str) -> dict[str, Any]:
    file = packages.files(resources) / f"{name}.json"
    data: dict[str, Any] = json.loads(file.read_bytes())
    return data


FILES = [name for name in resources.names() if resources.load(name).entry is None]


@pytest.mark.parametrize("name", FILES)
def test_no_file_contradicts_itself(name: str) -> None:
    assert [*contradictions(data_of(name))] == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_one_property_a_line(name: str) -> None:
    data = data_of(name)
    lines = (packages.files(resources) / f"{name}.json").read_text("utf-8").splitlines()
    inside = data.get("entry", {"properties": {}})["properties"]
    for member in (*flat(data["properties"]), *data["filters"].items(), *inside.items()):
        text = ": ".join(json.dumps(part, ensure_ascii=False) for part in member)
        assert any(line.strip().rstrip(",") == text for line in lines), text


def flat(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the fields, and those inside an object or an array instead of itself."""
    for name, about in fields.items():
        if inside := about.get("items", about).get("properties"):
            yield from flat(inside)
        else:
            yield name, about


GOOD: dict[str, Any] = {
    "title": "Warehouses (仓库)",
    "key": ["code"],
    "properties": {
        "code": {"type": "string", "description": "Code (编码)", "$comment": "vendor"},
        "name": {"type": ["string", "null"], "description": "Name (名称)", "$comment": "seen"},
    },
    "filters": {
        "code_begin": {"type": "string", "description": "First (起始)", "$comment": "vendor"},
    },
}
ENTRY: dict[str, Any] = {**GOOD["properties"]["name"], "type": ["array", "null"]}
INSIDE_ENTRY: dict[str, Any] = {"type": "object", "properties": {"a": GOOD["properties"]["name"]}}
DAY: dict[str, Any] = {**GOOD["properties"]["name"], "format": "date"}
DOCUMENT: dict[str, Any] = {
    **GOOD,
    "properties": {**GOOD["properties"], "date": DAY},
    "filters": {**GOOD["filters"], "date_begin": GOOD["filters"]["code_begin"]},
    "incremental": ["date"],
    "entry": {
        "title": "Lines of counts (盘点单表体)",
        "$comment": "assumed",
        "path": "/api/count/get",
        "rows": "count.entry",
        "date": "date",
        "properties": {"qty": GOOD["properties"]["name"]},
    },
}


def changed(member: str, data: dict[str, Any] = GOOD, **parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(data), member: {**data[member], **parts}}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({**GOOD, "title": "Warehouses"}, "$.title: 'Warehouses' does not match"),
        ({**GOOD, "key": []}, "$.key: [] should be non-empty"),
        ({**GOOD, "key": ["id"]}, "key: id is not among the properties"),
        ({**GOOD, "key": ["name"]}, "code is not nullable, though it is no part of the key"),
        (changed("properties", code=GOOD["properties"]["name"]), "code is nullable, but a part"),
        ({**GOOD, "keys": ["code"]}, "('keys' was unexpected)"),
        (changed("properties", name={**GOOD["filters"]["code_begin"]}), "name is not nullable"),
        (changed("properties", Name=GOOD["properties"]["name"]), "in two spellings"),
        (changed("properties", age={"type": "int"}), "'int' is not valid"),
        (
            changed("properties", entry=ENTRY | {"items": {"type": "object"}}),
            "'properties' is a re",
        ),
        (changed("properties", entry=ENTRY | {"items": INSIDE_ENTRY}), "'$comment' was unexpected"),
        (changed("properties", entry=ENTRY), "entry needs items if it is an array"),
        (changed("filters", token=GOOD["filters"]["code_begin"]), "should not be valid"),
        ({**GOOD, "incremental": ["name"]}, "name is not a property that has a filter name_begin"),
        (changed("entry", DOCUMENT, title="Lines"), "$.entry.title: 'Lines' does not match"),
        (changed("entry", DOCUMENT, date="day"), "day, its date, is not among the properties"),
        (changed("entry", DOCUMENT, approval="by"), "by, its approval, is not among the"),
        (changed("entry", DOCUMENT, parameters="id"), "('parameters' was unexpected)"),
        (
            changed("entry", DOCUMENT, properties={"Code": GOOD["properties"]["name"]}),
            "entry: Code is a part of the key",
        ),
        (
            changed("entry", DOCUMENT, properties={"qty": GOOD["properties"]["code"]}),
            "entry: qty is not nullable",
        ),
        ({**DOCUMENT, "incremental": ["code"]}, "code does not tell of an edit of a document"),
    ],
)
def test_a_contradiction_is_said_in_a_sentence(data: dict[str, Any], sentence: str) -> None:
    assert [*contradictions(GOOD)] == [*contradictions(DOCUMENT)] == []
    assert any(sentence in line for line in contradictions(data)), [*contradictions(data)]


def test_the_rest_follows_by_rule() -> None:
    warehouse = resources.of("warehouse", GOOD)
    assert warehouse.path == "/api/warehouse/batch_get"
    assert warehouse.rows == "warehouse"
    assert dict(warehouse.incremental) == {"code": Marker("code", "code_begin", "code")}
    assert warehouse.schema["required"] == ["code"]
    assert "$comment" not in json.dumps([warehouse.schema, warehouse.filters])


def test_change_markers_serve_incremental_before_the_key_in_any_case() -> None:
    stamp = {"type": ["string", "null"], "description": "Stamp (时间戳)", "$comment": "seen"}
    first = {"type": "string", "description": "First (起始)", "$comment": "vendor"}
    day = {**stamp, "format": "date"}
    data = changed("properties", timestamp=stamp, ModifyDate=day)
    data["filters"] |= {"timestamp_begin": first, "modifydate_begin": first}
    assert [*resources.of("warehouse", data).incremental.values()] == [
        Marker("timestamp", "timestamp_begin", "timestamp"),
        Marker("ModifyDate", "modifydate_begin", "date"),
        Marker("code", "code_begin", "code"),
    ]


def test_what_follows_by_rule_can_be_overridden() -> None:
    data = {**GOOD, "path": "/api/wh/batch_get", "rows": "wh.entry", "incremental": []}
    assert [*contradictions(data)] == []
    warehouse = resources.of("warehouse", data)
    assert (warehouse.path, warehouse.rows) == ("/api/wh/batch_get", "wh.entry")
    assert warehouse.incremental == {}


# Documents and their lines


def test_a_document_is_a_list_of_heads_and_a_stream_of_lines() -> None:
    head, lines = resources.load("saleorder"), resources.load("saleorder_entry")
    assert {"saleorder", "saleorder_entry", "bom_entry"} < {*resources.names()}
    assert (head.path, head.rows) == ("/api/saleorderlist/batch_get", "saleorderlist")
    assert (head.head, head.entry) == (None, None)
    assert lines.head is head
    assert lines.entry == Entry(
        "saleorder.entry", "/api/saleorder/get", date="date", approval="verifier"
    )
    assert lines.title == "Lines of sales orders (销售订单表体)"
    assert lines.key == ("code", "line_number") == tuple(lines.schema["required"])
    assert lines.schema["properties"]["code"] == head.schema["properties"]["code"]
    assert lines.schema["properties"]["line_number"]["type"] == "integer"
    assert lines.schema["properties"]["quantity"]["type"] == ["number", "null"]
    assert (lines.filters, lines.incremental) == (head.filters, head.incremental)
    assert {("field", name) for name in lines.schema["properties"]} <= lines.attested.keys()


@pytest.mark.parametrize("name", [name for name in FILES if f"{name}_entry" in resources.names()])
def test_no_document_is_incremental_by_its_code_which_tells_of_no_edit(name: str) -> None:
    resource = resources.load(name)
    assert "code" not in [marker.kind for marker in resource.incremental.values()]
    dates = [marker.kind for marker in resource.incremental.values()]
    assert dates == {"bom": [], "oughtpay": ["timestamp", "date"]}.get(name, ["date"])


def test_lines_may_be_in_the_list() -> None:
    assert resources.load("bom_entry").entry == Entry("entry")
    assert resources.load("bom_entry").path == "/api/bom/batch_get"


def test_an_own_list_may_have_lines() -> None:
    entry = {"path": "/api/count/get", "parameter": "no", "rows": "count.lines", "date": "day"}
    declared = {"count": {"key": ["no"], "params": {"kind": 1}, "entry": entry}}
    lines = resources.choose("count_entry", declared)
    assert lines.head == resources.choose("count", declared)
    assert lines.entry == Entry("count.lines", "/api/count/get", "no", "day")
    assert (lines.key, lines.params) == (("no", "line_number"), {"kind": 1})
    assert not lines.has_schema
    seen = resources.with_seen_fields(lines, [{"No": "1", "qty": 2, "line_number": 9}])
    assert [*seen.schema["properties"]] == ["no", "line_number", "qty"]
    declared["count"]["entry"] = {**entry, "schema": {"qty": {"type": "number"}, "no": {}}}
    typed = resources.choose("count_entry", declared)
    assert typed.has_schema
    assert [*typed.schema["properties"]] == ["no", "line_number", "qty"]
    assert typed.schema["properties"]["no"] == {"type": "string"}


def test_a_declaration_that_replaces_corrects_what_it_names_and_keeps_the_rest() -> None:
    built_in = resources.load("saleinvoice")
    head = {
        "key": ["invoiceno"],
        "path": "/api/salesinvoicelist/batch_get",
        "rows": "salesinvoicelist",
        "replaces": True,
    }
    corrected = resources.choose("saleinvoice", {"saleinvoice": head})
    assert (corrected.key, corrected.path, corrected.rows) == (
        ("invoiceno",),
        "/api/salesinvoicelist/batch_get",
        "salesinvoicelist",
    )
    fields = corrected.schema["properties"]
    assert fields["vouchertype"]["type"] == ["string", "null"]
    assert fields["taxrate"] == built_in.schema["properties"]["taxrate"]
    assert (corrected.filters, corrected.incremental) == (built_in.filters, built_in.incremental)
    head["entry"] = {"path": "/api/salesinvoice/get"}
    lines = resources.choose("saleinvoice_entry", {"saleinvoice": head})
    assert lines.entry == Entry("saleinvoice.entry", "/api/salesinvoice/get", date="date")
    assert lines.key == ("invoiceno", "line_number")
    assert lines.schema["properties"]["quantity"]["type"] == ["number", "null"]
    assert resources.choose("saleinvoice_entry", {"customer": {}}).key == (
        *("invoiceno", "vouchertype", "line_number"),
    )


@pytest.mark.parametrize("name", ["ds_sequence", "DS_Sequence", "_sdc_deleted_at", "_sdc_batched"])
def test_a_field_of_u8_with_a_name_of_the_taps_is_an_error_that_names_it(name: str) -> None:
    resource = resources.of_declaration("fitem", {"key": ["code"]})
    with pytest.raises(TapError, match=rf"^fitem: U8 sends {name}, a field that"):
        resources.with_seen_fields(resource, [{"code": "1"}, {"code": "2", name: "3"}])
