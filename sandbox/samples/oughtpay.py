"""Payables: a row version `ufts`. Guess: that replies have it, as there is a filter for it."""

from __future__ import annotations

from sandbox.invented import (
    clerk,
    currency,
    date,
    decimal,
    department,
    document,
    flag,
    lines,
    pick,
    stamp,
    state,
    supplier,
    typed,
)
from sandbox.samples import Row, Sample

_DEFINES = " ".join(f"define{i}" for i in range(1, 17))


def _row(n: int) -> Row:
    vendor_code, vendor_name = supplier(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    return {
        "code": document("YF", n),
        "date": date(n),
        "state": state(n),
        "bdebitcredit": flag(n % 8),
        "cust_vendor_code": vendor_code,
        "cusname": vendor_name,
        "cusabbname": vendor_name[2:4],
        "deptcode": department_code,
        "deptname": department_name,
        "subjectcode": pick(("112201", "220201"), n),
        "personcode": person_code,
        "personname": person_name,
        "amount": decimal(1130 * n, 2),
        "natamount": decimal(1130 * n, 2),
        "digest": pick(("货款", "运费", ""), n),
        "item_classcode": pick(("97", "98"), n),
        "item_code": f"{1 + n % 9:03d}",
        "currency_name": currency(1 + n % 3)[1],
        "currency_rate": decimal(10 + n % 3),
        "paycondition_code": f"{1 + n % 3:02d}",
        "operator": clerk(1 + n % 5)[1],
        "flag": flag(n % 2),
        "quantity": decimal(10 * n),
        "startflag": flag(n % 9 == 0),
        "relatevouchercode": document("DD", n) if n % 2 else "",
        **typed(n),
        "ufts": stamp(n),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    return {
        "cust_vendor_code": supplier(n)[0],
        "cusabbname": supplier(n)[1][2:4],
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
    title="应付单",
    row=_row,
    entry=lines(_line),
    path="oughtpaylist",
    filters={
        "text": (
            "code_begin code_end state cust_vendor_code deptcode deptname "
            f"personcode personname item_code digest operator {_DEFINES}"
        ),
        "date": "date_begin date_end",
        "number": "ufts_begin ufts_end",
    },
)
