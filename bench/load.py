"""tap-yonyou | target-postgres, into a PostgreSQL of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import yaml

from bench.contenders import tap_yonyou
from bench.measure import Outcome, run
from bench.served import ROOT
from demo.pipeline import Pipeline
from sandbox import Sandbox, rows

if TYPE_CHECKING:
    from bench.contenders import Job

#: The target as `meltano install` installs it.
TARGET = ROOT / ".meltano" / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres"
_SCHEMA = "tap_yonyou_bench"
_DROP = "DROP SCHEMA IF EXISTS tap_yonyou_bench CASCADE"
_TABLE = "tap_yonyou_bench.customercontacts"


def load(job: Job, database_url: str) -> Outcome:
    """Load all rows into an empty schema.

    Args:
        job: What to load, and with whose settings.
        database_url: Where to.

    Returns:
        Time and memory; an error if not all rows stand in the table.
    """
    with _connected(database_url) as database:
        database.execute(_DROP)
        return _run(job, database_url, database)


def load_again(job: Job, database_url: str) -> Outcome:
    """Load into a table that has all rows.

    Args:
        job: What to load, and with whose settings.
        database_url: Where to.

    Returns:
        Time and memory; an error if not all rows stand in the table.
    """
    with _connected(database_url) as database:
        (there,) = database.execute("SELECT to_regclass(%s)", [_TABLE]).fetchone() or (None,)
        if not there or _count(database) != job.case.rows:
            first = replace(job.case, method="FULL_TABLE", changed=0)
            load(replace(job, case=first, state=None), database_url)
        return _run(job, database_url, database)


def run_again(job: Job, database_url: str) -> Outcome:
    """Run the project's pipeline a second time, which finds nothing to write.

    Args:
        job: How many rows the list has.
        database_url: Where to.

    Returns:
        The time; an error if one of the runs failed.
    """
    table = rows("customercontacts", job.case.rows)
    with Sandbox(tables={"customercontacts": table}) as u8:
        pipeline = Pipeline(u8, database_url, f"{_SCHEMA}_pipeline", job.folder)
        first = pipeline.run()
        began = time.perf_counter()
        second = pipeline.run()
        seconds = time.perf_counter() - began
    failed = first.returncode or second.returncode
    return Outcome(round(seconds, 3), (), f"exit code {failed}" if failed else "")


def _run(job: Job, database_url: str, database: psycopg.Connection[Any]) -> Outcome:
    config = {"sqlalchemy_url": database_url, "default_target_schema": _SCHEMA}
    if job.case.settings == "meltano.yml":
        config |= _of_meltano_yml()
    target = [str(TARGET), "--config", job.write("target.json", config)]
    outcome = run(job.folder, tap_yonyou(job), target)
    if outcome.error:
        return outcome
    rows = _count(database)
    error = "" if rows == job.case.rows else f"{rows} of {job.case.rows} rows in the table"
    return replace(outcome, error=error)


def _connected(database_url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True)


def _count(database: psycopg.Connection[Any]) -> int:
    (rows,) = database.execute(f"SELECT count(*) FROM {_TABLE}").fetchone() or (0,)  # noqa: S608
    return int(rows)


def _of_meltano_yml() -> dict[str, Any]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_bytes())
    loaders = {plugin["name"]: plugin for plugin in project["plugins"]["loaders"]}
    config: dict[str, Any] = loaders["target-postgres"]["config"]
    return config
