"""What the SDK asks of a stream, answered for a list of U8."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL, REPLICATION_LOG_BASED

from tap_yonyou import records, redaction, store
from tap_yonyou.catalog import check_stream
from tap_yonyou.compat import override
from tap_yonyou.errors import counted
from tap_yonyou.gateway import Listing
from tap_yonyou.log_based import LogBased, View
from tap_yonyou.reader import Reader
from tap_yonyou.records import DELETED_AT, Converter
from tap_yonyou.replication import Breaker, FullTable, Incremental, Outcome
from tap_yonyou.settings import blaming_stream_maps, stream_maps_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_yonyou.lookahead import Lookahead
    from tap_yonyou.output import Writer
    from tap_yonyou.replication import Replication
    from tap_yonyou.resources import Resource

#: Rows that the connection test asks for.
_TEST_ROWS: Final = 10


FILTERED: Final = (
    "%s: filters are set together with emit_activate_version_messages: the target will mark as "
    "gone, or delete, all that does not match them"
)


class U8Stream(Stream):
    """A list of U8."""

    #: `Converter` has typed the values already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self, tap: Tap, resource: Resource, *, lookahead: Lookahead, writer: Writer
    ) -> None:
        """Prepare the stream; nothing is requested.

        Args:
            tap: The tap the stream belongs to.
            resource: The list.
            lookahead: Gives the pages of all streams.
            writer: Where the tap's messages go.
        """
        super().__init__(tap, schema=dict(resource.schema), name=resource.name)
        self.primary_keys = resource.key
        self.resource = resource
        self.logger.addFilter(_sdk_lines)
        self._u8_tap = tap
        self._lookahead = lookahead
        self._expected: Listing | None = None
        self._writer = writer
        self._extracted = datetime.now(UTC)

    @property
    @override
    def metadata(self) -> MetadataMapping:
        metadata = super().metadata
        metadata.root.valid_replication_keys = [*self.resource.incremental] or None
        return metadata

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what the catalog says.

        Args:
            catalog: The catalog given with `--catalog`.

        Raises:
            SettingsError: It asks for a key or a replication that U8 cannot do.
        """
        super().apply_catalog(catalog)
        self.primary_keys = self.resource.key
        check_stream(self, self.resource, catalog)

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False: the SDK would send ACTIVATE_VERSION before the records.

        With a target that deletes, a failure half-way would then leave an empty table.
        """
        return False

    @property
    def is_test(self) -> bool:
        """Whether only the connection is tested."""
        return self.ABORT_AT_RECORD_COUNT is not None

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
        started = time.monotonic()
        replication = self._replication(context)
        self._stream_version = replication.version
        converter = Converter(self.effective_schema, self._fields, self.resource.key)
        listing, self._expected = self._expected or self._listing(replication.params), None
        reader = self._reader(listing, converter)
        pages_read, is_rechecked = 0, True
        with metrics.http_request_counter(self.name, self.resource.path) as counter:
            try:
                yield from self._read(reader, replication)
                pages_read = reader.pages_read
                if not self.is_test and (params := replication.recheck()) is not None:
                    listing = replace(listing, params=self._params(params))
                    again = self._reader(listing, converter)
                    yield from self._read(again, replication)
                    pages_read += again.pages_read
                    # At least the row that it begins with is there, unless it was deleted.
                    is_rechecked = again.rows > 0 and again.is_proved >= reader.is_proved
            finally:
                counter.value = listing.requests
        if self.is_test:
            return
        outcome = Outcome(reader.rows, reader.is_proved, is_rechecked)
        for emitted in replication.rest(outcome):
            yield from self._emit(emitted)
        # Not before: a STATE in the middle of a read claims nothing.
        self.get_context_state(context).update(replication.bookmark(outcome))
        if replication.version is not None and replication.activates(outcome):
            self._write_activate_version_message(replication.version)
        if not outcome.is_proved and (warning := _unproved(outcome, deletes=replication.deletes)):
            self.logger.warning("%s: %s; nothing is deleted", self.name, warning)
        if warning := converter.warning():
            self.logger.warning("%s: %s", self.name, warning)
        self.logger.info(
            "%s: %s %s, %s, %.1f s; %s",
            self.name,
            replication.told(outcome),
            counted(pages_read, "page"),
            counted(listing.requests, "request"),
            time.monotonic() - started,
            converter.summary(),
        )

    def _read(self, reader: Reader, replication: Replication) -> Iterator[dict[str, Any]]:
        for page in reader.first_page() if self.is_test else reader.all_pages():
            self._extracted = datetime.now(UTC)
            yield from self._emit(replication.let_through(page, reader.pass_number))

    def _emit(self, emitted: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        self.state_manager.is_flushed = False
        try:
            yield from emitted
        finally:
            # What was given out is on its way before anything else happens.
            self._writer.flush()

    def _replication(self, context: Context | None) -> Replication:
        if self.is_test:
            return FullTable()
        bookmark, deletes = (
            self.get_context_state(context),
            self.config["emit_activate_version_messages"],
        )
        rows = bookmark.get("rows")
        rows_before = rows if isinstance(rows, int) else None
        breaker = Breaker(self.name, rows_before, self.config["max_deletes_percent"])
        kept = store.Store(self.name, bookmark, self._write_state, self._folder)
        if self.replication_method == REPLICATION_LOG_BASED:
            made = LogBased(self.name, kept, self._view, activates=deletes, breaker=breaker)
            if made.begins_version and self.config.get("filters", {}).get(self.name):
                self.logger.warning(FILTERED, self.name)
            return made
        kept.doubt()
        if incremental := self._incremental():
            return incremental
        # Without a key, a target cannot tell which rows are the same.
        return FullTable(breaker if deletes and self.resource.key else None)

    def _incremental(self) -> Incremental | None:
        if self.replication_method != REPLICATION_INCREMENTAL:
            return None
        key = str(self.replication_key)
        # Not `get_context_state`, which would make one.
        bookmark = self.tap_state.get("bookmarks", {}).get(self.name, {})
        is_same = bookmark.get("replication_key") == key
        since = bookmark.get("replication_key_value") if is_same else None
        return Incremental(self.name, self.resource.incremental[key], since or None)

    @cached_property
    def _view(self) -> View:
        """What LOG_BASED compares as a whole, before it compares records."""
        config, resource, schema = self.config, self.resource, self.effective_schema["properties"]
        accounts = ("from_account", "to_account", "app_key", "ds_sequence")
        maps = stream_maps_of(config, self.name)
        mapping = {name: value for name, value in config.items() if name.startswith("flattening")}
        if maps:
            mapping |= {"maps": maps, "config": config.get("stream_map_config")}
        return View(
            key=resource.key,
            fields=self._fields,
            scope=[
                [config.get(name) for name in accounts],
                config.get("filters", {}).get(self.name),
                [resource.path, resource.rows, resource.params, resource.key],
            ],
            shape=[records.VERSION, [[name, schema[name]] for name in self._fields], mapping],
        )

    @cached_property
    def _folder(self) -> store.Folder | None:
        url = self.config.get("snapshot_store")
        return store.Folder(url, self.name) if url else None

    def expect(self) -> None:
        """Have the first page on the wire when it is this stream's turn."""
        incremental = self._incremental()
        self._expected = self._listing(incremental.params if incremental else {})
        self._lookahead.expect(self._expected)

    def _listing(self, params: Mapping[str, Any]) -> Listing:
        return Listing(self.resource, self.name, self._params(params))

    def _params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to the parameters of a replication those of the configuration."""
        filters = self.config.get("filters", {}).get(self.name, {})
        asked_for = {**filters, **params}
        for value in asked_for.values():
            # Values of records, which a server may repeat in its messages.
            redaction.hide_value(value)
        page_size = self.config["page_size"]
        rows_per_page = min(page_size, _TEST_ROWS) if self.is_test else page_size
        return {**self.resource.params, "rows_per_page": rows_per_page, **asked_for}

    def _reader(self, listing: Listing, converter: Converter) -> Reader:
        most = self.config["max_passes"]
        return Reader(listing, self._lookahead, converter, max_passes=most)

    @cached_property
    def _fields(self) -> list[str]:
        """The fields to emit, apart from the one that LOG_BASED adds."""
        names = self.effective_schema["properties"]
        return [name for name in names if self.mask["properties", name] and name != DELETED_AT]

    # The SDK's way from a record to its line takes more time than all the rest together: a copy of
    # the record, a look-up in the selection for each field, a message object and a system call.
    # `Converter` has selected and typed the fields, so that for a record that no stream map changes
    # the message is made here and written with its page. A test compares both ways byte for byte;
    # whatever this does not cover goes the SDK's. The SDK's loop over the records is kept, though
    # it takes about a fifth of what is left: it does the metrics, the state and `--test`, and
    # with a loop of our own every upgrade would have to be read line by line.

    @override
    def _increment_stream_state(
        self, latest_record: Any, *, context: Context | None = None
    ) -> None:
        """Do nothing: the bookmark moves when the read is complete."""

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

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """Promote the bookmark at the end of a successful sync, and always write it.

        Args:
            state: As the SDK gives it.
        """
        super().finalize_state_progress_markers(state)
        # The SDK keeps back a STATE equal to the last one, so that a run whose bookmark did not
        # move would end without any.
        if not self._writer.ends_with_state:
            self._write_state()

    def _write_state(self) -> None:
        self._u8_tap.write_message(StateMessage(value=self.tap_state))


def _unproved(outcome: Outcome, *, deletes: bool) -> str:
    """Say why a read is not proved to be complete, if that matters to anybody."""
    if outcome.rows:
        return (
            "not every reply said how many rows there are (row_count), so that it cannot be "
            "proved that all came"
        )
    return (
        "nothing matches, and such a reply does not say how many rows there are (row_count)"
        if deletes
        else ""
    )


def _sdk_lines(record: logging.LogRecord) -> bool:
    """Change two lines of the SDK: one shows the bookmark, one says again that a run failed."""
    message = str(record.msg)
    if isinstance(record.args, tuple) and "bookmark value: %s" in message:
        # The bookmark is a value of a record.
        record.args = (*record.args[:-1], "(not shown)")
    return not message.startswith("An unhandled error occurred while syncing")
