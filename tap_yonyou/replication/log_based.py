"""LOG_BASED: what has changed since the last complete read, found by comparison with it.

U8 keeps no log of changes, and most of its lists have no mark of them. So everything is read, and
what the target holds already is not emitted again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_yonyou.errors import counted
from tap_yonyou.replication.comparison import Comparison
from tap_yonyou.replication.snapshot import Snapshot, fingerprint, new_secret
from tap_yonyou.u8.keys import LostError
from tap_yonyou.u8.values import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_yonyou.replication import Breaker, Outcome, Records
    from tap_yonyou.replication.store import Store
    from tap_yonyou.replication.versions import Versions

_logger = logging.getLogger("tap-yonyou.log_based")

#: How many changed records are held back at the most, so that notes are few.
_HELD: Final = 1000
#: How many keys a note names at the most.
_MOST_NOTED: Final = 10_000


class View(NamedTuple):
    """What is read of a list, and how.

    Attributes:
        key: The fields that identify a record.
        blank: A record without any value but those that all records have alike.
        scope: Which rows are read, in a form for JSON.
        shape: How records are made of them, in a form for JSON.
        data_source: Where they are read, if several are.
    """

    key: Sequence[str]
    blank: Mapping[str, Any]
    scope: Any
    shape: Any
    data_source: int | None = None


class LogBased:
    """Emits what the target does not hold, and for a key that vanished the time of that.

    If a run does not end well, the target may hold what it emitted, or not. So the keys of what is
    going to be emitted are noted first, and the next run takes nothing for granted about them.

    Attributes:
        begins_version: Whether ACTIVATE_VERSION follows a proved read: one of all rows.
    """

    deletes = True

    def __init__(
        self, label: str, store: Store, view: View, versions: Versions, breaker: Breaker
    ) -> None:
        """Begin where the last complete read ended, or with a baseline.

        Args:
            label: What log lines begin with.
            store: Keeps the snapshot.
            view: What is read; another scope begins anew, another shape emits everything again.
            versions: What the records of all data sources carry.
            breaker: How much may be deleted.

        Raises:
            U8Error: The snapshot cannot be reached.
        """
        self.params: Mapping[str, Any] = {}
        self._label = label
        self._store = store
        self._view = view
        self._key_of: Callable[[Any], Any] = itemgetter(*view.key)
        self._breaker = breaker
        self._pass = 0
        self._held: Records = []
        self._unnoted: list[Any] = []
        #: The keys noted since the snapshot, by earlier runs, too; None for all there may be.
        self._noted: dict[Any, None] | None = None
        self._are_all_noted = False
        #: Whether the snapshot has to be written even if no row differs.
        self._is_outdated = True
        self._secret = new_secret()
        self._comparison = Comparison(self._secret, len(view.key))
        is_known = False
        try:
            if (content := store.read()) is not None:
                is_known = self._go_on(Snapshot.decode(content), versions)
        except LostError as error:
            self._warn(f"{error}; every row is written again")
        if not is_known:
            versions.begin_anew(view.data_source, is_first=store.is_first)
        self.version, self.begins_version = versions.current, versions.is_due

    def _go_on(self, before: Snapshot, versions: Versions) -> bool:
        """Take over what the last complete read has left.

        Returns:
            Whether it is known of all rows if the target has them.
        """
        if before.scope != fingerprint(before.secret, self._view.scope):
            # What is not in this scope is not gone.
            versions.spare()
            self._warn(
                "account, data source, filters, parameters, key or table are not those of the last "
                "complete read; every row is written again, and nothing is deleted"
            )
            return True
        comparison = Comparison(before.secret, len(self._view.key))
        comparison.load(before)
        pending = self._store.pending(len(self._view.key))
        if pending is None:
            # Of rows that came and went meanwhile nobody knows; to a new version they are gone.
            comparison.doubt_all()
            self._warn(
                "after the last complete read, much was written of which the target may hold any "
                "part; every row is written again"
            )
        else:
            comparison.doubt(pending)
            self._noted = dict.fromkeys(pending)
        self._is_outdated = pending != []
        if self._store.version != versions.current:
            self._is_outdated = True
            comparison.doubt_all()
            _logger.info(
                "%s: another data source needs a new version; every row is written again",
                self._label,
            )
        if before.shape != fingerprint(before.secret, self._view.shape):
            self._is_outdated = True
            comparison.doubt_all()
            _logger.info(
                "%s: schema, selection or stream maps have changed; every row is written again",
                self._label,
            )
        self._comparison, self._secret = comparison, before.secret
        return pending is not None

    def let_through(self, records: Records, number: int) -> Records:
        """Let those through that the target does not hold; hold them back while they are few."""
        if number != self._pass:
            self._pass = number
            self._comparison.begin_pass()
        keys = [*map(self._key_of, records)]
        places = self._comparison.differing(keys, records)
        for place in places:
            records[place][DELETED_AT] = None
        differing = [records[place] for place in places]
        if self._noted is None:
            if differing and not self._are_all_noted:
                # Another run may begin with the snapshot before this one once more.
                self._store.note(None, self.version)
                self._are_all_noted = True
            return differing
        self._hold(differing, [keys[place] for place in places])
        return self._released() if len(self._held) >= _HELD else []

    def recheck(self) -> None:
        """Ask for nothing: the next run reads everything again."""

    def rest(self, outcome: Outcome) -> Iterator[Records]:
        """Give what was held back, and after a proved read what is gone.

        Raises:
            U8Error: More is gone than may be.
        """
        if outcome.is_proved:
            self._check_deletes(outcome)
            blank = {**self._view.blank, DELETED_AT: datetime.now(UTC).isoformat()}
            gone = self._comparison.gone()
            while keys := [*islice(gone, _HELD)]:
                parts = keys if len(self._view.key) > 1 else zip(keys, strict=True)
                keyed = (dict(zip(self._view.key, part, strict=True)) for part in parts)
                self._hold([{**blank, **key} for key in keyed], keys)
                yield self._released()
        yield self._released()

    def _check_deletes(self, outcome: Outcome) -> None:
        if kept := self._comparison.kept:
            self._breaker._replace(rows_before=kept).check(self._comparison.kept_and_gone)
        if self.begins_version:
            self._breaker.check((self._breaker.rows_before or 0) - outcome.rows)

    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Keep the snapshot of a proved read.

        Raises:
            U8Error: It cannot be written.
        """
        if not outcome.is_proved:
            return {}
        counts = self._comparison.counts()
        if self._is_outdated or counts.new or counts.changed or counts.gone:
            keys, digests = self._comparison.packed()
            snapshot = Snapshot(
                secret=self._secret,
                scope=fingerprint(self._secret, self._view.scope),
                shape=fingerprint(self._secret, self._view.shape),
                keys=keys,
                digests=digests,
            )
            self._store.write(snapshot.encode())
        else:
            self._store.write(None)
        return {"rows": counts.new + counts.changed + counts.unchanged, "version": self.version}

    def told(self, outcome: Outcome) -> str:
        """Say how many rows came, and how they differ from the last complete read."""
        counts = self._comparison.counts()
        parts = ", ".join(f"{number} {name}" for name, number in counts._asdict().items())
        return f"{counted(outcome.rows, 'row')} read: {parts};"

    def _hold(self, records: Records, keys: list[Any]) -> None:
        self._held += records
        if (noted := self._noted) is not None:
            self._unnoted += [key for key in keys if key not in noted]

    def _released(self) -> Records:
        """Give what is held back, once it is noted."""
        if self._unnoted and self._noted is not None:
            self._noted.update(dict.fromkeys(self._unnoted))
            if len(self._noted) > _MOST_NOTED:
                self._noted, self._are_all_noted = None, True
            self._store.note(self._noted)
            self._unnoted, self._is_outdated = [], True
        released, self._held = self._held, []
        return released

    def _warn(self, what: str) -> None:
        _logger.warning("%s: %s", self._label, what)
