"""What the OpenAPI answers: log-in, lists, and its refusals.

No HTTP here: a query goes in, a reply comes out. "Vendor" marks what the vendor's page
or SDK or a real reply shows; "seen" what only other clients tell; "guess" what nobody
has documented and no client may depend on.
"""

from __future__ import annotations

import math
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from sandbox.samples import Sample, rows, sample

if TYPE_CHECKING:
    from sandbox.filters import Filter, Row

Query: TypeAlias = Mapping[str, str]


class Accounts(NamedTuple):
    """What a caller needs to be let in."""

    from_account: str
    to_account: str
    app_key: str
    app_secret: str


# Invented. The secret holds characters that percent-encoding changes.
ACCOUNTS = Accounts(
    from_account="sandbox_dev",
    to_account="sandbox_ent",
    app_key="opa5a0db0c5e7f1d2c9",
    app_secret="5aNd+b0x/8Qk2wZr7TfY1g==",  # noqa: S106 - opens nothing but this
)


class Refused(Exception):  # noqa: N818 - the service works as it should
    """A reply with an errcode other than 0: ``Refused((errcode, errmsg), name)``."""

    @property
    def reply(self) -> dict[str, object]:
        """The JSON object of the vendor's sample of an error."""
        (code, message), *names = self.args
        return {"errcode": code, "errmsg": message.format(*names) if names else message}


# Vendor: 20002 and 30021 with their messages. Seen: 30012; its message is a guess.
NOTHING_MATCHES = ("20002", "未检索到匹配的[{}]")
BAD_TOKEN = ("30012", "token无效")
NOT_PUBLISHED = ("30021", "此应用未上线")
# Guess: all of these are INVENTED. The real codes are unknown; only that 2xxxx seems to
# come from U8 and 3xxxx from the gateway before it.
BAD_PARAMETER = ("29001", "参数[{}]的值无效")
NO_SUCH_SOURCE = ("29002", "数据源不存在")
MISSING_PARAMETER = ("39001", "缺少参数[{}]")
WRONG_ACCOUNT = ("39002", "参数[{}]不正确")
NOT_GRANTED = ("39003", "此应用没有调用该API的权限")


class Lines(dict[str, list["Row"]]):
    """The lines of documents by code: made when they are first looked at, to be edited."""

    def __init__(self, make: Callable[[str], list[Row]]) -> None:
        """Make the lines of a code with `make`."""
        super().__init__()
        self._make = make

    def __missing__(self, code: str) -> list[Row]:
        """Make the lines of a code."""
        return self.setdefault(code, self._make(code))


@dataclass(kw_only=True, eq=False, repr=False)
class U8:
    """The service behind the address; every attribute may be changed while it answers.

    Attributes:
        tables: by resource, the rows in the order they are served; whoever edits them
            keeps it ascending by key. (The real order is SQL Server's Chinese collation,
            the same as plain string order for codes of digits.) Edit with `lock` held,
            or assign a new list.
        lines: by resource and code, the lines of the documents in `tables`, in the order
            they are served; without any, a document has those of its sample. Vendor: an
            array `entry`. Where the list itself has the lines, they are in its rows.
        samples: what is known of resources that have no file in `sandbox/samples`, or is
            otherwise than there.
        accounts: what a caller must send.
        numbers: the four page fields as JSON numbers. Vendor: strings.
        max_rows_per_page: a silent cap, named in the reply. Guess: unknown if any.
        omit: keys to leave out of batch_get's good replies.
        past_end: what a page after the last answers: errcode 20002, no rows, or no
            array at all. Guess: all three.
        token_life: seconds a token is good for, by `clock`. Vendor: 7200.
        clock: returns seconds.
        newest_token_only: a log-in makes older tokens invalid. Guess: either way.
        published: whether the app is. Vendor: if not, batch_get answers 30021.
        refused: by resource, or `<resource>/get`, the errcode and errmsg an app gets that
            was not granted it, such as `NOT_GRANTED`. Guess: that only the errcode tells, and
            that lists and documents are granted apart.
        sources: the values of `ds_sequence` there are; all hold the same `tables`, but for
        others: by value of `ds_sequence`, the tables of a data source of its own.
        other_lines: by value of `ds_sequence`, the lines of their documents.
        tokens: every token issued, newest last.
        lock: held while a request is answered, but not while it waits.

    """

    tables: dict[str, list[Row]] = field(
        default_factory=lambda: {"customercontacts": rows("customercontacts")},
    )
    lines: dict[str, dict[str, list[Row]]] = field(default_factory=dict, init=False)
    samples: dict[str, Sample] = field(default_factory=dict)
    accounts: Accounts = ACCOUNTS
    numbers: bool = False
    max_rows_per_page: int | None = None
    omit: set[str] = field(default_factory=set)
    past_end: Literal["20002", "empty", "rows_missing"] = "20002"
    token_life: float = 7200
    clock: Callable[[], float] = time.monotonic
    newest_token_only: bool = False
    published: bool = True
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    sources: tuple[int, ...] = (1,)
    others: dict[int, dict[str, list[Row]]] = field(default_factory=dict)
    other_lines: dict[int, dict[str, dict[str, list[Row]]]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list, init=False)
    lock: threading.RLock = field(default_factory=threading.RLock, init=False)
    _expiry: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Give every document its lines."""
        for resource in self.tables:
            if make := self.known(resource).entry:
                self.lines[resource] = Lines(make)

    def known(self, resource: str) -> Sample:
        """Return what is known of a resource."""
        return self.samples.get(resource) or sample(resource)

    def revoke(self) -> None:
        """Make every token issued so far invalid."""
        with self.lock:
            self._expiry.clear()

    def token(self, query: Query) -> dict[str, object]:
        """Log in (vendor: parameters and reply)."""
        self._identify(query, "from_account", "app_key", "app_secret")
        token = uuid.uuid4().hex
        self.tokens.append(token)
        self._expiry[token] = self.clock() + self.token_life
        return {
            "errcode": "0",
            "errmsg": "",
            "token": {
                "appKey": self.accounts.app_key,
                "expiresIn": self.token_life,
                "id": token,
            },
        }

    def batch_get(self, resource: str, query: Query) -> dict[str, object]:
        """Answer one page of a list (vendor: filters, page fields and their order).

        The vendor's page of some lists leaves out `page_index` and `rows_per_page`, which
        its other lists take and its reply names. Guess: in which order
        things are checked, that an empty parameter counts as absent, and that an
        unknown one is ignored.
        """
        source = self._let_in(resource, query)
        index = _positive(query, "page_index", 1)
        size = _positive(query, "rows_per_page", 20)
        size = min(size, self.max_rows_per_page or size)
        known, table = self.known(resource), self._table(resource, source)
        if filters := _filters(known, query):
            table = [row for row in table if all(fits(row) for fits in filters)]
        page = [*map(_shown, table[(index - 1) * size : index * size])]
        if not table or (not page and self.past_end == "20002"):
            raise Refused(NOTHING_MATCHES, known.title)

        spell: Callable[[int], object] = int if self.numbers else str
        array, *within = (known.array or known.path or resource).split(".")
        held: object = page
        for key in reversed(within):
            held = {key: held}
        reply = {
            "page_index": spell(index),
            "rows_per_page": spell(size),
            "row_count": spell(len(table)),
            "errmsg": "",
            array: held,
            "page_count": spell(-(-len(table) // size)),
            "errcode": "0",
        }
        if known.beside:
            reply["entry"] = [line for row in page for line in _lines(row.pop("entry"))]
        if not page and self.past_end == "rows_missing":
            del reply[array]
        return {key: value for key, value in reply.items() if key not in self.omit}

    def get(self, resource: str, query: Query) -> dict[str, object]:
        """Answer one document with its lines (vendor, seen: parameter and wrapper).

        Guess: that an unknown document is 20002, as a list without rows is; that the head has
        the columns of the list; that of several documents with one code the first is meant.
        """
        source = self._let_in(f"{resource}/get", query)
        known, code = self.known(resource), _required(query, "id")
        column, table = known.key[0], self._table(resource, source)
        head = next((row for row in table if row.get(column) == code), None)
        if head is None or known.entry is None:
            raise Refused(NOTHING_MATCHES, known.title)
        lines = (self.other_lines.get(source) if source in self.others else self.lines) or {}
        entry = lines.get(resource, {}).get(code)
        document = {**_shown(head), "entry": known.entry(code) if entry is None else entry}
        return {"errcode": "0", "errmsg": "", known.document or resource: document}

    def _let_in(self, call: str, query: Query) -> int:
        """Return the data source that is meant, 0 for the first one."""
        if not self.published:
            raise Refused(NOT_PUBLISHED)
        self._identify(query, "from_account", "to_account", "app_key")
        if not self._is_valid(_required(query, "token")):
            raise Refused(BAD_TOKEN)
        if call in self.refused:
            raise Refused(self.refused[call])
        source = query.get("ds_sequence")
        if source and source not in map(str, self.sources):
            raise Refused(NO_SUCH_SOURCE)
        return int(source or 0)

    def _table(self, resource: str, source: int) -> list[Row]:
        return self.others.get(source, self.tables)[resource]

    def _is_valid(self, token: str) -> bool:
        outdated = self.newest_token_only and token not in self.tokens[-1:]
        return not outdated and self._expiry.get(token, -math.inf) > self.clock()

    def _identify(self, query: Query, *names: str) -> None:
        for name in names:
            if _required(query, name) != getattr(self.accounts, name):
                raise Refused(WRONG_ACCOUNT, name)


def _shown(row: Row) -> Row:
    hidden = re.compile("_(?!sdc_)")
    return {name: value for name, value in row.items() if not hidden.match(name)}


def _lines(entry: object) -> list[object]:
    return entry if isinstance(entry, list) else []


def _required(query: Query, name: str) -> str:
    if value := query.get(name):
        return value
    raise Refused(MISSING_PARAMETER, name)


def _positive(query: Query, name: str, default: int) -> int:
    value = query.get(name) or str(default)
    if not re.fullmatch("[1-9][0-9]{0,8}", value):
        raise Refused(BAD_PARAMETER, name)
    return int(value)


def _filters(known: Sample, query: Query) -> list[Filter]:
    filters = []
    for name, value in query.items():
        if value and name in known.kinds:
            try:
                filters.append(known.filter(name, value))
            except ValueError:
                raise Refused(BAD_PARAMETER, name) from None
    return filters
