"""Customer classes: the vendor's page has JSON numbers where other lists have texts."""

from __future__ import annotations

from sandbox.invented import class_, is_leaf, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = class_(n, "K")
    return {
        "code": code,
        "name": name,
        "rank": 1 + is_leaf(n),
        "end_rank_flag": int(is_leaf(n)),
        "timestamp": float(stamp(n)),
    }


SAMPLE = Sample(
    title="客户分类",
    row=_row,
    filters={
        "text": "code_begin code_end",
        "keyword": "name",
        "number": "timestamp_begin timestamp_end",
    },
)
