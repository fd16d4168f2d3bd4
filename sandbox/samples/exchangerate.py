"""Exchange rates: numbers beside texts, also in the key. Guess: which is which."""

from __future__ import annotations

from sandbox.invented import currency, decimal, pick
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    month = 1 + n % 12
    return {
        "i_id": n,
        "iyear": 2010 + n // 12,
        "imonth": str(month),
        "cexch_name": currency(2 + n % 9)[1],
        "iperiod": month,
        "itype": pick("23", n),
        "rate": decimal(64 + n, 8),
    }


SAMPLE = Sample(
    title="汇率",
    row=_row,
    key=("i_id",),
    filters={"text": "imonth cexch_name", "number": "i_id iyear iperiod itype rate"},
)
