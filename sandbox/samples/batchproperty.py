"""Batches: keys of mixed case, decimals of eight places as texts."""

from __future__ import annotations

from sandbox.invented import decimal, item, numbered, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    return {
        "property_guid": f"00000000-0000-4000-8000-{n:012x}",
        "cInvCode": item(1 + n % 10)[0],
        "cBatch": f"B{n:05d}",
        **{
            f"cBatchProperty{i}": decimal(1000 + n, 8) if i == 1 + n % 5 else ""
            for i in range(1, 6)
        },
        **{f"cBatchProperty{i}": "优" if i == 6 + n % 5 else "" for i in range(6, 11)},
        **numbered("cFree", n, 10),
        "pubufts": stamp(n),
    }


SAMPLE = Sample(
    title="批次档案",
    row=_row,
    key=("property_guid",),
    filters={"text": "invCode batch property_guid"},
    columns={"invCode": "cInvCode", "batch": "cBatch"},
)
