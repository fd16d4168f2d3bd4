"""Customers: texts, no key for what is empty, `ModifyDate` in two spellings."""

from __future__ import annotations

from sandbox.invented import (
    class_,
    clerk,
    company,
    currency,
    day,
    flag,
    known,
    numbered,
    phone,
    pick,
    stamp,
)
from sandbox.samples import Row, Sample

# Those of the two contacts in the vendor's sample.
_VENDORS = {1: ("0111", "云飞电子科技集团"), 2: ("0215", "天津鹏程电子有限公司")}


def _row(n: int) -> Row:
    # The contacts' customers, from 1001 on.
    code, name = _VENDORS.get(n) or (str(998 + n), company(n - 2))
    operator, operator_name = clerk(n % 50)
    row: Row = {
        "code": code,
        "name": name,
        "abbrname": name[:4],
        "sort_code": class_(1 + n % 50, "K")[0],
        "domain_code": class_(1 + n % 50)[0],
        "industry": pick(("制造", "", "零售"), n),
        "address": f"虚构省虚构路{n}号",
        "bank_open": "虚构银行" if n % 3 else "",
        "bank_acc_number": f"0000{n:015d}" if n % 3 else "",
        "contact": clerk(n)[1] if n % 4 else "",
        "phone": phone(n) if n % 4 else "",
        "fax": phone(n) if n % 5 == 0 else "",
        "mobile": f"000{n:08d}" if n % 5 else "",
        "devliver_site": f"虚构省虚构路{n}号后门" if n % 6 == 0 else "",
        # Seen: a key in another case than its page has it.
        "ModifyDate" if n % 2 else "modifydate": day(n),
        "seed_date": day(n + 1),
        "end_date": day(n + 2) if n % 9 == 0 else "",
        "memo": "老客户，月结" if n % 7 == 0 else "",
        "ccusexch_name": currency(1)[1],
        "bcusdomestic": flag(n % 10),
        "bcusoverseas": flag(n % 10 == 0),
        "bserviceattribute": flag(n % 8 == 0),
        "ccusmngtypecode": "999",
        "ccusmngtypename": "普通客户",
        "spec_operator": operator,
        "spec_operator_name": operator_name,
        "timestamp": stamp(n),
        **numbered("self_define", n, 16),
    }
    return known(row)


SAMPLE = Sample(
    title="客户",
    row=_row,
    filters={
        "text": "code_begin code_end",
        "keyword": "name",
        "number": "timestamp_begin timestamp_end",
        "date": "ModifyDate_begin ModifyDate_end seed_date_begin seed_date_end",
    },
)
