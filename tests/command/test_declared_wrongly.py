"""Odd declarations, catalogs and values: refused in one line, or read without a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Fault, Row, Sample, Sandbox, rows
from tap_yonyou import redaction
from tap_yonyou.errors import SettingsError, U8Error
from tests.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
SAMPLE = Sample(
    title="项目", filters={"text": "code_begin", "date": "day_begin", "number": "version_begin"}
)
DAY = {"field": "day", "parameter": "day_begin", "kind": "date"}
VERSION = {"field": "version", "parameter": "version_begin", "kind": "timestamp"}


def fitem(*table: Row) -> Sandbox:
    return Sandbox(tables={"fitem": [*table]}, samples={"fitem": SAMPLE})


def read_fitem(u8: Sandbox, declared: dict[str, Any] | None = None, **given: Any) -> InProcess:
    declared = {"key": ["code"]} | (declared or {})
    run = InProcess(u8, "fitem", resources={"fitem": declared}, **given)
    if "incremental" in declared:
        run.by("fitem", declared["incremental"]["field"])
    return run.sync()


# Bookmarks


@pytest.mark.parametrize(
    ("days", "bookmark"),
    [
        (["2024/9/5 10:00:00", "2024/10/1"], "2024-10-01"),
        (["2024-9-5", "nothing"], "2024-09-05"),
    ],
)
def test_days_of_any_spelling_make_a_bookmark_that_can_be_sent(
    days: list[str], bookmark: str
) -> None:
    table: list[Row] = [{"code": str(n), "day": day} for n, day in enumerate(days)]
    with fitem(*table) as u8:
        first = read_fitem(u8, {"incremental": DAY})
        assert first.state["bookmarks"]["fitem"]["replication_key_value"] == bookmark
        read_fitem(u8, {"incremental": DAY}, state=first.state)
        assert u8.requests[-1].query["day_begin"] == bookmark


@pytest.mark.parametrize("bookmark", ["2099-12-31", "nothing", 5])
def test_a_state_that_is_no_day_that_was_is_no_bookmark(bookmark: object) -> None:
    saved = {"replication_key": "day", "replication_key_value": bookmark}
    with fitem({"code": "1", "day": "2024-09-05"}) as u8:
        run = read_fitem(u8, {"incremental": DAY}, state={"bookmarks": {"fitem": saved}})
    assert len(run.records) == 1
    assert run.state["bookmarks"]["fitem"]["replication_key_value"] == "2024-09-05"


def test_a_row_version_that_is_typed_as_a_number_gives_a_state_that_is_taken_again() -> None:
    schema = {"code": TEXT, "version": {"type": ["number", "null"]}}
    declared = {"incremental": VERSION, "schema": schema}
    with fitem({"code": "1", "version": "562021.5500"}) as u8:
        first = read_fitem(u8, declared)
        assert first.state["bookmarks"]["fitem"]["replication_key_value"] == "562021.5500"
        assert len(read_fitem(u8, declared, state=first.state).records) == 1


def test_an_edit_behind_the_reader_is_seen_though_its_page_had_no_row_version() -> None:
    table: list[Row] = [{"code": f"{n:02d}", "version": "" if n < 7 else n} for n in range(14)]

    def edit() -> None:
        u8.tables["fitem"][0]["version"] = 100
        u8.tables["fitem"][13]["version"] = 101

    with fitem(*table) as u8:
        u8.before(2, edit, resource="fitem")
        run = read_fitem(u8, {"incremental": VERSION}, concurrency=1)
    assert {"code": "00", "version": "100"} in run.records


# Values


def test_a_row_is_known_by_a_key_of_zero_and_never_by_a_wrong_type() -> None:
    schema = {"code": {"type": "integer"}, "line": {"type": "integer"}}
    declared = {"key": ["code", "line"], "schema": schema}
    with fitem({"code": "0", "line": "0"}) as u8:
        assert read_fitem(u8, declared).records == [{"code": 0, "line": 0}]
        assert read_fitem(u8, {"schema": {"code": {"type": "integer"}}}).records == [{"code": 0}]
        u8.tables["fitem"] = [{"code": "1", "line": ""}]
        with pytest.raises(U8Error, match="row 1 has no line; fix it in U8"):
            read_fitem(u8, declared)


def test_a_number_without_a_digit_before_its_point_is_one() -> None:
    schema = {"code": TEXT, "qty": {"type": ["number", "null"]}}
    with fitem({"code": "1", "qty": ".5000"}, {"code": "2", "qty": "-.5"}) as u8:
        assert [record["qty"] for record in read_fitem(u8, {"schema": schema}).records] == [
            0.5,
            -0.5,
        ]


def test_a_field_that_is_a_list_in_some_row_is_one_in_each() -> None:
    with fitem(
        {"code": "1", "entry": [{"a": 1}]}, {"code": "2", "entry": {"a": 2}}, {"code": "3"}
    ) as u8:
        records = read_fitem(u8).records
    assert [record["entry"] for record in records] == [[{"a": 1}], [{"a": 2}], None]


# Declarations

OWN = ("ds_sequence", "DS_SEQUENCE", "_sdc_deleted_at", "_SDC_x", " ")
NAME = "must not be blank; ds_sequence and names that begin with _sdc_ are the tap's own"
SENT = "must not be blank, nor a parameter that the tap sets itself"
PATH = "path must begin with a slash, and hold neither ? nor #"


def test_a_part_of_a_declaration_that_is_null_is_not_set() -> None:
    parts = ("path", "rows", "params", "schema", "incremental", "replaces")
    with fitem({"code": "1"}) as u8:
        run = InProcess(u8, "fitem", resources={"fitem": {"key": ["code"], **dict.fromkeys(parts)}})
        assert run.sync().records == [{"code": "1"}]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        *[({"path": path}, PATH) for path in ("api/fitem", ".example.com/", "/a?b=1", "/a#b")],
        ({"rows": " "}, "rows must not be blank"),
        *[({"key": ["code", name]}, f"key.1 {NAME}") for name in OWN],
        *[({"schema": {"code": TEXT, name: TEXT}}, f"schema.{name} {NAME}") for name in OWN],
        *[({"incremental": DAY | {"field": name}}, f"incremental.field {NAME}") for name in OWN],
        *[({"params": {name: "x"}}, f"params.{name} {SENT}") for name in (*OWN, "App_Secret")],
        *[
            ({"incremental": VERSION | {"parameter": name}}, f"incremental.parameter {SENT}")
            for name in (*OWN, "page_index")
        ],
        ({"key": ["code", "code"]}, "key must name each only once"),
        ({"params": {"a": [1]}}, "params.a must be a text in quotes or a number or true or false"),
        ({"schema": {"code": TEXT, "x": {"type": "txt"}}}, "schema.x.type is not JSON Schema"),
        (
            {"schema": {"code": TEXT, "x": {"items": 5}}},
            "schema.x.items must be an object in JSON or true or false",
        ),
        ({"entry": {"path": "x"}}, f"entry.{PATH}"),
        ({"entry": {"parameter": "token"}}, f"entry.parameter {SENT}"),
        ({"entry": {"schema": {"_sdc_a": TEXT}}}, f"entry.schema._sdc_a {NAME}"),
        (
            {"schema": {"code": {"type": ["array", "null"]}}},
            "schema.code must have the type string, integer or number, as a key",
        ),
    ],
)
def test_a_declaration_that_cannot_be_used_is_one_line(declared: dict[str, Any], said: str) -> None:
    with fitem() as u8, pytest.raises(SettingsError) as error:
        read_fitem(u8, declared)
    assert error.value.args == (" ".join(f"resources.fitem.{said}".split()),)


@pytest.mark.parametrize("name", [" ", "a?b", "a#b"])
def test_a_resource_has_a_name_that_an_address_can_hold(name: str) -> None:
    with fitem() as u8, pytest.raises(SettingsError, match=r"must not be blank, nor hold \? or #"):
        InProcess(u8, "customer", resources={name: {"key": []}})


def test_params_are_sent_like_filters_and_kept_out_of_the_log() -> None:
    params = {"who": "某甲某乙某丙", "phone": 99900011122, "end": True}
    with fitem({"code": "1"}) as u8:
        read_fitem(u8, {"params": params})
        assert u8.requests[-1].query["end"] == "1"
        u8.fail(Fault.errcode("39999", "某甲某乙某丙 99900011122"), times=None)
        with pytest.raises(U8Error) as error:
            read_fitem(u8, {"params": params, "schema": {"code": TEXT}})
    assert "39999 (*** ***)" in redaction.redact(str(error.value))


# Catalogs


def by_version(catalog: Any) -> Any:
    (entry,) = (one for one in catalog["streams"] if one["tap_stream_id"] == "customer")
    for item in entry["metadata"]:
        if item["breadcrumb"] == []:
            item["metadata"] |= {
                "replication-method": "INCREMENTAL",
                "replication-key": "timestamp",
            }
    return entry


def deselect(entry: Any) -> None:
    for item in entry["metadata"]:
        if item["breadcrumb"] == ["properties", "timestamp"]:
            item["metadata"] |= {"inclusion": "available", "selected": False}


def leave_out(entry: Any) -> None:
    del entry["schema"]["properties"]["timestamp"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (deselect, "the catalog deselects the replication key timestamp; select it"),
        (leave_out, "the catalog's schema lacks the replication key timestamp; discover it again"),
    ],
)
def test_a_catalog_without_the_replication_key_is_refused(
    change: Callable[[Any], None], said: str
) -> None:
    with Sandbox(tables={"customer": rows("customer", 3)}) as u8:
        catalog = InProcess(u8, "customer").catalog
        change(by_version(catalog))
        with pytest.raises(SettingsError, match=said):
            InProcess(u8, "customer", catalog=catalog).sync()


def test_a_stream_that_only_the_catalog_selects_is_refused() -> None:
    tables = {name: rows(name, 3) for name in ("customer", "warehouse")}
    with Sandbox(tables=tables) as u8:
        catalog = InProcess(u8, *tables).catalog
        with pytest.raises(SettingsError, match=r"^customer: selected in the catalog, but not in "):
            InProcess(u8, "warehouse", catalog=catalog).sync()


def test_deletes_are_warned_about_for_the_stream_that_is_filtered_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tables = {name: rows(name, 3) for name in ("customer", "warehouse")}
    with Sandbox(tables=tables) as u8:
        maps = {"cust*": {"__filter__": "code != 'x'"}}
        InProcess(u8, *tables, stream_maps=maps, emit_activate_version_messages=True).sync()
    warned = [r.getMessage() for r in caplog.records if "will delete, or mark" in r.getMessage()]
    assert [line.partition(":")[0] for line in warned] == ["customer"]
