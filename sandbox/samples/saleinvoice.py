"""Sales invoices. Guess: which of the two documented paths, and that get takes the number."""

from __future__ import annotations

from sandbox.invented import (
    clerk,
    currency,
    customer,
    date,
    decimal,
    department,
    document,
    flag,
    item,
    lines,
    numbered,
    phone,
    pick,
    row_number,
    supplier,
    typed,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample

_DEFINES = " ".join(f"define{i}" for i in range(1, 17))


def _row(n: int) -> Row:
    customer_code, customer_name = customer(n)
    department_code, department_name = department(1 + n % 9)
    person_code, person_name = clerk(n % 50)
    return {
        "invoiceno": document("FP", n),
        "vouchertype": pick(("26", "27"), n),
        "saletypecode": f"{1 + n % 4:02d}",
        "date": date(n),
        "departmentcode": department_code,
        "personcode": person_code,
        "customercode": customer_code,
        "payconditioncode": f"{1 + n % 3:02d}",
        "foreigncurrency": currency(1 + n % 3)[1],
        "memory": "加急" if n % 7 == 0 else "",
        "currencyrate": decimal(10 + n % 3),
        "taxrate": "13.0000",
        "isnegative": flag(n % 8 == 0),
        "bankcode": f"{1 + n % 2:03d}",
        "invoiceversion": pick(("专用", "普通"), n),
        "maker": clerk(1 + n % 5)[1],
        "businesstype": pick(("普通销售", "委托代销"), n),
        "isfirst": flag(n % 9 == 0),
        "itemclasscode": pick(("97", "98"), n),
        "itemcode": f"{1 + n % 9:03d}",
        "ispayedfirst": flag(n % 2),
        "customername": customer_name,
        "ccusaccount": f"0000{n:015d}",
        "cbaccount": f"0001{n % 4:015d}",
        "cdeliverunit": customer_name,
        "cdeliveradd": f"虚构省虚构路{n}号",
        "ccontactname": clerk(n)[1],
        "cofficephone": phone(n),
        "cmobilephone": f"000{n:08d}",
        "caddcode": f"{1 + n % 7:02d}",
        "cgatheringplan": f"{1 + n % 2:02d}",
        "dcreditstart": date(n),
        "icreditdays": str(30 * (1 + n % 3)),
        "dgatheringdate": date(n + 20),
        "bcredit": flag(n % 2),
        "csource": pick(("销售订单", "发货单"), n),
        "ccusbank": "虚构银行",
        **typed(n),
        "csaleout": document("XC", n),
        "cdlcode": document("FH", n),
        "csocode": document("SO", n),
        "cstname": pick(("经销", "直销", "代销", "样品"), n),
        "ccusabbname": customer_name[:4],
        "cdepname": department_name,
        "cpersonname": person_name,
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code = item(1 + m % 10)[0]
    unit_code = unit(1 + m % 6)[0]
    return {
        "warehousecode": warehouse(1 + m % 4)[0],
        "inventorycode": item_code,
        "quantity": decimal(10 * m, 6),
        "number": decimal(5 * m, 6) if m % 3 == 0 else "",
        "quotedprice": decimal(12 * i, 6),
        "originalprice": decimal(10 * i, 6),
        "originaltaxedprice": decimal(11 * i, 6),
        "originalmoney": decimal(100 * m, 2),
        "originaltax": decimal(13 * m, 2),
        "originalsum": decimal(113 * m, 2),
        "price": decimal(10 * i, 6),
        "money": decimal(100 * m, 2),
        "tax": decimal(13 * m, 2),
        "sum": decimal(113 * m, 2),
        "assistantunit": unit_code,
        "originaldiscount": "0.00",
        "discount": "0.00",
        "serial": f"B{m:05d}" if m % 2 else "",
        "accountrate1": "100.0000",
        "accountrate2": "100.0000",
        "retailprice": decimal(13 * i, 6),
        "retailmoney": decimal(130 * m, 2),
        "exchangerate": decimal(10 * (1 + m % 3), 6),
        "unitid": unit_code,
        "cmassunit": "月",
        "imassdate": "12",
        "dmdate": date(n),
        "invaliddate": date(n + 200),
        "expirationdate": date(n + 199)[:7] if m % 2 else date(n + 199),
        "expiratdatecalcu": pick("012", m),
        "expirationitem": date(n + 199),
        "cvmivencode": supplier(m)[0],
        "irowno": row_number(m, i),
        "reasoncode": f"{1 + m % 2:02d}",
        "bsaleprice": flag(m % 2),
        "bgift": flag(m % 9 == 0),
        "fcusminprice": decimal(9 * i, 6),
        "icalctype": pick("01", m),
        "fchildqty": decimal(10 * m),
        "fchildrate": decimal(10),
        **numbered("batchproperty", m, 10),
        **numbered("free", m, 10),
        **typed(m, first=22),
    }


SAMPLE = Sample(
    title="销售发票",
    row=_row,
    entry=lines(_line),
    path="saleinvoicelist",
    key=("invoiceno", "vouchertype"),
    filters={
        "text": (
            "invoiceno_begin invoiceno_end ccusname cstname csocode cdlcode "
            "vouchertype saletypecode departmentcode personcode customercode maker "
            f"businesstype itemclasscode itemcode csource {_DEFINES}"
        ),
        "date": "date_begin date_end",
        "boolean": "isnegative isfirst",
    },
    columns={"ccusname": "customername"},
)
