"""Purchase receipts: the id of the head as a number. Guess: that the list has it."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    date,
    decimal,
    department,
    document,
    flag,
    item,
    lines,
    numbered,
    pick,
    row_number,
    supplier,
    typed,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    vendor_code, vendor_name = supplier(n)
    department_code, department_name = department(1 + n % 9)
    warehouse_code, warehouse_name = warehouse(1 + n % 4)
    return {
        "code": document("RK", n),
        "date": date(n),
        "maker": clerk(1 + n % 5)[1],
        "warehousecode": warehouse_code,
        "warehousename": warehouse_name,
        "vendorcode": vendor_code,
        "vendorabbname": vendor_name[2:4],
        "vendorname": vendor_name,
        "memory": "加急" if n % 7 == 0 else "",
        "receivecode": f"1{n % 4:02d}",
        "receivename": pick(("采购入库", "其他入库", "调拨入库", "盘盈入库"), n),
        "departmentcode": department_code,
        "departmentname": department_name,
        "taxrate": "13.0000",
        **typed(n),
        "purchasetypecode": f"{1 + n % 3:02d}",
        "purchasetypename": pick(("原料", "辅料", "外协"), n),
        "handler": approver(n),
        "bredvouch": flag(n % 8 == 0),
        "id": n,
        "_auditdate": date(n + 1),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_name = unit(1 + m % 6)[1]
    return {
        "id": document("DD", n),
        "inventorycode": item_code,
        "inventoryname": item_name,
        "inventorystd": f"{m}×{i}",
        "quantity": decimal(10 * m, 6),
        "price": decimal(10 * i, 6),
        "cost": decimal(100 * m, 2),
        "ioritaxprice": decimal(13 * m, 2),
        "iorisum": decimal(113 * m, 2),
        "taxprice": decimal(13 * m, 2),
        "isum": decimal(113 * m, 2),
        "ioritaxcost": decimal(11 * i, 6),
        "ioricost": decimal(10 * i, 6),
        "iorimoney": decimal(100 * m, 2),
        "cmassunitname": unit_name,
        "serial": f"B{m:05d}" if m % 2 else "",
        "makedate": date(n),
        "validdate": date(n + 200),
        "assitantunitname": unit_name,
        "irate": decimal(10 * (1 + m % 3), 6),
        "number": decimal(5 * m, 6) if m % 3 == 0 else "",
        "rowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="采购入库单",
    row=_row,
    entry=lines(_line),
    path="purchaseinlist",
    filters={
        "text": (
            "code_begin code_end maker warehousecode warehousename memory "
            "receivecode receivename departmentcode departmentname"
        ),
        "date": "date_begin date_end auditdate_begin auditdate_end",
    },
    columns={"auditdate": "_auditdate"},
)
