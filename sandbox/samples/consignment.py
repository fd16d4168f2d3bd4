"""Delivery notes: names with an underscore in the lines."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    customer,
    date,
    decimal,
    department,
    document,
    item,
    known,
    lines,
    numbered,
    phone,
    pick,
    row_number,
    state,
    typed,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    customer_code, customer_name = customer(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    row: Row = {
        "code": document("FH", n),
        "date": date(n),
        "operation_type": pick(("普通销售", "委托代销"), n),
        "saletype": f"{1 + n % 4:02d}",
        "saletypename": pick(("经销", "直销", "代销", "样品"), n),
        "state": state(n),
        "custcode": customer_code,
        "cusname": customer_name,
        "cusabbname": customer_name[:4],
        "deptcode": department_code,
        "deptname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "cdeliverunit": customer_name,
        "ccontactname": clerk(n)[1],
        "cofficephone": phone(n),
        "cmobilephone": f"000{n:08d}",
        "cdeliveradd": f"虚构省虚构路{n}号",
        "remark": "加急" if n % 7 == 0 else "",
        "maker": clerk(1 + n % 5)[1],
        "verifier": approver(n),
        "closer": clerk(9)[1] if n % 11 == 0 else "",
        **typed(n),
        "_socode": document("SO", n),
    }
    return known(row)


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_code, unit_name = unit(1 + m % 6)
    row: Row = {
        "inventory_code": item_code,
        "inventory_name": item_name,
        "warehouse_code": warehouse(1 + m % 4)[0],
        "warehouse_name": warehouse(1 + m % 4)[1],
        "invstd": f"{m}×{i}",
        "ccomunitcode": unit_code,
        "cinvm_unit": unit_name,
        "quantity": decimal(10 * m, 6),
        "price": decimal(10 * i, 6),
        "quotedprice": decimal(12 * i, 6),
        "taxprice": decimal(11 * i, 6),
        "money": decimal(100 * m, 2),
        "sum": decimal(113 * m, 2),
        "taxrate": "13.0000",
        "tax": decimal(13 * m, 2),
        "natprice": decimal(10 * i, 6),
        "natmoney": decimal(100 * m, 2),
        "nattax": decimal(13 * m, 2),
        "natsum": decimal(113 * m, 2),
        "discount": "0.00",
        "natdiscount": "0.00",
        "discount1": "100.0000",
        "discount2": "100.0000",
        "socode": document("SO", n),
        "batch": f"B{m:05d}" if m % 2 else "",
        "expirationdate": date(n + 199)[:7] if m % 2 else date(n + 199),
        "cmassunit": "月",
        "expirationitem": date(n + 199),
        "dmdate": date(n),
        "overdate": date(n + 200),
        "expiratdatecalcu": pick("012", m),
        "imassdate": "12",
        "item_code": f"{1 + m % 9:03d}",
        "unit_code": unit_code,
        "num": decimal(5 * m, 6) if m % 3 == 0 else "",
        "unitrate": decimal(10 * (1 + m % 3), 6),
        "rowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }
    return known(row)


SAMPLE = Sample(
    title="发货单",
    row=_row,
    entry=lines(_line),
    path="consignmentlist",
    filters={
        "text": (
            "code_begin code_end state custcode cusname personcode personname "
            "deptcode deptname remark socode"
        ),
        "date": "date_begin date_end",
    },
    columns={"socode": "_socode"},
)
