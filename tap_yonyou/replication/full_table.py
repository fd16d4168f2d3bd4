"""FULL_TABLE: asks for everything; with a table version, what did not come is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yonyou.errors import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_yonyou.replication import DeleteLimit, Outcome, Records
    from tap_yonyou.replication.versions import Version
    from tap_yonyou.u8.reader import Page


class FullTable:
    """Emits every row."""

    starts_over = True
    is_resumed = False

    def __init__(self, limit: DeleteLimit, rows_before: int | None, *, deletes: bool) -> None:
        """Compare the number of rows with the last complete read, if the target deletes."""
        self.params: Mapping[str, Any] = {}
        self.deletes = deletes
        self._limit = limit
        self._rows_before = rows_before

    def begin(self, version: Version) -> None:
        """Do nothing: the stream remembers the version."""

    def to_emit(self, page: Page) -> Records:
        """Give all records."""
        return page.records

    def recheck(self) -> None:
        """Ask for nothing: the next run reads everything again."""

    def after_last_page(self, outcome: Outcome) -> tuple[()]:
        """Emit nothing, but compare the number of rows."""
        if self.deletes and outcome.is_proved:
            self._limit.check((self._rows_before or 0) - outcome.rows, self._rows_before)
        return ()

    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Remember how many rows the table has, at least: without deletes it only grows."""
        if not outcome.is_proved:
            return {}
        rows = outcome.rows if self.deletes else max(outcome.rows, self._rows_before or 0)
        return {"rows": rows}

    def summary(self, outcome: Outcome) -> str:
        """Count the rows."""
        return counted(outcome.rows, "row") + ","
