"""Purchase requisitions: nearly all in the lines."""

from __future__ import annotations

from sandbox.invented import (
    clerk,
    currency,
    date,
    decimal,
    department,
    document,
    item,
    lines,
    numbered,
    pick,
    row_number,
    state,
    supplier,
    typed,
    unit,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    department_code = department(1 + n % 9)[0]
    person_code = clerk(n % 50)[0]
    return {
        "code": document("QG", n),
        "date": date(n),
        "departmentcode": department_code,
        "personcode": person_code,
        "purchasetypecode": f"{1 + n % 3:02d}",
        "businesstype": pick(("普通采购", "代管采购"), n),
        "maker": clerk(1 + n % 5)[1],
        "memory": "加急" if n % 7 == 0 else "",
        **typed(n),
        "_cvoucherstate": state(n),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code = item(1 + m % 10)[0]
    unit_code = unit(1 + m % 6)[0]
    return {
        "vendorcode": supplier(m)[0],
        "inventorycode": item_code,
        "quantity": decimal(10 * m, 6),
        "price": decimal(10 * i, 6),
        "taxrate": "13.0000",
        "taxprice": decimal(11 * i, 6),
        "money": decimal(100 * m, 2),
        "tax": decimal(13 * m, 2),
        "sum": decimal(113 * m, 2),
        "requiredate": date(n + 6),
        "arrivedate": date(n + 5),
        "item_class": "97",
        "item_code": f"{1 + m % 9:03d}",
        "item_name": f"虚构项目{1 + m % 9}",
        "btaxcost": pick("01", m),
        "num": decimal(5 * m, 6) if m % 3 == 0 else "",
        "unitid": unit_code,
        "deptcodeexec": department(1 + m % 9)[0],
        "personcodeexec": clerk(m % 50)[0],
        "currency_name": currency(1 + n % 3)[1],
        "currency_rate": decimal(10 + n % 3),
        "originalprice": decimal(10 * i, 6),
        "originaltaxedprice": decimal(11 * i, 6),
        "originalmoney": decimal(100 * m, 2),
        "originaltax": decimal(13 * m, 2),
        "originalsum": decimal(113 * m, 2),
        "ivouchrowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="请购单",
    row=_row,
    entry=lines(_line),
    path="purchaserequisitionlist",
    filters={
        "text": (
            "code_begin code_end departmentcode personcode purchasetypecode "
            "businesstype maker memory cvoucherstate"
        ),
        "date": "date_begin date_end",
    },
    columns={"cvoucherstate": "_cvoucherstate"},
)
