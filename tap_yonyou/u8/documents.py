"""How documents are read: their list first, whole, then the lines of each that is wanted."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import closing
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_yonyou.compat import override
from tap_yonyou.errors import U8Error, counted, one_line
from tap_yonyou.u8.pages import Ask
from tap_yonyou.u8.reader import Page, Reader
from tap_yonyou.u8.resources import LINE_NUMBER, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from tap_yonyou.u8.gateway import Endpoint
    from tap_yonyou.u8.pages import Lookahead
    from tap_yonyou.u8.proof import Pass
    from tap_yonyou.u8.reply import Reply
    from tap_yonyou.u8.resources import Resource
    from tap_yonyou.u8.values import Converter

_logger = logging.getLogger("tap-yonyou.documents")

#: So many documents in a row that cannot be read end the stream: the fault is not theirs.
_MOST_FAILURES: Final = 10
#: How many of them an error names.
_NAMED: Final = 3


class Head(NamedTuple):
    """What the list says of a document."""

    key: Any
    #: What each of its lines gets: the key, and what serves INCREMENTAL.
    fields: Mapping[str, Any]
    #: The day of the document as `yyyy-MM-dd`; empty if no head has one, None if this has none.
    date: str | None
    #: False if its approval is still to come, as far as the list says.
    is_approved: bool
    #: Of the whole row, as it came.
    digest: bytes
    #: The page of the list.
    page: int

    @property
    def parts(self) -> tuple[Any, ...]:
        """The key as a tuple, also of one field."""
        return self.key if isinstance(self.key, tuple) else (self.key,)


class Documents:
    """The asks for documents, one for each head in the order of the list."""

    def __init__(
        self, heads: Sequence[Head], parameter: str, key: Sequence[str], codes: Mapping[Any, int]
    ) -> None:
        """Ask for the document of each head: by this parameter, which has the value of the key.

        `codes` says how many documents have each code, including those not asked for.
        """
        self.failed: list[Head] = []
        #: Those that U8 did not find.
        self.vanished: list[Head] = []
        self._heads = heads
        self._parameter = parameter
        self._key = key
        self._answered = 0
        self._failures = 0
        self._codes = codes

    @property
    def current(self) -> Head:
        """The head of the latest reply."""
        return self._heads[self._answered - 1]

    def ahead(self) -> Iterator[Ask]:
        """Give the asks for the documents that have no reply yet."""
        for place in range(self._answered, len(self._heads)):
            head = self._heads[place]
            label = f"document {place + 1} of {len(self._heads)}"
            code = head.parts[0]
            # If several documents have the code, the reply has to say which one it is.
            names = self._key if self._codes[code] > 1 else self._key[:1]
            document = dict(zip(names, head.parts, strict=False))
            yield Ask({self._parameter: code}, label, head.fields, document)

    def answered(self, ask: Ask, reply: Future[Reply]) -> None:  # noqa: ARG002 -- the current one
        """Set a document aside that could not be read; raise its error if no other can be."""
        self._answered += 1
        error = reply.exception()
        if error is None:
            self._failures = 0
            if reply.result().rows is None:
                self.vanished.append(self.current)
            return
        self._failures += 1
        if not isinstance(error, U8Error) or error.is_final or self._failures == _MOST_FAILURES:
            raise error
        _logger.warning("%s; it is set aside, and the others are read", error)
        self.failed.append(self.current)


class EntryReader(Reader):
    """Reads the lines of documents that stand in the rows of their list, or beside these."""

    def __init__(self, resource: Resource, *args: Any, **kwargs: Any) -> None:
        """Read these lines."""
        super().__init__(*args, **kwargs)
        self._entry = resource.rows
        self._line_key_of = itemgetter(*resource.key)

    @override
    def _records(
        self, reply: Reply, rows: list[Any], reading: Pass
    ) -> tuple[list[dict[str, Any]], Sequence[Any], str]:
        lines: list[dict[str, Any]] = []
        heads: list[Any] = []
        problem, beside = "", _lines(reply.body.get(self._entry)) or []
        for number, row in enumerate(rows, start=1):
            problem = f"row {number} has no {' or no '.join((*self._key, self._entry))}"
            key = self._head_key(row)
            entry = _lines(row.get(self._entry)) if key else None
            if entry is None and key and beside:
                entry = [line for line in beside if self._head_key(line) == key]
            if entry is None:
                break
            heads.append(key)
            fields = {name: row[name] for name in self._key}
            lines += [{**line, **fields, LINE_NUMBER: n} for n, line in enumerate(entry, start=1)]
            problem = ""
        if not problem and beside and len(lines) < len(beside):
            problem = f"a line in {self._entry} belongs to none of the rows"
        records = self._converter.records(lines)
        reading.add(heads)
        keys = [*map(self._line_key_of, records)]
        reading.lines = reading.lines or set()
        reading.lines.update(keys)
        return records, keys, problem and f"{problem}; look at the reply of the gateway"

    def _head_key(self, row: Any) -> tuple[str, ...]:
        """Pick the key of a document as texts; empty if a part is missing."""
        parts = [str(row.get(name) or "") for name in self._key] if isinstance(row, dict) else [""]
        return tuple(parts) if all(parts) else ()


def _lines(entry: Any) -> list[Any] | None:
    """Read a list of lines, which may be written as `""`, or one line without its list."""
    lines = [] if entry == "" else [entry] if isinstance(entry, dict) else entry
    return lines if isinstance(lines, list) else None


class DocumentReader:
    """Reads the lines of documents."""

    def __init__(
        self,
        endpoint: Endpoint,
        resource: Resource,
        reader: Reader,
        lookahead: Lookahead,
        converter: Converter,
    ) -> None:
        """Send nothing yet; documents are asked for at the endpoint, their list by the reader."""
        #: Says which documents are wanted, by the heads of all.
        self.choose: Callable[[Mapping[Any, Head]], list[Head]] = lambda heads: [*heads.values()]
        #: Whether the list has only the documents that match filters.
        self.is_filtered = False
        #: Names the documents of earlier reads that the list does not have.
        self.missing: Callable[[], Sequence[Any]] = tuple
        self.heads: dict[Any, Head] = {}
        #: The keys of lines are not collected.
        self.keys: set[Any] = set()
        #: How many lines came.
        self.rows = 0
        #: Whether these are proved to be all documents, and each that was wanted has been read.
        self.is_proved = False
        #: Which documents could not be read.
        self.problem: U8Error | None = None
        self._endpoint = endpoint
        self._resource = resource
        self._entry = resource.entry or Entry("")
        self._key = resource.key[:-1]
        self._reader = reader
        self._lookahead = lookahead
        self._converter = converter

    @property
    def pages_read(self) -> int:
        """How many pages of the list came."""
        return self._reader.pages_read

    def expect(self) -> None:
        """Request the first page while the lists before it are still being read."""
        self._reader.expect()

    def first_page(self) -> Iterator[Page]:
        """Read the first page of the list, and one document; that proves nothing."""
        for page in self._reader.first_page():
            self._add(page)
        yield from self._documents([*self.heads.values()][:1])

    def all_pages(self) -> Iterator[Page]:
        """Read the list whole, then give the lines of each document that is wanted."""
        self._read_list()
        wanted = self.choose(self.heads)
        documents, are = counted(len(self.heads), "document"), "is" if len(wanted) == 1 else "are"
        text = f"{documents}, of which {len(wanted):,} {are} to be fetched"
        _logger.info("%s: %s", self._endpoint.label, text)
        yield from self._documents(wanted)
        if self.is_proved and (missing := self.missing()):
            self._confirm(missing)

    def _confirm(self, missing: Sequence[Any]) -> None:
        """Count documents that are missing but still there as documents of the list."""
        count = counted(len(missing), "document")
        _logger.info("%s: %s did not come; asking for each", self._endpoint.label, count)
        heads = [Head(key, {}, None, is_approved=True, digest=b"", page=0) for key in missing]
        codes = Counter(head.parts[0] for head in heads)
        # One may be there, but not match any more; or another one may come under its code.
        if self.is_filtered or any(head.parts[0] in codes for head in self.heads.values()):
            listed = dict(self.heads)
            self._read_list()
            self.heads.update(listed)
            return
        documents = Documents(heads, self._entry.parameter, self._key, codes)
        with closing(self._lookahead.replies(self._endpoint, documents)) as replies:
            for _, reply in replies:
                if reply.rows is not None:
                    self.heads[documents.current.key] = documents.current
        self._set_aside(documents.failed, len(heads))

    def _documents(self, heads: list[Head]) -> Iterator[Page]:
        codes = Counter(head.parts[0] for head in self.heads.values())
        if self.is_filtered:
            codes += codes  # another document may have the code, and not match
        documents = Documents(heads, self._entry.parameter, self._key, codes)
        with closing(self._lookahead.replies(self._endpoint, documents)) as replies:
            for place, (ask, reply) in enumerate(replies, start=1):
                if (lines := reply.rows) is not None:
                    yield self._page(documents.current, ask, lines, (place, len(heads)))
        if documents.vanished:
            # A document that is still in the list has not been deleted.
            self._read_list()
            # Nor does a list without any rows confirm that it has.
            still = [h for h in documents.vanished if h.key in self.heads or not self.heads]
            documents.failed += still
        self._set_aside(documents.failed, len(heads))

    def _page(self, head: Head, ask: Ask, lines: list[Any], place: tuple[int, int]) -> Page:
        rows = [{**line, **ask.fields, LINE_NUMBER: n} for n, line in enumerate(lines, start=1)]
        keys = [(*head.parts, row[LINE_NUMBER]) for row in rows]
        self.rows += len(rows)
        return Page(self._converter.records(rows), keys, *place, lines, head)

    def _set_aside(self, failed: list[Head], fetched: int) -> None:
        if not failed:
            return
        self.is_proved = False
        codes = [one_line(" ".join(map(str, head.parts)), 60) for head in failed[:_NAMED]]
        more = f" and {len(failed) - _NAMED} more" * (len(failed) > _NAMED)
        which, named = f"{len(failed):,} of {counted(fetched, 'document')}", ", ".join(codes) + more
        msg = (
            f"{self._endpoint.label}: {which} could not be read ({named}); the others were "
            "written, and no document was deleted; look at these documents in U8, then run again"
        )
        self.problem = U8Error(msg, private=f" ({named})")

    def _read_list(self) -> None:
        for page in self._reader.all_pages():
            if page.number == 1:
                self.heads.clear()
            self._add(page)
        self.is_proved = self._reader.is_proved

    def _add(self, page: Page) -> None:
        entry, fields = self._entry, (*self._key, *self._resource.incremental)
        for key, record, row in zip(page.keys, page.records, page.rows, strict=False):
            content = json.dumps(row, sort_keys=True, default=str).encode()
            self.heads[key] = Head(
                key,
                {name: record[name] for name in fields},
                record[entry.date] and record[entry.date][:10] if entry.date else "",
                not entry.approval or bool(record[entry.approval]),
                blake2b(content, digest_size=16).digest(),
                page.number,
            )
