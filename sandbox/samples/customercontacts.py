"""Customer contacts: two rows of the vendor's sample, then invented ones."""

from __future__ import annotations

from sandbox.invented import NAMES, clerk, company
from sandbox.samples import Row, Sample, rows

# The rows of the vendor's sample reply, as far as they differ from each other.
_VENDORS_ROWS: dict[int, Row] = {
    1: {
        "charge_person": "崔可",
        "code": "00000007",
        "ccusname": "天津鹏程电子有限公司",
        "charge_person_code": "00040",
        "ccuscode": "0215",
        "name": "张天宇",
    },
    2: {
        "charge_person": "师小容",
        "code": "00000012",
        "ccusname": "云飞电子科技集团",
        "charge_person_code": "00023",
        "ccuscode": "0111",
        "name": "阚奇",
    },
}

_DAYS = [f"{1960 + n % 41}-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(500)]
_SEXES = (("不详", ""), ("男", "先生"), ("女", "女士"))
_POSITIONS = ("", "采购经理", "会计", "总经理", "仓库主管")
_FAVORITES = ("", "围棋", "书法", "", "围棋、茶")


def _code(n: int) -> str:
    # Passes through the sample's 7 and 12; the gaps leave room to insert a contact.
    return f"{5 * n + 2:08d}"


def contact(n: int) -> Row:
    """Return contact number `n`, counted from 1; its code grows with `n`.

    Contacts 1 and 2 are the two rows of the vendor's sample. The later ones are
    invented in the same shape: every value a string, ``""`` or an absent key for what
    is not known, `qq` (which the page lists and the sample lacks) in some.
    """
    if n in _VENDORS_ROWS:
        return _BLANK | _VENDORS_ROWS[n]
    customer = n // 3
    clerk_code, clerk_name = clerk(n % 50)
    sex, title = _SEXES[n % 3]
    row: Row = {
        "position": _POSITIONS[n % 5],
        "direct_leader": "" if n % 4 else NAMES[(n - 1) % 120],
        "birthday": _DAYS[n % 500] if n % 3 else "",
        "sex": sex,
        "direct_leader_code": "" if n % 4 else _code(n - 1),
        "charge_person": clerk_name,
        "code": _code(n),
        "ccusname": company(customer),
        "favorite": _FAVORITES[n % 5],
        "mobile_phone": f"000{n:08d}" if n % 5 else "",
        "title": title,
        "default": "1" if n % 3 == 0 else "0",
        "charge_person_code": clerk_code,
        "native": "虚构省" if n % 6 == 0 else "",
        "email": f"contact{n}@example.com" if n % 4 else "",
        "be_main_linker": "1" if n % 2 else "0",
        "ccuscode": str(1000 + customer),
        "name": NAMES[n % 120],
        "wechat": f"invented-{n}" if n % 5 == 1 else "",
        "office_phone": f"000-{n:08d}" if n % 7 else "",
    }
    if n % 4 == 1:
        row["qq"] = f"000{n}"
    if n % 11 == 0:
        del row["wechat"], row["native"]
    return row


def contacts(count: int) -> list[Row]:
    """Return contacts 1 to `count`, ascending by code; the caller may change them."""
    return rows("customercontacts", count)


# What both sample rows share, in the sample's order of keys.
_BLANK: Row = {
    **dict.fromkeys(contact(3), ""),
    "sex": "不详",
    "default": "1",
    "be_main_linker": "1",
}

SAMPLE = Sample(
    title="客户联系人",
    row=contact,
    # Vendor: the page's 21 filters; keywords are those it calls 关键字.
    filters={
        "text": "code_begin code_end ccuscode direct_leader_code charge_person_code"
        " title sex position mobile_phone office_phone qq",
        "keyword": "name ccusname direct_leader charge_person email favorite wechat",
        "boolean": "be_main_linker default",
        "date": "birthday",
    },
)
