"""The tap: its settings and its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk import typing as th
from typing_extensions import override

from bench.plain_tap.streams import (
    CustomerContactsStream,
    SaleOrderEntryStream,
    SaleOrderStream,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk import Stream


class TapPlain(Tap):
    """Customer contacts of U8, and sales orders with their lines."""

    name = "tap-plain"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("from_account", th.StringType, required=True),
        th.Property("to_account", th.StringType, required=True),
        th.Property("app_key", th.StringType, required=True, secret=True),
        th.Property("app_secret", th.StringType, required=True, secret=True),
        th.Property("page_size", th.IntegerType, default=500),
        th.Property("streams", th.ArrayType(th.StringType), default=["customercontacts"]),
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[Stream]:
        offered = (CustomerContactsStream, SaleOrderStream, SaleOrderEntryStream)
        return [stream(self) for stream in offered if stream.name in self.config["streams"]]
