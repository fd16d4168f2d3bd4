"""What the SDK asks of a stream, answered for a list of U8."""

from __future__ import annotations

import abc
import logging
import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from tap_yonyou import redaction
from tap_yonyou.compat import override
from tap_yonyou.errors import SettingsError, counted
from tap_yonyou.reader import Reader
from tap_yonyou.records import Converter
from tap_yonyou.settings import blaming_stream_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk import typing as th
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_yonyou.gateway import Gateway
    from tap_yonyou.output import Writer

#: Rows that the connection test asks for.
_TEST_ROWS: Final = 10


class U8Stream(Stream, abc.ABC):
    """A list of U8, read with `GET {api_url}/api/<resource>/batch_get`.

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

    def __init__(self, tap: Tap, *, gateway: Gateway, writer: Writer) -> None:
        """Prepare the stream; nothing is requested.

        Args:
            tap: The tap the stream belongs to.
            gateway: Answers the requests of all streams.
            writer: Where the tap's messages go.
        """
        super().__init__(tap)
        self.logger.addFilter(_sdk_lines)
        logging.getLogger("singer_sdk").addFilter(_sdk_lines)
        self._u8_tap = tap
        self._writer = writer
        self._gateway = gateway

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

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False: the SDK would send ACTIVATE_VERSION before the records.

        With a target that deletes, a failure half-way would then leave an empty table.
        """
        return False

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the list whole.

        Args:
            context: Not used; no stream of U8 is partitioned.

        Yields:
            Every row of every page as a record; rows come again with another pass.

        Raises:
            U8Error: The read could not be completed.
        """
        started, requests_before = time.monotonic(), self._gateway.requests
        version = self._start_version()
        is_test = self.ABORT_AT_RECORD_COUNT is not None
        page_size = self.config["page_size"]
        reader = Reader(
            self._gateway,
            self._converter,
            name=self.name,
            path=self.path,
            keys=self.primary_keys,
            params=self._params(context),
            page_size=min(page_size, _TEST_ROWS) if is_test else page_size,
            max_passes=self.config["max_passes"],
        )
        with metrics.http_request_counter(self.name, self.path) as counter:
            try:
                for records in reader.first_page() if is_test else reader.all_pages():
                    self._extracted = datetime.now(UTC)
                    self.state_manager.is_flushed = False
                    try:
                        yield from records
                    finally:
                        # What was given out is on its way before anything else happens.
                        self._writer.flush()
            finally:
                requests = self._gateway.requests - requests_before
                counter.increment(requests)
        if is_test:
            return
        self._finish_version(version, reader)
        if warning := self._converter.warning():
            self.logger.warning("%s: %s", self.name, warning)
        self.logger.info(
            "%s: %s, %s, %s, %.1f s; %s",
            self.name,
            counted(reader.rows, "row"),
            counted(reader.pages_read, "page"),
            counted(requests, "request"),
            time.monotonic() - started,
            self._converter.summary(),
        )

    def _params(self, context: Context | None) -> dict[str, Any]:
        filters = self.config.get("filters", {}).get(self.name, {})
        params = {name: int(v) if isinstance(v, bool) else v for name, v in filters.items()}
        bookmark = self.get_starting_replication_key_value(context)
        if bookmark is not None:
            redaction.hide(str(bookmark))
            params[f"{self.incremental_key}_begin"] = bookmark
        return params

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

    def _finish_version(self, version: int | None, reader: Reader) -> None:
        """Have the target delete what this complete read did not bring."""
        if reader.is_proved:
            if version is not None:
                self._write_activate_version_message(version)
        elif reader.rows:
            self.logger.warning(
                "%s: not every reply said how many rows there are (row_count), so that it cannot "
                "be proved that all came; nothing is deleted",
                self.name,
            )
        elif version is not None:
            self.logger.warning(
                "%s: nothing matches, and such a reply does not say how many rows there are "
                "(row_count); nothing is deleted",
                self.name,
            )

    @cached_property
    def _converter(self) -> Converter:
        schema = self.effective_schema
        selected = [name for name in schema["properties"] if self.mask["properties", name]]
        return Converter(schema, selected)

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
