"""The streams."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from bench.plain_tap.client import PlainStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from singer_sdk.helpers.types import Context
    from singer_sdk.streams.rest import HTTPRequest, PageContext

_BOOLEANS = ("be_main_linker", "default")
_TEXTS = (
    "name",
    "ccuscode",
    "ccusname",
    "direct_leader_code",
    "direct_leader",
    "charge_person_code",
    "charge_person",
    "title",
    "sex",
    "native",
    "position",
    "mobile_phone",
    "office_phone",
    "email",
    "favorite",
    "wechat",
    "qq",
)

#: The fields of sales orders, which are many.
_ORDER = json.loads(
    Path(__file__)
    .parents[2]
    .joinpath("tap_yonyou", "u8", "resources", "saleorder.json")
    .read_bytes()
)


class CustomerContactsStream(PlainStream):
    """Customer contacts."""

    name = "customercontacts"
    path = "/api/customercontacts/batch_get"
    primary_keys = ("code",)
    records_jsonpath = "$.customercontacts[*]"
    schema = th.PropertiesList(
        th.Property("code", th.StringType, required=True),
        *(th.Property(name, th.StringType) for name in _TEXTS),
        *(th.Property(name, th.BooleanType) for name in _BOOLEANS),
        th.Property("birthday", th.DateType),
    ).to_dict()

    @override
    def post_process(
        self,
        row: dict[str, Any],
        context: Context | None = None,
    ) -> dict[str, Any] | None:
        for name, value in row.items():
            if value == "":
                row[name] = None
            elif name in _BOOLEANS:
                row[name] = value == "1"
            elif name == "birthday":
                row[name] = date.fromisoformat(value).isoformat()
        return row


class OrderStream(PlainStream):
    """What sales orders and their lines have in common."""

    @override
    def post_process(
        self,
        row: dict[str, Any],
        context: Context | None = None,
    ) -> dict[str, Any] | None:
        for name, value in row.items():
            kinds = self.schema["properties"].get(name, {}).get("type", ())
            if value == "":
                row[name] = None
            elif "boolean" in kinds:
                row[name] = value == "1"
            elif "number" in kinds or "integer" in kinds:
                row[name] = Decimal(value)
        return row


class SaleOrderStream(OrderStream):
    """Sales orders."""

    name = "saleorder"
    path = "/api/saleorderlist/batch_get"
    primary_keys = ("code",)
    records_jsonpath = "$.saleorderlist[*]"
    schema = {"type": "object", "properties": _ORDER["properties"]}  # noqa: RUF012

    @override
    def get_child_context(self, record: dict[str, Any], context: Context | None) -> Context:
        return {"code": record["code"]}


class SaleOrderEntryStream(OrderStream):
    """The lines of sales orders, which are asked for one order after the other."""

    name = "saleorder_entry"
    path = "/api/saleorder/get"
    primary_keys = ("code", "line_number")
    parent_stream_type = SaleOrderStream
    records_jsonpath = "$.saleorder.entry[*]"
    schema = {  # noqa: RUF012
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "line_number": {"type": "integer"},
            **_ORDER["entry"]["properties"],
        },
    }

    @override
    def get_new_paginator(self) -> None:  # type: ignore[override]
        return None

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params["id"] = (page.stream_context or {})["code"]
        return request

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        for number, line in enumerate(super().parse_response(response), start=1):
            yield {**line, "line_number": number}
