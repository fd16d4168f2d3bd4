"""Inventory: decimals as texts, keys in lower case, variants in `entry`."""

from __future__ import annotations

from sandbox.invented import (
    class_,
    day,
    decimal,
    flag,
    item,
    known,
    numbered,
    pick,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = item(n)
    sort_code, sort_name = class_(1 + n % 50, "CP")
    group = n % 5
    main, main_name = unit(5 * group + 1)
    other, other_name = unit(5 * group + 2)
    keeper, keeper_name = warehouse(1 + n % 50)
    row: Row = {
        "code": code,
        "name": name,
        "invaddcode": f"SKU{n}" if n % 3 else "",
        "specs": f"{n}×{n + 1}" if n % 4 else "",
        "sort_code": sort_code,
        "sort_name": sort_name,
        "main_measure": main,
        "ccomunitname": main_name,
        **{f"{use}unit_code": other for use in ("pu", "sa", "st")},
        **{f"{use}unit_name": other_name for use in ("pu", "sa", "st")},
        **{f"{use}unit_ichangrate": decimal(125, 6) for use in ("pu", "sa", "st")},
        "unitgroup_code": f"{1 + group:04d}",
        "unitgroup_type": pick("012", n),
        "bbarcode": flag(n % 2),
        "barcode": f"000{n:010d}" if n % 2 else "",
        "ref_sale_price": decimal(10 * n + 9),
        "ref_cost": decimal(42094 + 10 * n),
        "bottom_sale_price": decimal(n),
        "fRetailPrice": decimal(10 * n + 10),
        "bsuitretail": flag(n % 3),
        "start_date": f"{day(n)} 00:00:00.0",
        "end_date": f"{day(n + 2)} 00:00:00.0" if n % 9 == 0 else "",
        # Seen: these two in lower case; another client expects them as documented.
        "modifydate" if n % 5 else "ModifyDate": f"{day(n + 1)} 00:00:00.0",
        "isupplytype" if n % 5 else "iSupplyType": pick("02", n),
        "defwarehouse": keeper,
        "defwarehousename": keeper_name,
        "drawtype": "1" if n % 2 else "",
        "iimptaxrate": "13.000000",
        "tax_rate": pick(("13.000000", "9.000000", "0.000000"), n),
        "sale_flag": flag(n % 10),
        "bexpsale": flag(n % 10 == 0),
        **numbered("self_define", n, 16),
    }
    if n % 3 == 0:
        row["entry"] = [
            {"invcode": code, "partid": str(part), **numbered("free", part, 10)}
            for part in (2 * n, 2 * n + 1)
        ]
    return known(row)


SAMPLE = Sample(
    title="存货",
    row=_row,
    filters={
        "text": "code_begin code_end invaddcode sort_code sort_name",
        "keyword": "name specs",
        "date": "start_date_begin start_date_end modifydate_begin modifydate_end",
        "number": "sale_flag bexpsale",
    },
)
