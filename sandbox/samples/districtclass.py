"""Districts: the level is called `sort`. Guess: JSON's true and false, seen in other lists."""

from __future__ import annotations

from sandbox.invented import class_, is_leaf
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = class_(n)
    return {"code": code, "name": name, "sort": str(1 + is_leaf(n)), "endflag": is_leaf(n)}


SAMPLE = Sample(title="地区分类", row=_row)
