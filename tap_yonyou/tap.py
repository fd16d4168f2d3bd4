"""What the tap offers: its settings and its streams."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_LOG_BASED

from tap_yonyou import redaction
from tap_yonyou.command.cli import CommandLine
from tap_yonyou.compat import override
from tap_yonyou.errors import SettingsError
from tap_yonyou.settings import config_jsonschema, stream_maps_of
from tap_yonyou.stream import FILTERED, U8Stream
from tap_yonyou.u8 import resources
from tap_yonyou.u8.gateway import Endpoint, Gateway
from tap_yonyou.u8.pages import Lookahead, U8Paginator
from tap_yonyou.u8.values import DATA_SOURCE, DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Stream

    from tap_yonyou.u8.resources import Resource


class TapYonyou(CommandLine):
    """Reads Yonyou U8+ (用友 U8+) through its OpenAPI."""

    name = "tap-yonyou"
    package_name = "tap-yonyou"
    config_jsonschema: ClassVar[dict[str, Any]] = config_jsonschema()
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.TEST,
        TapCapabilities.LOG_BASED,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @override
    def discover_streams(self) -> Sequence[U8Stream]:
        gateway = Gateway(self.config)
        self.lookahead = Lookahead(gateway.get, self.config["concurrency"])
        return [
            U8Stream(
                self, self._resource(name, gateway), lookahead=self.lookahead, writer=self.writer
            )
            for name in dict.fromkeys(self.config["streams"])
        ]

    def _resource(self, name: str, gateway: Gateway) -> Resource:
        """Choose a resource; one without a schema shows its fields in a page."""
        resource = resources.choose(name, self.config.get("resources", {}))
        for value in resource.params.values():
            redaction.hide_record_value(value)
        in_catalog = self.input_catalog and self.input_catalog.get_stream(name)
        if resource.has_schema or in_catalog:
            return resource
        if not self._has_account:
            self.logger.warning(
                "%s: its fields are seen in a page, which takes an account; without one, only the "
                "fields of its declaration are offered",
                name,
            )
            return resource
        params = {**resource.params, "rows_per_page": self.config["page_size"]}
        if sources := self.config.get("ds_sequences"):
            params[DATA_SOURCE] = sources[0]
        endpoint = Endpoint(resource.path, resource.rows, name, params)
        reply = gateway.get(endpoint, next(U8Paginator().ahead()), threading.Event())
        return resources.with_seen_fields(resource, reply.rows or [])

    @property
    def _has_account(self) -> bool:
        needed = ("from_account", "to_account", "app_key")
        can_log_in = "app_secret" in self.config or "token" in self.config
        return can_log_in and all(name in self.config for name in needed)

    @override
    def setup_mapper(self) -> None:
        super().setup_mapper()
        for stream in self.streams.values():
            if stream.selected:
                self._check_deletes(stream)

    def _check_deletes(self, stream: Stream) -> None:
        """Look at what deletes do together with filters and stream maps.

        Raises:
            SettingsError: A stream map would remove what tells of a deletion.
        """
        maps = [one for _, one in stream_maps_of(self.config, stream.name) if isinstance(one, dict)]
        if stream.replication_method == REPLICATION_LOG_BASED:
            _check_maps(stream, maps)
        if (
            self.config["emit_activate_version_messages"]
            and stream.replication_method == REPLICATION_FULL_TABLE
            and (
                self.config.get("filters", {}).get(stream.name)
                or any(one.get("__filter__") for one in maps)
            )
        ):
            self.logger.warning(FILTERED, stream.name)


def _check_maps(stream: Stream, maps: list[dict[str, Any]]) -> None:
    """Refuse stream maps that a record with nothing but a key would come through as another one."""
    problem, advice = "", "use FULL_TABLE, or map other fields only"
    for one in maps:
        if one.get("__filter__"):
            problem, advice = "__filter__ would hide deletions", "use filters, or FULL_TABLE"
        if "__key_properties__" in one:
            problem = "__key_properties__ gives deletions another key"
        for key in stream.primary_keys:
            others = {*re.findall(r"\w+", str(one.get(key, key)))} & {*stream.schema["properties"]}
            if others != {key}:
                problem = f"the key {key} is made of other fields, which a deletion has not"
    for transform in stream.stream_maps:
        if isinstance(transform, RemoveRecordTransform):
            continue
        mapped = {one.get(DELETED_AT, DELETED_AT) for one in maps}
        if DELETED_AT not in transform.transformed_schema["properties"] or mapped - {DELETED_AT}:
            problem = f"{DELETED_AT} is removed, which tells of deletions"
            advice = f"add {DELETED_AT}: {DELETED_AT}"
    if problem:
        msg = f"{stream.name}: stream_maps cannot be used with LOG_BASED: {problem}; {advice}"
        raise SettingsError(msg)
