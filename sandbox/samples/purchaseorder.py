"""Purchase orders: no key for what is empty (seen), row numbers that are missing (seen)."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    currency,
    date,
    decimal,
    department,
    document,
    item,
    known,
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
    vendor_code, vendor_name = supplier(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    row: Row = {
        "code": document("CG", n),
        "date": date(n),
        "operation_type_code": pick(("普通采购", "代管采购"), n),
        "state": state(n),
        "purchase_type_code": f"{1 + n % 3:02d}",
        "purchase_type_name": pick(("原料", "辅料", "外协"), n),
        "vendorcode": vendor_code,
        "vendorname": vendor_name,
        "vendorabbname": vendor_name[2:4],
        "deptcode": department_code,
        "deptname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "maker": clerk(1 + n % 5)[1],
        "verifier": approver(n),
        "closer": clerk(9)[1] if n % 11 == 0 else "",
        "currency_name": currency(1 + n % 3)[1],
        "currency_rate": decimal(10 + n % 3),
        "remark": "加急" if n % 7 == 0 else "",
        **typed(n),
        "money": decimal(1000 * n, 2),
        "sum": decimal(1130 * n, 2),
        "receiptstatus": pick("012", n),
    }
    return known(row)


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_code, unit_name = unit(1 + m % 6)
    row: Row = {
        "inventorycode": item_code,
        "inventoryname": item_name,
        "inventorystd": f"{m}×{i}",
        "unitcode": unit_code,
        "unitname": unit_name,
        "quantity": decimal(10 * m, 6),
        "arrivedate": date(n + 5),
        "price": decimal(10 * i, 6),
        "quotedprice": decimal(12 * i, 6),
        "taxprice": decimal(11 * i, 6),
        "money": decimal(100 * m, 2),
        "tax": decimal(13 * m, 2),
        "sum": decimal(113 * m, 2),
        "discount": "0.00",
        "natprice": decimal(10 * i, 6),
        "natmoney": decimal(100 * m, 2),
        "assistantunit": unit_code,
        "nattax": decimal(13 * m, 2),
        "natsum": decimal(113 * m, 2),
        "natdiscount": "0.00",
        "taxrate": "13.0000",
        "rowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }
    return known(row)


SAMPLE = Sample(
    title="采购订单",
    row=_row,
    entry=lines(_line),
    path="purchaseorderlist",
    filters={
        "text": (
            "code_begin code_end state vendorcode vendorname personcode personname "
            "deptcode deptname remark"
        ),
        "date": "date_begin date_end",
    },
)
