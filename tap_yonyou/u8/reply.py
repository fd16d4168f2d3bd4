"""What a reply of the OpenAPI says, whatever its spelling.

A reply is one JSON object (source: vendor's page): `errcode`, `errmsg`, the paging fields
`page_index`, `rows_per_page`, `row_count`, `page_count` (strings in every sample, numbers are
taken too) and the rows under the resource's name.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from tap_yonyou.u8.errcodes import OK

# A number with a fraction keeps its digits, so that its text can be given back.
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)

#: No list has so many rows.
_MOST: Final = 10**12

#: What the gateway has in place of rows while U8 is still at work.
_DEFERRED: Final = ("url", "ping_after")

#: The one way to write a NUL in JSON; no database takes one in a text.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class BadReply(ValueError):  # noqa: N818 -- named for what it is
    """The body is not what the vendor's page describes; the text says how."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of one answer.

    Attributes:
        body: The parsed JSON object, without NULs in its texts.
        key: The key of what was asked for: `customercontacts` for its rows, `token`; dots lead
            into nested objects.
    """

    body: dict[str, Any]
    key: str

    @classmethod
    def parse(cls, content: bytes, key: str) -> Reply:
        """Read a body.

        Args:
            content: The body as it arrived.
            key: The key of what was asked for.

        Returns:
            The reply.

        Raises:
            BadReply: The body is not a JSON object.
        """
        if b"\\u0000" in content:
            content = _NUL.sub(rb"\1", content)
        return cls(_parse(content), key)

    @property
    def _asked_for(self) -> Any:
        value: Any = self.body
        for key in self.key.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def rows(self) -> list[Any] | None:
        """The rows; None if the reply has no list of them."""
        rows = self._asked_for
        return rows if isinstance(rows, list) else None

    @property
    def errcode(self) -> str:
        """The error code; without one, `0` if what was asked for is there, else `""`."""
        errcode = self.body.get("errcode")
        if errcode is None:
            return OK if isinstance(self._asked_for, list | dict) else ""
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

    def check_rows(self) -> None:
        """Make sure that a reply with `errcode` 0 has rows, or says that there are none.

        Raises:
            BadReply: It has no list of rows, and its `row_count` is not 0.
        """
        if self.rows is None and self.row_count != 0:
            raise BadReply(self.lacks("list of rows"))

    def check_errcode(self) -> None:
        """Make sure that this is an answer at all.

        Raises:
            BadReply: It has neither an `errcode` nor what was asked for.
        """
        if not self.errcode:
            raise BadReply(self.lacks("errcode"))

    def lacks(self, part: str) -> str:
        """Say that something is missing, and what the gateway has in its place.

        Args:
            part: What is missing.

        Returns:
            For example `the reply has no token`.
        """
        deferred = not self.body.keys().isdisjoint(_DEFERRED)
        return f"the reply has no {part}" + ", but an address to ask later" * deferred


def count(value: object) -> int | None:
    """Read a whole number of a reply.

    Args:
        value: A string or a number.

    Returns:
        The number; None for anything else, negative numbers and absurd ones among it.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if 0 <= number <= _MOST else None


def _parse(content: bytes) -> dict[str, Any]:
    content = content.removeprefix(codecs.BOM_UTF8)
    problem = "is not JSON" if content.strip() else "is empty"
    try:
        try:
            body = _DECODER.decode(content)
        except ValueError:
            body = _DECODER.decode(_repaired(content))
    except (ValueError, RecursionError):
        body = None
    else:
        problem = "is not a JSON object"
    if not isinstance(body, dict):
        msg = f"the body {problem}"
        raise BadReply(msg)
    return body


def _repaired(content: bytes) -> bytes:
    """Repair what only the slower, more lenient parser of Python takes: half a character, NaN."""
    body = json.loads(content, parse_float=str, parse_constant=str)
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")
