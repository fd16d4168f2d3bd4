"""LOG_BASED for the lines of documents: only those that may have changed are fetched.

Of each document the snapshot knows its row in the list, its lines and how many these were. An
approved document of last year whose row is as before is not asked for.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from tap_yonyou.compat import override
from tap_yonyou.errors import counted
from tap_yonyou.replication import DELETED_AT, Counts, DeleteLimit, Outcome, Records, Replication
from tap_yonyou.replication.comparison import content
from tap_yonyou.replication.log_based import other_scope
from tap_yonyou.replication.snapshot import (
    DIGEST_BYTES,
    LostError,
    Snapshot,
    fingerprint,
    new_secret,
)
from tap_yonyou.u8.values import CHINA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_yonyou.replication.log_based import Basis
    from tap_yonyou.replication.store import Store
    from tap_yonyou.replication.versions import Version
    from tap_yonyou.u8.documents import Head
    from tap_yonyou.u8.reader import Page

_logger = logging.getLogger("tap-yonyou.documents")

#: How many documents, or lines of them, are held back before they are written. Twice as many are
#: fetched again at most if the run dies: those being written, and those after them.
_DOCUMENTS, _LINES = 500, 5000
#: Digest of the row in the list, digest of the lines, their number, the day of the last fetch.
_ENTRY: Final = Struct(f">{DIGEST_BYTES}s{DIGEST_BYTES}sIH")
#: Days are counted from here.
_FIRST_DAY: Final = date(2020, 1, 1).toordinal()


class Entry(NamedTuple):
    """What is known of a document."""

    row: bytes
    lines: bytes
    size: int
    #: The day on which it was last fetched.
    day: int


class LogBasedDocuments(Replication):
    """Emits the lines of documents that have changed, and a deletion for each line that vanished.

    The state names the documents whose lines have been written, from time to time also during a
    read, so that a run that dies is resumed where it was.
    """

    deletes = True

    def __init__(  # noqa: PLR0913
        self,
        label: str,
        store: Store,
        basis: Basis,
        limit: DeleteLimit,
        bookmark: dict[str, Any],
        *,
        lookback_days: int,
        rewrite_days: int,
    ) -> None:
        """Begin where the last read ended, complete or not."""
        self._label = label
        self._store = store
        self._basis = basis
        self._limit = limit
        self._bookmark = bookmark
        self._today = datetime.now(CHINA).date()
        self._day = self._today.toordinal() - _FIRST_DAY
        self._lookback = (self._today - timedelta(days=lookback_days)).isoformat()
        self._rewrite_days = rewrite_days
        self._heads: Mapping[Any, Head] = {}
        #: What is known at the end of the last read, and what this one adds.
        self._known: dict[Any, bytes] = {}
        self._kept = 0
        #: Documents of which a run that died may have written lines, and at most how many.
        self._pending: dict[Any, int] = {}
        self._held: dict[Any, tuple[Entry | None, int]] = {}
        self._records: Records = []
        self._deletions_held: Records = []
        self._unsaved = 0
        self._is_other_scope = self._is_new = False
        self._releasing: dict[Any, tuple[Entry | None, int]] = {}
        self._secret = new_secret()
        self._fetched = self._new = self._changed = self._deleted = 0
        self._written = 0
        try:
            content = store.read()
            self._begin_with(Snapshot.decode(content, _ENTRY.size) if content else None)
        except LostError as error:
            _logger.warning("%s: %s; every document is fetched again", label, error)
            self.starts_over = True

    def _begin_with(self, snapshot: Snapshot | None) -> None:
        pending = self._bookmark.get("pending")
        is_doubted = self._store.is_pending
        if isinstance(pending, list):
            is_doubted = True in pending
            self._pending = {_key(one[0]): one[1] for one in pending if one is not True}
        self.starts_over = snapshot is None
        if snapshot is None:
            return
        again = "every document is fetched again"
        if differences := snapshot.differences(self._basis.scope):
            self._is_other_scope = True
            then = "" if differences == ["filters"] else f"{again}, and "
            _logger.warning("%s: %s", self._label, other_scope(differences, then))
            if then:
                return
        self._known, self._secret = snapshot.held(), snapshot.secret
        self._kept = len(self._known)
        level, why = logging.WARNING, "another replication method has written"
        if not is_doubted:
            level, why = logging.INFO, "schema, selection or stream maps have changed"
            if snapshot.shape == fingerprint(snapshot.secret, self._basis.shape):
                return
        self.starts_over = is_doubted
        self._doubt_all()
        _logger.log(level, "%s: %s; %s", self._label, why, again)

    def _doubt_all(self) -> None:
        """Forget all but the number of lines, so that every document is fetched and written."""
        for key in self._known:
            _, _, size, day = _ENTRY.unpack(self._known[key])
            self._known[key] = _ENTRY.pack(b"", b"", size, day)
        # In the snapshot, too: if this run dies, the next one must not trust it.
        self._store.write(self._content())
        self._bookmark["pending"] = [[key, size] for key, size in self._pending.items()]

    @override
    def begin(self, version: Version) -> None:
        self._is_new = version.is_new

    def choose(self, heads: Mapping[Any, Head]) -> list[Head]:
        """Choose the documents that have to be fetched, by the heads of all."""
        self._heads = heads
        if self._is_other_scope:
            # What is not in this scope is not deleted, now or later.
            self._known = {key: known for key, known in self._known.items() if key in heads}
            self._pending = {key: size for key, size in self._pending.items() if key in heads}
        return [head for head in heads.values() if self._is_wanted(head)]

    def _is_wanted(self, head: Head) -> bool:
        known = self._entry(head.key)
        if known is None or head.key in self._pending:
            return True
        if known.row != self._row(head) or self._is_due(head.key, known):
            return True
        since, ended = self._bookmark.get("unfinished"), self._bookmark.get("ended") or 0
        if isinstance(since, int) and known.day >= max(since, self._day - 1, ended + 1):
            return False  # the read that is resumed has fetched it
        return not head.is_approved or head.date is None or head.date > self._lookback

    def _is_due(self, key: Any, known: Entry) -> bool:
        """Tell whether a document has to be written again: each has one day in so many for that."""
        days = self._rewrite_days
        if not days:
            return False
        own_day = crc32(repr(key).encode()) % days
        return (self._day - own_day) // days > (known.day - own_day) // days

    @override
    def to_emit(self, page: Page) -> Records:
        """Compare the lines of a document, and give those that are held back when there is time."""
        head, records = page.head, page.records
        if head is None:
            return []
        digest = blake2b(digest_size=DIGEST_BYTES, key=self._secret)
        for record in records:
            digest.update(content(record, self._basis.width))
            record[DELETED_AT] = None
        known, before = self._entry(head.key), self._pending.get(head.key, 0)
        entry = Entry(self._row(head), digest.digest(), len(records), self._day)
        is_changed = known is None or known.lines != entry.lines
        if known:
            before = max(before, known.size)
        self._fetched += 1
        self._new += known is None
        self._changed += known is not None and is_changed
        is_written = is_changed or head.key in self._pending
        if is_written or (known and self._is_due(head.key, known)):
            deletions = self._deletions(head.key, range(entry.size + 1, before + 1))
            self._hold(head.key, entry, max(entry.size, before), records, deletions)
        else:
            self._known[head.key] = _ENTRY.pack(*entry)
        self._unsaved += 1
        is_due = self._unsaved >= _DOCUMENTS or len(self._records) >= _LINES
        return self._release() if is_due else []

    def missing(self) -> list[Any]:
        """Give the keys of the documents that the list no longer has."""
        missing = self._not_listed()
        self._limit.check(len(missing), self._kept)
        return missing

    def _not_listed(self) -> list[Any]:
        return [key for key in {**self._known, **self._pending} if key not in self._heads]

    @override
    def after_last_page(self, outcome: Outcome) -> Iterator[Records]:
        """Give what is held back and, after a proved read, a record for each line deleted."""
        deleted = self._not_listed()
        if outcome.is_proved:
            if self._is_new and (before := self._bookmark.get("documents")):
                self._limit.check(before - len(self._heads), before)
            for key in deleted:
                known = self._entry(key)
                count = max(known.size if known else 0, self._pending.get(key, 0))
                self._deleted += 1
                self._hold(key, None, count, deletions=self._deletions(key, range(1, count + 1)))
                if len(self._deletions_held) >= _LINES:
                    yield self._release()
        yield self._release()
        self._releasing |= self._held  # documents without lines
        self._settle()
        unchanged = len(self._heads) - self._new - self._changed
        self.counts = Counts(self._new, self._changed, self._deleted, unchanged)

    @override
    def bookmark(self, outcome: Outcome) -> dict[str, Any]:
        """Remember the documents; a read that failed is resumed."""
        self._store.write(self._content())
        # Of documents that could not be read now either.
        pending = [[key, size] for key, size in self._pending.items()]
        whole = {"documents": len(self._heads)} if outcome.is_proved else {}
        return {"unfinished": None, "ended": self._day, "pending": pending or None, **whole}

    @override
    def summary(self, outcome: Outcome) -> str:
        """Count the documents fetched, new, changed and deleted, and the lines written."""
        counts = (
            f"{self._fetched:,} fetched, {self._new:,} new, {self._changed:,} changed, "
            f"{self._deleted:,} deleted"
        )
        written = f"{counted(self._written, 'line')} written;"
        return f"{counted(len(self._heads), 'document')}: {counts}; {written}"

    def _entry(self, key: Any) -> Entry | None:
        known = self._known.get(key)
        return Entry(*_ENTRY.unpack(known)) if known else None

    def _row(self, head: Head) -> bytes:
        return blake2b(head.digest, digest_size=DIGEST_BYTES, key=self._secret).digest()

    def _deletions(self, key: Any, numbers: Iterable[int]) -> Records:
        parts = key if isinstance(key, tuple) else (key,)
        # A SCHEMA of deletions must not come before ACTIVATE_VERSION: see LogBased.
        keys = ((*parts, number) for number in numbers)
        return self._basis.deletions(keys, is_blank=self._is_new)

    def _hold(
        self,
        key: Any,
        entry: Entry | None,
        count: int,
        records: Iterable[dict[str, Any]] = (),
        deletions: Iterable[dict[str, Any]] = (),
    ) -> None:
        self._held[key] = entry, count
        self._records += records
        self._deletions_held += deletions

    def _release(self) -> Records:
        """Give what is held back, after a state that says what has been written before."""
        released = [*self._records, *self._deletions_held]
        if not released and self._unsaved < _DOCUMENTS:
            return []
        if self._bookmark.get("unfinished") is None:
            self._bookmark["unfinished"] = self._day
        if self._releasing or self._unsaved >= _DOCUMENTS:
            self._settle()
            self._store.write(self._content())
        pending = self._pending | {key: count for key, (_, count) in self._held.items()}
        self._bookmark["pending"] = [[key, count] for key, count in pending.items()]
        self._store.write_state()
        self._records, self._deletions_held, self._unsaved = [], [], 0
        self._written += len(released)
        self._releasing, self._held = self._held, {}
        return released

    def _settle(self) -> None:
        """Take over what was given out: it has been written."""
        for key, (entry, _) in self._releasing.items():
            self._pending.pop(key, None)
            if entry is None:
                self._known.pop(key, None)
            else:
                self._known[key] = _ENTRY.pack(*entry)
        self._releasing = {}

    def _content(self) -> bytes:
        return Snapshot.of(self._secret, self._basis.scope, self._basis.shape, self._known).encode()


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
