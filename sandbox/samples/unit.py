"""Units of measure: `changerate` is no whole number, and empty for a main unit."""

from __future__ import annotations

from sandbox.invented import decimal, flag, stamp, unit
from sandbox.samples import Row, Sample


def _row(n: int) -> Row:
    code, name = unit(n)
    main = n % 5 == 1
    return {
        "code": code,
        "name": name,
        "group_code": f"{1 + (n - 1) // 5:04d}",
        "main_flag": flag(main),
        "changerate": "" if main else decimal(5 * n, 6),
        "timestamp": stamp(n),
    }


SAMPLE = Sample(title="计量单位", row=_row)
