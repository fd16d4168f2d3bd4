"""Departments: texts; one that was closed stays in the list."""

from __future__ import annotations

from sandbox.invented import clerk, day, department, flag, is_leaf, stamp
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = department(n)
    manager, manager_name = clerk(n % 50)
    leader, leader_name = clerk((n + 1) % 50)
    row: Row = {
        "code": code,
        "name": name,
        "endflag": flag(is_leaf(n)),
        "rank": str(1 + is_leaf(n)),
        "manager": manager,
        "managername": manager_name,
        "cdepleader": leader if n % 4 == 0 else "",
        "cdepleadername": leader_name if n % 4 == 0 else "",
        "remark": "临时机构" if n % 7 == 0 else "",
        "timestamp": stamp(n),
    }
    return row | ({"ddependdate": day(n)} if n % 9 == 0 else {})


SAMPLE = Sample(title="部门", row=_row)
