"""Stock on hand: quantities as JSON numbers, and a key of thirteen parts, most of them blank."""

from __future__ import annotations

from sandbox.invented import class_, day, item, numbered, warehouse
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    # Ten items a warehouse, each first without a batch, then with one.
    place, in_batch = divmod(n - 1, 2)
    code, name = warehouse(1 + place // 10)
    item_code, item_name = item(1 + place % 10)
    sort_code, sort_name = class_(2 + place % 10, "CP")
    row: Row = {
        "whcode": code,
        "whname": name,
        "invcode": item_code,
        "invname": item_name,
        "invstd": "",
        "invccode": sort_code,
        "invcname": sort_name,
        "qty": (42094 + 10 * n) / 10,
        "stopqty": 0,
        "inqty": n,
        "transinqty": n / 4,
        "inqtysum": n + n / 4,
        "outqty": 0.5,
        "transoutqty": 0,
        "outqtysum": 0.5,
        "disableqty": 0,
        "availqty": (42089 + 10 * n) / 10,
    }
    if in_batch:
        # Vendor: numbers, it says, and yet days and texts.
        row |= {
            **numbered("free", n // 2, 10),
            "batch": f"B{n:05d}",
            "mdate": day(n),
            "vdate": day(n + 1),
            "massdate": 12,
            "massunitname": "月",
            "expirationdate": day(n + 1),
            "expiratdatecalcu": 0,
            **numbered("batchproperty", n // 2, 10),
        }
    elif n % 3 == 0:
        # Guess: blank as well as absent.
        row |= {**dict.fromkeys((f"free{i}" for i in range(1, 11)), ""), "batch": ""}
    else:
        row["invstd"] = f"{n}×{n + 1}"
    return row


SAMPLE = Sample(
    title="现存量",
    row=_row,
    key=("whcode", "invcode", *(f"free{i}" for i in range(1, 11)), "batch"),
    filters={
        "text": "whcode_begin whcode_end invcode_begin invcode_end batch",
        "keyword": "whname invname",
    },
)
