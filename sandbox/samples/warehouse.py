"""Warehouses: code and name alone, with filters under two names each, as on the vendor's page."""

from __future__ import annotations

from sandbox.invented import warehouse
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = warehouse(n)
    return {"code": code, "name": name}


SAMPLE = Sample(
    title="仓库",
    row=_row,
    filters={
        "text": "cwhcode_begin cwhcode_end cwhcode code_begin code_end name",
        "keyword": "cwhname",
    },
    columns={"cwhcode": "code", "cwhname": "name"},
)
