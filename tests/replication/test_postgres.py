"""What becomes of a table: the real target-postgres, one change after the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bench.load import TARGET
from demo.pipeline import ROOT
from demo.postgres import postgres
from sandbox import Fault, Sandbox, contact, rows
from tests.conftest import catalog_of
from tests.replication.test_rewrite import age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Run, RunTap

SCHEMA = "tap_yonyou_changes"
STREAM = "customercontacts"
DELETES = {"emit_activate_version_messages": True}


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


#: For each line on stdin, runs the target in a process forked from this one, which has imported
#: it: importing takes most of the time of a short run. The line names its config, stdin, stdout
#: and stderr; the answer is the exit code.
SERVE = """if True:
    import os, sys
    from target_postgres.target import TargetPostgres

    for line in sys.stdin:
        config, *files = line.rstrip("\\n").split("\\t")
        if process := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
            continue
        for fd, path in enumerate(files):
            os.dup2(os.open(path, os.O_RDWR), fd)
        sys.argv = ["target-postgres", "--config", config]
        TargetPostgres.cli()
"""


@pytest.fixture(scope="module")
def targets() -> Iterator[subprocess.Popen[str]]:
    command = [str(TARGET.with_name("python")), "-c", SERVE]
    with subprocess.Popen(
        command,
        encoding="utf-8",
        env=os.environ | {"PGTZ": "Asia/Shanghai"},  # as meltano.yml has it
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as serving:
        yield serving


class Warehouse:
    """The tap, target-postgres and the table, run after run."""

    def __init__(
        self, tap: RunTap, targets: subprocess.Popen[str], database_url: str, folder: Path
    ) -> None:
        self.tap = tap
        self.targets = targets
        self.folder = folder
        self.state: dict[str, Any] | None = None
        self.connection: psycopg.Connection[Any] = psycopg.connect(
            database_url.replace("+psycopg", ""), autocommit=True
        )
        self.connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        self.config = folder / "target.json"
        # As meltano.yml has it, with smaller batches.
        config: dict[str, Any] = {"validate_records": False, "batch_size_rows": 100}
        config |= {"sqlalchemy_url": database_url, "default_target_schema": SCHEMA}
        self.config.write_text(json.dumps(config))

    def run(self, **given: Any) -> Run:
        given = {**DELETES, "page_size": 50, "concurrency": 1} | given
        if self.state:
            given.setdefault("state", self.state)
        run = self.tap(**{"catalog": catalog_of(self.tap)} | given)
        self.load(run.out)
        return run

    def load(self, messages: str, **given: Any) -> None:
        config = json.loads(self.config.read_text())
        self.config.write_text(json.dumps(config | given))
        _, stdout, stderr = files = [self.folder / name for name in ("in", "out", "log")]
        for file, content in zip(files, (messages, "", ""), strict=True):
            file.write_text(content, "utf-8")
        print(self.config, *files, sep="\t", file=self.targets.stdin, flush=True)
        assert self.targets.stdout
        assert self.targets.stdout.readline() == "0\n", stderr.read_text("utf-8")
        if states := stdout.read_text("utf-8").splitlines():
            self.state = json.loads(states[-1])

    def living(self, fields: str = "code, name", stream: str = STREAM) -> list[tuple[Any, ...]]:
        query = (
            f"SELECT {fields} FROM {SCHEMA}.{stream} WHERE _sdc_deleted_at IS NULL ORDER BY code"
        )
        return self.connection.execute(query).fetchall()


@pytest.fixture
def warehouse(
    tap: RunTap, targets: subprocess.Popen[str], database_url: str, tmp_path: Path
) -> Iterator[Warehouse]:
    made = Warehouse(tap, targets, database_url, tmp_path)
    with made.connection:
        yield made


def in_u8(u8: Sandbox) -> list[tuple[Any, ...]]:
    return sorted((row["code"], row["name"]) for row in u8.tables[STREAM])


def take_back(u8: Sandbox) -> None:
    """Edit a row, and take it back between two passes."""
    row, name = u8.tables[STREAM][0], u8.tables[STREAM][0]["name"]
    row["name"] = "一时"

    def back() -> None:
        row["name"] = name
        u8.tables[STREAM].append(contact(300))

    u8.before(4, back)


def edit(u8: Sandbox) -> None:
    u8.tables[STREAM][5]["name"] = "新名"


#: One after the other: what happens to U8, and how many records are written.
STEPS: list[tuple[str, Callable[[Sandbox], Any], int]] = [
    ("nothing", lambda _: None, 0),
    ("edit", edit, 1),
    ("edit taken back between passes", take_back, 3),
    ("add", lambda u8: u8.tables[STREAM].insert(7, contact(8) | {"code": "00000043"}), 1),
    ("delete", lambda u8: u8.tables[STREAM].pop(9), 1),
    ("return of a deleted one", lambda u8: u8.tables[STREAM].insert(9, contact(9)), 1),
    ("delete another", lambda u8: u8.tables[STREAM].pop(20), 1),
    (
        "its key reused",
        lambda u8: u8.tables[STREAM].insert(20, contact(50) | {"code": contact(20)["code"]}),
        1,
    ),
    ("nothing again", lambda _: None, 0),
]


def test_after_each_change_the_living_rows_are_those_of_u8(
    warehouse: Warehouse, u8: Sandbox
) -> None:
    assert len(warehouse.run().records) == 225
    assert warehouse.living() == in_u8(u8)
    for name, change, records in STEPS:
        with u8.lock:
            change(u8)
        run = warehouse.run()
        assert (run.code, len(run.records)) == (0, records), name
        assert warehouse.living() == in_u8(u8), name
    # One version in all of the table, that of the baseline.
    query = f"SELECT count(*), count(DISTINCT _sdc_table_version) FROM {SCHEMA}.{STREAM}"
    assert warehouse.connection.execute(query).fetchall() == [(227, 1)]


def test_a_deleted_row_keeps_its_values_until_it_returns(warehouse: Warehouse, u8: Sandbox) -> None:
    """Two data sources take turns, one brings a new field; the rows are removed as documented."""
    u8.sources, u8.tables[STREAM] = (1, 2), [contact(number) for number in range(4, 12)]
    u8.others = {2: {STREAM: [row.copy() for row in u8.tables[STREAM]]}}
    tables = {1: u8.tables[STREAM], 2: u8.others[2][STREAM]}
    given: dict[str, Any] = {"ds_sequences": [*tables], "new_fields": "text"}
    given["catalog"] = catalog_of(warehouse.tap, **given)
    marked = f"FROM {SCHEMA}.{STREAM} WHERE _sdc_deleted_at IS NOT NULL"

    def check(*deleted: tuple[int, dict[str, Any]]) -> None:
        there = [(source, row) for source, table in tables.items() for row in table]
        fields = ("code", "name", "ccusname", "mobile_phone")
        for found, expected in (
            (warehouse.living(f"ds_sequence, {', '.join(fields)}"), there),
            (execute(f"SELECT ds_sequence, {', '.join(fields)} {marked}").fetchall(), deleted),
        ):
            in_u8 = [(source, *(row[name] or None for name in fields)) for source, row in expected]
            assert sorted(found) == sorted(in_u8)

    execute = warehouse.connection.execute
    warehouse.run(**given)
    gone = tables[1].pop(3)
    tables[1][5]["name"] = tables[2][0]["name"] = "新名"
    tables[2][1]["remark2"] = "某"
    assert len(warehouse.run(**given).records) == 4
    check((1, gone))
    remarks = warehouse.living("remark2, pg_typeof(remark2)::text AS code")
    assert sorted(remarks, key=str) == [("某", "text"), *[(None, "text")] * 14]

    tables[1].append(gone | {"name": "回来"})
    other = tables[2].pop(6)
    assert len(warehouse.run(**given).records) == 2
    check((2, other))

    execute(f"DELETE {marked}")
    # A rewrite under a new version. target-postgres writes rows after a change of SCHEMA when it
    # ends, but acts on ACTIVATE_VERSION at once: so one SCHEMA for all rows before it.
    last = tables[2].pop(5)
    run = warehouse.run(**given, state=age(warehouse.state, 31))
    assert (len(run.records), len(run.of("ACTIVATE_VERSION"))) == (14, 1)
    schemas = [{*message["schema"]["properties"]} for message in run.of("SCHEMA")]
    assert schemas == [schemas[0]] * 2
    check((2, last))
    assert [one["code"] for one in warehouse.run(**given).records] == [last["code"]]
    check((2, last))


def test_what_a_dying_target_missed_comes_with_the_next_run(
    warehouse: Warehouse, u8: Sandbox
) -> None:
    warehouse.run()
    for row in u8.tables[STREAM]:
        row["name"] = "新名"
    run = warehouse.tap(
        catalog=catalog_of(warehouse.tap),
        state=warehouse.state,
        emit_activate_version_messages=True,
    )
    with subprocess.Popen(
        [TARGET, "--config", warehouse.config],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as target:
        assert target.stdin
        assert target.stdout
        target.stdin.write("".join(run.out.splitlines(keepends=True)[:180]))
        target.stdin.flush()
        while warehouse.living("count(*) FILTER (WHERE name = '新名') AS code") != [(100,)]:
            time.sleep(0.01)
        target.kill()
        assert target.stdout.read() == ""
    assert len(warehouse.run().records) == 225
    assert warehouse.living() == in_u8(u8)


@pytest.mark.parametrize("lines", [60, 276])
def test_a_tap_that_is_killed_anywhere_loses_nothing(
    warehouse: Warehouse, u8: Sandbox, lines: int
) -> None:
    """Not even if all is as before by the next run."""
    warehouse.run()
    before = [row.copy() for row in u8.tables[STREAM]]
    for row in u8.tables[STREAM]:
        row["name"] = "新名"
    u8.tables[STREAM][:] = [*u8.tables[STREAM][50:], *map(contact, range(301, 351))]
    run = warehouse.tap(catalog=catalog_of(warehouse.tap), state=warehouse.state, page_size=50)
    assert run.code == 0
    warehouse.load("".join(run.out.splitlines(keepends=True)[:lines]))
    u8.tables[STREAM][:] = before
    assert warehouse.run().code == 0
    assert warehouse.living() == in_u8(u8)
    assert warehouse.run().records == []


# FULL_TABLE


@pytest.mark.parametrize("hard_delete", [True, False], ids=["deleted", "marked"])
def test_a_contact_deleted_in_u8_is_gone_after_a_complete_read_and_not_before(
    warehouse: Warehouse,
    u8: Sandbox,
    hard_delete: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    full = {"catalog": catalog_of(warehouse.tap, "FULL_TABLE")}
    warehouse.load(warehouse.tap(**full, **DELETES).out, hard_delete=hard_delete)
    # The version is in seconds; two runs of a schedule are further apart than that.
    time.sleep(1)
    gone = str(u8.tables[STREAM].pop(7)["code"])
    u8.fail(Fault.errcode("30021"), page=3)
    assert warehouse.run(**full).code == 1
    assert gone in dict(warehouse.living())
    assert warehouse.run(**full).code == 0
    assert warehouse.living() == in_u8(u8)
    query = f"SELECT code FROM {SCHEMA}.{STREAM} WHERE _sdc_deleted_at IS NOT NULL"
    marked = warehouse.connection.execute(query).fetchall()
    assert marked == ([] if hard_delete else [(gone,)])


# The statements of the pages for operators

READS = "tap_yonyou_reads"


def statements(page: str, section: str) -> list[str]:
    """The SQL of a section of a page, for the schema of these tests."""
    text = (ROOT / page).read_text("utf-8")
    part = text[text.index(f"\n## {section}\n") + 1 :].partition("\n## ")[0]
    found = re.findall(r"^ *```sql\n(.*?)^ *```$", part, re.MULTILINE | re.DOTALL)
    return [re.sub(r"\b(tap_yonyou|u8_north)\.", f"{SCHEMA}.", one) for one in found]


def test_the_queries_to_watch_find_what_is_stale_or_unproved_or_of_another_size(
    warehouse: Warehouse, u8: Sandbox
) -> None:
    streams = ("customer", STREAM, "warehouse")
    u8.tables |= {name: rows(name, 30) for name in ("customer", "inventory", "warehouse")}

    def run(*names: str) -> Run:
        given: dict[str, Any] = {"streams": [*names, READS]}
        return warehouse.run(**given, catalog=catalog_of(warehouse.tap, **given))

    assert run(*streams, "inventory").code == 0
    query = warehouse.connection.execute
    # Less than the eight hours of China's zone past what is stale.
    past = "interval '30 hours'"
    query(f"UPDATE {SCHEMA}.{READS} SET ended_at = ended_at - {past}")
    # The second night: one list fails, one shrinks, one is not proved, and one is not read.
    u8.fail(Fault.errcode("30021"), resource="customer")
    del u8.tables[STREAM][165:]
    reply = {"errcode": "0", "errmsg": "", "warehouse": u8.tables["warehouse"]}
    u8.fail(Fault.reply(reply), resource="warehouse")
    assert len(run(*streams).errors) == 2

    for zone in ("UTC", "Asia/Shanghai"):
        query(f"SET TimeZone = '{zone}'")
        stale, unproved, jumps, delete = statements("docs/production.md", "What to watch")
        found = {row[0]: row[1:] for row in query(stale).fetchall()}
        assert found.keys() == {"customer", "inventory"}
        _, last_read, error = found["customer"]
        assert error.startswith("customer, page 1: errcode 30021: ")
        assert found["inventory"][2] is None
        since = f"SELECT now() AT TIME ZONE 'Asia/Shanghai' - %s - {past} < interval '1 hour'"
        assert query(since, [last_read]).fetchall() == [(True,)]
        assert [row[0] for row in query(unproved).fetchall()] == ["warehouse"]
        assert [(row[0], *row[3:]) for row in query(jumps).fetchall()] == [(STREAM, 165, 225)]
        with warehouse.connection.transaction(force_rollback=True):
            query(f"UPDATE {SCHEMA}.{READS} SET ended_at = ended_at - interval '89 days'")
            assert query(delete).rowcount == 4


def test_rows_of_a_shared_table_that_no_state_knows_are_marked_after_a_baseline(
    warehouse: Warehouse, u8: Sandbox
) -> None:
    """As after a lost state, where runs of single account sets share a table."""
    u8.sources, u8.others = (1, 2), {2: {"customer": rows("customer", 30)}}
    u8.tables["customer"] = rows("customer", 20)

    def read(*sources: int) -> str:
        given: dict[str, Any] = {"streams": ["customer", READS], "ds_sequences": [*sources]}
        return warehouse.tap(**given, catalog=catalog_of(warehouse.tap, **given)).out

    before = read(1, 2)
    gone = u8.others[2]["customer"].pop(7)["code"]
    warehouse.load(before + read(2))
    where = f"FROM {SCHEMA}.customer WHERE _sdc_deleted_at IS"
    query = warehouse.connection.execute
    assert query(f"SELECT count(*) {where} NULL").fetchall() == [(50,)]
    (statement,) = statements("docs/operations.md", "A table that several runs share")
    assert query(statement).rowcount == 1
    marked = query(f"SELECT ds_sequence, code {where} NOT NULL").fetchall()
    assert marked == [(2, gone)]
    assert query(statement).rowcount == 0
