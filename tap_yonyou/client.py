"""How a `batch_get` resource of U8 is read: the one base of all streams."""

from __future__ import annotations

import abc
import logging
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL
from singer_sdk.streams.rest import HTTPRequest, PageContext, RESTStream

from tap_yonyou.compat import override
from tap_yonyou.completeness import Pass
from tap_yonyou.errors import SettingsError, U8Error, counted
from tap_yonyou.lookahead import in_order
from tap_yonyou.pagination import U8Paginator
from tap_yonyou.progress import Progress
from tap_yonyou.records import Converter
from tap_yonyou.reply import reply_of
from tap_yonyou.settings import blaming_stream_maps

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    import requests
    from singer_sdk import Tap
    from singer_sdk import typing as th
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_yonyou.api import U8Api
    from tap_yonyou.auth import Login
    from tap_yonyou.output import Writer


_OBJECTS: Final = frozenset((dict,))


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

    def __init__(self, tap: Tap, *, api: U8Api, login: Login, writer: Writer) -> None:
        """Prepare the stream; nothing is requested.

        Args:
            tap: The tap the stream belongs to.
            api: The gateway, shared by all streams.
            login: The token, shared by all streams.
            writer: Where the tap's messages go.
        """
        super().__init__(tap)
        self.logger.addFilter(_sdk_lines)
        logging.getLogger("singer_sdk").addFilter(_sdk_lines)
        self._u8_tap = tap
        self._writer = writer
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
            SettingsError: It asks for a key or a replication that U8 cannot do.
        """
        keys = self.primary_keys
        super().apply_catalog(catalog)
        self.primary_keys = keys
        if entry := catalog.get_stream(self.name):
            # Messages have the key that stands here.
            entry.key_properties = keys if entry.key_properties is None else entry.key_properties
            if set(entry.key_properties) != set(keys):
                msg = f"{self.name}: key_properties in the catalog must be {', '.join(keys)}"
                raise SettingsError(msg)
        for key in self.primary_keys:
            if key not in self.effective_schema.get("properties", {}):
                msg = f"{self.name}: the catalog's schema lacks the key {key}; discover it anew"
                raise SettingsError(msg)
            if self.selected and not self.mask["properties", key]:
                msg = f"{self.name}: the catalog deselects the key {key}; select it"
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

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False: the SDK would send ACTIVATE_VERSION before the records.

        With a target that deletes, a failure half-way would then leave an empty table.
        """
        return False

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        return reply_of(response, self.name).rows or []

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read all pages, again if rows came or went meanwhile.

        Args:
            context: Not used; no stream of U8 is partitioned.

        Yields:
            Every row of every page as a record; rows come again with another pass.

        Raises:
            U8Error: The read could not be completed.
        """
        started, requests_before, pages = time.monotonic(), self._api.requests, 0
        version = self._start_version()
        max_passes = self.config["max_passes"]
        for number in range(1, max_passes + 1):
            yield from self.request_records(context)
            self._pass.finish()
            pages += self._pass.pages
            if not self._pass.changed:
                break
            if number < max_passes:
                self.logger.warning(
                    "%s: rows came or went while pages were read (%s); reading again, pass %d of "
                    "at most %d",
                    self.name,
                    self._pass.changed,
                    number + 1,
                    max_passes,
                )
        else:
            msg = (
                f"{self.name}: rows came or went while pages were read, in each of {max_passes} "
                f"passes (at last: {self._pass.changed}); nothing was deleted and no bookmark "
                "moved; run again at a quieter time, or raise max_passes"
            )
            raise U8Error(msg)
        self._finish_version(version)
        if warning := self._converter.warning():
            self.logger.warning("%s: %s", self.name, warning)
        self.logger.info(
            "%s: %s, %s, %s, %.1f s; %s",
            self.name,
            counted(self._pass.rows, "row"),
            counted(pages, "page"),
            counted(self._api.requests - requests_before, "request"),
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

        Raises:
            U8Error: A page could not be read, or has rows that cannot be records.
        """
        self._pass = Pass()

        def fetch(number: int, abandoned: threading.Event) -> requests.Response:
            what = f"{self.name}, page {number}"
            return self._api.call(
                lambda: self.get_http_request(page=PageContext(context, number)),
                resource=self.name,
                what=what,
                renew=lambda request: self._login.renew(str(request.params["token"]), what),
                abandoned=abandoned,
            )

        pages = in_order(fetch, self.get_new_paginator(), lambda: self._api.concurrency)
        last_rows: list[Any] = []
        with (
            closing(pages),
            self._requests_counted(),
            Progress(self.name, self.logger) as progress,
        ):
            for number, response in pages:
                reply = reply_of(response, self.name)
                self._pass.see(reply, number)
                rows = reply.rows or []
                if reply.pages is None and rows and rows == last_rows:
                    problem = "the same rows came as on the page before; try a larger page_size"
                    raise self._error(number, problem)
                last_rows = rows if reply.pages is None else []
                try:
                    yield from self._records(rows, number, has_nul=reply.has_nul)
                finally:
                    # What was given out is on its way before anything else happens.
                    self._writer.flush()
                progress.page(number, reply.pages, len(rows))

    @contextmanager
    def _requests_counted(self) -> Iterator[None]:
        """Report the requests of a pass, those that failed and those of a log-in included."""
        before = self._api.requests
        with self.get_http_request_counter() as counter:
            try:
                yield
            finally:
                counter.value = self._api.requests - before

    def _records(self, rows: list[Any], page: int, *, has_nul: bool) -> Iterator[dict[str, Any]]:
        """Convert the rows of a page; one that cannot be a record ends the run in its turn."""
        self._extracted = datetime.now(UTC)
        self.state_manager.is_flushed = False
        good, problem = len(rows), ""
        if not _OBJECTS.issuperset(map(type, rows)):
            good = next(n for n, row in enumerate(rows) if not isinstance(row, dict))
            problem = "is not a JSON object; look at the reply of the gateway"
        records = self._converter.records(rows[:good], has_nul=has_nul)
        for key in self.primary_keys:
            values = [record[key] for record in records]
            if not all(values):
                good = min(good, next(n for n, value in enumerate(values) if not value))
                problem = f"has no {key}; mend it in U8, then run again"
        self._pass.add(map(itemgetter(*self.primary_keys), records[:good]))
        yield from records[:good]
        if problem:
            raise self._error(page, f"row {good + 1} {problem}")

    # The SDK's way from a record to its line takes more time than all the rest together: a copy of
    # the record, a look-up in the selection for each field, a message object and a system call.
    # `Converter` has selected and typed the fields, so that for a record that no stream map changes
    # the message is made here and written with its page. A test compares both ways byte for byte;
    # whatever this does not cover goes the SDK's. The SDK's loop over the records is kept, though
    # it takes about a fifth of what is left: it does the metrics, the state and `--test`, and
    # with a loop of our own every upgrade would have to be read line by line.

    @override
    def generate_child_contexts(self, record: Any, context: Context | None) -> tuple[()]:
        """No stream of U8 has child streams."""
        return ()

    @override
    def _write_record_message(self, record: dict[str, Any]) -> None:
        if self._alias is None:
            with blaming_stream_maps():
                super()._write_record_message(record)
            return
        message: dict[str, Any] = {"type": "RECORD", "stream": self._alias, "record": record}
        if self._stream_version is not None:
            message["version"] = self._stream_version
        message["time_extracted"] = self._extracted
        self._writer.write_record(message)

    @cached_property
    def _alias(self) -> str | None:
        """The stream's name in its messages; None if records have to go the SDK's way."""
        (first, *others) = self.stream_maps
        properties = self.effective_schema["properties"].values()
        if (
            others
            or type(first) is not SameRecordTransform
            or first.flattening_enabled
            or any("properties" in schema for schema in properties)
        ):
            return None
        return first.stream_alias

    # The one place that touches the SDK's underscore names for ACTIVATE_VERSION: it has no public
    # way to send that message after the records.

    def _start_version(self) -> int | None:
        """Give the records a version, if rows that are gone are to be deleted."""
        if (
            self.config["emit_activate_version_messages"]
            and self.replication_method == REPLICATION_FULL_TABLE
            and self.ABORT_AT_RECORD_COUNT is None  # as `--test` sets it
        ):
            # In seconds: some targets keep versions in 32 bits.
            self._stream_version = int(time.time())
        return self._stream_version

    def _finish_version(self, version: int | None) -> None:
        """Have the target delete what this complete read did not bring."""
        if self._pass.is_proved:
            if version is not None:
                self._write_activate_version_message(version)
        elif self._pass.rows or version is not None:
            self.logger.warning(
                "%s: the server did not say how many rows there are (no row_count), so that it "
                "cannot be proved that all came; nothing is deleted",
                self.name,
            )

    @cached_property
    def _converter(self) -> Converter:
        schema = self.effective_schema
        selected = [name for name in schema["properties"] if self.mask["properties", name]]
        return Converter(schema, selected)

    def _error(self, page: int, problem: str) -> U8Error:
        return U8Error(f"{self.name}, page {page}: {problem}")

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


def _sdk_lines(record: logging.LogRecord) -> bool:
    """Mend three lines of the SDK.

    One shows the bookmark, one says again that a run failed, and one warns that INCREMENTAL cannot
    go on in the middle of a read, which it is not meant to.
    """
    message = str(record.msg)
    if isinstance(record.args, tuple) and "bookmark value: %s" in message:
        # The bookmark is a value of a record.
        record.args = (*record.args[:-1], "(not shown)")
    return not message.startswith(
        ("An unhandled error occurred while syncing", "Stream is assumed to be unsorted")
    )
