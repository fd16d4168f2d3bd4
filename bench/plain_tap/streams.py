"""The stream."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from bench.plain_tap.client import PlainStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context

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
