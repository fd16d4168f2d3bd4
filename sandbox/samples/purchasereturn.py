"""Purchase returns: as replies have shown them."""

from __future__ import annotations

from sandbox.invented import (
    approver,
    class_,
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
    state,
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
        "code": document("TH", n),
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
        "cexch_code": currency(1 + n % 3)[0],
        "foreigncurrencyrate": decimal(10 + n % 3),
        "memory": "加急" if n % 7 == 0 else "",
        "businesstype": pick(("普通采购", "代管采购"), n),
        "maker": clerk(1 + n % 5)[1],
        "ccloser": clerk(9)[1] if n % 11 == 0 else "",
        "idiscounttaxtype": pick("01", n),
        "shipcode": f"{1 + n % 2:02d}",
        "shipname": pick(("公路", "铁路"), n),
        "billtype": "1",
        "cvouchtype": "26",
        "cmodifydate": date(n + 1),
        "creviser": clerk(1 + n % 5)[1],
        "cauditdate": date(n + 1) if is_approved(n) else "",
        "cverifier": approver(n),
        "cvenpuomprotocol": f"{1 + n % 2:02d}",
        "cvenpuomprotocolname": pick(("货到付款", "预付"), n),
        "csysbarcode": f"||PU{n:08d}",
        **typed(n),
        "date": date(n),
        "state": state(n),
        "iverifystateex": "终审通过" if is_approved(n) else "未审批",
        "originalmoney": decimal(1000 * n, 2),
        "originaltax": decimal(130 * n, 2),
        "originalsum": decimal(1130 * n, 2),
        "money": decimal(1000 * n, 2),
        "tax": decimal(130 * n, 2),
        "sum": decimal(1130 * n, 2),
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_code, unit_name = unit(1 + m % 6)
    return {
        "warehousecode": warehouse(1 + m % 4)[0],
        "warehousename": warehouse(1 + m % 4)[1],
        "inventorycode": item_code,
        "inventoryaddcode": f"A{m:06d}",
        "inventoryname": item_name,
        "inventorystd": f"{m}×{i}",
        "inventoryclasscode": class_(1 + m % 10, "CP")[0],
        "unitid": unit_code,
        "ccomunitcode": unit_code,
        "cinvm_unit": unit_name,
        "cinva_unit": unit_name,
        "iinvexchrate": decimal(10 * (1 + m % 3), 6),
        "serial": f"B{m:05d}" if m % 2 else "",
        "closer": clerk(9)[1] if m % 11 == 0 else "",
        "originaltaxedprice": decimal(11 * i, 6),
        "quantity": decimal(10 * m, 6),
        "number": decimal(5 * m, 6) if m % 3 == 0 else "",
        "originalprice": decimal(10 * i, 6),
        "originalmoney": decimal(100 * m, 2),
        "originaltax": decimal(13 * m, 2),
        "originalsum": decimal(113 * m, 2),
        "price": decimal(10 * i, 6),
        "money": decimal(100 * m, 2),
        "tax": decimal(13 * m, 2),
        "sum": decimal(113 * m, 2),
        "cbcloser": clerk(9)[1] if m % 11 == 0 else "",
        "taxrate": "13.0000",
        "iposid": 30_000 + m,
        "cordercode": document("CG", n),
        "vouchstate": pick("01", m),
        "ivouchrowno": row_number(m, i),
        "cbmemo": "轻放" if m % 6 == 0 else "",
        "cbsysbarcode": f"||PU{n:08d}|{i}",
        **numbered("free", m, 10),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="采购退货单",
    row=_row,
    entry=lines(_line),
    path="purchasereturnlist",
    filters={
        "text": "code_begin code_end",
        "date": "date_begin date_end",
    },
)
