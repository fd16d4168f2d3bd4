"""What the samples are made of: names, days and numbers that nobody has.

A function of `n` gives the same for the same `n`, so that lists agree with each other:
the customer of a contact is among the customers.
"""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.filters import Row

T = TypeVar("T")

# The cyclic signs the Chinese count with (first, second, third …): nobody's real name.
STEMS = "甲乙丙丁戊己庚辛壬癸"
SIGNS = [f"{stem}{branch}" for branch in "子丑寅卯辰巳午未申酉戌亥" for stem in STEMS]
NAMES = ["某".join(sign) for sign in SIGNS]

# Later than any row version that a sample has: the counter of a U8's database.
_VERSIONS = itertools.count(9_000_000_001)


def pick(choices: Sequence[T], n: int) -> T:
    """Return one of `choices`, in turn."""
    return choices[n % len(choices)]


def company(n: int) -> str:
    """Return the name of a company that buys."""
    return f"虚构{pick(SIGNS, n)}贸易有限公司"


def clerk(n: int) -> tuple[str, str]:
    """Return code and name of person `n`."""
    return f"{n:05d}", f"{pick(STEMS, n)}某"


def department(n: int) -> tuple[str, str]:
    """Return code and name of a department."""
    return f"{n:04d}", f"{pick(SIGNS, n)}部"


def warehouse(n: int) -> tuple[str, str]:
    """Return code and name of a warehouse."""
    return f"{n:04d}", f"{pick(SIGNS, n)}库"


def unit(n: int) -> tuple[str, str]:
    """Return code and name of a unit of measure."""
    return f"{n:04d}", pick(("个", "箱", "千克", "米", "套", "打"), n)


def item(n: int) -> tuple[str, str]:
    """Return code and name of an item."""
    return f"LJ{n:06d}", f"虚构{pick(SIGNS, n)}零件"


def class_(n: int, letters: str = "") -> tuple[str, str]:
    """Return code and name of a class; seen: codes with letters."""
    return f"{letters}{n:04d}", f"{pick(SIGNS, n)}类"


def is_leaf(n: int) -> bool:
    """Tell whether class or department `n` has none below it; it is on level 2 then, or 1."""
    return n % 5 != 1


def currency(n: int) -> tuple[str, str]:
    """Return code and name of a currency, the first is the home currency."""
    return ("RMB", "人民币") if n == 1 else (f"X{n:04d}", f"虚构{pick(SIGNS, n)}元")


def customer(n: int) -> tuple[str, str]:
    """Return code and name of a customer that is in the list of customers."""
    return str(1001 + n % 50), company(1 + n % 50)


def supplier(n: int) -> tuple[str, str]:
    """Return code and name of a vendor that is in the list of vendors."""
    number = 1 + n % 50
    return f"G{number:05d}", f"虚构{pick(SIGNS, number)}制造厂"


def phone(n: int) -> str:
    """Return a phone number that no network has."""
    return f"000-{n:08d}"


def day(n: int) -> str:
    """Return a day, ``yyyy-MM-dd``."""
    return f"{2015 + n % 10}-{1 + n % 12:02d}-{1 + n % 28:02d}"


def date(n: int) -> str:
    """Return the day of document `n`: 225 documents take the year 2024."""
    return f"{dt.date(2024, 1, 1) + dt.timedelta(days=(n - 1) * 365 // 225)}"


def document(letters: str, n: int) -> str:
    """Return the number of document `n`, ``"SO20240100001"`` for 1: they ascend."""
    return f"{letters}{date(n)[:7].replace('-', '')}{n:05d}"


def lines(make: Callable[[int, int], Row]) -> Callable[[str], list[Row]]:
    """Return what makes the one to five lines of a document, by its number."""

    def of(code: str) -> list[Row]:
        digits = "".join(sign for sign in code if sign in "0123456789")
        n = int(digits[-5:] or 0)
        return [make(n, i) for i in range(1, 2 + n % 5)]

    return of


def is_approved(n: int) -> bool:
    """Tell whether document `n` is; of 225, some of the last are not."""
    return n % 3 != 0 or n % 225 not in range(201, 225)


def approver(n: int) -> str:
    """Return who approved document `n`, or nothing."""
    return clerk(6 + n % 3)[1] if is_approved(n) else ""


def state(n: int) -> str:
    """Return the state of document `n`; seen: a Chinese word. Guess: which."""
    return pick(("审核", "审核", "关闭"), n) if is_approved(n) else "开立"


def row_number(m: int, i: int) -> str:
    """Return the number of row `i`; seen: nothing, in some rows."""
    return "" if m % 10 == 0 else str(i)


def decimal(n: int, places: int = 4) -> str:
    """Return a number as U8 prints it, with all its places: ``"4210.4000"`` for 42104."""
    return f"{Decimal(n) / 10:.{places}f}"


def flag(yes: object) -> str:
    """Return yes or no as most lists have it."""
    return "1" if yes else "0"


def known(row: Row) -> Row:
    """Return a row without the keys of what is empty, as some lists have it."""
    return {name: value for name, value in row.items() if value != ""}


def numbered(name: str, n: int, count: int) -> Row:
    """Return the fields `name` 1 to `count`, all empty but for one."""
    return {f"{name}{i}": f"自定义{n}" if i == 1 + n % count else "" for i in range(1, count + 1)}


def typed(n: int, first: int = 1) -> Row:
    """Return the 16 fields ``define`` from `first` on, all empty but for one.

    Vendor: 4 and 6 are dates of a document, 5, 7, 15 and 16 numbers; 36 and 37 dates of a line,
    26, 27, 34 and 35 numbers.
    """
    row: Row = {}
    for i in range(first, first + 16):
        filled = i == first + n % 16
        value: object = f"自定义{n}"
        if i in {4, 6, 36, 37}:
            value = date(n)
        elif i in {5, 7, 15, 16, 26, 27, 34, 35}:
            value = decimal(n)
        row[f"define{i}"] = value if filled else ""
    return row


def stamp(n: int) -> str:
    """Return the row version of row `n`, in no order, ``"562021.5549"`` for row 1.

    Seen: a counter printed as money, four decimals. As texts they would sort wrongly.
    """
    return f"{Decimal(5_620_215_549 - (n - 1) * 61_000_007 % 5_600_000_000) / 10_000:.4f}"


def touch(row: Row, day: str = "") -> None:
    """Do to a row's marks of change what U8 does when it writes the row.

    Args:
        row: its `timestamp`, `pubufts` or `ufts`, text or number, becomes the highest there is.
        day: what its `ModifyDate` becomes, in any case; it stays if this is empty.

    """
    for name, value in row.items():
        if name in {"timestamp", "pubufts", "ufts"}:
            version = f"{Decimal(next(_VERSIONS)) / 10_000:.4f}"
            row[name] = version if isinstance(value, str) else float(version)
        elif name.lower() == "modifydate" and day:
            row[name] = day
