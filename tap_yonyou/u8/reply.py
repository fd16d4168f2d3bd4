"""What a reply of the OpenAPI says, whatever its spelling.

A reply is one JSON object (source: vendor's page): `errcode`, `errmsg`, the paging fields
`page_index`, `rows_per_page`, `row_count`, `page_count` (strings in every sample, numbers are
read too) and the rows under the resource's name.
"""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_yonyou.u8.errcodes import LOG_IN_HINT, OK, RELAY_HINT, Failure
from tap_yonyou.u8.values import NO_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

# A number with a fraction keeps its digits, so that its text can be given back.
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
#: The only way to write a NUL in JSON; no database takes one in a text.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class Reply:
    """The body of one answer.

    Attributes:
        payload: What was asked for, the rows or the token, as it came; None if it did not.
        holder: The object that has the payload: the body or, of lines, their document.
        rows: The payload if it is a list, else None.
        errcode: The error code; if it is missing, `0` where there is a payload, else `""`.
        row_count: The number of rows on all pages.
        rows_per_page: The rows on a page: fewer than were asked for if the server caps them.
        page_count: The number of pages as the server counts them.
        pages: `page_count`, or else `row_count` / `rows_per_page`, rounded up.
    """

    def __init__(self, body: Mapping[str, Any], key: str) -> None:
        """Take the parts out of a body; dots in the key of the payload lead into nested objects."""
        self.body = body
        self._key = key
        self.payload: Any = body
        self.holder: Any = None
        for name in key.split("."):
            self.holder = self.payload
            self.payload = self.payload.get(name) if isinstance(self.payload, dict) else None
        self.rows: list[Any] | None = self.payload if isinstance(self.payload, list) else None
        errcode = body.get("errcode")
        if errcode is None:
            errcode = OK if isinstance(self.payload, list | dict) else ""
        self.errcode = str(errcode).strip()
        self.errmsg = str(body.get("errmsg") or "")
        self.row_count = count(body.get("row_count"))
        self.rows_per_page = count(body.get("rows_per_page"))
        self.page_count = count(body.get("page_count"))
        self.pages = self.page_count or None
        if not self.pages and self.row_count is not None and self.rows_per_page:
            self.pages = -(-self.row_count // self.rows_per_page)

    @classmethod
    def parse(cls, content: bytes, key: str) -> Reply:
        """Read a body; raise Failure unless it is a JSON object with an `errcode` or a payload."""
        problem = ""
        if b"\\u0000" in content:
            content = _NUL.sub(rb"\1", content)
        try:
            body = _decode(content.removeprefix(codecs.BOM_UTF8))
        except (ValueError, RecursionError):
            problem = "the body is not JSON" if content.strip() else "the body is empty"
        else:
            if not isinstance(body, dict):
                problem = "the body is not a JSON object"
            elif not (reply := cls(body, key)).errcode:
                problem = "the reply has no errcode"
        if problem:
            raise Failure(problem, LOG_IN_HINT if key == "token" else RELAY_HINT)
        return reply

    def check(self, document: Mapping[str, Any]) -> None:
        """Raise Failure unless the rows are there, or lines and the document with these fields."""
        problem = self._document_problem(document) if document else ""
        if not document and self.rows is None and self.row_count != 0:
            problem = "the reply has no list of rows"
        if problem:
            raise Failure(problem, RELAY_HINT)

    def _document_problem(self, fields: Mapping[str, Any]) -> str:
        # The list may stand beside the document, and its absence may be written as "".
        document = self.holder if isinstance(self.holder, dict) else {}
        if self.payload is None:
            self.payload = self.body.get(self._key.rpartition(".")[2])
        if self.payload == "":
            self.payload = []
        if not document or document is self.body or not isinstance(self.payload, list):
            return "the reply has no document with lines"
        if not all(isinstance(line, dict) for line in self.payload):
            return "the reply has a line that is not a JSON object"
        names = {name.casefold(): value for name, value in document.items()}
        for name, value in fields.items():
            came = names.get(name.casefold())
            if came not in (None, "") and str(came).strip() != str(value).strip():
                return "the reply has another document"
        self.rows = self.payload
        return ""


def count(value: object) -> int | None:
    """Read a whole number, a text or not; None for anything else."""
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if number >= 0 else None


def _decode(content: bytes) -> Any:
    try:
        return _DECODER.decode(content)
    except ValueError:  # half a character, which only Python's slower parser reads
        body = json.loads(content, parse_float=Decimal)
    if not isinstance(body, dict):
        return body
    # A message stays as it is: what can be read of it is shown.
    return {name: v if isinstance(v, str) else _without_halves(v) for name, v in body.items()}


def _without_halves(value: Any) -> Any:
    """Put NO_TEXT for texts with half a character, which no target takes."""
    match value:
        case str():
            return value if value == _replaced(value) else NO_TEXT
        case list():
            return [*map(_without_halves, value)]
        case dict():
            return {_replaced(name): _without_halves(inside) for name, inside in value.items()}
    return value


def _replaced(text: str) -> str:
    return text.encode(errors="replace").decode()
