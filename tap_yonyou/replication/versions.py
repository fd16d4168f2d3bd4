"""Table versions: what records carry so that a target can tell which rows are deleted.

A target deletes the rows of a version below the one that ACTIVATE_VERSION names, so that message
follows only once every row of the table carries the new version.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.replication.store import holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERSION: Final = "version"


class Version:
    """The one version that the records of a stream carry in one run."""

    def __init__(
        self,
        state: dict[str, Any],
        bookmarks: Iterable[Mapping[str, Any]],
        others: Iterable[Mapping[str, Any]],
        *,
        is_new: bool,
    ) -> None:
        """Go on with the version in the state, or begin a new one.

        The rows of `others`, data sources that are not read, keep their version, so that a new one
        would delete them. Up to release 0.2, the bookmarks of data sources had a version each.
        """
        is_new = is_new and not any(map(holds, others))
        known = [one.get(_VERSION) for one in (state, *bookmarks)]
        self.number: int | None = max((n for n in known if isinstance(n, int)), default=None)
        #: Whether ACTIVATE_VERSION follows if every data source is read whole.
        self.is_new = is_new
        if is_new:
            # Seconds, because some targets keep versions in 32 bits.
            self.number = max(int(time.time()), (self.number or 0) + 1)
            state[_VERSION] = self.number
