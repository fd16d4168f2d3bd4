"""How a `batch_get` resource of U8 is read: the one base of all streams."""

from __future__ import annotations

import abc
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL
from singer_sdk.streams.rest import HTTPRequest, PageContext, RESTStream

from tap_yonyou.errors import NO_MATCH, OK, SettingsError, U8Error, errcode_text
from tap_yonyou.pagination import U8Paginator
from tap_yonyou.records import Converter
from tap_yonyou.reply import reply_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    import requests
    from singer_sdk import Tap
    from singer_sdk import typing as th
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_yonyou.api import U8Api
    from tap_yonyou.auth import Login


class U8Stream(RESTStream[int], abc.ABC):
    """A list of U8, read page by page with `GET {api_url}/api/<resource>/batch_get`.

    A subclass names its resource (the stream's `name`), its `path`, `primary_keys`, `schema`
    and `filters`.
    """

    name: str
    path: str
    #: The filters of the vendor's page, as they stand under the setting `filters.<stream>`.
    filters: ClassVar[th.PropertiesList]
    #: The field whose `<field>_begin` filter serves INCREMENTAL replication.
    incremental_key: ClassVar[str]

    #: `Converter` has typed the values already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    #: The order is the server's collation: codes are never compared here, and the bookmark is
    #: the last code as the server orders them.
    check_sorted = False

    def __init__(self, tap: Tap, *, api: U8Api, login: Login) -> None:
        """Prepare the stream; nothing is requested.

        Args:
            tap: The tap the stream belongs to.
            api: The gateway, shared by all streams.
            login: The token, shared by all streams.
        """
        super().__init__(tap)
        self.logger.addFilter(_without_bookmark)
        self._u8_tap = tap
        self._api = api
        self._login = login

    @property
    @override
    def url_base(self) -> str:
        return self._api.url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self._api.session

    @property
    @override
    def metadata(self) -> MetadataMapping:
        metadata = super().metadata
        metadata.root.valid_replication_keys = [self.incremental_key]
        return metadata

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what the catalog says.

        Args:
            catalog: The catalog given with `--catalog`.

        Raises:
            SettingsError: It asks for a replication that U8 cannot do.
        """
        super().apply_catalog(catalog)
        for key in self.primary_keys:
            if key not in self.effective_schema.get("properties", {}):
                msg = f"{self.name}: the catalog's schema lacks the key {key}; discover it anew"
                raise SettingsError(msg)
        if self.replication_method == REPLICATION_INCREMENTAL:
            self.replication_key = self.replication_key or self.incremental_key
            if self.replication_key != self.incremental_key:
                msg = (
                    f"{self.name}: {self.replication_key} cannot be a replication key; "
                    f"use {self.incremental_key}"
                )
                raise SettingsError(msg)
        elif self.replication_method != REPLICATION_FULL_TABLE:
            msg = f"{self.name}: the replication method must be FULL_TABLE or INCREMENTAL"
            raise SettingsError(msg)

    @override
    def get_new_paginator(self) -> U8Paginator:
        return U8Paginator(self.name)

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        filters = self.config.get("filters", {}).get(self.name, {})
        params = {
            "from_account": self.config["from_account"],
            "to_account": self.config["to_account"],
            "app_key": self.config["app_key"],
            "token": self._login.token(),
            "ds_sequence": self.config.get("ds_sequence"),
            "page_index": page.next_page_token,
            "rows_per_page": self.config["page_size"],
            **{name: int(v) if isinstance(v, bool) else v for name, v in filters.items()},
        }
        bookmark = self.get_starting_replication_key_value(page.stream_context)
        if bookmark is not None:
            params[f"{self.incremental_key}_begin"] = bookmark
        return HTTPRequest(self.get_url(page.stream_context), params=params)

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        return reply_of(response, self.name).rows or []

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read all pages.

        Args:
            context: Not used; no stream of U8 is partitioned.

        Yields:
            Every row of every page as a record.

        Raises:
            RetriableAPIError: A request failed and was repeated in vain.
            U8Error: U8 answered with an error, or with rows that cannot be records.
        """
        started, requests_before = time.monotonic(), self._api.requests
        rows = 0
        for record in self.request_records(context):
            yield record
            rows += 1
        self.logger.info(
            "%s: %d rows, %d pages, %d requests, %.1f s; %s",
            self.name,
            rows,
            self._pages,
            self._api.requests - requests_before,
            time.monotonic() - started,
            self._converter.summary(),
        )

    @override
    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read page after page, for as long as the replies say that there are more.

        Args:
            context: Not used; no stream of U8 is partitioned.

        Yields:
            Every row of every page as a record.
        """
        paginator = self.get_new_paginator()
        fetch: Any = self.request_decorator(cast("Any", self._fetch))
        self._pages = 0
        announced: int | None = None
        last_rows: list[Any] = []
        with self.get_http_request_counter() as counter:
            while not paginator.finished:
                page = paginator.current_value
                response = fetch(PageContext(context, page))
                counter.increment()
                self._pages += 1
                reply = reply_of(response, self.name)
                rows = reply.rows or []
                if not rows and (announced if page > 1 else reply.row_count):
                    raise self._error(page, "no rows came, although the server counts more")
                if rows and rows == last_rows:
                    raise self._error(page, "the same rows came as on the page before")
                announced, last_rows = reply.pages, rows
                yield from self._records(rows, page)
                paginator.advance(response)

    def _fetch(self, page: PageContext[int]) -> requests.Response:
        """Request one page; with the token of this very moment."""
        number = page.next_page_token or 1
        response = self._api.send(
            self.get_http_request(page=page),
            resource=self.name,
            what=self._place(number),
        )
        reply = reply_of(response, self.name)
        if reply.errcode not in {OK, NO_MATCH}:
            raise self._error(number, errcode_text(reply.errcode, reply.errmsg))
        return response

    def _records(self, rows: list[Any], page: int) -> Iterator[dict[str, Any]]:
        convert = self._converter.record
        keys = self.primary_keys
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise self._error(page, f"row {number} is not a JSON object")
            record = convert(row)
            for key in keys:
                if not record[key]:
                    raise self._error(page, f"row {number} has no {key}")
            yield record

    @cached_property
    def _converter(self) -> Converter:
        schema = self.effective_schema
        selected = [name for name in schema["properties"] if self.mask["properties", name]]
        return Converter(schema, selected)

    def _place(self, page: int) -> str:
        return f"{self.name}, page {page}"

    def _error(self, page: int, problem: str) -> U8Error:
        return U8Error(f"{self._place(page)}: {problem}")

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """Promote the bookmark at the end of a successful sync, and always write it.

        Args:
            state: As the SDK gives it.
        """
        super().finalize_state_progress_markers(state)
        # The SDK keeps back a STATE equal to the last one, so that a run whose bookmark did not
        # move would end without any.
        self._u8_tap.write_message(StateMessage(value=self.tap_state))


def _without_bookmark(record: logging.LogRecord) -> bool:
    """Keep the bookmark, a value of a record, out of the line that the SDK logs about it."""
    if isinstance(record.args, tuple) and "bookmark value: %s" in str(record.msg):
        record.args = (*record.args[:-1], "(not shown)")
    return True
