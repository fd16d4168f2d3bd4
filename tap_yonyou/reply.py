"""What a reply of the OpenAPI says, whatever its spelling.

A reply is one JSON object (source: vendor's page): `errcode`, `errmsg`, the paging fields
`page_index`, `rows_per_page`, `row_count`, `page_count` (strings in every sample, numbers are
taken too) and the rows under the resource's name.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec

from tap_yonyou.errors import OK

if TYPE_CHECKING:
    import requests

# A number with a fraction keeps its digits, so that its text can be given back.
_DECODER = msgspec.json.Decoder(float_hook=Decimal)

_PAGING = ("page_index", "rows_per_page", "row_count", "page_count")
#: What the gateway has in place of rows while U8 is still at work.
_DEFERRED = ("url", "ping_after")

#: Bytes to receive at a time.
_PART = 1 << 20

_bodies: WeakKeyDictionary[requests.Response, tuple[dict[str, Any], bool]] = WeakKeyDictionary()


class BadReply(ValueError):  # noqa: N818 -- named for what it is
    """The body is not what the vendor's page describes; the text says how."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of one response.

    Attributes:
        body: The parsed JSON object.
        resource: The key of what was asked for: `customercontacts` for its rows, `token`.
        has_nul: Whether a NUL is in any of its texts.
    """

    body: dict[str, Any]
    resource: str
    has_nul: bool = False

    @property
    def rows(self) -> list[Any] | None:
        """The rows; None if the reply has no list of them."""
        rows = self.body.get(self.resource)
        return rows if isinstance(rows, list) else None

    @property
    def errcode(self) -> str:
        """The error code; without one, `0` if what was asked for is there, else `""`."""
        errcode = self.body.get("errcode")
        if errcode is None:
            return OK if isinstance(self.body.get(self.resource), list | dict) else ""
        return str(errcode).strip()

    @property
    def errmsg(self) -> str:
        """The message beside the error code."""
        return str(self.body.get("errmsg") or "")

    @property
    def row_count(self) -> int | None:
        """How many rows there are on all pages."""
        return count(self.body.get("row_count"))

    @property
    def page_count(self) -> int | None:
        """How many pages there are."""
        return count(self.body.get("page_count"))

    @property
    def rows_per_page(self) -> int | None:
        """How many rows a page has; fewer than were asked for if the server caps it."""
        return count(self.body.get("rows_per_page"))

    @property
    def pages(self) -> int | None:
        """How many pages there are; None if the reply does not say.

        `page_count` = ceil(`row_count` / `rows_per_page`), with the rows per page of the reply:
        a server may give less than it was asked for.
        """
        if self.page_count:
            return self.page_count
        if self.row_count is None or not self.rows_per_page:
            return None
        return -(-self.row_count // self.rows_per_page)

    def check(self) -> None:
        """Make sure that this is an answer at all.

        Raises:
            BadReply: It has neither what was asked for, nor paging fields, nor an error.
        """
        keys = self.body.keys()
        if self.errcode == "" or (
            self.errcode == OK and keys.isdisjoint({self.resource, *_PAGING})
        ):
            msg = f"the reply has no {self.resource}"
            msg += " and no errcode" * (self.errcode == "")
            msg += ", but an address to ask later" * (not keys.isdisjoint(_DEFERRED))
            raise BadReply(msg)


def reply_of(response: requests.Response, resource: str) -> Reply:
    """Read a response; its body is received and parsed once, however often this is asked.

    Args:
        response: A response of a request made with `stream=True`.
        resource: The key of its rows.

    Returns:
        The reply.

    Raises:
        BadReply: The body is not a JSON object.
        requests.RequestException: The body did not arrive.
    """
    if response not in _bodies:
        # In large parts: between two of them another thread may take the interpreter, and with
        # the parts of `response.content` a page would change hands fifty times.
        content = b"".join(response.iter_content(_PART))
        # The only way to write a NUL in JSON.
        _bodies[response] = _parse(content), b"\\u0000" in content
    body, has_nul = _bodies[response]
    return Reply(body, resource, has_nul)


def count(value: object) -> int | None:
    """Read a whole number of a reply.

    Args:
        value: A string or a number.

    Returns:
        The number; None for anything else, negative numbers among it.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if number >= 0 else None


def _parse(content: bytes) -> dict[str, Any]:
    content = content.removeprefix(codecs.BOM_UTF8)
    problem = "is not JSON" if content.strip() else "is empty"
    try:
        try:
            body = _DECODER.decode(content)
        except ValueError:
            body = _DECODER.decode(_mended(content))
    except (ValueError, RecursionError):
        body = None
    else:
        problem = "is not a JSON object"
    if not isinstance(body, dict):
        msg = f"the body {problem}"
        raise BadReply(msg)
    return body


def _mended(content: bytes) -> bytes:
    """Mend what the slower and more lenient parser of Python takes: half a character, or NaN."""
    body = json.loads(content, parse_float=str, parse_constant=str)
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")
