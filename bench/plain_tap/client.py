"""REST client handling: the base class of the streams."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import PageNumberPaginator
from singer_sdk.streams import RESTStream
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.streams.rest import HTTPRequest, PageContext


class Paginator(PageNumberPaginator):
    """Goes on until the reply's `page_count`."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        return self.current_value < int(response.json()["page_count"])


class PlainStream(RESTStream[int]):
    """A list of U8."""

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @cached_property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        names = ("from_account", "app_key", "app_secret")
        login = requests.get(
            f"{self.url_base}/system/token",
            params={name: self.config[name] for name in names},
            timeout=100,
        )
        token = str(login.json()["token"]["id"])
        return APIKeyAuthenticator(key="token", value=token, location="params")

    @override
    def get_new_paginator(self) -> Paginator:
        return Paginator(1)

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params |= {
            "from_account": self.config["from_account"],
            "to_account": self.config["to_account"],
            "app_key": self.config["app_key"],
            "page_index": page.next_page_token,
            "rows_per_page": self.config["page_size"],
        }
        return request

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        yield from extract_jsonpath(
            self.records_jsonpath,
            input=response.json(parse_float=Decimal),
        )
