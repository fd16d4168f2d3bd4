"""One list in one data source: what is asked, what is emitted, what is remembered."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from singer_sdk import metrics
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL, REPLICATION_LOG_BASED

from tap_yonyou import redaction
from tap_yonyou.command.progress import Progress
from tap_yonyou.errors import U8Error, counted
from tap_yonyou.replication import DeleteLimit, Outcome
from tap_yonyou.replication.documents import LogBasedDocuments
from tap_yonyou.replication.full_table import FullTable
from tap_yonyou.replication.incremental import Incremental
from tap_yonyou.replication.log_based import Basis, LogBased, is_rewrite_due
from tap_yonyou.replication.store import Folder, Store
from tap_yonyou.settings import stream_maps_of
from tap_yonyou.u8 import values
from tap_yonyou.u8.documents import DocumentReader, EntryReader
from tap_yonyou.u8.gateway import Endpoint
from tap_yonyou.u8.reader import Reader
from tap_yonyou.u8.values import DATA_SOURCE, Converter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_yonyou.replication import Counts, Records, Replication
    from tap_yonyou.replication.versions import Version
    from tap_yonyou.u8.pages import Lookahead
    from tap_yonyou.u8.resources import Resource

_logger = logging.getLogger("tap-yonyou")

_UNCOUNTED: Final = (
    "not every reply reported how many rows there are (row_count), so that it cannot be proved "
    "that all came"
)
_NO_MATCH: Final = "nothing matches, and such a reply does not report a row_count"
#: Rows that the connection test asks for.
_TEST_ROWS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is read of a resource, and how, in every data source."""

    resource: Resource
    config: Mapping[str, Any]
    method: str
    replication_key: str | None
    schema: Mapping[str, Any]
    #: The properties to emit.
    fields: Mapping[str, Any]
    #: The stream's names in its messages: its own, or those of stream maps.
    tables: Sequence[str]
    #: Whether only the connection is tested.
    is_test: bool
    #: Whether a deleted row keeps its values.
    keeps_deleted: bool
    #: Fields to emit beside those; more may be met. None if they are dropped.
    new_fields: list[str] | None


class Reading:
    """One read of one list in one data source."""

    def __init__(
        self,
        plan: Plan,
        data_source: int | None,
        bookmark: dict[str, Any],
        lookahead: Lookahead,
        write_state: Callable[[], None],
    ) -> None:
        """Send nothing yet; `data_source` is None unless several are read."""
        #: How log lines and errors begin.
        self.label = plan.resource.name
        self.bookmark = bookmark
        #: Whether all rows came, after the last one has been emitted.
        self.is_proved = False
        #: Whether nothing speaks against that all rows came.
        self.is_complete = False
        #: What ended it.
        self.error: Exception | None = None
        self.started_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.data_source = data_source
        self.pages = 0
        self.counts: Counts | None = None
        self.name = plan.resource.name
        self.method = plan.method
        #: Whether LOG_BASED writes every row again.
        self.rewrites = False
        self._plan = plan
        self._config = plan.config
        self._lookahead = lookahead
        self._write_state = write_state
        self._constants: dict[str, Any] = {}
        if data_source is not None:
            self.label += f", data source {data_source}"
            self._constants = {DATA_SOURCE: data_source}
        self.converter = self._converter_of(plan.schema, plan.fields, plan.resource.key)
        self._incremental = self._begin_incremental()
        self._endpoints: list[Endpoint] = []
        self._reader = self._reader_of(self._incremental.params if self._incremental else {})

    @property
    def rows(self) -> int:
        """How many rows the last pass over the list brought; of documents, how many lines came."""
        return self._reader.rows

    @property
    def is_rewrite_due(self) -> bool:
        """Whether LOG_BASED has to write every row again, because it did so long ago."""
        written_on, days = self.bookmark.get("written_on"), self._config["rewrite_days"]
        return is_rewrite_due(self._plan.resource.name, written_on, days)

    @property
    def starts_over(self) -> bool:
        """Whether every row is written, and the target may hold rows that no state knows."""
        try:
            return self._replication.starts_over
        except U8Error:  # reported when it is its turn
            return False

    def expect(self) -> None:
        """Request the first page while the lists before this one are still being read."""
        if not self._plan.is_test:
            self._reader.expect()

    def records(self, version: Version) -> Iterator[Records]:
        """Read the list whole, keep the bookmark, and give what to emit, a page at a time."""
        started, self.started_at = time.monotonic(), datetime.now(UTC)
        replication, reader, resource = self._replication, self._reader, self._plan.resource
        replication.begin(version)
        if isinstance(reader, DocumentReader) and isinstance(replication, LogBasedDocuments):
            reader.choose, reader.missing = replication.choose, replication.missing
        is_rechecked, is_proved = True, False
        problem: U8Error | None = None
        with metrics.http_request_counter(resource.name, resource.path) as counter:
            counter.with_context(self._constants or None)
            try:
                yield from self._emit(reader)
                problem, is_proved = reader.problem, reader.is_proved
                params = replication.after_pass(reader.keys, is_proved=is_proved)
                reader.keys.clear()  # a hundred megabytes for a million rows
                if params is not None:
                    again = self._reader_of(params)
                    yield from self._emit(again)
                    replication.after_pass(again.keys, is_proved=again.is_proved)
                    problem = problem or again.problem
                    # At least the row that it begins with comes, unless that was deleted.
                    is_rechecked = again.rows > 0 and again.is_proved >= is_proved
                    is_proved = is_proved and again.is_proved
            finally:
                counter.value = self.requests
        if self._plan.is_test:
            return
        outcome = Outcome(reader.rows, is_proved, is_rechecked)
        yield from replication.after_last_page(outcome)
        self.counts = replication.counts
        # Not before: a STATE in the middle of a read claims nothing.
        if not problem or isinstance(replication, LogBasedDocuments):
            self.bookmark.update(replication.bookmark(outcome))
        if problem:
            self._write_state()
            raise problem
        self.is_proved = outcome.is_proved
        # Nothing that is newer than the bookmark, for example.
        is_nothing = not outcome.rows and not replication.deletes
        self.is_complete = outcome.is_proved or is_nothing
        if self.is_complete:
            self.bookmark["complete_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        else:
            reason = _UNCOUNTED if outcome.rows else _NO_MATCH
            _logger.warning("%s: %s; nothing is deleted", self.label, reason)
        if warning := self.converter.warning():
            _logger.warning("%s: %s", self.label, warning)
        _logger.info(
            "%s: %s %s, %s, %.1f s; %s",
            self.label,
            replication.summary(outcome),
            counted(self.pages, "page"),
            counted(self.requests, "request"),
            time.monotonic() - started,
            self.converter.summary(),
        )

    def _emit(self, reader: Reader | DocumentReader) -> Iterator[Records]:
        pages = reader.first_page() if self._plan.is_test else reader.all_pages()
        unit = "page" if isinstance(reader, Reader) else "document"
        before = self.pages
        try:
            with Progress(self.label, _logger, unit) as progress:
                for page in pages:
                    records = self._replication.to_emit(page)
                    if new := self._plan.new_fields:
                        self.bookmark["new_fields"] = [*new]
                    yield records
                    progress.page(page.number, page.total, len(page.keys))
        finally:
            self.pages = before + reader.pages_read

    @cached_property
    def _replication(self) -> Replication:
        """How it is replicated; a U8Error if what the last run left cannot be reached."""
        plan, config, bookmark = self._plan, self._config, self.bookmark
        limit = DeleteLimit(self.label, config["max_deletes_percent"])
        rows = bookmark.get("rows")
        rows_before = rows if isinstance(rows, int) else None
        if plan.is_test:
            return FullTable(limit, None, deletes=False)
        url = config.get("snapshot_store")
        folder = Folder(url, self.label) if url else None
        store = Store(self.label, bookmark, self._write_state, folder)
        if plan.method == REPLICATION_LOG_BASED and isinstance(self._reader, DocumentReader):
            days = {name: config[name] for name in ("lookback_days", "rewrite_days")}
            return LogBasedDocuments(self.label, store, self._basis, limit, bookmark, **days)
        if plan.method == REPLICATION_LOG_BASED:
            basis = self._basis
            return LogBased(self.label, store, basis, limit, bookmark, rewrites=self.rewrites)
        store.doubt()
        deletes = config["emit_activate_version_messages"] and bool(plan.resource.key)
        return self._incremental or FullTable(limit, rows_before, deletes=deletes)

    def _begin_incremental(self) -> Incremental | None:
        plan, bookmark = self._plan, self.bookmark
        if plan.method != REPLICATION_INCREMENTAL or plan.is_test:
            return None
        key, since = str(plan.replication_key), None
        if bookmark.get("replication_key") == key:
            since = bookmark.get("replication_key_value") or None
        marker = plan.resource.incremental[key]
        days = self._config["lookback_days"] if marker.looks_back else 0
        return Incremental(self.label, marker, since, lookback_days=days)

    def _reader_of(self, params: Mapping[str, Any]) -> Reader | DocumentReader:
        """Make what reads the list with these parameters, and the documents in it."""
        resource = self._plan.resource
        head, entry = resource.head or resource, resource.entry
        listed = self._endpoint_of(head, self._params(params))
        most = self._config["max_passes"]
        if not entry:
            return Reader(listed, self._lookahead, self.converter, head.key, max_passes=most)
        if not entry.path:
            reading = listed, self._lookahead, self.converter, head.key
            return EntryReader(resource, *reading, max_passes=most)
        needed = {*head.key, entry.date, entry.approval, *head.incremental} - {""}
        text = {"type": ["string", "null"]}
        known = {entry.date: {**text, "format": "date"}, entry.approval: text}
        known |= head.schema["properties"]
        converter = self._converter_of({"properties": known}, needed, head.key)
        listed.is_last = False
        reader = Reader(listed, self._lookahead, converter, head.key, max_passes=most)
        endpoint = self._endpoint_of(resource, {**resource.params, **self._constants})
        made = DocumentReader(endpoint, resource, reader, self._lookahead, self.converter)
        made.is_filtered = bool(self.filters or params)
        return made

    def _converter_of(
        self, schema: Mapping[str, Any], fields: Iterable[str], key: Sequence[str]
    ) -> Converter:
        names = [name for name in fields if name not in self._constants]
        plan = self._plan
        converter = Converter(schema, names, key, self._constants, plan.resource.ignored)
        if plan.new_fields is not None and schema is plan.schema:
            converter.keep_new(plan.new_fields)
        return converter

    def _endpoint_of(self, resource: Resource, params: Mapping[str, Any]) -> Endpoint:
        self._endpoints.append(Endpoint(resource.path, resource.rows, self.label, params))
        return self._endpoints[-1]

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return sum(endpoint.requests for endpoint in self._endpoints)

    @property
    def filters(self) -> Mapping[str, Any]:
        """The configured filters; those of a document serve its lines, too."""
        resource, filters = self._plan.resource, self._config.get("filters", {})
        of_head = filters.get(resource.head.name) if resource.head else None
        found: Mapping[str, Any] = filters.get(resource.name) or of_head or {}
        return found

    def _params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the parameters of the configuration to those of a replication method."""
        asked_for = {**self.filters, **params}
        for value in asked_for.values():
            # Values of records, which a server may repeat in its messages.
            redaction.hide_record_value(value)
        size = self._config["page_size"]
        rows = min(size, _TEST_ROWS) if self._plan.is_test else size
        paged = {**self._plan.resource.params, "rows_per_page": rows}
        return {**paged, **asked_for, **self._constants}

    @property
    def _basis(self) -> Basis:
        plan, config, resource = self._plan, self._config, self._plan.resource
        head = resource.head or resource
        mapping = {name: value for name, value in config.items() if name.startswith("flattening")}
        if maps := stream_maps_of(config, resource.name):
            mapping |= {"maps": maps, "config": config.get("stream_map_config")}
        # What was dropped is in no digest.
        kept = [] if plan.new_fields is None else ["new fields"]
        blank = {**dict.fromkeys(plan.fields), **self._constants}
        return Basis(
            key=resource.key,
            width=len(blank),
            blank=blank,
            keeps_deleted=plan.keeps_deleted,
            scope={
                "account": [config.get(name) for name in ("from_account", "to_account")],
                "app": config.get("app_key"),
                "data source": self._constants.get(DATA_SOURCE, config.get(DATA_SOURCE)),
                "filters": self.filters or None,
                "parameters": [head.path, head.rows, resource.path, resource.rows, resource.params],
                "key": [[name, plan.fields[name]] for name in resource.key],
                "table": list(plan.tables),
            },
            shape=[values.VERSION, [*plan.fields.items()], mapping, *kept],
        )
