"""Persons: texts, keys in three styles, and an object `openbank` in some."""

from __future__ import annotations

from sandbox.invented import clerk, department, flag, pick, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = clerk(n - 1)  # The contacts' clerks begin at 00000.
    department_code, department_name = department(1 + n % 40)
    row: Row = {
        "code": code,
        "name": name,
        "cuser_id": f"user{n}" if n % 3 == 0 else "",
        "cuser_name": name if n % 3 == 0 else "",
        "cdept_num": department_code,
        "cdept_name": department_name,
        "cpsnproperty": pick(("", "业务", "仓管"), n),
        "rsex": pick("12", n),
        "cpsnmobilephone": f"000{n:08d}",
        "cpsnemail": f"person{n}@example.com" if n % 2 else "",
        "cjobcode": f"{1 + n % 9:02d}",
        "vjobname": pick(("采购员", "会计", "仓库主管"), n),
        "cpsnpostaddr": f"虚构省虚构巷{n}号" if n % 4 == 0 else "",
        "rpersontype": "101",
        "rpersontypename": "正式工",
        "rIDType": pick("019", n),
        "vIDNo": f"INVENTED{n:06d}",
        "rEmployState": pick(("10", "20", "30"), n // 50),
        "cpsnqqcode": f"000{n}" if n % 6 == 0 else "",
        "bpsnperson": flag(n % 2),
        "timestamp": stamp(n),
    }
    # Vendor: an object. Seen: a U8+ that does not send it.
    if n % 3 == 0:
        row["openbank"] = {
            "bankaccount": f"0000{n:015d}",
            "bankname": "虚构银行",
            "defaultaccount": "1",
            "cbankname": "虚构银行虚构支行",
            "caname": name,
        }
    return row


SAMPLE = Sample(
    title="人员",
    row=_row,
    filters={
        "text": "code_begin code_end user_id property",
        "keyword": "name",
        "number": "timestamp_begin timestamp_end",
    },
    columns={"user_id": "cuser_id", "property": "cpsnproperty"},
)
