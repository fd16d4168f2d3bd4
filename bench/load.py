"""tap-yonyou | target-postgres, into a PostgreSQL of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import yaml

from bench.contenders import tap_yonyou
from bench.measure import Outcome, run
from bench.served import ROOT

if TYPE_CHECKING:
    from bench.contenders import Job

#: The target as `meltano install` installs it.
TARGET = ROOT / ".meltano" / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres"
_SCHEMA = "tap_yonyou_bench"
_DROP = "DROP SCHEMA IF EXISTS tap_yonyou_bench CASCADE"
_COUNT = "SELECT count(*) FROM tap_yonyou_bench.customercontacts"


def load(job: Job, database_url: str) -> Outcome:
    """Load all rows into an empty schema.

    Args:
        job: What to load, and with whose settings.
        database_url: Where to.

    Returns:
        Time and memory; an error if not all rows stand in the table.
    """
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as database:
        database.execute(_DROP)
        config = {"sqlalchemy_url": database_url, "default_target_schema": _SCHEMA}
        if job.case.settings == "meltano.yml":
            config |= _of_meltano_yml()
        target = [str(TARGET), "--config", job.write("target.json", config)]
        outcome = run(job.folder, tap_yonyou(job), target)
        if outcome.error:
            return outcome
        (rows,) = database.execute(_COUNT).fetchone() or (0,)
    error = "" if rows == job.case.rows else f"{rows} of {job.case.rows} rows in the table"
    return Outcome(outcome.seconds, outcome.memory, error)


def _of_meltano_yml() -> dict[str, Any]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_bytes())
    loaders = {plugin["name"]: plugin for plugin in project["plugins"]["loaders"]}
    config: dict[str, Any] = loaders["target-postgres"]["config"]
    return config
