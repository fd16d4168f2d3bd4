"""Purchase arrival notes: filters about columns that no reply shows."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    clerk,
    currency,
    date,
    decimal,
    department,
    document,
    is_approved,
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
    person_code, person_name = clerk(n % 50)
    return {
        "date": date(n),
        "code": document("DH", n),
        "purchasetypecode": f"{1 + n % 3:02d}",
        "purchasetypename": pick(("原料", "辅料", "外协"), n),
        "vendorcode": vendor_code,
        "vendorabbname": vendor_name[2:4],
        "vendorname": vendor_name,
        "departmentcode": department_code,
        "departmentname": department_name,
        "personcode": person_code,
        "personname": person_name,
        "payconditioncode": f"{1 + n % 3:02d}",
        "payconditionname": pick(("现结", "月结", "季结"), n),
        "foreigncurrency": currency(1 + n % 3)[1],
        "foreigncurrencyrate": decimal(10 + n % 3),
        "memory": "加急" if n % 7 == 0 else "",
        "businesstype": pick(("普通采购", "代管采购"), n),
        "maker": clerk(1 + n % 5)[1],
        "ccloser": clerk(9)[1] if n % 11 == 0 else "",
        "idiscounttaxtype": pick("01", n),
        **typed(n),
        "shipcode": f"{1 + n % 2:02d}",
        "cvenpuomprotocol": f"{1 + n % 2:02d}",
        "_shipname": pick(("公路", "铁路"), n),
        "_cverifier": approver(n),
        "_cauditdate": date(n + 1) if is_approved(n) else "",
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code = item(1 + m % 10)[0]
    unit_name = unit(1 + m % 6)[1]
    return {
        "warehousecode": warehouse(1 + m % 4)[0],
        "inventorycode": item_code,
        "cinva_unit": unit_name,
        "iinvexchrate": decimal(10 * (1 + m % 3), 6),
        "serial": f"B{m:05d}" if m % 2 else "",
        "originaltaxedprice": decimal(11 * i, 6),
        "quantity": decimal(10 * m, 6),
        "number": decimal(5 * m, 6) if m % 3 == 0 else "",
        "taxrate": "13.0000",
        "originalprice": decimal(10 * i, 6),
        "originalmoney": decimal(100 * m, 2),
        "originaltax": decimal(13 * m, 2),
        "originalsum": decimal(113 * m, 2),
        "price": decimal(10 * i, 6),
        "money": decimal(100 * m, 2),
        "tax": decimal(13 * m, 2),
        "sum": decimal(113 * m, 2),
        "ivouchrowno": row_number(m, i),
        "cbmemo": "轻放" if m % 6 == 0 else "",
        **numbered("free", m, 10),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="采购到货单",
    row=_row,
    entry=lines(_line),
    path="purchasereceiptlist",
    filters={
        "text": (
            "code_begin code_end purchasetypecode purchasetypename vendorcode "
            "vendorabbname vendorname departmentcode departmentname personcode "
            "personname payconditioncode payconditionname foreigncurrency memory "
            "businesstype maker ccloser shipcode shipname cverifier"
        ),
        "date": "date_begin date_end cauditdate_begin cauditdate_end cauditdate",
    },
    columns={"shipname": "_shipname", "cverifier": "_cverifier", "cauditdate": "_cauditdate"},
)
