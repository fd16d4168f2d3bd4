"""LOG_BASED: only changes and deletions are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from singer_sdk.contrib.msgspec import encoder

from sandbox import Fault, Sandbox, contact, contacts, rows, sample
from tap_yonyou.u8 import resources
from tap_yonyou.u8.values import VERSION, Converter
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from tests.conftest import Read, Run, RunTap
    from tests.loaded import Loaded

STREAM = "customercontacts"
GONE = "_sdc_deleted_at"


def metadata(catalog: dict[str, Any], *breadcrumb: str) -> dict[str, Any]:
    (entry,) = catalog["streams"]
    found: dict[str, Any] = next(
        item["metadata"] for item in entry["metadata"] if item["breadcrumb"] == [*breadcrumb]
    )
    return found


def table(u8: Sandbox) -> list[dict[str, Any]]:
    return u8.tables[STREAM]


def written(run: Run) -> dict[str, str | None]:
    """Codes of the records, each with its name; None for a deleted one."""
    return {record["code"]: record.get("name") for record in run.records}


def warnings(run: Run) -> list[str]:
    lines = [line.split(" | ", 3) for line in run.log.splitlines()]
    return [line[3] for line in lines if len(line) == 4 and line[1].strip() == "WARNING"]


def bookmark(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.state["bookmarks"][STREAM]
    return found


# What a run writes


@pytest.mark.installed
def test_the_first_run_is_the_baseline_and_writes_every_row(read: Read, u8: Sandbox) -> None:
    run = read()
    assert run.codes == [row["code"] for row in table(u8)]
    assert all(record[GONE] is None for record in run.records)
    schema = run.of("SCHEMA")[0]
    assert schema["schema"]["properties"][GONE] == {
        "type": ["string", "null"],
        "format": "date-time",
    }
    assert schema["key_properties"] == ["code"]
    assert "225 rows read: 225 new, 0 changed, 0 deleted, 0 unchanged" in run.summary
    assert run.messages[-1]["type"] == "STATE"


def test_the_field_is_there_with_no_other_replication(read: Read) -> None:
    run = read(method="FULL_TABLE")
    assert GONE not in run.of("SCHEMA")[0]["schema"]["properties"]
    assert GONE not in run.records[0]


def test_if_nothing_changed_nothing_is_written(read: Read) -> None:
    first, second = read(), read()
    assert second.code == 0
    assert second.records == []
    bookmarks = [bookmark(first), bookmark(second)]
    assert bookmarks[0].pop("complete_at") <= bookmarks[1].pop("complete_at")
    assert bookmarks[0] == bookmarks[1]
    assert "225 rows read: 0 new, 0 changed, 0 deleted, 225 unchanged" in second.summary


def test_edits_additions_and_deletions_are_written_and_nothing_else(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    before = datetime.now(UTC)
    table(u8)[3]["name"] = "新名"
    gone = table(u8).pop(100)["code"]
    table(u8).append(contact(226))
    run = read()
    assert [*written(run).items()] == [
        (table(u8)[3]["code"], "新名"),
        (contact(226)["code"], contact(226)["name"]),
        (gone, None),
    ]
    *_, last = run.records
    moment = datetime.fromisoformat(last.pop(GONE))
    assert before <= moment <= datetime.now(UTC)
    assert last == {"code": gone}
    assert "225 rows read: 1 new, 1 changed, 1 deleted, 223 unchanged" in run.summary
    assert [record["code"] for record in loaded.living()] == [row["code"] for row in table(u8)]
    assert read().records == []


# Deleted rows


def kinds(run: Run) -> list[tuple[str, int]]:
    """What is written: SCHEMA and how many fields, RECORD and how many."""
    sizes = {
        "SCHEMA": lambda m: len(m["schema"]["properties"]),
        "RECORD": lambda m: len(m["record"]),
    }
    return [(m["type"], sizes[m["type"]](m)) for m in run.messages if m["type"] in sizes]


def test_a_deletion_comes_under_a_schema_that_spares_the_other_fields(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    whole = len(read().of("SCHEMA")[0]["schema"]["properties"])
    names = {row["code"]: row["name"] for row in table(u8)}
    del table(u8)[7:9]
    table(u8)[0]["name"] = "新名"
    run = read()
    assert kinds(run) == [
        ("SCHEMA", whole),
        ("RECORD", whole),
        ("SCHEMA", 2),
        ("RECORD", 2),
        ("RECORD", 2),
    ]
    short = run.of("SCHEMA")[1]
    assert short["schema"]["required"] == short["key_properties"] == ["code"]
    for record in run.records[1:]:
        Draft202012Validator(short["schema"]).validate(record)
        kept, _ = loaded.rows[STREAM][record["code"],]
        assert kept["name"] == names[record["code"]]
        assert kept[GONE] == record[GONE]


def test_a_deletion_in_one_data_source_does_not_narrow_the_next(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.sources, u8.others = (1, 2), {2: {STREAM: contacts(60)}}
    u8.tables[STREAM] = contacts(60)
    both = {"ds_sequences": [1, 2]}
    read(**both)
    for rows_of in (table(u8), u8.others[2][STREAM]):
        del rows_of[3]
        rows_of[5]["name"] = "新名"
    run = read(**both)
    assert run.code == 0
    fields = [size for _, size in kinds(run)]
    assert fields == [fields[0], fields[0], 3, 3] * 2
    assert len(loaded.living()) == 118
    assert sum(row["name"] == "新名" for row in loaded.living()) == 2


def test_a_row_that_returns_after_a_new_version_is_written(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    """ACTIVATE_VERSION has deleted it, and its record is as before."""
    versions = {"emit_activate_version_messages": True}
    read(**versions)
    row = table(u8).pop(7)
    assert loaded.state is not None
    loaded.state["bookmarks"][STREAM]["pending"] = True  # everything is written again
    assert len(read(**versions).of("ACTIVATE_VERSION")) == 1
    assert len(loaded.living()) == 224
    table(u8).insert(7, row)
    assert read(**versions).codes == [row["code"]]
    assert len(loaded.living()) == 225


@pytest.mark.parametrize("how", ["blank", "stream maps"])
def test_a_deleted_row_may_be_blank(read: Read, u8: Sandbox, loaded: Loaded, how: str) -> None:
    maps = {"stream_maps": {STREAM: {"email": "email or ''"}}}
    given = {"deleted_rows": "blank"} if how == "blank" else maps
    first = read(**given)
    deleted = table(u8).pop(7)["code"]
    run = read(**given)
    assert len(run.of("SCHEMA")) == 1
    (record,) = run.records
    assert record.keys() == first.records[0].keys()
    kept, _ = loaded.rows[STREAM][deleted,]
    assert kept["name"] is None
    assert kept[GONE]
    assert run.log.count("deleted rows become blank") == (how == "stream maps")


def test_what_returns_lives_again(read: Read, u8: Sandbox) -> None:
    read()
    row = table(u8).pop(7)
    read()
    table(u8).insert(7, row)
    (record,) = read().records
    assert (record["code"], record["name"], record[GONE]) == (row["code"], row["name"], None)
    # And a key that another row has got.
    del table(u8)[7]
    read()
    table(u8).insert(7, contact(8) | {"name": "另一人", "code": row["code"]})
    assert written(read()) == {row["code"]: "另一人"}


def test_the_order_of_the_rows_does_not_matter(read: Read, u8: Sandbox) -> None:
    read()
    table(u8).sort(key=lambda row: str(row["name"]))
    assert read().records == []


def test_a_value_becomes_blank_and_comes_back(read: Read, u8: Sandbox) -> None:
    read()
    name = str(table(u8)[9].pop("name"))
    assert [*written(read()).values()] == [None]
    table(u8)[9]["name"] = name
    assert [*written(read()).values()] == [name]


# Several passes


def test_an_edit_that_is_taken_back_between_two_passes_reaches_the_target(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    row, name = table(u8)[0], table(u8)[0]["name"]
    row["name"] = "一时"

    def take_back() -> None:
        row["name"] = name
        table(u8).append(contact(226))

    u8.before(4, take_back)
    run = read()
    assert run.code == 0
    assert loaded.living()[0]["name"] == name
    assert "226 rows read: 1 new, 0 changed, 0 deleted, 225 unchanged" in run.summary
    assert read().records == []


@pytest.mark.parametrize("is_first", [True, False], ids=["baseline", "later"])
def test_what_came_in_one_pass_and_not_in_the_next_is_gone(
    read: Read,
    u8: Sandbox,
    loaded: Loaded,
    is_first: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    if not is_first:
        read()
    table(u8).insert(0, contact(0))
    u8.before(4, lambda: table(u8).pop(0))
    assert read().code == 0
    assert [record["code"] for record in loaded.living()] == [row["code"] for row in table(u8)]


def test_a_key_that_comes_twice_counts_with_its_last_record(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    """A server may send a row twice; what it counts are different ones."""
    one, two, edited = contact(1), contact(2), contact(1) | {"name": "后来"}
    reply = {"errcode": "0", "row_count": "2", "rows_per_page": "9", "page_count": "1"}
    u8.fail(Fault.reply(reply | {STREAM: [one, two]}))
    read()
    for came, name in (([one, two, edited], "后来"), ([edited, two, one], one["name"])):
        u8.fail(Fault.reply(reply | {STREAM: came}))
        run = read()
        assert run.code == 0, run.log
        assert loaded.living()[0]["name"] == name
        u8.fail(Fault.reply(reply | {STREAM: came[1:]}))
        assert read().records == []


# Reads that do not end well


@pytest.mark.parametrize("page", range(1, 6))
def test_a_failed_read_deletes_nothing_and_its_changes_come_again(
    read: Read, u8: Sandbox, loaded: Loaded, page: int
) -> None:
    before = bookmark(read())
    table(u8)[0]["name"] = "新名"
    del table(u8)[-1]
    u8.fail(Fault.errcode("30021"), page=page)
    run = read()
    assert (run.code, run.records) == (1, [])
    assert loaded.state is not None
    assert loaded.state["bookmarks"][STREAM]["snapshot"] == before["snapshot"]
    assert len(written(read())) == 2
    assert loaded.living()[0]["name"] == "新名"
    assert len(loaded.living()) == 224


def test_a_read_that_is_not_proved_writes_changes_deletes_nothing_and_says_so(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    before = bookmark(read())
    table(u8)[0]["name"] = "新名"
    del table(u8)[-1]
    u8.omit = {"row_count"}
    run = read()
    assert run.code == 0
    assert [*written(run).values()] == ["新名"]
    assert "nothing is deleted" in "".join(warnings(run))
    assert bookmark(run)["snapshot"] == before["snapshot"]
    # The edit is taken back; the target has it.
    table(u8)[0]["name"] = contact(1)["name"]
    u8.omit = set()
    assert len(written(read())) == 225
    assert loaded.living()[0]["name"] == contact(1)["name"]
    assert len(loaded.living()) == 224
    assert read().records == []


def test_an_answer_that_nothing_matches_deletes_nothing(read: Read, u8: Sandbox) -> None:
    read()
    u8.fail(Fault.errcode("20002"))
    run = read()
    assert (run.code, run.records) == (0, [])
    assert "nothing is deleted" in "".join(warnings(run))


@pytest.mark.parametrize("page", range(1, 6))
def test_a_read_that_fails_with_fewer_than_ten_thousand_changes_has_written_nothing(
    read: Read, u8: Sandbox, page: int
) -> None:
    before = read().state
    for row in table(u8):
        row["name"] = "新名"
    u8.fail(Fault.errcode("30021"), page=page)
    run = read()
    assert (run.code, run.records) == (1, [])
    assert run.state == before


def test_that_something_is_written_is_noted_in_a_state_before_it_is(
    read: Read, u8: Sandbox
) -> None:
    """Whenever the tap is killed, the next run knows that the target may hold anything."""
    before = read().state
    table(u8)[0]["name"] = "新名"
    run = read()
    kinds = [message["type"] for message in run.messages]
    record = kinds.index("RECORD")
    note, last = run.messages[record - 1]["value"], run.state
    assert note["bookmarks"][STREAM]["snapshot"] == before["bookmarks"][STREAM]["snapshot"]
    assert note["bookmarks"][STREAM]["pending"] is True
    # Null, because Meltano would keep a value that is not there any more.
    assert last["bookmarks"][STREAM]["pending"] is None
    assert kinds[record:] == ["RECORD", "STATE"]


@pytest.mark.parametrize("changes", [500, 3500])
def test_there_is_one_note_however_much_changes(read: Read, u8: Sandbox, changes: int) -> None:
    """A state has the whole snapshot in it."""
    u8.tables[STREAM] = contacts(5000)
    read(page_size=5000)
    for row in table(u8)[::-1][:changes]:
        row["name"] = "新名"
    run = read(page_size=100)
    assert len(run.records) == changes
    # The one that the run was given, the note, and the one with the new snapshot.
    assert len(run.of("STATE")) == 3


def test_after_a_run_that_died_while_it_wrote_everything_is_written_again(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    deletes = {"emit_activate_version_messages": True}
    u8.tables[STREAM] = contacts(12_000)
    read(page_size=4000, **deletes)
    for row in table(u8):
        row["name"] = "新名"
    table(u8).insert(0, contact(0))
    u8.fail(Fault.errcode("30021"), page=13)
    u8.before(13, lambda: table(u8).pop(0))
    assert len(read(page_size=1000).records) == 12_000
    assert len(loaded.living()) == 12_001
    run = read(page_size=4000, **deletes)
    assert len(run.records) == 12_000
    assert "every row is written again" in "".join(warnings(run))
    # No snapshot knows the row that came and went meanwhile: a new version deletes it.
    assert len(run.of("ACTIVATE_VERSION")) == 1
    assert len(loaded.living()) == 12_000
    assert read(page_size=4000).records == []


# A run that does not go on from the last complete read, and ends badly


BASELINES: dict[str, dict[str, Any]] = {
    "another filter": {"filters": {STREAM: {"code_begin": "00000001"}}},
    "full refresh": {"state": {}},
    "full refresh of another replication": {"state": {}, "method": "FULL_TABLE"},
    "full refresh, by code": {"state": {}, "method": "INCREMENTAL"},
}


@pytest.mark.parametrize("deletes", [True, False], ids=["versions", "no versions"])
@pytest.mark.parametrize(
    ("kind", "ends"),
    [(kind, ends) for kind in BASELINES for ends in ("well", "unproved")],
)
def test_the_snapshot_before_it_is_not_trusted_any_more(
    read: Read,
    u8: Sandbox,
    loaded: Loaded,
    kind: str,
    deletes: bool,  # noqa: FBT001 -- a parameter of a test
    ends: str,
) -> None:
    """Its edits are taken back by then, and states are merged, as Meltano does."""
    given = {"emit_activate_version_messages": deletes}
    read(**given)
    before = loaded.state
    table(u8)[0]["name"] = "一时"
    u8.omit = {"row_count"} if ends == "unproved" else set()
    read(**given | BASELINES[kind])
    assert loaded.living()[0]["name"] == "一时"
    loaded.state = merged(before, loaded.state)
    u8.omit = set()
    table(u8)[0]["name"] = contact(1)["name"]
    assert read(**given).code == 0
    assert loaded.living()[0]["name"] == contact(1)["name"]
    assert read(**given).records == []


def merged(old: Any, new: Any) -> Any:
    """Merge states at depth: what is not in the new one stays."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {name: merged(old.get(name), value) for name, value in new.items()}


def test_what_a_failed_first_read_brought_is_gone_to_the_version_of_the_next(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    """Even within a second, or with a clock that goes back."""
    deletes = {"emit_activate_version_messages": True}
    for _ in range(2):
        u8.fail(Fault.errcode("30021"), page=4)
        assert read(**deletes).code == 1
    gone = table(u8).pop(0)["code"]
    assert read(**deletes).code == 0
    assert gone not in {record["code"] for record in loaded.living()}


# What else makes a difference


def test_a_field_is_selected_or_deselected(read: Read, u8: Sandbox, tap: RunTap) -> None:
    read()
    catalog = catalog_of(tap)
    metadata(catalog, "properties", "email")["selected"] = False
    table(u8).pop()
    run = read(catalog=catalog)
    assert len(run.records) == 225  # one of them is gone
    assert run.records[-1][GONE]
    assert "email" not in run.records[0]
    assert read(catalog=catalog).records == []
    # An edit of what is not selected is none.
    table(u8)[0]["email"] = "other@example.com"
    assert read(catalog=catalog).records == []


@pytest.mark.parametrize(
    "given",
    [
        {"stream_maps": {STREAM: {"email": "None"}}},
        {"stream_maps": {"customer*": {"email": "None"}}},
        {"stream_maps": {"other": {"__source__": STREAM}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
def test_another_mapping_writes_everything_again(read: Read, given: dict[str, Any]) -> None:
    read()
    assert len(read(**given).of("RECORD")) >= 225
    assert read(**given).records == []
    assert len(read().records) == 225


def test_a_map_of_another_stream_makes_no_difference(read: Read) -> None:
    read()
    assert read(stream_maps={"vendor": {"name": "None"}}).records == []


@pytest.mark.parametrize(
    ("named", "other"),
    [
        ("filters", {"filters": {STREAM: {"be_main_linker": True}}}),
        ("data source", {"ds_sequence": 2}),
        ("account", {"to_account": "another"}),
        ("app", {"app_key": "another"}),
        (
            "account and filters",
            {"to_account": "another", "filters": {STREAM: {"be_main_linker": True}}},
        ),
    ],
)
def test_another_scope_is_named_everything_is_written_and_nothing_deleted(
    read: Read, u8: Sandbox, loaded: Loaded, named: str, other: dict[str, Any]
) -> None:
    deletes = {"emit_activate_version_messages": True}
    (version,) = {message["version"] for message in read(**deletes).of("RECORD")}
    u8.sources = (1, 2)
    accounts = {name: other[name] for name in ("to_account", "app_key") if name in other}
    u8.accounts = u8.accounts._replace(**accounts)
    table(u8)[:] = [row | {"code": f"9{row['code']}"} for row in table(u8)]
    run = read(**deletes, **other)
    assert run.code == 0
    assert all(record[GONE] is None for record in run.records)
    assert run.of("ACTIVATE_VERSION") == []
    assert {message["version"] for message in run.of("RECORD")} == {version}
    assert warnings(run) == [
        f"customercontacts: other {named} than at the last complete read; every row is written "
        "again, and nothing is deleted; --full-refresh finds what was deleted meanwhile"
    ]
    assert len(loaded.living()) == 225 + len(run.records)
    # From now on this is what is compared with.
    table(u8).pop(0)
    assert [*written(read(**deletes, **other)).values()] == [None]


def test_filters_are_warned_of_with_the_baseline_and_not_later(read: Read) -> None:
    given = {"filters": {STREAM: {"default": True}}, "emit_activate_version_messages": True}
    (warning,) = warnings(read(**given))
    assert "filters are set together with emit_activate_version_messages" in warning
    assert warnings(read(**given)) == []


def test_an_empty_filter_is_none(read: Read) -> None:
    read()
    assert read(filters={STREAM: {}}).records == []
    assert read(filters={STREAM: {"ccuscode": None}}).records == []


def test_the_order_of_filters_is_no_other_scope(read: Read) -> None:
    filters = {"be_main_linker": True, "default": True}
    read(filters={STREAM: filters})
    run = read(filters={STREAM: dict(reversed(filters.items()))})
    assert (run.records, warnings(run)) == ([], [])


def test_a_converter_that_gives_other_records_has_another_version() -> None:
    """If this fails because records became better, raise `records.VERSION`, and put it here."""
    digest = blake2b(digest_size=8)
    plain = [name for name in resources.names() if resources.load(name).entry is None]
    for name in plain:
        resource = resources.load(name)
        converter = Converter(resource.schema, [*resource.schema["properties"]], resource.key)
        digest.update(encoder.encode(converter.records(rows(name, 40))))
    assert (VERSION, digest.hexdigest()) == (1, "a1d95173c662a455")


# The snapshot


def break_checksum(snapshot: str) -> str:
    return snapshot[:100] + ("B" if snapshot[100] == "A" else "A") + snapshot[101:]


@pytest.mark.parametrize(
    "damage",
    [
        break_checksum,
        lambda text: text[:200],
        lambda text: text[:-1] + "!",
        lambda text: "1:" + text[2:],
        lambda _: "2:state:",
        lambda _: "2:file:00:../../etc/passwd",
        lambda _: "",
        lambda _: 5,
        lambda text: {"a": text},
    ],
    ids=["altered", "cut", "no base64", "version", "empty", "file", "blank", "number", "object"],
)
def test_a_snapshot_that_cannot_be_used_is_said_and_everything_is_written_again(
    read: Read, u8: Sandbox, loaded: Loaded, damage: Any
) -> None:
    read(emit_activate_version_messages=True)
    assert loaded.state is not None
    state = loaded.state["bookmarks"][STREAM]
    state["snapshot"] = damage(state["snapshot"])
    table(u8).pop()
    run = read(emit_activate_version_messages=True)
    assert run.code == 0
    assert len(run.records) == 224
    (warning,) = warnings(run)
    assert "every row is written again" in warning
    assert len(run.of("ACTIVATE_VERSION")) == 1
    assert read().records == []


def test_the_state_holds_codes_and_digests_and_no_values(read: Read, u8: Sandbox) -> None:
    state = json.dumps(read().state, ensure_ascii=False)
    values = {str(value) for row in table(u8) for name, value in row.items() if name != "code"}
    assert not {value for value in values if len(value) > 7 and value in state}


@pytest.mark.parametrize("step", [5, 10, 450])
def test_the_state_takes_at_most_12_bytes_a_row(read: Read, u8: Sandbox, step: int) -> None:
    count = 20_000
    codes = [f"{n * step + n * n % step:08d}" for n in range(count)]
    u8.tables[STREAM] = [{"code": code, "name": "某"} for code in codes]
    state = read(page_size=10_000).state
    assert len(json.dumps(state)) <= 12 * count


# Versions


def test_all_records_carry_the_version_of_the_baseline(read: Read, u8: Sandbox) -> None:
    """A new one with changes only would have the target delete all other rows."""
    first = read(emit_activate_version_messages=True)
    (activated,) = first.of("ACTIVATE_VERSION")
    assert {message["version"] for message in first.of("RECORD")} == {activated["version"]}
    kinds = [message["type"] for message in first.messages]
    assert kinds.index("ACTIVATE_VERSION") == 226 + kinds.count("STATE") - 1
    table(u8)[0]["name"] = "新名"
    table(u8).pop()
    second = read(emit_activate_version_messages=True)
    assert second.of("ACTIVATE_VERSION") == []
    assert {message["version"] for message in second.of("RECORD")} == {activated["version"]}


def test_a_baseline_that_is_not_proved_activates_nothing(read: Read, u8: Sandbox) -> None:
    u8.omit = {"row_count"}
    run = read(emit_activate_version_messages=True)
    assert run.of("ACTIVATE_VERSION") == []
    assert bookmark(run)["snapshot"] is None
    assert len(read().records) == 225


def test_a_full_refresh_is_a_new_baseline(read: Read, u8: Sandbox) -> None:
    """Without a state, as `meltano run --full-refresh` starts it."""
    read(emit_activate_version_messages=True)
    table(u8).pop()
    run = read(emit_activate_version_messages=True, state={})
    assert len(run.records) == 224
    assert len(run.of("ACTIVATE_VERSION")) == 1


# The circuit breaker


BREAKS = (
    "customercontacts: {} of the {} rows of the last complete read are deleted, more than "
    "max_deletes_percent ({}) allows; nothing was deleted and no bookmark moved; if they are to be "
    "deleted, run once with max_deletes_percent 100"
)


@pytest.mark.parametrize("method", ["LOG_BASED", "FULL_TABLE"])
@pytest.mark.parametrize(
    ("before", "now", "most", "breaks"),
    [
        (225, 112, 50, True),
        (225, 113, 50, False),
        (20, 9, 50, True),
        (20, 10, 50, False),
        (19, 1, 50, False),
        (225, 224, 0, True),
        (225, 225, 0, False),
        (225, 1, 100, False),
    ],
)
def test_if_too_much_is_gone_nothing_is_deleted_and_the_stream_fails(
    read: Read,
    u8: Sandbox,
    loaded: Loaded,
    method: str,
    before: int,
    now: int,
    most: int,
    breaks: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    given = {
        "method": method,
        "emit_activate_version_messages": True,
        "max_deletes_percent": most,
        "page_size": 500,
    }
    u8.tables[STREAM] = contacts(before)
    read(**given)
    kept = loaded.state
    u8.tables[STREAM] = contacts(now)
    run = read(**given)
    assert run.code == breaks
    if breaks:
        assert run.errors == [BREAKS.format(before - now, before, most)]
        assert run.of("ACTIVATE_VERSION") == []
        assert len(loaded.living()) == before
        assert loaded.state == kept
        assert read(**given | {"max_deletes_percent": 100}).code == 0
        assert read(**given).code == 0


def test_a_list_that_says_it_is_empty_deletes_nothing(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    empty = Fault.reply({"errcode": "0", "row_count": "0", STREAM: []})
    u8.fail(empty)  # once: reading again shows that it was a mistake
    assert read().records == []
    u8.fail(empty, times=2)
    run = read()
    assert run.errors == [BREAKS.format(225, 225, 50)]
    assert len(loaded.living()) == 225


def test_a_row_that_moves_to_a_page_that_was_read_is_not_deleted(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    deleted, hidden = table(u8)[0]["code"], table(u8)[50]["code"]

    def shift() -> None:  # as many rows as before
        del table(u8)[0]
        table(u8).append(contact(226))

    u8.before(2, shift)
    run = read()
    assert [one["code"] for one in run.records] == [table(u8)[-1]["code"]]
    assert hidden in {one["code"] for one in loaded.living()}
    assert "1 row did not come; reading again to be sure" in run.log
    # That the first one is deleted was seen too late; now it is.
    assert [one["code"] for one in read().records] == [deleted]
    assert [one["code"] for one in loaded.living()] == [row["code"] for row in table(u8)]


def test_a_list_that_has_lost_no_row_is_read_once(read: Read, u8: Sandbox) -> None:
    read()
    table(u8)[3]["name"] = "新名"
    table(u8).append(contact(226))
    assert "; 5 pages, " in read().summary


def test_if_the_second_reading_fails_nothing_is_deleted(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    kept = loaded.state
    del table(u8)[100]
    u8.before(5, lambda: u8.fail(Fault.errcode("30021"), page=2))
    run = read()
    assert run.code == 1
    assert run.records == []
    assert loaded.state == kept


def test_what_another_replication_brought_counts_for_the_breaker(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    deletes = {"emit_activate_version_messages": True}
    u8.tables[STREAM] = contacts(30)
    read(**deletes)
    u8.tables[STREAM] = contacts(225)
    read(**deletes, method="FULL_TABLE")
    u8.tables[STREAM] = contacts(30)
    run = read(**deletes)
    assert run.errors == [BREAKS.format(195, 225, 50)]
    assert len(loaded.living()) == 225


def test_a_baseline_for_want_of_a_snapshot_has_the_breaker_too(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read(emit_activate_version_messages=True)
    assert loaded.state is not None
    loaded.state["bookmarks"][STREAM]["snapshot"] = "?"
    u8.tables[STREAM] = contacts(100)
    run = read(emit_activate_version_messages=True)
    assert run.errors == [BREAKS.format(125, 225, 50)]
    assert run.of("ACTIVATE_VERSION") == []


# Which streams


@pytest.mark.parametrize("name", ["currentstock", "exchangerate", "inventory", "person"])
def test_keys_of_several_fields_and_values_of_several_kinds(
    read: Read, u8: Sandbox, loaded: Loaded, name: str
) -> None:
    u8.tables = {name: rows(name, 60)}
    read(streams=[name])
    assert read(streams=[name]).records == []
    u8.tables[name].append(sample(name).row(61))
    gone = u8.tables[name].pop(5)
    run = read(streams=[name])
    key = resources.load(name).key
    assert len(run.records) == 2
    assert [str(run.records[1][part]) for part in key] == [str(gone.get(part, "")) for part in key]
    assert len(loaded.living(name)) == 60
    assert read(streams=[name]).records == []


def test_numbers_whose_hashes_are_alike_in_python_are_keys_of_their_own(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    numbers = [-2, -1, 0, 1, 2**61 - 1, 2**61]
    u8.tables = {"fitem": [{"id": number} for number in numbers]}
    schema = {"id": {"type": "integer"}}
    given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["id"], "schema": schema}}}
    assert read(**given).code == 0
    u8.tables["fitem"][:2] = [{"id": -1}]
    (record,) = read(**given).records
    assert (record["id"], bool(record[GONE])) == (-2, True)
    assert [one["id"] for one in loaded.living("fitem")] == numbers[1:]


def test_numbers_that_are_equal_are_one_key(read: Read, u8: Sandbox) -> None:
    u8.tables = {"fitem": [{"id": "1"}, {"id": "100"}, {"id": "2.50"}]}
    schema = {"id": {"type": "number"}}
    given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["id"], "schema": schema}}}
    read(**given)
    u8.tables["fitem"] = [{"id": 1.0}, {"id": "1E2"}, {"id": "2.5"}]
    assert not [record for record in read(**given).records if record[GONE]]


def test_a_key_of_another_type_begins_anew_and_deletes_nothing(read: Read, u8: Sandbox) -> None:
    u8.tables = {"fitem": [{"id": f"{n}", "x": "y"} for n in range(30)]}
    for kind in ("string", "integer"):
        fields = {"id": {"type": kind}, "x": {"type": "string"}}
        given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["id"], "schema": fields}}}
        run = read(**given)
        assert len(run.records) == 30
        assert not any(record[GONE] for record in run.records)
    assert "other key than at the last complete read" in run.log


def test_nested_values_may_have_their_names_in_any_order(read: Read, u8: Sandbox) -> None:
    u8.tables = {"person": rows("person", 30)}
    read(streams=["person"])
    for row in u8.tables["person"]:
        for field, value in row.items():
            if isinstance(value, dict):
                row[field] = dict(reversed(value.items()))
    assert read(streams=["person"]).records == []


def test_a_list_without_a_key_is_refused(read: Read, u8: Sandbox) -> None:
    u8.tables = {"log": [{"text": "same"}] * 3}
    run = read(streams=["log"], resources={"log": {"key": []}})
    assert run.errors == ["log: the replication method must be FULL_TABLE"]


def test_fields_of_a_declared_list_may_be_null_beside_a_deletion(read: Read, u8: Sandbox) -> None:
    u8.tables = {"fitem": [{"code": f"{n}", "name": "某"} for n in range(30)]}
    fields = {
        "code": {"type": "string"},
        "name": {"type": "string"},
        "kind": {"type": "string", "enum": ["甲", "乙"]},
        "size": {"anyOf": [{"type": "number"}, {"type": "integer"}]},
    }
    given = {"streams": ["fitem"], "resources": {"fitem": {"key": ["code"], "schema": fields}}}
    schema = read(**given).of("SCHEMA")[0]["schema"]
    del u8.tables["fitem"][0]
    (record,) = read(**given, deleted_rows="blank").records
    assert record["name"] is None
    Draft202012Validator(schema).validate(record)
    assert schema["properties"]["code"] == {"type": "string"}


def test_each_stream_has_a_snapshot_of_its_own(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    u8.tables["warehouse"] = rows("warehouse", 30)
    both = {"streams": [STREAM, "warehouse"]}
    read(**both)
    table(u8)[0]["name"] = "新名"
    u8.tables["warehouse"].pop()
    u8.fail(Fault.errcode("30021"), resource="warehouse")
    run = read(**both)
    assert run.code == 1
    assert [*written(run).values()] == ["新名"]
    run = read(**both)
    assert (run.code, len(run.records)) == (0, 1)
    assert run.records[0][GONE]
    assert len(loaded.living("warehouse")) == 29


# Stream maps


def test_a_map_applies_to_changes_and_to_deletions(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    maps = {STREAM: {"__alias__": "kontakte", "name": "name[:1] if name else None", "email": None}}
    read(stream_maps=maps)
    table(u8)[0]["name"] = "新名"
    table(u8).pop()
    run = read(stream_maps=maps)
    assert [*written(run).values()] == ["新", None]
    assert len(loaded.living("kontakte")) == 224


MAPS = "customercontacts: stream_maps cannot be used with LOG_BASED: "


@pytest.mark.parametrize(
    ("maps", "error"),
    [
        (
            {STREAM: {"__filter__": "name is not None"}},
            "__filter__ would hide deletions; use filters, or FULL_TABLE",
        ),
        (
            {"a_copy": {"__source__": "customer*", "__filter__": "name is not None"}},
            "__filter__ would hide deletions; use filters, or FULL_TABLE",
        ),
        (
            {STREAM: {"code": "code", "name": "name", "__else__": None}},
            "_sdc_deleted_at is removed, which tells of deletions; add _sdc_deleted_at: "
            "_sdc_deleted_at",
        ),
        (
            {STREAM: {GONE: "None"}},
            "_sdc_deleted_at is removed, which tells of deletions; add _sdc_deleted_at: "
            "_sdc_deleted_at",
        ),
        (
            {STREAM: {"__key_properties__": ["code", "name"]}},
            "__key_properties__ gives deletions another key; use FULL_TABLE, or map other fields "
            "only",
        ),
        (
            {STREAM: {"code": "code + '-' + str(name)"}},
            "two rows could get one key code, and be deleted together; use FULL_TABLE, or map "
            "other fields only",
        ),
    ],
)
def test_a_map_that_would_hide_deletions_is_refused(
    read: Read, u8: Sandbox, maps: dict[str, Any], error: str
) -> None:
    run = read(stream_maps=maps)
    assert run.errors == [MAPS + error]
    assert u8.requests == []
    assert read(stream_maps=maps, method="FULL_TABLE").code == 0


def test_what_a_map_removes_is_neither_read_nor_taken_for_written(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.tables["warehouse"] = rows("warehouse", 30)
    both = {"streams": [STREAM, "warehouse"]}
    read(**both)
    table(u8)[0]["name"] = "新名"
    gone = table(u8).pop()["code"]
    u8.requests.clear()
    maps: dict[str, Any] = {"warehouse": {}, "__else__": None}
    assert read(**both, stream_maps=maps).code == 0
    assert not any(STREAM in request.path for request in u8.requests)
    run = read(**both)
    assert {record["code"] for record in run.records} >= {table(u8)[0]["code"], gone}
    assert len(loaded.living()) == 224


def test_another_table_begins_anew_and_deletes_nothing(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    gone = table(u8).pop()["code"]
    run = read(stream_maps={STREAM: {"__alias__": "kontakte"}})
    assert "other table than at the last complete read" in "".join(warnings(run))
    assert len(loaded.living("kontakte")) == 224
    assert gone in {record["code"] for record in loaded.living()}


def test_the_order_of_maps_that_overlap_makes_a_difference(read: Read) -> None:
    maps = {"customer*": {"title": "name"}, "*contacts": {"title": "email"}}
    read(stream_maps=maps)
    run = read(stream_maps=dict(reversed(maps.items())))
    assert len(run.records) == 225


# Beside other ways of reading


@pytest.mark.parametrize("method", ["FULL_TABLE", "INCREMENTAL"])
def test_after_another_replication_everything_is_written_again(
    read: Read, u8: Sandbox, loaded: Loaded, method: str
) -> None:
    """It may have brought an edit that is taken back by now."""
    read()
    table(u8)[-1]["name"] = "一时"
    read(method=method)
    assert loaded.living()[-1]["name"] == "一时"
    table(u8)[-1]["name"] = contact(225)["name"]
    gone = table(u8).pop(0)["code"]
    run = read()
    assert len(run.records) == 225
    assert written(run)[str(gone)] is None
    assert [record["code"] for record in loaded.living()] == [row["code"] for row in table(u8)]
    assert read().records == []


def test_the_connection_test_leaves_the_state_alone(
    read: Read, tap: RunTap, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    u8.requests.clear()
    run = tap("--test", catalog=catalog_of(tap), state=loaded.state)
    assert run.code == 0
    assert len(u8.requests) == 2


def test_the_log_shows_neither_keys_nor_digests(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    read()
    table(u8)[0]["name"] = "新名"
    run = read(env={"TAP_YONYOU_LOGLEVEL": "DEBUG"})
    assert loaded.state is not None
    assert loaded.state["bookmarks"][STREAM]["snapshot"][60:90] not in run.log
    assert table(u8)[0]["code"] not in run.log
