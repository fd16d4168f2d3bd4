"""What the records of a table carry, so that a target can tell what is gone: ACTIVATE_VERSION.

All data sources of a stream share one table, and to a target all rows with a version below the one
activated are gone. So a version is activated when every data source has been proved to be complete
with it. With LOG_BASED, rows stay as they are for years: a snapshot is good only together with the
version that its rows carry, and a new version means that all rows come again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL, REPLICATION_LOG_BASED

from tap_yonyou.replication.store import forget, vouches
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where the state notes a version that ACTIVATE_VERSION has still to follow.
_ACTIVATES: Final = "activates"


class Versions:
    """What the records of one stream carry in one run.

    Attributes:
        current: What they carry; None for nothing.
        new: What they may carry instead if all of them come again; None if no version may follow.
        is_due: Whether ACTIVATE_VERSION is to follow `current`.
        has_voided: Whether `to_activate` has voided a snapshot.
    """

    has_voided = False

    def __init__(
        self,
        state: dict[str, Any],
        sources: Sequence[int | None],
        method: str,
        *,
        may_delete: bool,
    ) -> None:
        """Go on with the version there is.

        Args:
            state: The stream's part of the state, kept up to date.
            sources: The data sources that are read; only None if there is a single one.
            method: The replication method.
            may_delete: Whether the target is to learn what is gone.
        """
        self._state = state
        self._sources = sources
        self._is_log_based = method == REPLICATION_LOG_BASED
        self._proved: dict[int | None, int | None] = {}
        known = [one.get(name) for one in self._everything() for name in ("version", _ACTIVATES)]
        newest = max((one for one in known if isinstance(one, int)), default=None)
        self.current: int | None = newest
        self.new: int | None = None
        self.is_due = False
        if may_delete and method != REPLICATION_INCREMENTAL:
            # Seconds, because some targets keep versions in 32 bits.
            self.new = max(int(time.time()), (newest or 0) + 1)
        if self._is_log_based:
            due = state.setdefault(_ACTIVATES, None)
            vouched = [one.get("version") for one in self._peers().values() if vouches(one)]
            if isinstance(due, int):
                self.current, self.is_due = due, self.new is not None
            elif vouched:
                self.current = max((one for one in vouched if isinstance(one, int)), default=None)
        self._before = self.current, self.is_due

    def begin_anew(self, source: int | None, *, is_first: bool) -> None:
        """Have all rows of a data source come; with a new version, what it has left is gone then.

        Args:
            source: Which.
            is_first: Whether it has left nothing: the others can keep their version.
        """
        others = (one for each, one in self._peers().items() if each != source)
        if self.new is not None and not (is_first and any(map(vouches, others))):
            self.current, self.is_due = self.new, True

    def spare(self) -> None:
        """Have no version follow: the table has rows that are not read any more, and not gone."""
        self._state[_ACTIVATES], self.is_due = None, False
        self._before = self.current, False

    def prove(self, source: int | None, version: int | None) -> None:
        """Take note of a data source that was read whole.

        Args:
            source: Which.
            version: What its rows carry.
        """
        self._proved[source] = version
        if self._is_log_based and self.is_due:
            self._state[_ACTIVATES] = self.current
        self._before = self.current, self.is_due

    def fail(self) -> None:
        """Take back the version that a data source began with and was not read whole."""
        self.current, self.is_due = self._before

    def to_activate(self) -> int | None:
        """Say at the end which version to activate; the snapshots of rows that it ends are void.

        Returns:
            The version; None if there is none, or not all was proved.
        """
        wanted = self.new
        if self._is_log_based:
            wanted = self.current if self.is_due else None
            rest = [one for source, one in self._peers().items() if source not in self._sources]
            if any(vouches(one) and one.get("version") != wanted for one in rest):
                # A data source that is not read any more keeps its rows.
                return None
        if wanted is None or self._proved != dict.fromkeys(self._sources, wanted):
            return None
        for one in self._everything():
            if vouches(one) and one.get("version") != wanted:
                forget(one)
                self.has_voided = True
        return wanted

    def activated(self) -> None:
        """Take note that ACTIVATE_VERSION was sent."""
        if _ACTIVATES in self._state:
            self._state[_ACTIVATES] = None

    def _peers(self) -> dict[int | None, dict[str, Any]]:
        """The bookmarks of the data sources, read in this run or not."""
        if self._sources == [None]:
            return {None: self._state}
        return {one["context"].get(DATA_SOURCE): one for one in self._partitions()}

    def _everything(self) -> list[dict[str, Any]]:
        return [self._state, *self._partitions()]

    def _partitions(self) -> list[dict[str, Any]]:
        partitions: list[dict[str, Any]] = self._state.get("partitions", [])
        return partitions
