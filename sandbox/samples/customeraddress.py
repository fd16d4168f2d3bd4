"""Customer addresses. Guess: all but the names of the fields."""

from __future__ import annotations

from sandbox.invented import clerk, company
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    customer = n // 3
    row: Row = {
        "id": f"{n:08d}",
        "caddcode": f"{1 + n % 3:02d}",
        "cdeliveradd": f"虚构省虚构路{n}号",
        "cenglishadd": f"{n} Invented Road",
        "cenglishadd2": "Building 1" if n % 2 else "",
        "cenglishadd3": "Invented City" if n % 3 else "",
        "cenglishadd4": "China" if n % 4 else "",
        "cdeliverunit": company(customer),
        "bdefault": n % 3 == 0,
        "ccuscode": str(1000 + customer),
        "ccusname": company(customer),
    }
    if n % 5:
        row["clinkpersoncode"], row["clinkpersonname"] = clerk(n)
    return row


SAMPLE = Sample(title="客户地址", row=_row, key=("id",))
