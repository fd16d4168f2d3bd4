"""Payments: like receipts."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    date,
    decimal,
    department,
    document,
    lines,
    pick,
    supplier,
    typed,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    vendor_code, vendor_name = supplier(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    return {
        "vouchcode": document("FK", n),
        "vouchdate": date(n),
        "vouchtype": "49" if n % 4 == 0 else "48",
        "customercode": vendor_code,
        "customername": vendor_name,
        "customerabbname": vendor_name[2:4],
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
        "checkman": approver(n),
        "operator": clerk(1 + n % 5)[1],
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
        "customercode": supplier(n)[0],
        "customerabbname": supplier(n)[1][2:4],
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
    title="付款单",
    row=_row,
    entry=lines(_line),
    path="paylist",
    key=("vouchcode", "vouchtype"),
    filters={
        "text": (
            "vouchcode_begin vouchcode_end vouchtype vendorcode vendorname "
            "personcode personname departmentcode departmentname digest checkman "
            "operator"
        ),
        "date": "vouchdate_begin vouchdate_end",
    },
    columns={"vendorcode": "customercode", "vendorname": "customername"},
)
