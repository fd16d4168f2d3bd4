"""What the tap offers: its settings and its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_yonyou import resources
from tap_yonyou.cli import CommandLine
from tap_yonyou.compat import override
from tap_yonyou.gateway import Gateway
from tap_yonyou.settings import config_jsonschema
from tap_yonyou.stream import U8Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Stream


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
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @override
    def discover_streams(self) -> Sequence[U8Stream]:
        gateway = Gateway(self.config)
        return [
            U8Stream(self, resources.load(name), gateway=gateway, writer=self.writer)
            for name in dict.fromkeys(self.config["streams"])
        ]

    @override
    def setup_mapper(self) -> None:
        super().setup_mapper()
        for stream in self.streams.values():
            if stream.selected:
                self._warn_of_deletes(stream)

    def _warn_of_deletes(self, stream: Stream) -> None:
        """Say that rows which are there, but not read, are going to be deleted."""
        maps = (self.config.get("stream_maps") or {}).values()
        if (
            self.config["emit_activate_version_messages"]
            and stream.replication_method == REPLICATION_FULL_TABLE
            and (
                self.config.get("filters", {}).get(stream.name)
                or any(isinstance(one, dict) and one.get("__filter__") for one in maps)
            )
        ):
            self.logger.warning(
                "%s: filters are set together with emit_activate_version_messages: the target will "
                "mark as gone, or delete, all that does not match them",
                stream.name,
            )
