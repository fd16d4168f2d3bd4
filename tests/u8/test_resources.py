"""A resource's file says all there is to say of a list, and does not contradict itself."""

from __future__ import annotations

import copy
import json
from importlib import resources as packages
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tap_yonyou.u8 import resources
from tap_yonyou.u8.resources import Marker

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
#: What a file may hold.
FILE = {
    "type": "object",
    "properties": {
        "title": {"pattern": CHINESE},
        "key": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        "properties": {
            "type": "object",
            "additionalProperties": {
                "properties": {"type": {"anyOf": [{"const": "string"}, NULLABLE]}, **ABOUT},
                "required": ["type", "description", "$comment"],
                "additionalProperties": False,
            },
        },
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


def broken_references(data: dict[str, Any]) -> Iterator[str]:
    for name in data["key"]:
        if name not in data["properties"]:
            yield f"key: {name} is not among the properties"
    served = resources.of("any", data).incremental
    for name in data.get("incremental", []):
        if name not in served:
            yield f"incremental: {name} is not a property that has a filter {name}_begin"


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


@pytest.mark.parametrize("name", resources.names())
def test_no_file_contradicts_itself(name: str) -> None:
    assert [*contradictions(data_of(name))] == []


@pytest.mark.parametrize("name", resources.names())
def test_a_file_has_one_property_a_line(name: str) -> None:
    data = data_of(name)
    lines = (packages.files(resources) / f"{name}.json").read_text("utf-8").splitlines()
    for member in (*flat(data["properties"]), *data["filters"].items()):
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


def changed(member: str, **parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD), member: {**GOOD[member], **parts}}


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
    ],
)
def test_a_contradiction_is_said_in_a_sentence(data: dict[str, Any], sentence: str) -> None:
    assert [*contradictions(GOOD)] == []
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
