"""What the SDK asks of a stream, answered for a list of U8."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import StateMessage
from singer_sdk.singerlib.catalog import REPLICATION_LOG_BASED, Metadata

from tap_yonyou.command.checks import blaming_stream_maps
from tap_yonyou.compat import override
from tap_yonyou.reading import Plan, Reading
from tap_yonyou.replication import DELETED_AT
from tap_yonyou.replication.versions import Version
from tap_yonyou.settings import stream_maps_of
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, MetadataMapping

    from tap_yonyou.command.output import Writer
    from tap_yonyou.replication import Records
    from tap_yonyou.u8.pages import Lookahead
    from tap_yonyou.u8.resources import Resource

_NOT_PLAIN: Final = "this stream has stream maps, flattening or nested fields"
_WIDENED: Final = "a field is new; ACTIVATE_VERSION waits for the next run that begins a version"
_NEW_FIELD: Final = {"type": ["string", "null"], "description": "A field that no schema knows"}
_DATA_SOURCE: Final = {"type": "integer", "description": "Number of the data source (数据源序号)"}

_FILTERED: Final = (
    "%s: filters are set together with emit_activate_version_messages: the target will delete, or "
    "mark as deleted, all rows that do not match them"
)


class U8Stream(Stream):
    """A list of U8, in one data source or in several."""

    #: `Converter` has typed the values already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self, tap: Tap, resource: Resource, *, lookahead: Lookahead, writer: Writer
    ) -> None:
        """Prepare the stream; nothing is sent."""
        schema, key = dict(resource.schema), resource.key
        if sources := tap.config.get("ds_sequences"):
            schema["properties"] = {**schema["properties"], DATA_SOURCE: _DATA_SOURCE}
            schema["required"] = [*schema["required"], DATA_SOURCE]
            key = key and (*key, DATA_SOURCE)
        super().__init__(tap, schema=schema, name=resource.name)
        self._key = self.primary_keys = key
        self.resource = resource
        self.logger.addFilter(_sdk_lines)
        self._u8_tap = tap
        self._lookahead = lookahead
        self._writer = writer
        #: The data sources; only None unless several are read.
        self._sources: list[int | None] = [*dict.fromkeys(sources or (None,))]
        #: Whether the last SCHEMA was of deletions, and its new fields.
        self._known_to_target: tuple[bool, tuple[str, ...]] = False, ()
        #: Whether a new field was met in this run.
        self._is_widened = False

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
        if self._sources != [None]:
            metadata["properties", DATA_SOURCE].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply the catalog, but for the key."""
        super().apply_catalog(catalog)
        self.primary_keys = self._key

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
        """Request the first page of each data source while the streams before are being read."""
        for reading in self.readings.values():
            reading.expect()

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the whole list in one data source; in a test, give one record."""
        source = context[DATA_SOURCE] if context else None
        self._stream_version = self._version.number
        read = self.readings[source].records(self._version)
        if self.is_test:
            read = iter([[*islice(chain.from_iterable(read), 1)]])
        for records in read:
            for part in self._parts(records):
                yield from part
        version = self._version
        if version.is_new and all(one.is_proved for one in self.readings.values()):
            if self._is_widened:
                self.logger.info("%s: %s", self.name, _WIDENED)
            else:  # the target deletes the rows of older versions
                self._write_activate_version_message(version.number or 0)

    def _parts(self, records: Records) -> Iterator[Records]:
        """Give records, those of deletions under a SCHEMA of their own that spares other fields."""
        version = {"version": self._stream_version} if self._stream_version is not None else {}
        self._writer.hold(self._alias or "", **version, time_extracted=datetime.now(UTC))
        self.state_manager.is_flushed = False
        living = len(records)
        while living and records[living - 1].get(DELETED_AT):
            living -= 1
        for part, is_deleted in ((records[:living], False), (records[living:], True)):
            if not part:
                continue
            of_deletions = is_deleted and len(part[0]) == len(self._key) + 1
            known = of_deletions, tuple(self._new_fields or ())
            if known != self._known_to_target:
                self._is_widened |= known[1] != self._known_to_target[1]
                self._write_schema_message(of_deletions=of_deletions)
            try:
                yield part
            finally:
                # Written before anything else happens.
                self._writer.flush()

    @override
    def _write_schema_message(self, *, of_deletions: bool = False) -> None:
        """Write a SCHEMA of all fields or, of deletions, of the key and the mark."""
        new = dict.fromkeys(self._new_fields or (), _NEW_FIELD)
        self._known_to_target = of_deletions, tuple(new)
        for message in self._generate_schema_messages():
            properties = message.schema["properties"] | new
            if of_deletions:
                kept = {*self._key, DELETED_AT}
                properties = {name: one for name, one in properties.items() if name in kept}
            message.schema = {**message.schema, "properties": properties}
            self._u8_tap.write_message(message)

    @cached_property
    def _version(self) -> Version:
        for source, reading in self.readings.items():
            reading.bookmark = self.get_context_state({DATA_SOURCE: source} if source else None)
        bookmarks, readings = self._bookmarks, self.readings.values()
        if any(reading.is_rewrite_due for reading in readings):
            for reading in readings:
                reading.rewrites = True
        read = [id(reading.bookmark) for reading in readings]
        is_new = (
            self.config["emit_activate_version_messages"]
            # Without a key, a target cannot tell which rows are the same.
            and bool(self.resource.key)
            and not self.is_test
            and all(reading.starts_over for reading in readings)
        )
        others = [bookmark for bookmark in bookmarks if id(bookmark) not in read]
        version = Version(self.stream_state, bookmarks, others, is_new=is_new)
        maps = [one for _, one in stream_maps_of(self.config, self.name) if isinstance(one, dict)]
        is_filtered = any(reading.filters for reading in readings)
        if version.is_new and (is_filtered or any(one.get("__filter__") for one in maps)):
            self.logger.warning(_FILTERED, self.name)
        return version

    def _bookmark(self, source: int | None) -> dict[str, Any]:
        """Look at a part of the state; `get_context_state` would make one."""
        if source is None:
            return self.tap_state.get("bookmarks", {}).get(self.name) or {}
        context = {DATA_SOURCE: source}
        partitions = self._bookmark(None).get("partitions", [])
        return next((one for one in partitions if one["context"] == context), {})

    @property
    def _bookmarks(self) -> list[dict[str, Any]]:
        """What the state holds of the stream, for data sources that are not read any more, too."""
        return [self.stream_state, *self.stream_state.get("partitions", [])]

    @cached_property
    def readings(self) -> dict[int | None, Reading]:
        """One for each data source."""
        schema = self.effective_schema
        plan = Plan(
            resource=self.resource,
            config=self.config,
            method=self.replication_method,
            replication_key=self.replication_key,
            schema=schema,
            fields={
                name: about
                for name, about in schema["properties"].items()
                if self.mask["properties", name] and name != DELETED_AT
            },
            tables=self._tables,
            is_test=self.is_test,
            keeps_deleted=self._keeps_deleted,
            new_fields=self._new_fields,
        )
        return {
            source: Reading(
                plan, source, self._bookmark(source), self._lookahead, self._write_state
            )
            for source in (self._sources[:1] if self.is_test else self._sources)
        }

    @cached_property
    def _keeps_deleted(self) -> bool:
        """Whether the record of a deletion may leave out the other fields."""
        is_wanted = self.config["deleted_rows"] == "keep"
        if is_wanted and self._alias is None and self.replication_method == REPLICATION_LOG_BASED:
            self.logger.info("%s: deleted rows become blank: %s", self.name, _NOT_PLAIN)
        return is_wanted and self._alias is not None

    @cached_property
    def _new_fields(self) -> list[str] | None:
        """The fields that no schema knows and that are emitted; None if they are dropped."""
        if self.config["new_fields"] == "drop":
            return None
        if self._alias is None:
            self.logger.warning("%s: new fields are dropped: %s", self.name, _NOT_PLAIN)
            return None
        bookmarks = [self._bookmark(source) for source in self._sources]
        known = dict.fromkeys(name for one in bookmarks for name in one.get("new_fields") or ())
        declared = {name.casefold() for name in self.effective_schema["properties"]}
        return [name for name in known if name.casefold() not in declared]

    @property
    def is_removed(self) -> bool:
        """Whether stream maps let nothing of it through."""
        return not self._tables

    @cached_property
    def _tables(self) -> list[str]:
        """What it is called in its messages."""
        maps = self.stream_maps
        return [one.stream_alias for one in maps if not isinstance(one, RemoveRecordTransform)]

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
        self._writer.held.append(record)

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
        """Promote the bookmark at the end of a successful sync, and always write it."""
        super().finalize_state_progress_markers(state)
        # The SDK keeps back a STATE equal to the last one, so that a run whose bookmark did not
        # move would end without any.
        if not self._writer.ends_with_state:
            self._write_state()

    def _write_state(self) -> None:
        self._u8_tap.write_message(StateMessage(value=self.tap_state))


def _sdk_lines(record: logging.LogRecord) -> bool:
    """Change two lines of the SDK: one shows the bookmark, one says again that a run failed."""
    message = str(record.msg)
    if isinstance(record.args, tuple) and "bookmark value: %s" in message:
        # The bookmark is a value of a record.
        record.args = (*record.args[:-1], "(not shown)")
    return not message.startswith("An unhandled error occurred while syncing")
