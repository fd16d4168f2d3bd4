"""Other stock issues: like the receipts."""

from __future__ import annotations

from sandbox.invented import (
    clerk,
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
    typed,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    department_code, department_name = department(1 + n % 9)
    warehouse_code, warehouse_name = warehouse(1 + n % 4)
    return {
        "code": document("QC", n),
        "date": date(n),
        "maker": clerk(1 + n % 5)[1],
        "warehousecode": warehouse_code,
        "warehousename": warehouse_name,
        "memory": "加急" if n % 7 == 0 else "",
        "receivecode": f"1{n % 4:02d}",
        "receivename": pick(("采购入库", "其他入库", "调拨入库", "盘盈入库"), n),
        "departmentcode": department_code,
        "departmentname": department_name,
        **typed(n),
        "_auditdate": date(n + 1),
        "_state": state(n),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_name = unit(1 + m % 6)[1]
    return {
        "inventorycode": item_code,
        "inventoryname": item_name,
        "inventorystd": f"{m}×{i}",
        "quantity": decimal(10 * m, 6),
        "price": decimal(10 * i, 6),
        "cost": decimal(100 * m, 2),
        "cmassunitname": unit_name,
        "serial": f"B{m:05d}" if m % 2 else "",
        "makedate": date(n),
        "validdate": date(n + 200),
        "rowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="其他出库单",
    row=_row,
    entry=lines(_line),
    path="otheroutlist",
    filters={
        "text": ("code_begin code_end state warehousename maker departmentcode warehousecode"),
        "date": "date_begin date_end auditdate_begin auditdate_end",
    },
    columns={"auditdate": "_auditdate", "state": "_state"},
)
