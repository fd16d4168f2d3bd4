"""Receipts: a key of two parts, bank accounts, lines without a number."""

from __future__ import annotations

from sandbox.invented import (
    clerk,
    customer,
    date,
    decimal,
    department,
    document,
    lines,
    pick,
    typed,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    customer_code, customer_name = customer(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    return {
        "vouchcode": document("SK", n),
        "vouchdate": date(n),
        "vouchtype": "49" if n % 4 == 0 else "48",
        "customercode": customer_code,
        "customername": customer_name,
        "customerabbname": customer_name[:4],
        "departmentcode": department_code,
        "departmentname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "amount": decimal(1130 * n, 2),
        "originalamount": decimal(1130 * n, 2),
        "digest": pick(("货款", "运费", ""), n),
        "balancecode": f"{1 + n % 3:02d}",
        "balancename": pick(("现金", "转账", "汇票"), n),
        "balanceitemcode": pick(("1001", "100201"), n),
        "itemclasscode": pick(("97", "98"), n),
        "itemcode": f"{1 + n % 9:03d}",
        "itemname": f"虚构项目{1 + n % 9}",
        "oppositebankname": "虚构银行" if n % 3 else "",
        "oppositebankcode": f"0000{n:015d}" if n % 3 else "",
        "bankname": "虚构银行",
        "bankaccount": f"0001{n % 4:015d}",
        **typed(n),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    return {
        "type": pick("012", m),
        "customercode": customer(n)[0],
        "customerabbname": customer(n)[1][:4],
        "departmentcode": department(1 + m % 9)[0],
        "departmentname": department(1 + m % 9)[1],
        "personcode": clerk(m % 50)[0],
        "personname": clerk(m % 50)[1],
        "digest": pick(("货款", "运费"), m),
        "project": f"{1 + m % 9:03d}",
        "projectclass": "97",
        "itemcode": pick(("112201", "220201"), m),
        "itemname": f"虚构项目{1 + m % 9}",
        "amount": decimal(113 * m, 2),
        "originalamount": decimal(113 * m, 2),
        "iamt_s": decimal(10 * m),
        "iramt_s": decimal(5 * m),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="收款单",
    row=_row,
    entry=lines(_line),
    path="acceptlist",
    key=("vouchcode", "vouchtype"),
    filters={
        "text": (
            "vouchcode_begin vouchcode_end vouchtype customercode customername "
            "personcode personname departmentcode departmentname digest"
        ),
        "date": "vouchdate_begin vouchdate_end",
    },
)
