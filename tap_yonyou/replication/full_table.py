"""FULL_TABLE: asks for everything; with a table version, what did not come is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yonyou.compat import override
from tap_yonyou.replication import Replication

if TYPE_CHECKING:
    from tap_yonyou.replication import DeleteLimit, Outcome


class FullTable(Replication):
    """Emits every row."""

    starts_over = True

    def __init__(self, limit: DeleteLimit, rows_before: int | None, *, deletes: bool) -> None:
        """Compare the number of rows with the last complete read, if the target deletes."""
        self.deletes = deletes
        self._limit = limit
        self._rows_before = rows_before

    @override
    def after_last_page(self, outcome: Outcome) -> tuple[()]:
        if self.deletes and outcome.is_proved:
            self._limit.check((self._rows_before or 0) - outcome.rows, self._rows_before)
        return ()

    @override
    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Remember how many rows the table has, at least: without deletes it only grows."""
        if not outcome.is_proved:
            return {}
        rows = outcome.rows if self.deletes else max(outcome.rows, self._rows_before or 0)
        return {"rows": rows}
