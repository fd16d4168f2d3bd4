"""How a stream is replicated: what to ask for, what to let through, what a proof allows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Records = list[dict[str, Any]]


class Replication(Protocol):
    """One run of one stream.

    Attributes:
        params: What to ask for, beside the configured filters and in place of one of that name.
        version: What the records carry; None for nothing.
    """

    params: Mapping[str, Any]
    version: int | None

    def let_through(self, records: Records) -> Records:
        """Choose the records of a page that are emitted.

        Args:
            records: The page.

        Returns:
            Those of them that the target needs.
        """

    def proved(self, activate: Callable[[int], None]) -> None:
        """Do what only a proved read allows.

        Args:
            activate: Sends ACTIVATE_VERSION.
        """


class FullTable:
    """Asks for everything; with a version, what did not come is gone."""

    def __init__(self, *, deletes: bool) -> None:
        """Begin a run.

        Args:
            deletes: Whether the target is to delete what did not come.
        """
        self.params: Mapping[str, Any] = {}
        # In seconds: some targets keep versions in 32 bits.
        self.version = int(time.time()) if deletes else None

    def let_through(self, records: Records) -> Records:
        """Let every record through."""
        return records

    def proved(self, activate: Callable[[int], None]) -> None:
        """Have the target delete what this complete read did not bring."""
        if self.version is not None:
            activate(self.version)


class Incremental:
    """Asks for what begins at the bookmark; the SDK moves it."""

    def __init__(self, parameter: str, bookmark: Any) -> None:
        """Begin a run.

        Args:
            parameter: The filter that the bookmark is sent as.
            bookmark: Where the last run ended; None if there was none.
        """
        self.params: Mapping[str, Any] = {} if bookmark is None else {parameter: bookmark}
        self.version: int | None = None

    def let_through(self, records: Records) -> Records:
        """Let every record through: the target updates the one it has already."""
        return records

    def proved(self, activate: Callable[[int], None]) -> None:
        """Delete nothing: what was not asked for is not gone."""
