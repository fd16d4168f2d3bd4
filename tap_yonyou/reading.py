"""What is asked of one list in one data source, and how it is replicated there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL, REPLICATION_LOG_BASED

from tap_yonyou import redaction
from tap_yonyou.replication import Breaker, FullTable, Incremental
from tap_yonyou.replication.log_based import LogBased, View
from tap_yonyou.replication.store import Folder, Store
from tap_yonyou.settings import stream_maps_of
from tap_yonyou.u8 import values as records
from tap_yonyou.u8.gateway import Listing
from tap_yonyou.u8.values import DATA_SOURCE, Converter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_yonyou.replication import Replication
    from tap_yonyou.replication.versions import Versions
    from tap_yonyou.u8.resources import Resource

#: Rows that the connection test asks for.
_TEST_ROWS: Final = 10

#: Whose rows are read.
_ACCOUNTS: Final = ("from_account", "to_account", "app_key")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a user has chosen of a list.

    Attributes:
        resource: The list.
        config: The settings.
        method: The replication method.
        replication_key: What INCREMENTAL goes by.
        fields: The fields to emit, with their JSON Schemas.
        tables: What the list is called in its messages: its own name, or that of a stream map.
        is_test: Whether only the connection is tested.
    """

    resource: Resource
    config: Mapping[str, Any]
    method: str
    replication_key: str | None
    fields: Mapping[str, Any]
    tables: Sequence[str]
    is_test: bool


class Partition:
    """A list in one data source.

    Attributes:
        label: What log lines and errors begin with.
        same: The fields that all its records have alike.
    """

    def __init__(self, choice: Choice, data_source: int | None = None) -> None:
        """Ask for nothing yet.

        Args:
            choice: What was chosen of the list.
            data_source: The number of the data source, if several are read; else the setting
                `ds_sequence` says it.
        """
        self._choice = choice
        self._name = choice.resource.name
        self.label = self._name
        self.same: Mapping[str, Any] = {}
        if data_source is not None:
            self.label += f", data source {data_source}"
            self.same = {DATA_SOURCE: data_source}

    def listing(self, bookmark: Mapping[str, Any]) -> Listing:
        """Say what is asked for first.

        Args:
            bookmark: Its part of the state.
        """
        incremental = self._incremental(bookmark)
        params = self._params(incremental.params if incremental else {})
        return Listing(self._choice.resource, self.label, params)

    def listing_again(self, listing: Listing, params: Mapping[str, Any]) -> Listing:
        """Say what is asked for once more.

        Args:
            listing: What was asked for first.
            params: What to ask for instead, beside the configured filters.
        """
        return replace(listing, params=self._params(params))

    def replication(
        self,
        bookmark: dict[str, Any],
        write_state: Callable[[], None],
        versions: Versions,
    ) -> Replication:
        """Begin to replicate it.

        Args:
            bookmark: Its part of the state, kept up to date.
            write_state: Sends the state.
            versions: What records may carry.

        Raises:
            U8Error: What the last run left cannot be reached.
        """
        choice, config = self._choice, self._choice.config
        if choice.is_test:
            return FullTable()
        rows = bookmark.get("rows")
        rows_before = rows if isinstance(rows, int) else None
        breaker = Breaker(self.label, rows_before, config["max_deletes_percent"])
        url = config.get("snapshot_store")
        folder = Folder(url, self.label) if url else None
        kept = Store(self.label, bookmark, write_state, folder)
        if choice.method == REPLICATION_LOG_BASED:
            return LogBased(self.label, kept, self._view, versions, breaker)
        kept.doubt()
        return self._incremental(bookmark) or FullTable(versions.new, breaker)

    def converter(self, schema: Mapping[str, Any]) -> Converter:
        """Give what makes records of rows.

        Args:
            schema: The JSON Schema in force.
        """
        return Converter(schema, self._choice.fields, self._choice.resource.key, self.same)

    def _incremental(self, bookmark: Mapping[str, Any]) -> Incremental | None:
        choice = self._choice
        if choice.method != REPLICATION_INCREMENTAL or choice.is_test:
            return None
        key = str(choice.replication_key)
        since = None
        if bookmark.get("replication_key") == key:
            since = bookmark.get("replication_key_value") or None
        return Incremental(self.label, choice.resource.incremental[key], since)

    def _params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to the parameters of a replication those of the configuration."""
        resource, config = self._choice.resource, self._choice.config
        filters = config.get("filters", {}).get(self._name, {})
        asked_for = {**filters, **params}
        for value in asked_for.values():
            # Values of records, which a server may repeat in its messages.
            redaction.hide_record_value(value)
        size = config["page_size"]
        rows = min(size, _TEST_ROWS) if self._choice.is_test else size
        return {**resource.params, "rows_per_page": rows, **asked_for, **self.same}

    @property
    def _view(self) -> View:
        """What LOG_BASED compares as a whole, before it compares records."""
        choice, config, resource = self._choice, self._choice.config, self._choice.resource
        maps = stream_maps_of(config, self._name)
        mapping = {name: value for name, value in config.items() if name.startswith("flattening")}
        if maps:
            mapping |= {"maps": maps, "config": config.get("stream_map_config")}
        return View(
            key=resource.key,
            blank={**dict.fromkeys(choice.fields), **self.same},
            scope=[
                [config.get(name) for name in _ACCOUNTS],
                self.same.get(DATA_SOURCE, config.get(DATA_SOURCE)),
                config.get("filters", {}).get(self._name) or None,
                [resource.path, resource.rows, resource.params],
                [[name, choice.fields[name]] for name in resource.key],
                choice.tables,
            ],
            shape=[records.VERSION, [*choice.fields.items()], mapping],
            data_source=self.same.get(DATA_SOURCE),
        )
