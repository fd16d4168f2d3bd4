"""The models of dbt/, made of real tables by the real dbt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import psycopg
import pytest

from bench.load import TARGET
from demo.pipeline import ROOT
from demo.postgres import postgres
from sandbox import Sandbox, rows
from tap_yonyou.u8 import resources
from tests.conftest import catalog_of
from tools import models

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunTap

PYTHON = ROOT / ".meltano" / "utilities" / "dbt-postgres" / "venv" / "bin" / "python"
#: Runs commands of dbt in one process, which reads the project once.
DBT = """
import json, sys
from dbt.cli.main import dbtRunner
manifest = dbtRunner().invoke(["parse", *json.loads(sys.argv[2])]).result
for command in json.loads(sys.argv[1]):
    dbtRunner(manifest).invoke(command)
"""
RAW = f"yonyou_raw_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
MADE = f"yonyou_models_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
STREAMS = ["customer", "customercontacts"]
READS = [
    ("customercontacts", 10, "complete"),
    ("customer", 9, "complete"),
    ("customer", 7, "complete"),
    ("customer", 5, "failed"),
    ("customer", 3, "unproved"),
]
BY_NAME = {stream.name: stream for stream in models.streams()}


def test_there_is_a_view_of_each_stream_and_no_other() -> None:
    views = {models.STAGING / f"{models.model_name(name)}.sql" for name in resources.names()}
    reads = models.STAGING / "stg_yonyou__tap_yonyou_reads.sql"
    assert {*models.STAGING.glob("*.sql")} == views | {reads}


@pytest.mark.parametrize("name", BY_NAME)
def test_chinese_names_are_unique_and_need_no_quotes_but_for_capitals(name: str) -> None:
    labels = [*models.labels(BY_NAME[name]).values()]
    assert len({*labels}) == len(labels)
    for label in labels:
        assert label.isidentifier()
        assert len(label.encode()) <= 63  # PostgreSQL cuts the rest off


@pytest.mark.parametrize(
    ("stream", "column", "kind"),
    [
        ("customer", "timestamp", "numeric"),
        ("oughtpay_entry", "ufts", "numeric"),
        ("customer", "ModifyDate", "date"),
        ("vendor", "end_date", "date"),
        ("saleorder", "createsystime", "timestamp"),
        ("saleorder", "date", "date"),
        ("customercontacts", "default", "boolean"),
        ("bom", "version", "text"),
        ("tap_yonyou_reads", "ended_at", "timestamp"),
    ],
)
def test_a_column_has_the_type_of_what_it_holds(stream: str, column: str, kind: str) -> None:
    assert models.column_type(BY_NAME[stream].schema["properties"][column]) == kind


class Built(NamedTuple):
    """How it ended, by view and test; and how fresh the source is, with hours."""

    statuses: dict[str, str]
    freshness: tuple[str, int]


class Warehouse:
    """The tap, target-postgres and dbt, run after run."""

    def __init__(self, tap: RunTap, url: str, folder: Path) -> None:
        self.tap = tap
        self.url = url
        self.folder = folder
        self.given: dict[str, Any] = {"catalog": catalog_of(tap, streams=STREAMS)}
        self.config = folder / "target.json"
        config = {"sqlalchemy_url": url, "default_target_schema": RAW, "validate_records": False}
        self.config.write_text(json.dumps(config))
        self.query(f"DROP SCHEMA IF EXISTS {RAW}, {MADE} CASCADE")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        url = self.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(sql, values)
            return found.fetchall() if found.description else []

    def load(self) -> None:
        run = self.tap(streams=STREAMS, **self.given)
        assert run.code == 0, run.log
        out = subprocess.check_output(
            [TARGET, "--config", self.config],
            encoding="utf-8",
            env={**os.environ, "PGTZ": "Asia/Shanghai"},
            input=run.out,
            stderr=subprocess.DEVNULL,
        )
        self.given["state"] = json.loads(out.splitlines()[-1])

    def build(self, *select: str, labels: str = "", streams: list[str] = STREAMS) -> Built:
        """Run `dbt build` and `dbt source freshness`."""
        # No character of the password stands for itself, as if all of them were special.
        url = re.sub(r"(?<=:)[^:/@]+(?=@)", lambda found: encoded(found[0]), self.url)
        ours = {
            "TAP_YONYOU_DS_SEQUENCE": "1",
            "TAP_YONYOU_STREAMS": json.dumps(streams),
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": RAW,
            "TARGET_POSTGRES_SQLALCHEMY_URL": url,
            "DBT_POSTGRES_SCHEMA": MADE,
            "DBT_PROFILES_DIR": "dbt",
            "DBT_PROJECT_DIR": "dbt",
            "DBT_LOG_PATH": str(self.folder),
            "DBT_TARGET_PATH": str(self.folder),
            "PGTZ": "America/New_York",  # not to be relied on
        }
        foreign = ("DBT_", "TAP_YONYOU_", "TARGET_POSTGRES_", "PG")
        inherited = {name: v for name, v in os.environ.items() if not name.startswith(foreign)}
        given = [f"--vars={{labels: '{labels}'}}"]
        commands = [["build", *given, *select], ["source", "freshness", *given]]
        files = [self.folder / name for name in ("run_results.json", "sources.json")]
        for file in files:
            file.unlink(missing_ok=True)
        done = subprocess.run(
            [PYTHON, "-c", DBT, json.dumps(commands), json.dumps(given)],
            capture_output=True,
            check=False,
            cwd=ROOT,
            encoding="utf-8",
            env=inherited | ours,
        )
        assert all(file.exists() for file in files), done.stdout + done.stderr
        results, (freshness,) = (json.loads(f.read_text("utf-8"))["results"] for f in files)
        statuses = {result["unique_id"].split(".")[2]: result["status"] for result in results}
        hours = round(freshness["max_loaded_at_time_ago_in_s"] / 3600)
        return Built(statuses, (freshness["status"], hours))

    def columns(self, view: str) -> dict[str, tuple[str, str | None]]:
        found = self.query(
            "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) "
            "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
            f"{MADE}.{view}",
        )
        return {name: (kind, about) for name, kind, about in found}

    def living(self) -> list[tuple[Any, ...]]:
        view = f"{MADE}.stg_yonyou__customercontacts"
        return self.query(f"SELECT code, name, data_source FROM {view} ORDER BY code")

    def add_reads(self) -> None:
        """Note reads by the hours that they are ago, in China's time."""
        self.query(
            f"CREATE TABLE {RAW}.tap_yonyou_reads (run_id text, stream text, data_source bigint, "
            "ended_at timestamp, outcome text)"
        )
        for stream, hours, outcome in READS:
            self.query(
                f"INSERT INTO {RAW}.tap_yonyou_reads VALUES (%s, %s, 1, "
                "now() AT TIME ZONE 'Asia/Shanghai' - make_interval(hours => %s), %s)",
                *(str(hours), stream, hours, outcome),
            )


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt 1.11 needs Python 3.13 or earlier")
def test_models_of_living_rows_are_right_after_every_change(
    tap: RunTap, u8: Sandbox, tmp_path: Path
) -> None:
    contacts = u8.tables["customercontacts"]
    u8.tables["customer"] = rows("customer", 20)
    with postgres(tmp_path) as url:
        warehouse = Warehouse(tap, url, tmp_path)
        warehouse.load()
        warehouse.add_reads()
        statuses, freshness = warehouse.build()
        names = ["freshness", *map(models.model_name, (*STREAMS, models.READS))]
        keys = [f"key_of_{name}" for name in ("freshness", *STREAMS, models.READS)]
        assert statuses == dict.fromkeys(names, "success") | dict.fromkeys(keys, "pass")
        assert freshness == ("pass", 10)
        check_first(warehouse)
        assert warehouse.living() == in_u8(contacts)

        contacts[0]["name"] = "新名"
        gone = [contacts.pop(7), contacts.pop(8)]
        warehouse.load()
        assert warehouse.living() == in_u8(contacts)
        contacts.insert(7, gone[0])
        warehouse.load()
        check_everything_in_chinese(warehouse)
        assert warehouse.query(
            f"SELECT 联系人编码, 联系人名称 FROM {MADE}.stg_yonyou__customercontacts ORDER BY 1"
        ) == [row[:2] for row in in_u8(contacts)]


def encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in unquote(text).encode())


def in_u8(contacts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((row["code"], row["name"], 1) for row in contacts)


def check_first(warehouse: Warehouse) -> None:
    """Types, descriptions and the mart, after the first load."""
    columns = warehouse.columns("stg_yonyou__customer")
    properties = resources.load("customer").schema["properties"]
    assert columns.keys() == {"data_source", *properties}
    for name, about in properties.items():
        assert columns[name][1] == about["description"]
    kinds = {name: columns[name][0] for name in ("ModifyDate", "timestamp", "bcusdomestic")}
    assert kinds == {"ModifyDate": "date", "timestamp": "numeric", "bcusdomestic": "boolean"}
    first = warehouse.query(
        f'SELECT "ModifyDate", timestamp FROM {MADE}.stg_yonyou__customer ORDER BY code LIMIT 1'
    )
    raw = warehouse.query(
        f'SELECT "ModifyDate"::text, timestamp FROM {RAW}.customer ORDER BY code LIMIT 1'
    )
    assert first == [(date.fromisoformat(raw[0][0][:10]), Decimal(raw[0][1]))]
    assert {about for _, about in warehouse.columns("freshness").values()}.isdisjoint({None})
    assert warehouse.query(
        f"SELECT stream, data_source, round(hours_since), last_outcomes FROM {MADE}.freshness "
        "ORDER BY stream"
    ) == [
        ("customer", 1, 7, "unproved, failed, complete"),
        ("customercontacts", 1, 10, "complete"),
    ]


def check_everything_in_chinese(warehouse: Warehouse) -> None:
    """All streams are read and some made: two have a wrong key, and two no table."""
    warehouse.query(f"CREATE TABLE {RAW}.unit (code text, ds_sequence bigint, timestamp text)")
    warehouse.query(f"CREATE TABLE {RAW}.warehouse (code text, own text)")
    warehouse.query(f"INSERT INTO {RAW}.unit VALUES ('a', 1, '1.5'), ('a', 2, 'b'), ('a', 2, '')")
    warehouse.query(f"INSERT INTO {RAW}.warehouse VALUES (NULL, 'x')")
    names = ["bom", "customercontacts", "inventory", "unit", "warehouse"]
    views = [models.model_name(name) for name in names]
    statuses, freshness = warehouse.build(
        "--select", *views, labels="zh", streams=resources.names()
    )
    assert statuses.keys() == {*views, *(f"key_of_{name}" for name in names)}
    wrong = {name for name, status in statuses.items() if status not in {"success", "pass"}}
    assert wrong == {"key_of_unit", "key_of_warehouse"}
    assert freshness[0] == "error"  # most were never read
    assert warehouse.query(f"SELECT * FROM {MADE}.stg_yonyou__unit ORDER BY 1, 3") == [
        (1, "a", Decimal("1.5")),
        (2, "a", None),
        (2, "a", None),
    ]
    assert [*warehouse.columns("stg_yonyou__warehouse")] == ["数据源序号", "仓库编码", "own"]
    for name in ("bom", "customercontacts", "inventory"):
        labels = models.labels(BY_NAME[name])
        columns = warehouse.columns(models.model_name(name))
        assert {*columns} == {*labels.values()}
        for field, about in BY_NAME[name].schema["properties"].items():
            assert columns[labels[field]][1] == about["description"]
