"""Fields that no schema knows: dropped, or kept as texts with `new_fields`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import Sandbox, contact
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from tests.conftest import Read, Run, RunTap
    from tests.loaded import Loaded

STREAM = "customercontacts"
TEXT = {"new_fields": "text"}


def table(u8: Sandbox) -> list[dict[str, Any]]:
    return u8.tables[STREAM]


def fields(run: Run) -> list[set[str]]:
    """The fields of each SCHEMA."""
    return [{*message["schema"]["properties"]} for message in run.of("SCHEMA")]


def test_a_new_field_is_dropped_with_a_warning_by_default(read: Read, u8: Sandbox) -> None:
    table(u8)[60]["remark2"] = "某"
    run = read()
    assert "remark2" not in fields(run)[0]
    assert "1 field dropped (remark2 1)" in run.log


def test_a_new_field_becomes_a_text_before_the_page_that_brings_it(read: Read, u8: Sandbox) -> None:
    table(u8)[60]["remark2"] = "某"
    run = read(**TEXT, method="FULL_TABLE")
    before, after = fields(run)
    assert after - before == {"remark2"}
    second = run.of("SCHEMA")[1]
    assert second["schema"]["properties"]["remark2"]["type"] == ["string", "null"]
    place = run.messages.index(second)
    assert [m["type"] for m in run.messages[:place]].count("RECORD") == 50
    # From its page on, each record has it.
    assert [record.get("remark2", "") for record in run.records[48:62]] == (
        ["", ""] + [None] * 10 + ["某", None]
    )
    assert "0 fields dropped" in run.summary


def test_no_version_is_activated_in_the_run_that_meets_a_new_field(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    """target-postgres would mark rows of the former SCHEMA that it has not written yet."""
    given = {**TEXT, "emit_activate_version_messages": True, "method": "FULL_TABLE"}
    assert len(read(**given).of("ACTIVATE_VERSION")) == 1
    deleted = table(u8).pop(3)["code"]
    table(u8)[60]["remark2"] = "某"
    run = read(**given)
    assert run.of("ACTIVATE_VERSION") == []
    assert "a field is new; ACTIVATE_VERSION waits for the next run" in run.log
    assert deleted in {row["code"] for row in loaded.living()}
    assert len(read(**given).of("ACTIVATE_VERSION")) == 1
    assert deleted not in {row["code"] for row in loaded.living()}


def test_values_of_any_type_become_texts(read: Read, u8: Sandbox) -> None:
    values = ["", None, "0", 7, True, {"a": [1]}, [{"b": "某"}]]
    for row, value in zip(table(u8), values, strict=False):
        row["free_1"] = value
    run = read(**TEXT)
    assert [record["free_1"] for record in run.records[:8]] == [
        None,
        None,
        "0",
        "7",
        "true",
        '{"a":[1]}',
        '[{"b":"某"}]',
        None,
    ]


def test_what_the_tap_and_its_targets_add_is_never_taken_from_u8(read: Read, u8: Sandbox) -> None:
    table(u8)[0] |= {"_sdc_deleted_at": "x", "DS_Sequence": "1", "a b": "x", "NAME": "x"}
    run = read(**TEXT)
    assert len(fields(run)) == 1
    assert run.records[0]["_sdc_deleted_at"] is None
    assert run.records[0]["name"] != "x"


def test_it_is_remembered_and_only_rows_with_a_value_are_written_again(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read(**TEXT)
    table(u8)[60]["remark2"] = "某"
    table(u8)[61]["remark2"] = ""
    run = read(**TEXT)
    assert run.codes == [table(u8)[60]["code"]]
    assert loaded.state is not None
    assert loaded.state["bookmarks"][STREAM]["new_fields"] == ["remark2"]
    del table(u8)[3]
    table(u8).append(contact(226))
    run = read(**TEXT)
    # The first SCHEMA has it, and the record of a deletion needs none.
    assert "remark2" in fields(run)[0]
    assert len(run.records) == 2
    remarks = {row["code"]: row.get("remark2") for row in loaded.living()}
    assert remarks[table(u8)[59]["code"]] == "某"
    assert read(**TEXT).records == []


def test_a_field_whose_value_goes_becomes_null(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    table(u8)[0]["remark2"] = "某"
    read(**TEXT)
    del table(u8)[0]["remark2"]
    assert read(**TEXT).codes == [table(u8)[0]["code"]]
    assert loaded.living()[0]["remark2"] is None


def test_a_field_met_in_one_data_source_is_a_column_for_all(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.sources, u8.others = (1, 2), {2: {STREAM: [contact(1), contact(2) | {"remark2": "某"}]}}
    u8.tables[STREAM] = [contact(1)]
    given = {**TEXT, "ds_sequences": [1, 2]}
    read(**given)
    u8.tables[STREAM][0]["Remark2"] = "甲"
    run = read(**given)
    assert all("remark2" in found for found in fields(run))
    assert [row.get("remark2") for row in loaded.living()] == ["甲", None, "某"]
    assert read(**given).records == []


def test_a_field_that_two_data_sources_spell_differently_is_one_column(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.sources, u8.others = (1, 2), {2: {STREAM: [contact(1) | {"remark2": "某"}]}}
    u8.tables[STREAM] = [contact(1) | {"Remark2": "甲"}]
    read(**TEXT, ds_sequences=[1, 2])
    assert [row.get("Remark2") for row in loaded.living()] == ["甲", "某"]
    assert "remark2" not in loaded.living()[1]


def test_a_field_that_is_declared_later_may_be_spelt_otherwise(
    read: Read, tap: RunTap, u8: Sandbox
) -> None:
    table(u8)[0]["remark2"] = "某"
    read(**TEXT)
    catalog = catalog_of(tap)
    catalog["streams"][0]["schema"]["properties"]["Remark2"] = {"type": ["string", "null"]}
    run = read(**TEXT, catalog=catalog)
    assert run.records[0]["Remark2"] == "某"
    assert "remark2" not in fields(run)[0]


def test_lines_of_documents_may_have_new_fields(read: Read, loaded: Loaded) -> None:
    orders = {"streams": ["saleorder_entry"], **TEXT}
    with Sandbox(tables={"saleorder": []}) as u8:
        u8.tables["saleorder"] = [{"code": "SO1", "date": "2024-01-01", "verifier": "某"}]
        u8.lines["saleorder"] = {"SO1": [{"inventorycode": "1"}]}
        at = {**orders, "api_url": u8.url}
        read(**at)
        u8.lines["saleorder"]["SO1"] = [{"inventorycode": "1", "define_99": "甲"}]
        u8.tables["saleorder"][0]["sum"] = "1"
        assert [record["define_99"] for record in read(**at).records] == ["甲"]
        assert read(**at).records == []
    assert loaded.living("saleorder_entry")[0]["define_99"] == "甲"


def test_what_was_dropped_comes_once_new_fields_are_kept(read: Read, loaded: Loaded) -> None:
    orders = {"streams": ["saleorder_entry"], "lookback_days": 0}
    with Sandbox(tables={"saleorder": []}) as u8:
        u8.tables["saleorder"] = [{"code": "SO1", "date": "2024-01-01", "verifier": "某"}]
        u8.lines["saleorder"] = {"SO1": [{"inventorycode": "1", "define_99": "甲"}]}
        at = {**orders, "api_url": u8.url}
        read(**at)
        read(**at, **TEXT)
    assert loaded.living("saleorder_entry")[0]["define_99"] == "甲"


def test_a_value_that_goes_while_new_fields_are_dropped_becomes_null(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    table(u8)[0]["remark2"] = "某"
    read(**TEXT)
    read()
    del table(u8)[0]["remark2"]
    table(u8)[1]["remark2"] = "某"
    read(**TEXT)
    assert [row.get("remark2") for row in loaded.living()[:2]] == [None, "某"]


def test_with_stream_maps_new_fields_are_dropped(read: Read, u8: Sandbox) -> None:
    table(u8)[0]["remark2"] = "某"
    run = read(**TEXT, stream_maps={STREAM: {"email": "email or ''"}})
    assert run.log.count("new fields are dropped: this stream has stream maps, flattening") == 1
    assert "remark2" not in run.records[0]
