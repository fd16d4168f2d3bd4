"""Sales returns: like delivery notes."""

from __future__ import annotations

from sandbox.invented import (
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
        "code": document("XT", n),
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
        "remark": "加急" if n % 7 == 0 else "",
        **typed(n),
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
        "reasoncode": f"{1 + m % 2:02d}",
        "reasonname": pick(("破损", "错发"), m),
        "rowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }
    return known(row)


SAMPLE = Sample(
    title="销售退货单",
    row=_row,
    entry=lines(_line),
    path="returnorderlist",
    filters={
        "text": (
            "code_begin code_end operation_type saletype saletypename state "
            "custcode cusname cusabbname deptcode deptname personcode personname "
            "remark"
        ),
        "date": "date_begin date_end",
    },
)
