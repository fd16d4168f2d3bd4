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
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_yonyou import redaction
from tap_yonyou.command.cli import CommandLine
from tap_yonyou.compat import override
from tap_yonyou.errors import SettingsError, one_line
from tap_yonyou.settings import FIELD, config_jsonschema, stream_maps_of
from tap_yonyou.stream import FILTERED, U8Stream
from tap_yonyou.u8 import resources
from tap_yonyou.u8.gateway import Gateway, Listing
from tap_yonyou.u8.lookahead import Lookahead
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self.lookahead = Lookahead(gateway.get, lambda: gateway.concurrency)
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
            redaction.hide_value(value)
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
        reply = gateway.get(Listing(resource, name, params), 1, threading.Event())
        seen = resources.with_seen_fields(resource, reply.rows or [])
        if unfit := [field for field in seen.schema["properties"] if not re.match(FIELD, field)]:
            msg = (
                f"{name}: its rows have a field {one_line(unfit[0])}, which is a name of the tap's "
                f"own; declare resources.{name}.schema without it"
            )
            raise SettingsError(msg)
        return seen

    @property
    def _has_account(self) -> bool:
        needed = ("from_account", "to_account", "app_key")
        can_log_in = "app_secret" in self.config or "token" in self.config
        return can_log_in and all(name in self.config for name in needed)

    @override
    def setup_mapper(self) -> None:
        super().setup_mapper()
        if not self.config["emit_activate_version_messages"]:
            return
        for stream in self.streams.values():
            maps = dict(stream_maps_of(self.config, stream.name)).values()
            is_filtered = self.config.get("filters", {}).get(stream.name) or any(
                isinstance(stream_map, dict) and stream_map.get("__filter__") for stream_map in maps
            )
            is_full = stream.replication_method == REPLICATION_FULL_TABLE
            if stream.selected and is_full and is_filtered:
                self.logger.warning(FILTERED, stream.name)
