"""The catalog chooses: fields, fields of one's own, replication; stream maps go on from there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_yonyou.errors import SettingsError
from tap_yonyou.tap import TapYonyou

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import Run, RunTap


METHOD = "customercontacts: the replication method must be FULL_TABLE or INCREMENTAL or LOG_BASED"
KEY = "customercontacts: key_properties in the catalog must be code"


def entry(catalog: dict[str, Any]) -> dict[str, Any]:
    stream: dict[str, Any] = catalog["streams"][0]
    return stream


def metadata(catalog: dict[str, Any], *breadcrumb: str) -> dict[str, Any]:
    """The metadata at a breadcrumb, made if it is not there."""
    for item in entry(catalog)["metadata"]:
        if item["breadcrumb"] == list(breadcrumb):
            found: dict[str, Any] = item["metadata"]
            return found
    entry(catalog)["metadata"].append({"breadcrumb": list(breadcrumb), "metadata": {}})
    return metadata(catalog, *breadcrumb)


@pytest.mark.installed
def test_a_discovered_catalog_reads_everything(tap: RunTap, catalog: dict[str, Any]) -> None:
    everything = tap()
    assert tap(catalog=catalog).records == everything.records
    del entry(catalog)["key_properties"]
    run = tap(catalog=catalog)
    assert run.of("SCHEMA")[0]["key_properties"] == ["code"]
    assert run.records == everything.records


def test_discovery_offers_code_as_the_replication_key(catalog: dict[str, Any]) -> None:
    root = metadata(catalog)
    assert root["valid-replication-keys"] == ["code"]
    assert root["table-key-properties"] == ["code"]
    assert entry(catalog)["replication_method"] == "FULL_TABLE"
    assert metadata(catalog, "properties", "code")["inclusion"] == "automatic"


def test_deselected_fields_are_not_emitted(tap: RunTap, catalog: dict[str, Any]) -> None:
    for field in ("mobile_phone", "email", "code"):
        metadata(catalog, "properties", field)["selected"] = False
    run = tap(catalog=catalog)
    assert len(run.records) == 225
    for fields in (run.records[0], run.of("SCHEMA")[0]["schema"]["properties"]):
        assert fields.keys().isdisjoint({"mobile_phone", "email"})
        assert "code" in fields  # the key cannot be deselected
        assert len(fields) == 19
    assert "; 0 fields dropped" in run.summary


def test_a_catalog_that_selects_nothing_is_an_error(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    metadata(catalog)["selected"] = False
    nothing: dict[str, Any] = {"streams": []}
    for unselected in (catalog, nothing):
        run = tap(catalog=unselected)
        assert run.code == 1
        assert run.errors == [
            'no stream is selected; select customercontacts in the catalog ("selected": true in '
            "its metadata), with Meltano by the extractor's `select`"
        ]
        assert run.out == ""
    assert not u8.requests


@pytest.mark.parametrize(
    ("schema", "sent", "emitted"),
    [
        ({"type": ["string", "null"]}, "自定义", "自定义"),
        ({"type": ["boolean", "null"]}, "1", True),
        ({"type": ["number", "null"]}, "494.0000", 494.0),
        (
            {"type": ["string", "null"], "format": "date-time"},
            "2024-02-29 08:30:00.0",
            "2024-02-29T08:30:00+08:00",
        ),
    ],
    ids=["text", "boolean", "number", "moment"],
)
def test_a_field_added_to_the_catalog_is_emitted_with_its_type(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
    schema: dict[str, Any],
    sent: str,
    emitted: object,
) -> None:
    u8.tables["customercontacts"][0]["define1"] = sent
    entry(catalog)["schema"]["properties"]["define1"] = schema
    run = tap(catalog=catalog)
    assert run.records[0]["define1"] == emitted
    assert run.records[1]["define1"] is None
    assert run.of("SCHEMA")[0]["schema"]["properties"]["define1"]["type"] == schema["type"]
    assert "; 0 fields dropped" in run.summary


def test_a_type_changed_in_the_catalog_is_obeyed(tap: RunTap, catalog: dict[str, Any]) -> None:
    entry(catalog)["schema"]["properties"]["default"] = {"type": ["string", "null"]}
    assert tap(catalog=catalog).records[0]["default"] == "1"


@pytest.mark.parametrize(
    "root", [{"replication-method": "INCREMENTAL"}, {"replication-key": "code"}]
)
def test_incremental_is_chosen_in_the_metadata_as_meltano_does(
    tap: RunTap,
    catalog: dict[str, Any],
    root: dict[str, str],
) -> None:
    metadata(catalog).update({"replication-method": "INCREMENTAL"} | root)
    run = tap(catalog=catalog)
    assert run.state["bookmarks"]["customercontacts"]["replication_key"] == "code"


def test_full_table_is_chosen_in_the_metadata_too(tap: RunTap, catalog: dict[str, Any]) -> None:
    entry(catalog)["replication_method"] = "INCREMENTAL"
    metadata(catalog)["replication-method"] = "FULL_TABLE"
    bookmark = tap(catalog=catalog).state["bookmarks"]["customercontacts"]
    assert bookmark.keys() == {"snapshot", "rows", "complete_at"}
    assert (bookmark["snapshot"], bookmark["rows"]) == (None, 225)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            {"replication_method": "INCREMENTAL", "replication_key": "birthday"},
            "customercontacts: birthday cannot be a replication key; use code",
        ),
        (
            {"replication_method": "OTHER"},
            METHOD,
        ),
        (
            {"schema": {"properties": {"name": {"type": "string"}}}},
            "customercontacts: the catalog's schema lacks the key code; discover it again",
        ),
        ({"replication_method": ["FULL_TABLE"]}, METHOD),
        ({"root": {"replication-method": "OTHER"}}, METHOD),
        ({"root": {"forced-replication-method": "OTHER"}, "replication_method": None}, METHOD),
        ({"key_properties": []}, KEY),
        ({"key_properties": ["name"]}, KEY),
        ({"key_properties": ["code", "name"]}, KEY),
        (
            {
                "metadata": [
                    {"breadcrumb": [], "metadata": {"selected": True}},
                    {"breadcrumb": ["properties", "code"], "metadata": {"selected": False}},
                ],
            },
            "customercontacts: the catalog deselects the key code; select it",
        ),
    ],
    ids=str,
)
def test_a_catalog_that_asks_for_the_impossible_is_refused(
    settings: dict[str, Any],
    u8: Sandbox,
    change: dict[str, Any],
    error: str,
) -> None:
    catalog = json.loads(TapYonyou(validate_config=False, setup_mapper=False).catalog_json_text)
    metadata(catalog).update(change.get("root", {}))
    entry(catalog).update(change)
    with pytest.raises(SettingsError) as refused:
        TapYonyou(config=settings, catalog=catalog)
    assert refused.value.args == (error,)
    assert not u8.requests


def test_the_command_says_what_is_wrong_with_a_catalog(
    tap: RunTap,
    catalog: dict[str, Any],
) -> None:
    entry(catalog)["key_properties"] = []
    run = tap(catalog=catalog)
    assert run.code == 1
    assert run.errors == [KEY]
    assert run.out == ""


def test_stream_maps_rename_remove_add_and_filter(tap: RunTap) -> None:
    run = tap(
        stream_maps={
            "customercontacts": {
                "__alias__": "contacts",
                "__filter__": "be_main_linker",
                "customer": "ccuscode + ' ' + ccusname",
                "mobile_phone": "__NULL__",
            },
        },
    )
    assert run.code == 0
    assert {message["stream"] for message in run.of("RECORD")} == {"contacts"}
    assert run.records[0]["customer"] == "0215 天津鹏程电子有限公司"
    assert "mobile_phone" not in run.records[0]
    assert len(run.records) == 114
    assert all(record["be_main_linker"] for record in run.records)


@pytest.mark.parametrize(
    ("maps", "error"),
    [
        (
            {"email": "email[13800138000]"},
            "stream_maps: email cannot be mapped (TypeError); check the expression: fields may be "
            "null, and a key cannot be removed",
        ),
        ({"email": "emial + '13800138000'"}, "stream_maps: email cannot be mapped (NameNotDefin"),
        ({"__filter__": "email[13800138000]"}, "stream_maps: __filter__ cannot be mapped (TypeE"),
        ({"email": "email +* '13800138000'"}, "stream_maps: email cannot be mapped (SyntaxError"),
        ({"code": None}, "stream_maps: code cannot be mapped (StreamMapConfigError); "),
        ({"__filter__": "'13800138000' ="}, "stream_maps or flattening cannot be used: see "),
        ({"__key_properties__": ["13800138000"]}, "stream_maps or flattening cannot be used: "),
    ],
    ids=str,
)
def test_a_stream_map_that_fails_is_named(tap: RunTap, maps: dict[str, Any], error: str) -> None:
    run = tap(stream_maps={"customercontacts": maps}, env={"TAP_YONYOU_LOGLEVEL": "DEBUG"})
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(error)
    assert "13800138000" not in run.log


def test_flattening_without_a_depth_is_refused(tap: RunTap) -> None:
    run = tap(flattening_enabled=True)
    assert run.code == 1
    assert run.errors[0].startswith("stream_maps or flattening cannot be used: see Stream Maps in")


@pytest.mark.parametrize(
    ("method", "config", "warned"),
    [
        ("FULL_TABLE", {"filters": {"customercontacts": {"be_main_linker": True}}}, True),
        (
            "FULL_TABLE",
            {"stream_maps": {"customercontacts": {"__filter__": "be_main_linker"}}},
            True,
        ),
        ("INCREMENTAL", {"filters": {"customercontacts": {"be_main_linker": True}}}, False),
        ("FULL_TABLE", {"filters": {"customercontacts": {}}}, False),
    ],
)
def test_filters_with_deletes_are_warned_about_once(
    tap: RunTap,
    catalog: dict[str, Any],
    method: str,
    config: dict[str, Any],
    warned: bool,  # noqa: FBT001
) -> None:
    entry(catalog)["replication_method"] = method
    run = tap(catalog=catalog, emit_activate_version_messages=True, **config)
    assert run.code == 0
    warnings = [line for line in run.log.splitlines() if "WARNING" in line]
    assert len(warnings) == warned
    if warned:
        assert warnings[0].endswith(
            "customercontacts: filters are set together with emit_activate_version_messages: the "
            "target will delete, or mark as deleted, all rows that do not match them"
        )


# Deletions


def log_based(tap: RunTap, catalog: dict[str, Any], maps: dict[str, Any], **given: Any) -> Run:
    entry(catalog)["replication_method"] = "LOG_BASED"
    return tap(catalog=catalog, stream_maps={"customercontacts": maps}, **given)


@pytest.mark.parametrize("rule", ["code.strip()", "code", "code + '-' + str(name)"])
def test_a_key_is_not_mapped_with_log_based(
    tap: RunTap, u8: Sandbox, catalog: dict[str, Any], rule: str
) -> None:
    run = log_based(tap, catalog, {"code": rule})
    assert run.errors == [
        "customercontacts: stream_maps cannot be used with LOG_BASED: two rows could get one key "
        "code, and be deleted together; use FULL_TABLE, or map other fields only"
    ]
    assert not u8.requests
    assert log_based(tap, catalog, {"__alias__": "contacts"}).code == 0


@pytest.mark.parametrize(
    "rule",
    [
        "name.upper()",
        "'13800138000' + name",
        "{'13800138000': 1}[name]",
        "code + name",
        "name[13800138000] if code else ''",
    ],
)
def test_an_expression_that_fails_on_a_deletion_fails_at_the_start(
    tap: RunTap, u8: Sandbox, catalog: dict[str, Any], rule: str
) -> None:
    run = log_based(tap, catalog, {"called": rule}, env={"TAP_YONYOU_LOGLEVEL": "DEBUG"})
    assert (run.code, len(run.errors)) == (1, 1)
    assert run.errors[0].startswith("stream_maps: called cannot be mapped (")
    assert "13800138000" not in run.log
    assert not u8.requests


@pytest.mark.parametrize(
    "rule", ["name.upper() if name else None", "code[5]", "int(code)", "code.split('000')[1]"]
)
def test_an_expression_that_takes_nulls_or_needs_a_real_key_is_used(
    tap: RunTap, catalog: dict[str, Any], rule: str
) -> None:
    run = log_based(tap, catalog, {"called": rule})
    assert (run.code, len(run.records)) == (0, 225)


def test_a_field_may_be_renamed_with_log_based(tap: RunTap, catalog: dict[str, Any]) -> None:
    run = log_based(tap, catalog, {"called": "name", "name": "__NULL__"})
    assert run.code == 0, run.log
    assert run.records[0]["called"] == "张天宇"
    assert "name" not in run.records[0]


@pytest.mark.parametrize(
    ("method", "given", "is_refused"),
    [
        ("FULL_TABLE", {}, True),
        ("LOG_BASED", {}, False),
        ("INCREMENTAL", {}, False),
        ("FULL_TABLE", {"emit_activate_version_messages": False}, False),
        ("FULL_TABLE", {"ds_sequences": None}, False),
    ],
)
def test_full_table_deletes_nothing_of_a_data_source_that_is_not_named_any_more(
    tap: RunTap,
    catalog: dict[str, Any],
    method: str,
    given: dict[str, Any],
    is_refused: bool,  # noqa: FBT001
) -> None:
    del entry(catalog)["key_properties"]
    entry(catalog)["replication_method"] = method
    given = {"emit_activate_version_messages": True, "ds_sequences": [1], **given}
    entry(catalog)["schema"]["properties"]["ds_sequence"] = {"type": "integer"}
    run = tap(catalog=catalog, **given)
    error = (
        "customercontacts: FULL_TABLE with emit_activate_version_messages and ds_sequences would "
        "delete the rows of a data source that is not named any more; use LOG_BASED, or turn off "
        "one of them"
    )
    assert run.errors == [error] * is_refused
    assert run.code == is_refused


def test_flattening_spreads_an_added_object(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    u8.tables["customercontacts"][0]["define"] = {"a": "甲"}
    entry(catalog)["schema"]["properties"]["define"] = {
        "type": ["object", "null"],
        "properties": {"a": {"type": ["string", "null"]}},
    }
    run = tap(catalog=catalog, flattening_enabled=True, flattening_max_depth=1)
    assert run.records[0]["define__a"] == "甲"
