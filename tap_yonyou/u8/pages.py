"""Which page comes next: the reply decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.pagination import PageNumberPaginator

from tap_yonyou.compat import override

if TYPE_CHECKING:
    from tap_yonyou.u8.reply import Reply


class U8Paginator(PageNumberPaginator):
    """Counts pages from 1 for as long as the replies say that there are more.

    `page_count` decides; without it `row_count` and the reply's own `rows_per_page`, which a
    server may have capped; without these a page without rows is the end. It is so in any case, and
    what the first reply named is never exceeded: else a server that always names one page more
    would be read for ever. Either one is a change, which another pass heals.
    """

    def __init__(self, most: int | None = None) -> None:
        """Start at the first page.

        Args:
            most: Pages to read at the most; None for all.
        """
        super().__init__(1)
        #: The last page that is known to exist; before any reply, the first one.
        self.last_known = 1
        self._most = most
        self._first_named = 0

    @override
    def has_more(self, response: Any) -> bool:
        """Tell whether a page follows the one just read.

        Args:
            response: The `Reply` to the current page, parsed already.

        Returns:
            True if the next page is to be read.
        """
        reply: Reply = response
        if self._most is not None and self.current_value >= self._most:
            return False
        if reply.pages is None:
            self.last_known = self.current_value + 1
            return bool(reply.rows)
        self._first_named = self._first_named or reply.pages
        self.last_known = min(reply.pages, self._first_named)
        return bool(reply.rows) and self.current_value < self.last_known
