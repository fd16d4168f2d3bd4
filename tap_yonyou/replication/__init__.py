"""What to emit and what to remember; nothing here knows HTTP or Singer's messages."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_yonyou.errors import U8Error, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_yonyou.replication.versions import Version
    from tap_yonyou.u8.reader import Page

Records = list[dict[str, Any]]

#: When a row was found to be deleted, null for one that lives, with LOG_BASED; targets know the
#: name.
DELETED_AT: Final = "_sdc_deleted_at"

#: Shorter lists may lose any number of rows.
_FEW_ROWS: Final = 20


class Counts(NamedTuple):
    """How rows, or documents, differ from the last complete read."""

    new: int
    changed: int
    deleted: int
    unchanged: int


class Outcome(NamedTuple):
    """How a read without an error ended."""

    #: How many rows the first reading of the list brought.
    rows: int
    #: Whether that is proved to be all of them, in each reading.
    is_proved: bool
    #: False if what `after_pass` asked for did not come.
    is_rechecked: bool = True


class Replication:
    """How one list in one data source is replicated in one run: as it comes, unless overridden.

    Every method may raise U8Error: the list cannot be replicated like this; nothing is deleted, and
    no bookmark moves.

    Attributes:
        params: Parameters to ask with, beside the configured filters; they override those.
        deletes: Whether the target learns which rows are deleted.
        starts_over: Whether every row is written again because the target may hold rows that
            the state does not know.
    """

    params: Mapping[str, Any] = MappingProxyType({})
    deletes = False
    starts_over = False
    #: How the list differs from the last complete read, if that is known.
    counts: Counts | None = None

    def begin(self, version: Version) -> None:
        """Prepare for the first page; records carry this version."""

    def to_emit(self, page: Page) -> Records:
        """Give the records that the target needs, of this page and of pages before it.

        Those of deletions come last.
        """
        return page.records

    def after_pass(self, keys: set[Any], *, is_proved: bool) -> Mapping[str, Any] | None:
        """Take the keys of the whole list, as it was read.

        Give parameters, in place of `params`, for what has to be read once more; or None.
        """

    def after_last_page(self, outcome: Outcome) -> Iterable[Records]:  # noqa: ARG002
        """Give what is emitted at the end, deletions among it."""
        return ()

    def bookmark(self, outcome: Outcome) -> dict[str, Any]:  # noqa: ARG002
        """Give the entries of the bookmark that change."""
        return {}

    def summary(self, outcome: Outcome) -> str:
        """Describe the rows for the log, for example `225 rows,`."""
        return f"{counted(outcome.rows, 'row')},"


class DeleteLimit(NamedTuple):
    """Keeps a mistake, in U8 or in a setting, from deleting most of a table."""

    label: str
    max_percent: int

    def check(self, deleted: int, before: int | None) -> None:
        """Raise U8Error if more rows are deleted than `max_deletes_percent` allows."""
        if before and before >= _FEW_ROWS and deleted * 100 > before * self.max_percent:
            msg = (
                f"{self.label}: {deleted} of the {before} rows of the last complete read are "
                f"deleted, more than max_deletes_percent ({self.max_percent}) allows; nothing was "
                "deleted and no bookmark moved; if they are to be deleted, run once with "
                "max_deletes_percent 100"
            )
            raise U8Error(msg, kind="deletes")
