"""LOG_BASED: what has changed since the last complete read, found by comparison with it.

U8 keeps no log of changes, and most of its lists have no mark of them. So everything is read, and
what the target holds already is not emitted again.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from tap_yonyou.compat import override
from tap_yonyou.errors import counted
from tap_yonyou.replication import DELETED_AT, Counts, DeleteLimit, Outcome, Records, Replication
from tap_yonyou.replication.comparison import Comparison
from tap_yonyou.replication.snapshot import (
    DIGEST_BYTES,
    LostError,
    Snapshot,
    fingerprint,
    new_secret,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_yonyou.replication.store import Store
    from tap_yonyou.replication.versions import Version
    from tap_yonyou.u8.reader import Page

_logger = logging.getLogger("tap-yonyou.log_based")

#: How many changed records are held back, so that a read that fails early has written nothing.
_HELD: Final = 10_000
#: How many deletions are emitted at once.
_BATCH: Final = 1000


class Basis(NamedTuple):
    """What a snapshot rests on: which rows are read, and how; in a form for JSON."""

    #: The fields that identify a record.
    key: Sequence[str]
    #: How many fields a record has, not counting new ones and the mark.
    width: int
    #: A record whose fields are null, but for those that all records share.
    blank: Mapping[str, Any]
    #: Whether the record of a deletion leaves out what is null, so that the target keeps it.
    keeps_deleted: bool
    #: Which rows are read, by the name of what decides it.
    scope: Mapping[str, Any]
    #: How records are made of them.
    shape: Any

    def deletions(self, keys: Iterable[Sequence[Any]], *, is_blank: bool = False) -> Records:
        """Make the record of a deletion for each key."""
        fields = {
            name: value
            for name, value in self.blank.items()
            if is_blank or not self.keeps_deleted or value is not None
        }
        fields[DELETED_AT] = datetime.now(UTC).isoformat()
        return [fields | dict(zip(self.key, key, strict=True)) for key in keys]


def other_scope(differences: Sequence[str], then: str) -> str:
    """Say for the log that other rows are read than before, and what follows."""
    return (
        f"other {' and '.join(differences)} than at the last complete read; {then}nothing is "
        "deleted; --full-refresh finds what was deleted meanwhile"
    )


def is_rewrite_due(stream: str, written_on: str | None, days: int) -> bool:
    """Tell whether every row of a list has to be written again, at the latest after so many days.

    The lists are spread by their names over the last third of that time.
    """
    if not days or not written_on:
        return False
    early = crc32(stream.encode()) % (days // 3 + 1)
    return (datetime.now(UTC).date() - date.fromisoformat(written_on)).days >= days - early


class LogBased(Replication):
    """Emits what the target does not hold, and for a key that vanished the time of that.

    A run may die while it writes, and the target then holds any part of that. So that is noted
    before the first record is emitted, and after such a run every row is written again.
    """

    deletes = True

    def __init__(  # noqa: PLR0913
        self,
        label: str,
        store: Store,
        basis: Basis,
        limit: DeleteLimit,
        bookmark: Mapping[str, Any],
        *,
        rewrites: bool = False,
    ) -> None:
        """Begin where the last complete read ended, or with a baseline; or write all again."""
        self._label = label
        self._store = store
        self._basis = basis
        self._limit = limit
        self._bookmark = bookmark
        self._held: Records = []
        self._is_writing = False
        self._snapshot: Snapshot | None = None
        self._is_trusted = False
        self._version: Version | None = None
        self._secret = new_secret()
        self._comparison = Comparison(self._secret, basis.width)
        self.counts: Counts = Counts(0, 0, 0, 0)
        #: The keys that no reading of the list brought, once it was read.
        self._missing: set[Any] | None = None
        self.starts_over = True
        try:
            if (content := store.read()) is not None:
                self._begin_with(Snapshot.decode(content), rewrites=rewrites)
        except LostError as error:
            _logger.warning("%s: %s; every row is written again", label, error)

    def _begin_with(self, snapshot: Snapshot, *, rewrites: bool) -> None:
        """Decide what the snapshot of the last complete read is good for."""
        level, again = logging.WARNING, "every row is written again"
        self.starts_over = False
        if differences := snapshot.differences(self._basis.scope):
            # What is not in this scope is not deleted.
            _logger.warning("%s: %s", self._label, other_scope(differences, f"{again}, and "))
            return
        self._snapshot = snapshot
        if self._store.is_pending:
            self.starts_over = True
            why = "a run ended while it wrote, or another replication method has written; "
        elif rewrites:
            self.starts_over = True
            level, why = logging.INFO, ""
            again += f", as last on {self._bookmark['written_on']} (rewrite_days)"
        elif snapshot.shape != fingerprint(snapshot.secret, self._basis.shape):
            level, why = logging.INFO, "schema, selection or stream maps have changed; "
        else:
            self._is_trusted = True
            return
        _logger.log(level, "%s: %s%s", self._label, why, again)

    @override
    def begin(self, version: Version) -> None:
        """Load the snapshot."""
        self._version = version
        held = None
        if self._snapshot:
            self._secret, held = self._snapshot.secret, self._snapshot.held()
        self._snapshot = None  # which would keep its keys in memory twice
        self._comparison = Comparison(self._secret, self._basis.width, held)
        self._comparison.is_trusted = self._is_trusted

    @override
    def to_emit(self, page: Page) -> Records:
        """Give the records that the target does not hold, or hold them back while they are few."""
        differing = self._comparison.differing(page.keys, page.records)
        for record in differing:
            record[DELETED_AT] = None
        self._held += differing
        is_due = self._is_writing or len(self._held) >= _HELD
        return self._release() if is_due else []

    @override
    def after_pass(self, keys: set[Any], *, is_proved: bool) -> Mapping[str, Any] | None:
        """Ask for the whole list once more if keys are missing.

        If a row before the next page is deleted, and another one is added behind it, a row moves
        to a page that was read already, and no count tells.
        """
        if self._missing is not None:
            self._missing -= keys
            return None
        self._missing = self._comparison.missing(keys)
        if not is_proved or not self._missing:
            return None
        missing = counted(len(self._missing), "row")
        _logger.info("%s: %s did not come; reading again to be sure", self._label, missing)
        return self.params

    @override
    def after_last_page(self, outcome: Outcome) -> Iterator[Records]:
        """Give what was held back and, if they are proved to be deleted, the missing rows."""
        self.counts = self._comparison.counts(self._missing or set())
        if outcome.is_proved:
            self._check_deletes()
            deleted = [*(self._missing or ())]
            if self._version and self._version.is_new:
                # ACTIVATE_VERSION marks them, and the next run finds them missing again. After a
                # SCHEMA of deletions, target-postgres would mark all rows not written by then.
                self._comparison.held.update(dict.fromkeys(deleted, bytes(DIGEST_BYTES)))
                deleted = []
            for start in range(0, len(deleted), _BATCH):
                keys = deleted[start : start + _BATCH]
                parts = keys if len(self._basis.key) > 1 else zip(keys, strict=True)
                self._held += self._basis.deletions(parts)
                yield self._release()
            for key in deleted:
                del self._comparison.held[key]
        else:
            self.counts = self.counts._replace(deleted=0)
        yield self._release()

    def _check_deletes(self) -> None:
        counts, kept = self.counts, self._comparison.kept
        self._limit.check(kept - counts.changed - counts.unchanged, kept)
        before = self._bookmark.get("rows")
        if self._version and self._version.is_new and isinstance(before, int):
            self._limit.check(before - self._rows, before)

    @property
    def _rows(self) -> int:
        return self.counts.new + self.counts.changed + self.counts.unchanged

    @override
    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Remember the snapshot of a proved read."""
        if not outcome.is_proved:
            return {}
        content, is_trusted, basis = None, self._is_trusted, self._basis
        if not is_trusted or self.counts.unchanged < self._comparison.kept or self.counts.new:
            held = self._comparison.held
            content = Snapshot.of(self._secret, basis.scope, basis.shape, held).encode()
        self._store.write(content)
        written = {} if is_trusted else {"written_on": datetime.now(UTC).date().isoformat()}
        rows, before = self._rows, self._bookmark.get("rows")
        deletes = self._comparison.kept or (self._version and self._version.is_new)
        if not deletes and isinstance(before, int):
            rows = max(rows, before)  # the table has those of before, too
        return {"rows": rows, **written}

    @override
    def summary(self, outcome: Outcome) -> str:
        """Count what is new, changed, deleted and unchanged."""
        parts = ", ".join(f"{number:,} {name}" for name, number in self.counts._asdict().items())
        is_again = self._comparison.kept and not self._is_trusted
        again = ", all written again" if is_again else ""
        return f"{counted(self._rows, 'row')} read: {parts}{again};"

    def _release(self) -> Records:
        """Give what is held back, once it is noted that something is written."""
        if self._held:
            self._store.note()
            self._is_writing = True
        released, self._held = self._held, []
        return released
