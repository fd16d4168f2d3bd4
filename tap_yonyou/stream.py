"""What the SDK asks of a stream, answered for a list of U8."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_LOG_BASED, Metadata

from tap_yonyou.command.catalog import check_stream
from tap_yonyou.command.checks import blaming_stream_maps
from tap_yonyou.compat import override
from tap_yonyou.errors import RunError, counted, log_error
from tap_yonyou.reading import Choice, Partition
from tap_yonyou.replication import Outcome
from tap_yonyou.replication.store import is_unsure
from tap_yonyou.replication.versions import Versions
from tap_yonyou.u8.reader import Reader
from tap_yonyou.u8.values import DATA_SOURCE, DELETED_AT

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_yonyou.command.output import Writer
    from tap_yonyou.replication import Replication
    from tap_yonyou.u8.gateway import Listing
    from tap_yonyou.u8.lookahead import Lookahead
    from tap_yonyou.u8.resources import Resource
    from tap_yonyou.u8.values import Converter

_DATA_SOURCE: Final = {
    "type": "integer",
    "description": "Number of the data source (数据源序号)",
}


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
        schema, key = dict(resource.schema), resource.key
        if sources := tap.config.get("ds_sequences"):
            schema["properties"] = {**schema["properties"], DATA_SOURCE: _DATA_SOURCE}
            schema["required"] = [*schema["required"], DATA_SOURCE]
            key = key and (*key, DATA_SOURCE)
        super().__init__(tap, schema=schema, name=resource.name)
        self._key = self.primary_keys = key
        self.resource = resource
        self.failed: list[str] = []
        self.logger.addFilter(_sdk_lines)
        self._u8_tap = tap
        self._lookahead = lookahead
        self._writer = writer
        self._configured: list[int | None] = [*dict.fromkeys(sources or (None,))]
        self._listings: dict[int | None, Listing] = {}
        self._extracted = datetime.now(UTC)

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """The data sources, if several are read; the connection test takes the first."""
        sources = self._sources[:1] if self.is_test else self._sources
        return None if sources == [None] else [{DATA_SOURCE: source} for source in sources]

    @property
    @override
    def metadata(self) -> MetadataMapping:
        metadata = super().metadata
        metadata.root.valid_replication_keys = [*self.resource.incremental] or None
        if self._configured != [None]:
            metadata["properties", DATA_SOURCE].inclusion = Metadata.InclusionType.AUTOMATIC
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
        self.primary_keys = self._key
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

    def expect(self) -> None:
        """Have the first page of each data source on the wire when it is its turn."""
        for source in self._sources:
            listing = self._partition(source).listing(self._bookmark(source))
            self._listings[source] = listing
            self._lookahead.expect(listing)

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the list whole, in one data source.

        Args:
            context: The data source, if several are read; the others are read though one fails.

        Yields:
            Every row of every page as a record, or what is left of them by the replication; rows
            come again with another pass.

        Raises:
            U8Error: The read could not be completed.
        """
        source = context[DATA_SOURCE] if context else None
        partition = self._partition(source)
        try:
            yield from self._records(source, partition, self.get_context_state(context))
        except RunError:
            raise
        except Exception as error:
            if source is None or self.is_test:
                raise
            self._versions.fail()
            self.failed.append(partition.label)
            log_error(self.logger, error)
        if source == self._sources[-1]:
            self._activate()
        else:
            # What was read in one data source need not wait for the others.
            self._u8_tap.state_writer.write_state(self.tap_state)

    def _records(
        self, source: int | None, partition: Partition, bookmark: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        started = time.monotonic()
        replication = partition.replication(bookmark, self._write_state, self._versions)
        is_anew = replication.begins_version and self.replication_method == REPLICATION_LOG_BASED
        if is_anew and self.config.get("filters", {}).get(self.name):
            self.logger.warning(FILTERED, partition.label)
        self._stream_version = replication.version
        converter = partition.converter(self.effective_schema)
        listing = self._listings.pop(source, None) or partition.listing(bookmark)
        reader = self._reader(listing, converter)
        pages_read, is_rechecked = 0, True
        with metrics.http_request_counter(self.name, self.resource.path) as counter:
            counter.with_context({DATA_SOURCE: source} if source else None)
            try:
                yield from self._read(reader, replication)
                pages_read = reader.pages_read
                if not self.is_test and (params := replication.recheck()) is not None:
                    listing = partition.listing_again(listing, params)
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
        bookmark.update(replication.bookmark(outcome))
        if outcome.is_proved:
            self._versions.prove(source, replication.version)
        else:
            self._versions.fail()
        if not outcome.is_proved and (warning := _unproved(outcome, deletes=replication.deletes)):
            self.logger.warning("%s: %s; nothing is deleted", partition.label, warning)
        if warning := converter.warning():
            self.logger.warning("%s: %s", partition.label, warning)
        self.logger.info(
            "%s: %s %s, %s, %.1f s; %s",
            partition.label,
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

    def _activate(self) -> None:
        """Have the target delete what is gone, if all data sources are proved to be complete."""
        if (version := self._versions.to_activate()) is not None:
            if self._versions.has_voided:
                # Said first, lest a later run relies on it.
                self._write_state()
            self._write_activate_version_message(version)
            self._versions.activated()

    @cached_property
    def _versions(self) -> Versions:
        """What records carry."""
        # Without a key, a target cannot tell which rows are the same.
        may_delete = self.config["emit_activate_version_messages"] and bool(self.resource.key)
        sources, method = self._sources, self.replication_method
        return Versions(self.stream_state, sources, method, may_delete=may_delete)

    @cached_property
    def _sources(self) -> list[int | None]:
        """The data sources in the order in which they are read; only None for a single one.

        First those of which the target may have anything: if they need a new version, the others
        get it in the same run.
        """
        return sorted(self._configured, key=lambda one: not is_unsure(self._bookmark(one)))

    def _bookmark(self, source: int | None) -> dict[str, Any]:
        """Look at a part of the state; `get_context_state` would make one."""
        bookmark: dict[str, Any] = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if source is None:
            return bookmark
        context = {DATA_SOURCE: source}
        found = (one for one in bookmark.get("partitions", ()) if one["context"] == context)
        return next(found, {})

    def _partition(self, source: int | None) -> Partition:
        schema = self.effective_schema["properties"]
        return Partition(
            Choice(
                resource=self.resource,
                config=self.config,
                method=self.replication_method,
                replication_key=self.replication_key,
                fields={
                    name: schema[name]
                    for name in self._fields
                    if source is None or name != DATA_SOURCE
                },
                tables=self._tables,
                is_test=self.is_test,
            ),
            source,
        )

    @property
    def is_removed(self) -> bool:
        """Whether stream maps let nothing of it through."""
        return not self._tables

    @cached_property
    def _tables(self) -> list[str]:
        """What it is called in its messages."""
        maps = self.stream_maps
        return [one.stream_alias for one in maps if not isinstance(one, RemoveRecordTransform)]

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
