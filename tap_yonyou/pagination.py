"""Which page comes next: the reply decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.pagination import PageNumberPaginator

from tap_yonyou.compat import override
from tap_yonyou.reply import reply_of

if TYPE_CHECKING:
    import requests


class U8Paginator(PageNumberPaginator):
    """Counts pages from 1 for as long as the replies say that there are more.

    `page_count` decides; without it `row_count` and the reply's own `rows_per_page`, which a
    server may have capped; without these a page without rows is the end.
    """

    def __init__(self, resource: str) -> None:
        """Start at the first page.

        Args:
            resource: The key of the rows in a reply.
        """
        super().__init__(1)
        self._resource = resource
        #: The last page that is known to exist; before any reply, the first one.
        self.last_known = 1

    @override
    def has_more(self, response: requests.Response) -> bool:
        """Tell whether a page follows the one just read.

        Args:
            response: The reply to the current page.

        Returns:
            True if the next page is to be read.
        """
        reply = reply_of(response, self._resource)
        if reply.pages is None:
            self.last_known = self.current_value + 1
            return bool(reply.rows)
        self.last_known = reply.pages
        return self.current_value < reply.pages
