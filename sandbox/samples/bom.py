"""Bills of materials: the list has the lines, and numbers beside texts."""

from __future__ import annotations

from sandbox.invented import (
    class_,
    clerk,
    date,
    decimal,
    department,
    flag,
    item,
    numbered,
    pick,
    typed,
    unit,
    warehouse,
)
from sandbox.samples import Row, Sample

_FREE = " ".join(f"free{i}" for i in range(1, 11))


def _row(n: int) -> Row:
    item_code, item_name = item(1 + n % 10)
    return {
        "bomid": n,
        "bomtype": pick("12", n),
        "version": str(10 * (1 + n % 3)),
        "versiondesc": f"版本{1 + n % 3}",
        "versioneffdate": date(n),
        "versionenddate": "2099-12-31" if n % 2 else "",
        "identcode": f"T{n % 3}" if n % 2 == 0 else "",
        "identdesc": f"替代{n % 3}" if n % 2 == 0 else "",
        "parentid": str(10_000 + n),
        "cinvcode": item_code,
        "cinvname": item_name,
        "cinvstd": f"{n}×{n + 1}",
        "cinvccode": class_(1 + n % 10, "CP")[0],
        "cinvcname": class_(1 + n % 10, "CP")[1],
        "parentscrap": decimal(n % 5, 3),
        "status": pick((1, 3, 3, 4), n),
        "createuser": clerk(1 + n % 5)[1],
        "createdate": f"{date(n)} 00:00:00",
        "closeuser": clerk(9)[1] if n % 11 == 0 else "",
        "closedate": date(n + 1) if n % 11 == 0 else "",
        **numbered("free", n, 10),
        **typed(n),
        "entry": [_line(n, i) for i in range(1, 2 + n % 5)],
    }


def _line(n: int, i: int) -> Row:
    m = 5 * n + i
    item_code, item_name = item(1 + m % 10)
    unit_code = unit(1 + m % 6)[0]
    return {
        "opcomponentid": 20_000 + m,
        "sortseq": str(10 * i),
        "opseq": "0000",
        "componentid": str(11_000 + m),
        "effbegdate": date(n),
        "effenddate": "2099-12-31",
        "fvflag": pick("01", m),
        "baseqtyn": m / 4,
        "baseqtyd": 1,
        "compscrap": decimal(m % 5, 3),
        "byproductflag": flag(m % 9 == 0),
        "auxunitcode": unit_code,
        "changerate": decimal(10 * (1 + m % 3), 6),
        "auxbaseqtyn": decimal(5 * m, 6),
        "producttype": pick("123", m),
        "remark": "轻放" if m % 6 == 0 else "",
        "recursiveflag": "0",
        "offset": str(m % 3),
        "wiptype": pick("1234", m),
        "accucostflag": "1",
        "drawdeptcode": department(1 + m % 9)[0],
        "cdepname": department(1 + m % 9)[1],
        "whcode": warehouse(1 + m % 4)[0],
        "cwhname": warehouse(1 + m % 4)[1],
        "optionalflag": flag(m % 9 == 0),
        "mutexrule": pick("1234", m),
        "planfactor": "100.00",
        "costwiprel": "0",
        "dsubflag": flag(m % 8 == 0),
        **typed(m, first=22),
        "bomid": n,
        "cinvcode": item_code,
        "cinvname": item_name,
        "cinvstd": f"{m}×{i}",
        "cinvccode": class_(1 + m % 10, "CP")[0],
        "cinvcname": class_(1 + m % 10, "CP")[1],
        **numbered("free", m, 10),
    }


SAMPLE = Sample(
    title="物料清单",
    row=_row,
    key=("bomid",),
    filters={
        "text": (
            "bomtype version versiondesc identcode identdesc cinvcode cinvname "
            f"cinvstd cinvccode cinvcname status createuser closeuser {_FREE}"
        ),
        "date": "versioneffdate",
    },
)
