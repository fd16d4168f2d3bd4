"""Sales orders: no key for what is empty (seen), which is the approver of some of the last ones."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    customer,
    date,
    decimal,
    department,
    document,
    flag,
    is_approved,
    item,
    known,
    lines,
    numbered,
    pick,
    row_number,
    state,
    typed,
    unit,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    customer_code, customer_name = customer(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    row: Row = {
        "code": document("SO", n),
        "date": date(n),
        "businesstype": pick(("普通销售", "委托代销"), n),
        "typecode": f"{1 + n % 4:02d}",
        "typename": pick(("经销", "直销", "代销", "样品"), n),
        "state": state(n),
        "custcode": customer_code,
        "cusname": customer_name,
        "cusabbname": customer_name[:4],
        "deptcode": department_code,
        "deptname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "dpremodatebt": date(n + 3),
        "dpredatebt": date(n + 4),
        "sendaddress": f"虚构省虚构路{n}号",
        "ccusperson": clerk(n)[1],
        "ccuspersoncode": clerk(n)[0],
        "caddcode": f"{1 + n % 7:02d}",
        "taxrate": "13.0000",
        "memo": "加急" if n % 7 == 0 else "",
        "maker": clerk(1 + n % 5)[1],
        "verifier": approver(n),
        "closer": clerk(9)[1] if n % 11 == 0 else "",
        **typed(n),
        "money": decimal(1000 * n, 2),
        "sum": decimal(1130 * n, 2),
        "fhstatus": pick("012", n),
        "createsystime": f"{date(n)} 08:{n % 60:02d}:00",
        "verifysystime": f"{date(n)} 17:{n % 60:02d}:00" if is_approved(n) else "",
    }
    return known(row)


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_code, unit_name = unit(1 + m % 6)
    row: Row = {
        "inventorycode": item_code,
        "inventoryname": item_name,
        "invstd": f"{m}×{i}",
        "unitcode": unit_code,
        "unitname": unit_name,
        "unitrate": decimal(10 * (1 + m % 3), 6),
        "quantity": decimal(10 * m, 6),
        "num": decimal(5 * m, 6) if m % 3 == 0 else "",
        "unitprice": decimal(10 * i, 6),
        "quotedprice": decimal(12 * i, 6),
        "taxunitprice": decimal(11 * i, 6),
        "money": decimal(100 * m, 2),
        "sum": decimal(113 * m, 2),
        "discount": "0.00",
        "natdiscount": "0.00",
        "discountrate": "100.0000",
        "discountrate2": "100.0000",
        "natmoney": decimal(100 * m, 2),
        "natunitprice": decimal(10 * i, 6),
        "tax": decimal(13 * m, 2),
        "nattax": decimal(13 * m, 2),
        "natsum": decimal(113 * m, 2),
        "bgift": flag(m % 9 == 0),
        "rowno": row_number(m, i),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }
    return known(row)


SAMPLE = Sample(
    title="销售订单",
    row=_row,
    entry=lines(_line),
    path="saleorderlist",
    filters={
        "text": (
            "code_begin code_end state custcode cusname deptcode deptname personcode personname"
        ),
        "date": (
            "date_begin date_end dpremodatebt_begin dpremodatebt_end "
            "dpredatebt_begin dpredatebt_end"
        ),
    },
)
