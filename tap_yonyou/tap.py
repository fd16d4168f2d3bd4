"""What the tap offers: its settings and its streams."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities

from tap_yonyou import redaction
from tap_yonyou.command.cli import CommandLine
from tap_yonyou.compat import override
from tap_yonyou.reads import NAME, Reads
from tap_yonyou.settings import SCHEMA
from tap_yonyou.stream import U8Stream
from tap_yonyou.u8 import resources
from tap_yonyou.u8.gateway import Endpoint, Gateway
from tap_yonyou.u8.pages import Ask, Lookahead, U8Paginator
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Stream

    from tap_yonyou.u8.resources import Resource


class TapYonyou(CommandLine):
    """Reads Yonyou U8+ (用友 U8+) through its OpenAPI."""

    name = "tap-yonyou"
    package_name = "tap-yonyou"
    config_jsonschema: ClassVar[dict[str, Any]] = SCHEMA
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
    def discover_streams(self) -> Sequence[Stream]:
        gateway = Gateway(self.config)
        self.lookahead = Lookahead(gateway.get, self.config["concurrency"])
        shared: dict[str, Any] = {"lookahead": self.lookahead, "writer": self.writer}
        return [
            Reads(self) if name == NAME else U8Stream(self, self._resource(name, gateway), **shared)
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
        return resources.with_seen_fields(resource, self._sample(resource, gateway))

    def _sample(self, resource: Resource, gateway: Gateway) -> list[Any]:
        """Read the rows of a page or, of lines, those of its first document."""
        params = dict(resource.params)
        if sources := self.config.get("ds_sequences"):
            params[DATA_SOURCE] = sources[0]
        head, entry, never = resource.head or resource, resource.entry, threading.Event()
        paged = {**params, "rows_per_page": self.config["page_size"]}
        listed = Endpoint(head.path, head.rows, resource.name, paged)
        rows = gateway.get(listed, next(U8Paginator().ahead()), never).rows or []
        if not entry:
            return rows
        if not entry.path:
            return [line for row in rows for line in row.get(entry.rows) or ()]
        endpoint = Endpoint(resource.path, resource.rows, resource.name, params)
        codes = [row[head.key[0]] for row in rows[:1] if head.key[0] in row]
        asks = (
            Ask({entry.parameter: code}, "one document", {}, {head.key[0]: code}) for code in codes
        )
        return [line for ask in asks for line in gateway.get(endpoint, ask, never).rows or ()]

    @property
    def _has_account(self) -> bool:
        needed = ("from_account", "to_account", "app_key")
        can_log_in = "app_secret" in self.config or "token" in self.config
        return can_log_in and all(name in self.config for name in needed)
