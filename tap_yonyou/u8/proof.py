"""Was everything read? A proof from what the replies say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yonyou.errors import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_yonyou.u8.pages import U8Paginator


class Pass:
    """The rows that one reading of all pages brought.

    It is complete if every reply reported the same `row_count`, and exactly as many different keys
    came.
    """

    def __init__(self, pages: U8Paginator) -> None:
        """Begin with no rows."""
        self.rows = 0
        self.keys: set[Any] = set()
        self.lines: set[Any] | None = None  # the keys of lines, if rows hold lines
        self._pages = pages

    @property
    def is_proved(self) -> bool:
        """Whether every reply reported the `row_count`, which nothing contradicted."""
        return self._pages.is_counted

    @property
    def shared_keys(self) -> int:
        """How many rows have the key of another row, if all rows came."""
        return self.rows - len(self.keys) if self._pages.row_count in {None, self.rows} else 0

    def add(self, keys: Sequence[Any]) -> None:
        """Count the rows of a page."""
        self.rows += len(keys)
        self.keys.update(keys)

    def change(self) -> str:
        """Say after the last page what shows that the list changed; empty if nothing does."""
        expected, different = self._pages.row_count, len(self.keys)
        if self._pages.change or different == (self.rows if expected is None else expected):
            return self._pages.change
        if expected is None:
            return f"{counted(self.rows, 'row')} came, {different} different ones"
        were = "was" if expected == 1 else "were"
        return f"{counted(expected, 'row')} {were} counted, {different} different ones came"


class Proof:
    """What the passes of one read prove together."""

    def __init__(self) -> None:
        """Begin with no passes."""
        #: How many rows shared a key in each of the passes, at least.
        self.shared_keys: int | None = None
        self._rows_came = False
        self._is_in_doubt = False

    def doubt(self, reading: Pass) -> str:
        """Say why a pass does not end the read; empty if it does."""
        doubt = reading.change()
        if not doubt and self._rows_came and not reading.rows:
            doubt = "no rows came, after a pass that brought some"
        if not doubt and self._is_in_doubt and not reading.is_proved:
            doubt = "a change was seen, and without row_count the next pass proves nothing"
        before = reading.shared_keys if self.shared_keys is None else self.shared_keys
        self.shared_keys = min(before, reading.shared_keys)
        self._rows_came |= reading.rows > 0
        self._is_in_doubt |= bool(doubt)
        return doubt
