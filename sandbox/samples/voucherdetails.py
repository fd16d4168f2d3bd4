"""Lines of vouchers. Guess: that `i_id` is a number."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    currency,
    customer,
    date,
    decimal,
    department,
    flag,
    pick,
    supplier,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    return {
        "i_id": n,
        "date": date(n),
        "ino_id": str(1 + (n - 1) // 2),
        "inid": 1 + (n - 1) % 2,
        "digest": pick(("货款", "运费", ""), n),
        "code": pick(("112201", "600101", "660101"), n),
        "md": decimal(1000 * n, 2) if n % 2 else "0.00",
        "mc": "0.00" if n % 2 else decimal(1000 * n, 2),
        "md_f": decimal(100 * n, 2) if n % 6 == 1 else "",
        "mc_f": decimal(100 * n, 2) if (n - 2) % 6 == 0 else "",
        "nfrat": decimal(70) if n % 6 in {1, 2} else "",
        "nd_s": decimal(10 * n) if n % 4 == 1 else "",
        "nc_s": decimal(10 * n) if (n - 2) % 4 == 0 else "",
        "cexch_name": currency(2)[1] if n % 6 in {1, 2} else "",
        "cdept_id": department(1 + n % 9)[0],
        "cperson_id": clerk(n % 50)[0],
        "ccus_id": customer(n)[0] if n % 2 else "",
        "csup_id": "" if n % 2 else supplier(n)[0],
        "citem_id": f"{1 + n % 9:03d}" if n % 3 == 0 else "",
        "citem_class": "97" if n % 3 == 0 else "",
        "ccashitem": "01" if n % 5 == 0 else "",
        "ccash_md": decimal(1000 * n, 2) if n % 5 == 0 else "",
        "ccash_mc": decimal(1000 * n, 2) if n % 5 == 0 else "",
        "ccash_md_f": decimal(100 * n, 2) if n % 10 == 0 else "",
        "ccash_mc_f": decimal(100 * n, 2) if (n - 5) % 10 == 0 else "",
        "bill": clerk(1 + n % 5)[1],
        "ccheck": approver(n),
        "cbook": approver(n),
        "ccashier": clerk(4)[1] if n % 5 == 0 else "",
        "iflag": flag(n % 13 == 0),
        "bdelete": n % 9 == 0,
        "coutno_id": f"W{n:06d}" if n % 3 == 0 else "",
    }


SAMPLE = Sample(
    title="凭证列表详情",
    row=_row,
    key=("i_id",),
    filters={
        "number": "i_id",
        "date": "date_begin date_end",
        "text": "code_begin code_end coutno_id",
        "boolean": "bdelete",
    },
)
