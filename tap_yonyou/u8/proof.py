"""Was everything read? A proof from what the replies say.

Pages are numbered, so that a row inserted or deleted while they are read shifts the later ones:
a row may be missed or come twice. `row_count`, which every reply names, is the one signal there
is (source: vendor's page).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.errors import counted
from tap_yonyou.u8.keys import hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_yonyou.u8.reply import Reply

#: In how many parts the keys are compared.
_PARTS: Final = 64


class Pass:
    """One reading of all pages.

    It is complete when every reply named the same `row_count` and the pass brought exactly as
    many different keys. Memory: 8 bytes a row.

    Attributes:
        pages: How many replies there were.
        shared_keys: How many rows have the key of another one, though all rows came.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.pages = 0
        self.shared_keys = 0
        self._change = ""
        self._is_counted = True
        self._last_page = 0
        self._named: dict[str, int] = {}
        # Hashes of 64 bits: that two keys of ten million share one is a chance of one in 300,000.
        self._keys = array("q")

    @property
    def rows(self) -> int:
        """How many rows came."""
        return len(self._keys)

    @property
    def is_proved(self) -> bool:
        """Whether every reply named the `row_count`, so that completeness can be told."""
        return self._is_counted and self.pages > 0

    def add_reply(self, reply: Reply, page: int) -> None:
        """Take note of a reply.

        Args:
            reply: A page, perhaps without rows.
            page: Its number.
        """
        self.pages += 1
        rows = len(reply.rows or [])
        self._last_page = self._last_page or reply.pages or 0
        if not rows and page <= self._last_page > 1:
            self._note(f"page {page} of {self._last_page} brought no rows")
        # Past the end a server may count nothing.
        if not rows and page > 1 and not reply.row_count:
            return
        self._is_counted &= reply.row_count is not None
        for name, value in (("row_count", reply.row_count), ("page_count", reply.page_count)):
            if value is not None and (before := self._named.setdefault(name, value)) != value:
                self._note(f"{name} was {before}, then {value}")
        if reply.pages and page < reply.pages and reply.rows_per_page not in {None, rows}:
            self._note(f"page {page} brought {rows} of {reply.rows_per_page} rows")

    def add_rows(self, keys: Sequence[Any]) -> None:
        """Take note of rows.

        Args:
            keys: The key of each.
        """
        self._keys.extend(hashes(keys))

    def change(self) -> str:
        """Compare what came with what was counted, after the last page.

        Returns:
            What showed that the list changed meanwhile; empty if nothing did.
        """
        if not self._change:
            different, row_count = self._different(), self._named.get("row_count")
            if row_count in {None, self.rows}:
                self.shared_keys = self.rows - different
            if row_count is None and different != self.rows:
                self._note(f"{counted(self.rows, 'row')} came, {different} different ones")
            elif row_count is not None and row_count != different:
                were = "was" if row_count == 1 else "were"
                self._note(
                    f"{counted(row_count, 'row')} {were} counted, {different} different ones came"
                )
        return self._change

    def _note(self, change: str) -> None:
        self._change = self._change or change

    def _different(self) -> int:
        # One small set after the other: a set of all of them would take ten times their memory.
        parts = [array("q") for _ in range(_PARTS)]
        for key in self._keys:
            parts[key % _PARTS].append(key)
        return sum(len(set(part)) for part in parts)


class Proof:
    """What the passes of one read tell together."""

    def __init__(self) -> None:
        """No pass is read yet."""
        #: How many rows shared a key in each of the passes, at the least.
        self.shared_keys: int | None = None
        self._rows_came = False
        self._is_in_doubt = False

    def doubt(self, reading: Pass) -> str:
        """Judge a pass by itself and by those before it.

        Args:
            reading: The pass just read.

        Returns:
            Why it does not end the read; empty if it does.
        """
        doubt = reading.change()
        if not doubt and self._rows_came and not reading.rows:
            doubt = "no rows came, after a pass that brought some"
        if not doubt and self._is_in_doubt and not reading.is_proved:
            doubt = (
                "a change was seen, and not every reply names a row_count to prove the next pass"
            )
        before = reading.shared_keys if self.shared_keys is None else self.shared_keys
        self.shared_keys = min(before, reading.shared_keys)
        self._rows_came |= reading.rows > 0
        self._is_in_doubt |= bool(doubt)
        return doubt
