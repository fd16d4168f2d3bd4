"""What the samples are made of: names, days and numbers that nobody has.

A function of `n` gives the same for the same `n`, so that lists agree with each other:
the customer of a contact is among the customers.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def phone(n: int) -> str:
    """Return a phone number that no network has."""
    return f"000-{n:08d}"


def day(n: int) -> str:
    """Return a day, ``yyyy-MM-dd``."""
    return f"{2015 + n % 10}-{1 + n % 12:02d}-{1 + n % 28:02d}"


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


def stamp(n: int) -> str:
    """Return the row version of row `n`, in no order, ``"562021.5549"`` for row 1.

    Seen: a counter printed as money, four decimals. As texts they would sort wrongly.
    """
    return f"{Decimal(5_620_215_549 - (n - 1) * 61_000_007 % 5_600_000_000) / 10_000:.4f}"


def touch(row: Row, day: str = "") -> None:
    """Do to a row's marks of change what U8 does when it writes the row.

    Args:
        row: its `timestamp` or `pubufts`, text or number, becomes the highest there is.
        day: what its `ModifyDate` becomes, in any case; it stays if this is empty.

    """
    for name, value in row.items():
        if name in {"timestamp", "pubufts"}:
            version = f"{Decimal(next(_VERSIONS)) / 10_000:.4f}"
            row[name] = version if isinstance(value, str) else float(version)
        elif name.lower() == "modifydate" and day:
            row[name] = day
