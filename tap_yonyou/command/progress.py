"""Where a long read is: a live bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

#: Seconds between two lines.
_INTERVAL: Final = 10.0


class Progress:
    """Counts pages, or documents, and rows, and shows them unless INFO is not logged."""

    def __init__(self, name: str, logger: logging.Logger, unit: str = "page") -> None:
        """Show nothing yet."""
        self._unit = unit
        self._name = name
        self._logger = logger
        self._is_on = logger.isEnabledFor(logging.INFO)
        self._started = self._last = time.monotonic()
        self._bar: Any = None
        self._rows = 0

    def __enter__(self) -> Self:
        """Open the bar, if there is a terminal to show it."""
        if self._is_on and sys.stderr.isatty():
            from tqdm import tqdm  # noqa: PLC0415 -- only a sync at a terminal needs it

            self._bar = tqdm(desc=self._name, unit=f" {self._unit}s", leave=False, file=sys.stderr)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def page(self, page: int, pages: int | None, rows: int) -> None:
        """Count a page that has been written, the last of `pages` (None: it is not known)."""
        self._rows += rows
        now = time.monotonic()
        rate = self._rows / max(now - self._started, 1e-9)
        if self._bar is not None:
            self._bar.total = pages
            self._bar.n = page - 1  # of this pass
            self._bar.set_postfix_str(f"{self._rows} rows, {rate:.0f} rows/s", refresh=False)
            self._bar.update()
        elif self._is_on and now - self._last >= _INTERVAL:
            self._last = now
            left = ""
            if pages and pages > page:
                left = f", about {(now - self._started) * (pages - page) / page:.0f} s left"
            self._logger.info(
                "%s: %s %d of %s, %d rows, %.0f rows/s%s",
                self._name,
                self._unit,
                page,
                pages or "?",
                self._rows,
                rate,
                left,
            )
