"""`make demo`: lists and sales orders of a U8+ into PostgreSQL, through Meltano, and changes."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from demo.pipeline import Pipeline
from demo.postgres import postgres
from sandbox import Sandbox, contact, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess

SCHEMA = "tap_yonyou_demo"
NEW = 226
LISTS = ("customercontacts", "customer", "inventory", "currentstock", "saleorder")
TABLES = (*LISTS, "saleorder_entry")
#: The order of which a quantity is edited, by its place in the list.
EDITED = 3
#: Columns to show, and how wide.
COLUMNS = {"code": 10, "contact": 10, "customer": 24, "industry": 10, "modified": 10}

GO_ON = """
Now with your own account:

  1. cp .env.example .env      and fill it in; README.md says where each value comes from
  2. .venv-meltano/bin/meltano run yonyou-to-postgres
"""


@contextmanager
def started(*schemas: str) -> Iterator[tuple[Sandbox, str, Path]]:
    """Give a U8+, the address of a database without these schemas, and a folder."""
    with tempfile.TemporaryDirectory(prefix="tap-yonyou-demo-") as temporary:
        say("Starting a sandbox U8+ with five lists of 225 invented rows, and PostgreSQL")
        tables = {name: rows(name) for name in LISTS}
        with Sandbox(tables=tables) as u8, postgres(Path(temporary)) as url:
            with connect(url) as database:
                database.execute(f"DROP SCHEMA IF EXISTS {', '.join(schemas)} CASCADE")
            yield u8, url, Path(temporary)


def main() -> int:
    """Run the job twice with four changes in between, and show what stands in the tables."""
    with started(SCHEMA) as (u8, url, directory):
        pipeline = Pipeline(u8, url, SCHEMA, directory)
        if not load(pipeline):
            return 1
        with connect(url) as database:
            show(database)
        say("In U8+: 张天宇 gets a mobile phone, 阚奇 is deleted, and a new contact is added")
        order = u8.tables["saleorder"][EDITED]
        say(f"In U8+: a quantity of the sales order {order['code']} is edited")
        with u8.lock:
            u8.lines["saleorder"][str(order["code"])][0]["quantity"] = "12.000000"
            order["sum"] = "1356.00"  # as U8 computes it
            contacts = u8.tables["customercontacts"]
            contacts[0]["mobile_phone"] = "00000000000"
            del contacts[1]
            contacts.append(contact(NEW) | {"name": "新某人"})
        if not load(pipeline):
            return 1
        with connect(url) as database:
            is_right = show_changes(database)
            is_right &= show_lines(database, str(order["code"]))
        print(GO_ON)
        return 0 if is_right else 1


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect with the URL that target-postgres has."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def load(pipeline: Pipeline, **more: str) -> bool:
    """Run the pipeline and show what the tap and dbt sum up."""
    say(f"meltano run {' '.join(pipeline.blocks)}")
    done: CompletedProcess[str] = pipeline.run(**more)
    lines = done.stdout.splitlines()
    summary = [line for line in lines if "set to null" in line or "PASS=" in line]
    print("\n".join(lines if done.returncode else summary))
    return done.returncode == 0


def show(database: psycopg.Connection[Any]) -> None:
    """Print how many rows there are, and a few contacts with what their customer says."""
    counts = {name: _count(database, name) for name in TABLES}
    say(f"In {SCHEMA}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    print("".join(f"{name:<{width}}" for name, width in COLUMNS.items()).rstrip())
    query = f"""
        SELECT contact.code, contact.name, customer.name, industry, "ModifyDate"::date
        FROM {SCHEMA}.customercontacts AS contact
        JOIN {SCHEMA}.customer AS customer ON customer.code = contact.ccuscode
        ORDER BY contact.code LIMIT 4
    """
    for row in database.execute(query):
        cells = (fit(value, width) for value, width in zip(row, COLUMNS.values(), strict=True))
        print("".join(cells).rstrip())


def _count(database: psycopg.Connection[Any], name: str) -> int:
    (count,) = database.execute(f"SELECT count(*) FROM {SCHEMA}.{name}").fetchone() or (0,)
    return int(count)


def fit(value: object, width: int) -> str:
    """Pad a value; a Chinese character is two columns wide."""
    text = "-" if value is None else str(value)
    return text + " " * (width - len(text) - sum(char > "⺀" for char in text))


def show_changes(database: psycopg.Connection[Any]) -> bool:
    """Print the contacts that the last run has written."""
    changes = database.execute(
        f"""
        SELECT code, name, mobile_phone,
            CASE WHEN _sdc_deleted_at IS NULL THEN 'lives' ELSE 'deleted' END
        FROM {SCHEMA}.customercontacts
        WHERE _sdc_batched_at > (SELECT min(_sdc_batched_at) FROM {SCHEMA}.customercontacts)
        ORDER BY code
        """
    ).fetchall()
    say("The contacts that this run has written, and no other")
    for row in changes:
        print("".join(fit(value, width) for value, width in zip(row, (10, 10, 13, 7), strict=True)))
    is_right = [row[3] for row in changes] == ["lives", "deleted", "lives"]
    return is_right and _count(database, "customercontacts") == NEW


def show_lines(database: psycopg.Connection[Any], code: str) -> bool:
    """Print the lines of orders that the last run has written, with what their order says."""
    lines = database.execute(
        f"""
        SELECT line.code, line_number, inventorycode, quantity, cusname, line.date::date
        FROM {SCHEMA}.saleorder_entry AS line
        JOIN {SCHEMA}.saleorder AS head ON head.code = line.code
        WHERE line._sdc_batched_at >
            (SELECT min(_sdc_batched_at) FROM {SCHEMA}.saleorder_entry)
        ORDER BY line.code, line_number
        """
    ).fetchall()
    say("The lines of sales orders that this run has written, and no other")
    widths = (16, 3, 12, 11, 24, 10)
    for row in lines:
        print("".join(fit(value, width) for value, width in zip(row, widths, strict=True)).rstrip())
    return {row[0] for row in lines} == {code}


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
