"""The main job for real: Meltano, target-postgres and PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest

from demo.pipeline import ROOT, Pipeline
from demo.postgres import postgres
from sandbox import NOT_GRANTED, RESOURCES, Fault, Sandbox, contact, contacts, rows, sample
from tap_yonyou.u8 import resources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Each worker has a project of its own, and perhaps the same database.
SCHEMA = f"tap_yonyou_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
TABLE = f"{SCHEMA}.customercontacts"


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


def project_in(folder: Path) -> Path:
    """Make a copy of this project as Meltano sees it: two runs in one share its files."""
    project = folder / "project"
    (project / ".meltano").mkdir(parents=True)
    (project / "meltano.yml").write_bytes((ROOT / "meltano.yml").read_bytes())
    for kind in ("extractors", "loaders"):
        (project / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
    return project


class Warehouse(Pipeline):
    """A pipeline whose target can be asked."""

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        url = self.database_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(sql).fetchall()

    def rows(self) -> dict[str, tuple[Any, ...]]:
        found = self.query(
            f"SELECT code, name, mobile_phone, birthday, be_main_linker FROM {TABLE}"
        )
        return {row[0]: row[1:] for row in found}


@pytest.fixture
def warehouse(u8: Sandbox, database_url: str, tmp_path: Path) -> Warehouse:
    made = Warehouse(u8, database_url, SCHEMA, tmp_path, project_in(tmp_path))
    with made.connection() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    return made


def test_every_contact_stands_in_postgres_and_changes_and_deletions_follow(
    warehouse: Warehouse,
    u8: Sandbox,
) -> None:
    done = warehouse.run()
    assert done.returncode == 0, done.stdout
    rows = warehouse.rows()
    assert rows.keys() == {row["code"] for row in u8.tables["customercontacts"]}
    assert rows["00000007"] == ("张天宇", None, None, True)
    types = warehouse.query(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_schema = '{SCHEMA}' AND column_name IN ('default', 'birthday', 'position')",
    )
    assert dict(types) == {
        "default": "boolean",
        "birthday": "date",
        "position": "text",
    }

    with u8.lock:
        u8.tables["customercontacts"][0] |= {
            "mobile_phone": "00000000000",
            "birthday": "1990/1/2",
            "be_main_linker": "0",
        }
        u8.tables["customercontacts"].append(contact(226))
        gone = str(u8.tables["customercontacts"].pop(7)["code"])
    done = warehouse.run()
    assert done.returncode == 0, done.stdout
    assert "225 rows read: 1 new, 1 changed, 1 deleted, 223 unchanged" in done.stdout
    changed = warehouse.rows()
    name, phone, birthday, main = changed.pop("00000007")
    assert (name, phone, str(birthday), main) == ("张天宇", "00000000000", "1990-01-02", False)
    assert changed.pop("00001132")
    assert changed.pop(gone) == rows[gone]
    assert warehouse.query(f"SELECT code FROM {TABLE} WHERE _sdc_deleted_at IS NOT NULL") == [
        (gone,)
    ]
    assert changed == {code: rows[code] for code in rows.keys() - {"00000007", gone}}

    # A table that was restored or emptied.
    warehouse.query(f"DELETE FROM {TABLE} WHERE code < '00000500' RETURNING code")
    done = warehouse.run("--full-refresh")
    assert done.returncode == 0, done.stdout
    assert "225 rows read: 225 new, 0 changed, 0 deleted, 0 unchanged" in done.stdout
    living = warehouse.query(f"SELECT code FROM {TABLE} WHERE _sdc_deleted_at IS NULL")
    assert {code for (code,) in living} == {row["code"] for row in u8.tables["customercontacts"]}


def test_meltanos_extras_reach_the_tap(warehouse: Warehouse, u8: Sandbox) -> None:
    """INCREMENTAL by `metadata`, fields by `select`, a field of one's own by `schema`."""
    u8.tables["customercontacts"][0]["define1"] = "自定义"
    extras = {
        "TAP_YONYOU__SELECT": '["customercontacts.*", "!customercontacts.email"]',
        "TAP_YONYOU__SCHEMA": '{"customercontacts": {"define1": {"type": ["string", "null"]}}}',
        "TAP_YONYOU__METADATA": (
            '{"customercontacts": {"replication-method": "INCREMENTAL", "replication-key": "code"}}'
        ),
    }
    done = warehouse.run(**extras)
    assert done.returncode == 0, done.stdout
    assert warehouse.query(f"SELECT count(*), max(define1) FROM {TABLE}") == [(225, "自定义")]
    columns = warehouse.query(
        f"SELECT 1 FROM information_schema.columns WHERE table_schema = '{SCHEMA}' "
        "AND column_name = 'email'",
    )
    assert columns == []

    u8.tables["customercontacts"].append(contact(226))
    u8.requests.clear()
    done = warehouse.run(**extras)
    assert done.returncode == 0, done.stdout
    assert u8.requests[-1].query["code_begin"] == contact(225)["code"]
    assert warehouse.query(f"SELECT count(*) FROM {TABLE}") == [(226,)]


def test_what_a_killed_tap_had_written_is_known_to_the_next_run(
    warehouse: Warehouse,
    u8: Sandbox,
) -> None:
    """The target has it, and Meltano what was noted; by the next run, all is as before."""
    u8.tables["customercontacts"] = contacts(11_500)
    big = {"TAP_YONYOU_PAGE_SIZE": "5500", "TAP_YONYOU_CONCURRENCY": "1"}
    assert warehouse.run(**big).returncode == 0
    for row in u8.tables["customercontacts"]:
        row["name"] = "一时"
    u8.fail(Fault.stall(120), page=3)
    edited = f"SELECT count(*) FROM {TABLE} WHERE name = '一时'"
    killed: list[int] = []

    def kill() -> None:
        """Kill the tap, and nothing else, when what it has written so far stands in the table."""
        while warehouse.query(edited) == [(0,)]:
            time.sleep(0.1)
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that has ended since
                if "--catalog" in (line := process.cmdline()) and "tap-yonyou" in " ".join(line):
                    process.kill()
                    killed.append(process.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    done = warehouse.run(**big)
    killer.join()
    assert len(killed) == 1
    assert done.returncode == 1
    assert warehouse.query(edited) == [(11_000,)]

    u8.tables["customercontacts"] = contacts(11_500)
    done = warehouse.run(**big)
    assert done.returncode == 0, done.stdout
    assert warehouse.query(edited) == [(0,)]


# All lists

#: The type of a column, by type or format in the schema.
COLUMNS = {
    "string": "text",
    "date": "date",
    "date-time": "timestamp without time zone",
    "boolean": "boolean",
    "integer": "bigint",
    "number": "numeric",
    "object": "jsonb",
    "array": "ARRAY",
}


#: target-postgres cannot load a table with a column `version`, to which it wants to compare.
RENAMED = {"TAP_YONYOU_STREAM_MAPS": '{"bom": {"bom_version": "version", "version": "__NULL__"}}'}


def test_all_lists_stand_in_postgres_and_one_that_is_refused_stops_no_other(
    database_url: str,
    tmp_path: Path,
) -> None:
    tables = {name: rows(name, 40) for name in RESOURCES}
    tables["inventory"][1]["ref_cost"] = "12345678901234567.1234567890"
    with Sandbox(tables=tables) as u8:
        warehouse = Warehouse(u8, database_url, SCHEMA, tmp_path)
        with warehouse.connection() as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        done = warehouse.run(**RENAMED)
        assert done.returncode == 0, done.stdout
        lines = {
            f"{name}_entry": sum(len(made[str(row[key(name)])]) for row in tables[name])
            for name, made in u8.lines.items()
        }
        names = [*RESOURCES, *lines]
        assert counts(warehouse, names) == dict.fromkeys(RESOURCES, 40) | lines
        assert columns(warehouse) == {
            (name, "bom_version" if field == "version" else field): COLUMNS[kind(about)]
            for name in names
            for field, about in resources.load(name).schema["properties"].items()
        }
        assert keys(warehouse) == {name: {*resources.load(name).key} for name in names}
        check_values(warehouse)

        with u8.lock:
            tables["inventory"][0]["ref_cost"] = "4210.3999"
            tables["currentstock"][1]["qty"] = 0.1
            tables["warehouse"].append(sample("warehouse").row(41))
            tables["vendor"].append(sample("vendor").row(41))
            u8.refused["vendor"] = NOT_GRANTED
        changed = ["inventory", "currentstock", "warehouse", "vendor"]
        done = warehouse.run(TAP_YONYOU_STREAMS=json.dumps(changed))
        assert done.returncode == 1
        assert "vendor, page 1: errcode 39003 (此应用没有调用该API的权限)" in done.stdout
        assert "Traceback" not in done.stdout
        check_nightly(done.stdout, tmp_path / "nightly")
        assert counts(warehouse, names) == dict.fromkeys(RESOURCES, 40) | lines | {"warehouse": 41}
        assert warehouse.query(
            f"SELECT ref_cost::text FROM {SCHEMA}.inventory WHERE code = 'LJ000001'",
        ) == [("4210.3999",)]
        assert warehouse.query(
            f"SELECT count(*) FROM {SCHEMA}.currentstock WHERE qty = 0.1",
        ) == [(1,)]


def check_nightly(log: str, folder: Path) -> None:
    """The script for cron mails the tap's errors of this run, in the little that cron sets."""
    page = (ROOT / "docs/production.md").read_text("utf-8")
    (script,) = re.findall(r"^```sh\n(#!/bin/sh\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    meltano = folder / ".venv-meltano/bin/meltano"
    meltano.parent.mkdir(parents=True)
    # In the south, the target fails.
    meltano.write_text(
        f'#!/bin/sh\n[ "$1" = --environment=south ] || cat {folder}/log >&2\nexit 1\n'
    )
    meltano.chmod(0o755)
    (folder / "log").write_text(log, "utf-8")
    for _ in range(2):
        done = subprocess.run(
            ["/bin/sh", "-c", script.replace("/srv/tap-yonyou", str(folder))],
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin"},
        )
        lines = done.stdout.decode().splitlines()
        assert (done.returncode, done.stderr) == (1, b"")
        assert lines[0].startswith(
            "north: vendor, page 1: errcode 39003 (此应用没有调用该API的权限): "
        )
        assert lines[1:-1] == ["north: 1 of 4 streams failed: vendor"]
        assert lines[-1].startswith("south: see logs/south-")


def check_values(warehouse: Warehouse) -> None:
    """Numbers with their digits, Chinese, days, nothing, and what is nested."""
    assert warehouse.query(
        f"""SELECT ref_cost::text, "ModifyDate"::text, entry IS NULL, name
        FROM {SCHEMA}.inventory ORDER BY code LIMIT 2""",
    ) == [
        ("4210.4000", "2017-03-03 00:00:00", True, "虚构乙子零件"),
        ("12345678901234567.1234567890", "2018-04-04 00:00:00", True, "虚构丙子零件"),
    ]
    assert warehouse.query(
        f"""SELECT entry[2]->>'partid', entry[2]->>'free8' FROM {SCHEMA}.inventory
        WHERE code = 'LJ000003'""",
    ) == [("7", "自定义7")]
    assert warehouse.query(
        f"""SELECT code, openbank->>'bankname' FROM {SCHEMA}.person ORDER BY code LIMIT 3""",
    ) == [("00000", None), ("00001", None), ("00002", "虚构银行")]
    assert warehouse.query(
        f"""SELECT free1, batch, qty::text, mdate FROM {SCHEMA}.currentstock
        ORDER BY whcode, invcode, batch LIMIT 2""",
    ) == [("", "", "4210.4", None), ("", "B00002", "4211.4", "2017-03-03")]
    assert warehouse.query(
        f"SELECT cexch_name, rate::text FROM {SCHEMA}.exchangerate WHERE i_id = '1'",
    ) == [("虚构丁子元", "6.50000000")]


def kind(about: dict[str, Any]) -> str:
    types = [about["type"]] if isinstance(about["type"], str) else about["type"]
    return str(about.get("format") or next(one for one in types if one != "null"))


def key(name: str) -> str:
    """The field that names a document."""
    return resources.load(name).key[0]


def counts(warehouse: Warehouse, names: list[str]) -> dict[str, int]:
    return {name: warehouse.query(f"SELECT count(*) FROM {SCHEMA}.{name}")[0][0] for name in names}


def columns(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    found = warehouse.query(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        f"WHERE table_schema = '{SCHEMA}' AND column_name NOT LIKE '\\_sdc%' "
        "AND table_name <> 'tap_yonyou_reads'",
    )
    return {(table, column): kind for table, column, kind in found}


def keys(warehouse: Warehouse) -> dict[str, set[str]]:
    found = warehouse.query(
        "SELECT table_name, array_agg(column_name::text) FROM information_schema.key_column_usage "
        f"WHERE table_schema = '{SCHEMA}' AND table_name <> 'tap_yonyou_reads' GROUP BY table_name",
    )
    return {table: {*columns} for table, columns in found}
