"""Vendors: texts, `""` for what is empty, a time in the one date."""

from __future__ import annotations

from sandbox.invented import SIGNS, class_, clerk, day, numbered, phone, pick, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    sign = pick(SIGNS, n)
    return {
        "code": f"G{n:05d}",
        "name": f"虚构{sign}制造厂",
        "abbrname": f"{sign}厂",
        "sort_code": class_(1 + n % 50, "G")[0],
        "industry": pick(("机械", "", "化工"), n),
        "address": f"虚构省虚构街{n}号",
        "bank_open": "虚构银行" if n % 3 else "",
        "bank_acc_number": f"0000{n:015d}" if n % 3 else "",
        "phone": phone(n) if n % 4 else "",
        "fax": phone(n) if n % 5 == 0 else "",
        "email": f"vendor{n}@example.com" if n % 2 else "",
        "contact": clerk(n)[1],
        "mobile": f"000{n:08d}" if n % 5 else "",
        "receive_site": f"虚构省虚构街{n}号仓库" if n % 6 == 0 else "",
        # Seen: how a client reads it.
        "end_date": f"{day(n)} 00:00:00" if n % 9 == 0 else "",
        "memo": "季度对账" if n % 7 == 0 else "",
        "timestamp": stamp(n),
        **numbered("self_define", n, 16),
    }


SAMPLE = Sample(
    title="供应商",
    row=_row,
    filters={
        "text": "code_begin code_end",
        "keyword": "name",
        "number": "timestamp_begin timestamp_end",
    },
)
