"""Receivables: lines without a number."""

from __future__ import annotations

from sandbox.invented import (
    clerk,
    currency,
    customer,
    date,
    decimal,
    department,
    document,
    flag,
    lines,
    pick,
    state,
    typed,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    customer_code, customer_name = customer(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    return {
        "code": document("YS", n),
        "date": date(n),
        "state": state(n),
        "bdebitcredit": flag(n % 8),
        "cust_vendor_code": customer_code,
        "cusname": customer_name,
        "cusabbname": customer_name[:4],
        "deptcode": department_code,
        "deptname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "amount": decimal(1130 * n, 2),
        "natamount": decimal(1130 * n, 2),
        "digest": pick(("货款", "运费", ""), n),
        **typed(n),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    return {
        "cust_vendor_code": customer(n)[0],
        "cusabbname": customer(n)[1][:4],
        "deptcode": department(1 + m % 9)[0],
        "deptname": department(1 + m % 9)[1],
        "personcode": clerk(m % 50)[0],
        "personname": clerk(m % 50)[1],
        "digest": pick(("货款", "运费"), m),
        "subjectcode": pick(("600101", "660101"), m),
        "currency_name": currency(1 + n % 3)[1],
        "currency_rate": decimal(10 + n % 3),
        "natamount": decimal(113 * m, 2),
        "amount": decimal(113 * m, 2),
        "bdebitcredit": flag(m % 2),
        "item_classcode": "97",
        "item_code": f"{1 + m % 9:03d}",
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="应收单",
    row=_row,
    entry=lines(_line),
    path="oughtreceivelist",
    filters={
        "text": (
            "code_begin code_end state cust_vendor_code cusname personcode "
            "personname deptcode deptname digest"
        ),
        "date": "date_begin date_end",
    },
)
