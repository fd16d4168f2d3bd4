"""Sales issues: a row for each line, which repeats the head."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    customer,
    date,
    decimal,
    department,
    document,
    is_approved,
    item,
    known,
    numbered,
    pick,
    stamp,
    typed,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    # Three lines a document.
    d, i = 1 + (n - 1) // 3, 1 + (n - 1) % 3
    item_code, _ = item(1 + n % 10)
    unit_code, unit_name = unit(1 + n % 6)
    customer_code, customer_name = customer(d)
    department_code, department_name = department(1 + d % 9)
    person_code, person_name = clerk(d % 50)
    warehouse_code, warehouse_name = warehouse(1 + d % 4)
    row: Row = {
        "businesstype": pick(("普通销售", "委托代销"), d),
        "warehousecode": warehouse_code,
        "warehousename": warehouse_name,
        "date": date(d),
        "code": document("XC", d),
        "receivecode": f"2{d % 4:02d}",
        "receivename": pick(("销售出库", "其他出库", "调拨出库", "盘亏出库"), d),
        "departmentcode": department_code,
        "departmentname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "saletypecode": f"{1 + d % 4:02d}",
        "saletypename": pick(("经销", "直销", "代销", "样品"), d),
        "customercode": customer_code,
        "customername": customer_name,
        "arrivedate": date(d + 2),
        "handler": approver(d),
        "memory": "加急" if d % 7 == 0 else "",
        "maker": clerk(1 + d % 5)[1],
        "auditdate": date(d + 1) if is_approved(d) else "",
        **typed(d),
        "barcode": f"69{n:011d}",
        "inventorycode": item_code,
        "shouldquantity": decimal(10 * n + 10, 6),
        "shouldnumber": decimal(5 * n, 6) if n % 3 == 0 else "",
        "quantity": decimal(10 * n, 6),
        "cmassunitname": unit_name,
        "assitantunit": unit_code,
        "assitantunitname": unit_name,
        "irate": decimal(10 * (1 + n % 3), 6),
        "number": decimal(5 * n, 6) if n % 3 == 0 else "",
        "price": decimal(10 * i, 6),
        "cost": decimal(100 * n, 2),
        "subconsignmentid": 40_000 + n,
        "rowno": str(i),
        "subconsignmentcode": document("FH", d),
        "suborderid": 50_000 + n,
        "subordercode": document("SO", d) if n % 4 else "",
        "orderrowno": i,
        **numbered("free", n, 10),
        **typed(n, first=22),
        "_timestamp": stamp(n),
    }
    return known(row)


SAMPLE = Sample(
    title="销售出库单",
    row=_row,
    key=("code", "rowno"),
    filters={
        "date": "date_begin date_end",
        "number": "timestamp_begin timestamp_end",
    },
    columns={"timestamp": "_timestamp"},
)
