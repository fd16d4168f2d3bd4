"""Vendor classes: as the vendor's other classes have it, in texts. Guess: their `timestamp`."""

from __future__ import annotations

from sandbox.invented import class_, flag, is_leaf, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = class_(n, "G")
    row: Row = {
        "code": code,
        "name": name,
        "rank": str(1 + is_leaf(n)),
        "end_rank_flag": flag(is_leaf(n)),
    }
    return row | ({"timestamp": stamp(n)} if n % 2 else {})


SAMPLE = Sample(title="供应商分类", row=_row)
