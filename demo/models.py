"""`make models`: lists and sales orders of a U8+ into PostgreSQL, and models of them with dbt."""

from __future__ import annotations

import sys
from typing import Any

from demo.__main__ import SCHEMA, connect, fit, load, say, started
from demo.pipeline import Pipeline

MODELS = "yonyou_demo"

#: What is asked of the models, with how wide each column is shown.
QUERIES = {
    "When was each list last read completely?": (
        f"SELECT stream, last_complete_read, hours_since, last_outcomes FROM {MODELS}.freshness",
        (20, 34, 6, 30),
    ),
    "What was ordered, and by which customers?": (
        f"""
        SELECT line.code, head.date, customer.name, inventorycode, quantity
        FROM {MODELS}.stg_yonyou__saleorder_entry AS line
        JOIN {MODELS}.stg_yonyou__saleorder AS head USING (data_source, code)
        LEFT JOIN {MODELS}.stg_yonyou__customer AS customer ON customer.code = custcode
        ORDER BY line.code, line_number LIMIT 5
        """,
        (16, 12, 26, 12, 12),
    ),
    "What do the columns hold?": (
        f"""
        SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)
        FROM pg_attribute WHERE attrelid = '{MODELS}.stg_yonyou__customer'::regclass LIMIT 5
        """,
        (20, 10, 60),
    ),
}


def main() -> int:
    """Run the job, and ask the models a few things."""
    with started(SCHEMA, MODELS) as (u8, url, directory):
        job = Pipeline(u8, url, SCHEMA, directory, blocks=("yonyou-to-models",))
        if not load(job, DBT_POSTGRES_SCHEMA=MODELS):
            return 1
        with connect(url) as database:
            answered = [
                show(question, database.execute(query).fetchall(), widths)
                for question, (query, widths) in QUERIES.items()
            ]
    return 0 if all(answered) else 1


def show(question: str, found: list[tuple[Any, ...]], widths: tuple[int, ...]) -> bool:
    """Print a question and the rows that answer it, if there are any."""
    say(question)
    for row in found:
        cells = (fit(value, width) for value, width in zip(row, widths, strict=True))
        print("".join(cells).rstrip())
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
