"""What every stream promises: a resource that is added is tested here by itself."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
from collections import defaultdict
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from sandbox import ACCOUNTS, NOT_GRANTED, Fault, Row, Sample, Sandbox, rows, sample, touch
from tap_yonyou.errors import U8Error
from tap_yonyou.tap import TapYonyou
from tap_yonyou.u8 import resources
from tap_yonyou.u8.values import CHINA
from tests.conftest import environment, execute
from tests.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Run

#: All but the lines of documents, which are asked for one document at a time.
NAMES = [name for name in resources.names() if resources.load(name).entry is None]
LINES = [name for name in resources.names() if resources.load(name).entry]
#: Rows of each list. No page size below divides it, so that the last page is a short one.
ROWS = 64
PAGE = 7
FORMATS = FormatChecker(formats=())


def u8_of(*names: str, count: int = ROWS) -> Sandbox:
    return Sandbox(tables={name: rows(name, count) for name in names})


class RunAll(Protocol):
    def __call__(self, u8: Sandbox, *args: str, **settings: Any) -> Run: ...


@pytest.fixture(scope="module")
def run_all(tmp_path_factory: pytest.TempPathFactory) -> RunAll:
    """Run the command once with all streams that a U8+ has: a start takes most of the time."""
    folder = tmp_path_factory.mktemp("every")

    def run(u8: Sandbox, *args: str, **settings: Any) -> Run:
        for option in ("catalog", "state"):
            if option in settings:
                args = (*args, f"--{option}", file(folder, option, settings.pop(option)))
        about = {"streams": [*u8.tables], "page_size": PAGE, "max_attempts": 1, "concurrency": 1}
        config = {**ACCOUNTS._asdict(), "api_url": u8.url, **about, **settings}
        return execute("--config", file(folder, "config", config), *args, env=environment())

    return run


def file(folder: Path, name: str, content: object) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def by_stream(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Give the records of each stream; a number is a Decimal with the digits of the wire."""
    records = defaultdict(list)
    for line in run.out.splitlines():
        message = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        if message["type"] == "RECORD":
            records[message["stream"]].append(message["record"])
    return records


# Discovery


@pytest.fixture(scope="module")
def catalog(run_all: RunAll) -> dict[str, Any]:
    """What discovery writes of all streams."""
    with u8_of(*NAMES) as u8:
        found: dict[str, Any] = json.loads(run_all(u8, "--discover").out)
    return found


def test_discovery_lists_every_stream_with_fields_keys_and_markers(catalog: dict[str, Any]) -> None:
    assert [entry["tap_stream_id"] for entry in catalog["streams"]] == NAMES
    for entry in catalog["streams"]:
        resource = resources.load(entry["tap_stream_id"])
        root = next(m["metadata"] for m in entry["metadata"] if m["breadcrumb"] == [])
        assert entry["schema"]["properties"] == resource.schema["properties"]
        assert entry["key_properties"] == root["table-key-properties"] == [*resource.key]
        assert root.get("valid-replication-keys", []) == [*resource.incremental]


@pytest.mark.parametrize("name", NAMES)
def test_discovery_lists_the_stream_that_is_set_and_no_other(name: str) -> None:
    config = {**ACCOUNTS._asdict(), "streams": [name]}
    listed = TapYonyou(config=config).catalog_dict["streams"]
    assert [entry["tap_stream_id"] for entry in listed] == [name]


# Records


class Everything(NamedTuple):
    """A run that asked for all lists; its output is parsed once for all tests.

    Attributes:
        tables: What the lists held.
        run: The run.
        records: By stream, with the digits of the wire.
        messages: By stream, each SCHEMA and RECORD in their order.
    """

    tables: Mapping[str, list[Row]]
    run: Run
    records: Mapping[str, list[dict[str, Any]]]
    messages: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, u8: Sandbox, run: Run) -> Everything:
        messages = defaultdict(list)
        for message in run.messages:
            if message["type"] in {"SCHEMA", "RECORD"}:
                messages[message["stream"]].append(message)
        return cls(u8.tables, run, by_stream(run), messages)


@pytest.fixture(scope="module")
def everything(run_all: RunAll) -> Everything:
    """A run that read them whole."""
    with u8_of(*NAMES) as u8:
        return Everything.of(u8, run_all(u8))


def test_all_streams_are_read_in_one_run(everything: Everything) -> None:
    assert everything.run.code == 0, everything.run.log
    assert sorted(everything.records) == NAMES
    assert "0 values set to null; 0 fields dropped" in everything.run.log
    assert everything.run.log.count("0 values set to null; 0 fields dropped") == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_comes_out_once_with_its_values_in_their_types(
    name: str, everything: Everything
) -> None:
    resource = resources.load(name)
    wanted = [expected(row, resource) for row in everything.tables[name]]
    assert everything.records[name] == wanted
    # 4210.4000 is equal to 4210.4, but is not what U8 said.
    assert repr(everything.records[name]) == repr(wanted)


def expected(row: Row, resource: resources.Resource) -> dict[str, Any]:
    record: dict[str, Any] = as_typed(row, resource.schema)
    blank = "" if len(resource.key) > 1 else None
    return record | {name: blank for name in resource.key if record[name] is None}


def as_typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Say what a value of the sandbox is as JSON, by other means than the tap's."""
    if isinstance(value, list):
        return [as_typed(inner, schema["items"]) for inner in value]
    if isinstance(value, dict):
        found = {str(key).lower(): inner for key, inner in value.items()}
        fields = schema["properties"].items()
        return {name: as_typed(found.get(name.lower()), about) for name, about in fields}
    text = "" if value is None else str(value)
    read: Callable[[str], Any] = READ.get(schema.get("format") or kind(schema), str)
    return read(text) if text else None


READ: dict[str, Callable[[str], Any]] = {
    "boolean": {"1": True, "-1": True, "True": True, "0": False, "False": False}.__getitem__,
    "number": Decimal,
    "integer": Decimal,
    "date": lambda text: text[:10],
    "date-time": lambda text: f"{text[:10]}T{text[11:19] or '00:00:00'}+08:00",
}


def kind(schema: Mapping[str, Any]) -> str:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return next(str(one) for one in types if one != "null")


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_valid_by_the_schema_that_came_before(
    name: str, everything: Everything
) -> None:
    schema, *messages = everything.messages[name]
    validator = Draft202012Validator(schema["schema"], format_checker=FORMATS)
    assert len(messages) == ROWS
    for message in messages:
        validator.validate(message["record"])


@FORMATS.checks("date", ValueError)
def is_date(value: object) -> bool:
    return value is None or bool(dt.date.fromisoformat(str(value)))


@FORMATS.checks("date-time", ValueError)
def is_moment(value: object) -> bool:
    return value is None or dt.datetime.fromisoformat(str(value)).tzinfo is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_value_somewhere(name: str, everything: Everything) -> None:
    found = {path for record in everything.records[name] for path in filled(record)}
    assert {*described(resources.load(name).schema)} - found == set()


@pytest.mark.parametrize("name", LINES)
def test_every_field_of_a_line_is_one_that_u8_sends_and_the_other_way_round(name: str) -> None:
    lines = resources.load(name)
    head = str(lines.head and lines.head.name)
    with u8_of(head) as u8:
        made = sample(head).entry
        documents: list[Any] = [
            made(str(row[lines.key[0]])) if made else row["entry"] for row in u8.tables[head]
        ]
    found = {
        field for entry in documents for line in entry for field, value in line.items() if value
    }
    assert found | {*lines.key, *lines.incremental} == {*lines.schema["properties"]}


def described(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Give the paths of all fields, also of those within others."""
    inside = schema.get("items", schema).get("properties")
    for name, about in (inside or {}).items():
        yield from described(about, f"{path}.{name}")
    if not inside:
        yield path


def filled(value: Any, path: str = "") -> Iterator[str]:
    """Give the paths of all fields that have a value."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            for name, inner in one.items():
                yield from filled(inner, f"{path}.{name}")
        elif one is not None and one != "":
            yield path


# Faults


@pytest.fixture(scope="module")
def broken(run_all: RunAll) -> Everything:
    """A run in which page 4 of every list fails."""
    with u8_of(*NAMES) as u8:
        for name in NAMES:
            u8.fail(Fault.reset(), page=4, resource=name)
        return Everything.of(u8, run_all(u8))


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_in_the_middle_is_told_with_the_streams_name(name: str, broken: Everything) -> None:
    assert broken.run.code == 1
    (line,) = [line for line in broken.run.errors if line.startswith(f"{name}, ")]
    assert line.startswith(f"{name}, page 4: the connection failed ")
    assert len(broken.records[name]) == 3 * PAGE


# Filters


@pytest.mark.parametrize("name", NAMES)
def test_every_filter_is_known_to_u8_and_the_other_way_round(name: str) -> None:
    assert resources.load(name).filters["properties"].keys() == sample(name).kinds.keys()


@pytest.fixture(scope="module")
def filtered(run_all: RunAll) -> Iterator[Filtered]:
    """A run with all filters of all lists, each with a value that some row has."""
    given = {name: dict(wanted_filters(name)) for name in NAMES}
    with u8_of(*NAMES) as u8:
        run = run_all(u8, filters={name: filters for name, filters in given.items() if filters})
        assert run.code == 0, run.log
        yield Filtered(u8, given)


class Filtered(NamedTuple):
    """What was asked for.

    Attributes:
        u8: Who was asked.
        given: By stream, the filters that were set.
    """

    u8: Sandbox
    given: Mapping[str, Mapping[str, Any]]


def wanted_filters(name: str) -> Iterator[tuple[str, Any]]:
    """Give a value for each filter: that of a row in the middle."""
    table = rows(name, ROWS)
    for filter_, about in resources.load(name).filters["properties"].items():
        column = sample(name).column(filter_).lower()
        cells = (cell for row in table for cell in row.items())
        texts = sorted(str(value) for key, value in cells if key.lower() == column and value)
        text = texts[len(texts) // 2]
        yield filter_, as_setting(text, about)


def as_setting(text: str, about: Mapping[str, Any]) -> Any:
    match kind(about):
        case "boolean":
            return text in {"1", "-1", "True"}
        case "integer":
            return int(text)
        case "number":
            return float(text)
    return text[:10] if "format" in about else text


@pytest.mark.parametrize("name", NAMES)
def test_every_filter_is_sent_in_its_form_and_filters(name: str, filtered: Filtered) -> None:
    u8, given = filtered.u8, filtered.given[name]
    query = next(r.query for r in u8.requests if r.path == resources.load(name).path)
    usual = {*ACCOUNTS._fields, "token", "page_index", "rows_per_page"}
    assert query.keys() - usual == given.keys()
    for filter_, value in given.items():
        assert query[filter_] == ("01"[value] if isinstance(value, bool) else str(value))
        only = {key: sent for key, sent in query.items() if key in {*usual, filter_}}
        found = u8.batch_get(name, {**only, "rows_per_page": str(ROWS)})
        assert 0 < int(str(found["row_count"])) < ROWS, filter_


# INCREMENTAL


def sync(u8: Sandbox, name: str, field: str, state: Any = None) -> InProcess:
    run = InProcess(u8, name, state=state, page_size=PAGE, lookback_days=0)
    return run.by(name, field).sync()


def keys_of(run: InProcess) -> list[Any]:
    (stream,) = run.tap.streams.values()
    return [*map(itemgetter(*stream.primary_keys), run.records)]


def value_of(run: InProcess) -> Any:
    """The value of the bookmark."""
    (bookmark,) = run.state["bookmarks"].values()
    return bookmark.get("replication_key_value")


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name in NAMES for field in resources.load(name).incremental],
)
def test_incremental_brings_what_is_new_and_keeps_its_bookmark_if_nothing_is(
    name: str,
    field: str,
) -> None:
    resource = resources.load(name)
    marker = resource.incremental[field]

    def value(row: Row) -> Any:
        return next(value for key, value in row.items() if key.lower() == field.lower())

    def mark(row: Row) -> Any:
        text = str(value(row))
        return Decimal(text) if marker.kind == "timestamp" else as_day(text)

    def keys(table: list[Row]) -> list[Any]:
        return [*map(itemgetter(*resource.key), (expected(row, resource) for row in table))]

    with u8_of(name) as u8:
        table = u8.tables[name]
        first = sync(u8, name, field)
        latest = max(table, key=mark)
        # What has a version like those of the first page is asked for once more.
        assert keys_of(first)[: len(table)] == keys(table)
        assert len(keys_of(first)) == len(table) or marker.kind == "timestamp"
        assert as_day(value_of(first)) == as_day(expected(latest, resource)[field])

        if marker.kind == "code":
            table.append(new := sample(name).row(ROWS + 1))
        else:  # the last day once more, because more may have happened on it
            touch(new := table[ROWS // 2], as_day(str(value(latest))))
            if field in {"date", "vouchdate"}:  # of a document, which an edit leaves as it is
                new[field] = value(latest)
        second = sync(u8, name, field, first.state)
        sent = as_day(value_of(first)) if marker.kind == "date" else value_of(first)
        assert u8.requests[-1].query[marker.filter] == sent
        assert keys_of(second) == keys([row for row in table if mark(row) >= mark(latest)])
        assert {*keys([new, latest])} <= {*keys_of(second)}

        u8.tables[name] = [row for row in table if mark(row) < max(map(mark, table))]
        third = sync(u8, name, field, second.state)
        assert (keys_of(third), value_of(third)) == ([], value_of(second))


def as_day(text: str) -> str:
    return text[:10] if text[4:5] == "-" else text


@pytest.fixture
def customers(catalog: dict[str, Any]) -> Iterator[tuple[Sandbox, dict[str, Any]]]:
    """A U8+ with customers only, and a catalog that reads them by row version."""
    entry = next(copy.deepcopy(e) for e in catalog["streams"] if e["tap_stream_id"] == "customer")
    root = next(m["metadata"] for m in entry["metadata"] if m["breadcrumb"] == [])
    root |= {"replication-method": "INCREMENTAL", "replication-key": "timestamp"}
    with u8_of("customer") as u8:
        yield u8, {"streams": [entry]}


def bookmark_of(run: Run) -> Any:
    return run.state["bookmarks"]["customer"].get("replication_key_value")


def test_a_row_version_is_compared_as_a_number_and_kept_as_it_came(
    customers: tuple[Sandbox, dict[str, Any]],
    run_all: RunAll,
) -> None:
    u8, catalog = customers
    versions = itertools.chain(["9.5000", "10.2500"], itertools.repeat("2.0"))
    for row, version in zip(u8.tables["customer"], versions, strict=False):
        row["timestamp"] = version
    run = run_all(u8, catalog=catalog)
    assert (run.code, bookmark_of(run)) == (0, "10.2500")
    run = run_all(u8, catalog=catalog, state=run.state)
    assert u8.requests[-1].query["timestamp_begin"] == "10.2500"
    assert run.codes == ["0215"]


def test_an_edit_behind_the_reader_is_not_lost_though_a_later_row_has_a_greater_version() -> None:
    with u8_of("customer") as u8:
        first, *_, last = u8.tables["customer"]

        def edit() -> None:
            touch(first)
            first["name"] = "改名"
            touch(last)

        u8.before(2, edit, resource="customer")
        run = sync(u8, "customer", "timestamp")
        assert first["code"] in keys_of(run)[-2:]
        # Nothing is new, and nothing was missed.
        again = sync(u8, "customer", "timestamp", run.state)
        assert len(keys_of(again)) == 1


def test_a_look_back_that_brings_nothing_moves_no_bookmark_past_what_it_was_to_find() -> None:
    with u8_of("customer") as u8:
        first, *_, last = u8.tables["customer"]

        def edit() -> None:
            touch(first)
            touch(last)
            # The last row is read by now; the look back, another first page, finds nothing.
            u8.fail(Fault.errcode("20002"), page=1, resource="customer")

        u8.before(2, edit, resource="customer")
        run = sync(u8, "customer", "timestamp")
        assert Decimal(value_of(run)) < Decimal(str(first["timestamp"]))
        assert first["code"] in keys_of(sync(u8, "customer", "timestamp", run.state))


def test_a_day_that_is_yet_to_come_is_no_bookmark() -> None:
    with u8_of("customer") as u8:
        touch(u8.tables["customer"][0], "2099-12-31")
        bookmark = value_of(sync(u8, "customer", "ModifyDate"))
        # In China, where U8's days are, it may be a day later than here; midnight may pass, too.
        assert bookmark <= dt.datetime.now(CHINA).date().isoformat()
        assert bookmark >= "2024-12-04"


def test_a_row_version_that_is_no_number_fails_with_advice_and_moves_no_bookmark(
    customers: tuple[Sandbox, dict[str, Any]],
    run_all: RunAll,
) -> None:
    u8, catalog = customers
    state = run_all(u8, catalog=catalog).state
    for row in u8.tables["customer"][:10]:
        touch(row)
    u8.samples["customer"] = Sample(title="客户")  # without filters: it serves all the rows
    u8.tables["customer"][30]["timestamp"] = "0x00000000000007D1"
    run = run_all(u8, catalog=catalog, state=state)
    assert run.code == 1
    assert run.errors[0] == (
        "customer: a timestamp is not a number, so that changes cannot be told apart; read this "
        "stream with FULL_TABLE"
    )
    states = [message["value"] for message in run.of("STATE")]
    assert all(s["bookmarks"]["customer"] == state["bookmarks"]["customer"] for s in states)


@pytest.mark.parametrize("version", ["NaN", "Infinity", "00000000000012E4", "1_000", "-"])
def test_what_only_looks_like_a_number_is_no_row_version(version: str) -> None:
    with u8_of("customer", count=1) as u8:
        u8.tables["customer"][0]["timestamp"] = version
        with pytest.raises(U8Error, match="a timestamp is not a number"):
            sync(u8, "customer", "timestamp")


# Lists that cannot be read


def test_rows_that_share_a_key_fail_the_stream_and_say_what_to_do(run_all: RunAll) -> None:
    with u8_of("currentstock", "warehouse") as u8:
        u8.tables["currentstock"].append(rows("currentstock", 1)[0] | {"qty": 1})
        run = run_all(u8)
    assert run.code == 1
    (line,) = [line for line in run.errors if line.startswith("currentstock: ")]
    assert line.startswith("currentstock: the key whcode, invcode, free1, ")
    assert "batch is not unique, or the list changed, in each of 3 passes" in line
    assert line.endswith("declare another key with the setting resources")
    assert len(by_stream(run)["warehouse"]) == ROWS


def test_a_stream_that_the_app_may_not_read_fails_while_the_others_load(run_all: RunAll) -> None:
    with u8_of(*NAMES) as u8:
        u8.refused = {"vendor": NOT_GRANTED}
        run = run_all(u8)
    assert run.code == 1
    assert run.errors[0].startswith("vendor, page 1: errcode 39003 (此应用没有调用该API的权限): ")
    assert run.errors[-1] == f"1 of {len(NAMES)} streams failed: vendor"
    records = by_stream(run)
    assert {name for name in NAMES if len(records[name]) == ROWS} == {*NAMES} - {"vendor"}
