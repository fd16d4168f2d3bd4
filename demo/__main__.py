"""`make demo`: all contacts of a U8+ into PostgreSQL, through Meltano, and two changes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from demo.pipeline import Pipeline
from demo.postgres import postgres
from sandbox import Sandbox, contact

if TYPE_CHECKING:
    from subprocess import CompletedProcess

SCHEMA = "tap_yonyou_demo"
NEW = 226
#: Columns to show, and how wide.
COLUMNS = {"code": 10, "name": 10, "ccusname": 24, "birthday": 12, "be_main_linker": 14}

GO_ON = """
Now with your own account:

  1. cp .env.example .env      and fill it in; README.md says where each value comes from
  2. .venv-meltano/bin/meltano run yonyou-to-postgres
"""


def main() -> int:
    """Run the job twice with two changes in between, and show what stands in the table."""
    with tempfile.TemporaryDirectory(prefix="tap-yonyou-demo-") as temporary:
        directory = Path(temporary)
        say("Starting a sandbox U8+ with 225 invented contacts, and PostgreSQL")
        with Sandbox() as u8, postgres(directory) as url:
            with connect(url) as database:
                database.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            pipeline = Pipeline(u8, url, SCHEMA, directory)
            if not load(pipeline):
                return 1
            with connect(url) as database:
                show(database)
            say("In U8+: 张天宇 gets a mobile phone, and a new contact is added")
            with u8.lock:
                contacts = u8.tables["customercontacts"]
                contacts[0]["mobile_phone"] = "00000000000"
                contacts.append(contact(NEW) | {"name": "新某人"})
            if not load(pipeline):
                return 1
            with connect(url) as database:
                return 0 if show_changes(database) else 1


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect with the URL that target-postgres has."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def load(pipeline: Pipeline) -> bool:
    """Run the pipeline and show what the tap sums up."""
    say("meltano run tap-yonyou target-postgres")
    done: CompletedProcess[str] = pipeline.run()
    lines = done.stdout.splitlines()
    print("\n".join(lines if done.returncode else [s for s in lines if "set to null" in s]))
    return done.returncode == 0


def show(database: psycopg.Connection[Any]) -> int:
    """Print how many contacts there are, and a few of them."""
    table = f"{SCHEMA}.customercontacts"
    (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    say(f"{count} contacts in {table}, among them")
    print("".join(f"{name:<{width}}" for name, width in COLUMNS.items()))
    query = f"SELECT {', '.join(COLUMNS)} FROM {table} ORDER BY code LIMIT 4"
    for row in database.execute(query):
        cells = (fit(value, width) for value, width in zip(row, COLUMNS.values(), strict=True))
        print("".join(cells).rstrip())
    return int(count)


def fit(value: object, width: int) -> str:
    """Pad a value; a Chinese character is two columns wide."""
    text = "-" if value is None else str(value)
    return text + " " * (width - len(text) - sum(char > "⺀" for char in text))


def show_changes(database: psycopg.Connection[Any]) -> bool:
    """Print the two changes as they stand in the table, and how to go on."""
    count = show(database)
    changes = database.execute(
        f"SELECT code, name, mobile_phone FROM {SCHEMA}.customercontacts "
        "WHERE name = '张天宇' AND mobile_phone IS NOT NULL OR name = '新某人' ORDER BY code",
    ).fetchall()
    say("The two changes")
    for row in changes:
        print(*row)
    print(GO_ON)
    return count == NEW and len(changes) == 2  # noqa: PLR2004


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
