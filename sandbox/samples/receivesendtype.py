"""Receipt and issue types: all texts, as in the vendor's sample."""

from __future__ import annotations

from sandbox.invented import class_, flag, is_leaf
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = class_(n)
    return {
        "code": code,
        "name": name,
        "sort": str(1 + is_leaf(n)),
        "rsflag": flag(n % 2),
        "end_flag": flag(is_leaf(n)),
    }


SAMPLE = Sample(
    title="收发类别",
    row=_row,
    filters={
        "text": "code_begin code_end",
        "keyword": "name",
        "number": "rsflag",
        "boolean": "end_flag",
    },
)
