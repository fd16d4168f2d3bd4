"""Currencies: seldom the `timestamp` that the vendor's page has and its sample lacks."""

from __future__ import annotations

from sandbox.invented import currency, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = currency(n)
    row: Row = {
        "cexch_code": code,
        "cexch_name": name,
        "iotherused": "-1" if n == 1 else "0",
        "bcal": "1",
        "idec": "5",
        "nerror": "0.00001",
    }
    return row | ({"timestamp": stamp(n)} if n % 5 == 0 else {})


SAMPLE = Sample(
    title="币种",
    row=_row,
    key=("cexch_code",),
    filters={
        "text": "cexch_code_begin cexch_code_end cexch_code",
        "keyword": "cexch_name",
        # Vendor: two filters of this one name. Guess: that it is equal.
        "number": "iotherused timestamp",
    },
)
