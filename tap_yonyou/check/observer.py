"""What a stream is like in one data source: some twenty requests, and what they show."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou import redaction
from tap_yonyou.check.asker import NOTHING, objects
from tap_yonyou.check.report import DIFFERS, FAILS, Facts, code, look
from tap_yonyou.u8 import resources
from tap_yonyou.u8.errcodes import ERRCODES, OK
from tap_yonyou.u8.reply import count
from tap_yonyou.u8.resources import LINE_NUMBER
from tap_yonyou.u8.values import DATA_SOURCE, Converter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_yonyou.check.asker import Answer, Asker
    from tap_yonyou.check.report import Params
    from tap_yonyou.u8.resources import Entry, Marker, Resource

    Rows = list[dict[str, Any]]

_ROWS: Final = 10
_DOCUMENTS: Final = 3
#: Pages to read if nothing says how many there are, and one that no list has.
_PAGES: Final = 7
_NO_PAGE: Final = 1_000_000
#: From the first to the second there is nothing.
_NO_RANGE: Final = {"date": ("2000-01-02", "2000-01-01"), None: ("1", "0")}
_ROW_VERSION: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)
#: Fields that may tell all rows apart, or those that share the key.
_ALONE: Final = re.compile(r"id$", re.IGNORECASE)
_BESIDE: Final = re.compile(r"(id|no|code|num)$", re.IGNORECASE)
_COUNTS: Final = ("row_count", "page_count", "rows_per_page")
_TYPES: Final = ("integer", "number", "object", "array")


class Observer:
    """Looks at a stream in one data source."""

    def __init__(
        self, asker: Asker, config: Params, about: Resource, changes: dict[str, Any]
    ) -> None:
        """Ask nothing yet; `changes` gets the settings to change."""
        source = config.get(DATA_SOURCE)
        self.facts = Facts(about.name + (f", data source {source}" if source else ""))
        self._note = self.facts.note
        self._asker, self._config, self._changes = asker, config, changes
        self._about = about
        self._list = head = about.head or about
        filters = config.get("filters", {})
        self._filters = filters.get(about.name) or filters.get(head.name) or {}
        self._scope = {**about.params, DATA_SOURCE: source}

    def page(self, page: int, rows: int = _ROWS, filters: Params = NOTHING) -> Answer:
        """Ask for a page of the list."""
        filters = {**self._filters, **filters}
        params = {**self._scope, **filters, "page_index": page, "rows_per_page": rows}
        return self._ask(self._list, params, filters)

    def _ask(self, about: Resource, params: Params, hidden: Params) -> Answer:
        for value in hidden.values():
            redaction.hide_record_value(value)  # a server may repeat it in its messages
        document = NOTHING if about is self._list else hidden
        return self._asker.ask(about.path, about.rows, params, document)

    def observe(self) -> Sequence[int]:
        """Look at everything; give the numbers of the pages that have rows."""
        first, expected = self.page(1), code(self._list.rows)
        if first.rows is None and (found := _rows_in(first.reply.body)):
            self._note("Rows in the reply", f"in {code(found)}", f"in {expected}", FAILS)
            self._change(rows=found)
            self._list = replace(self._list, rows=found)
            first = self.page(1)
        first = first if first.rows is not None else self._elsewhere(first)
        self._note("Granted", first.said or "yes", "yes", FAILS * (first.rows is None))
        if not first.rows:
            return ()
        self._confirm("path", self._list.path)
        pages = {1: first, **dict(self._pages(first.reply.pages))}
        answers = [*pages.values()]
        seconds = [answer.seconds for answer in answers[:5]]
        found = f"{median(seconds):.3f} s (median of {len(seconds)})"
        self._note(f"Time of a page of {_ROWS} rows", found)
        self._counts([answer.reply.body for answer in answers])
        self._whole_page()
        self._no_rows(first.reply.pages, answers[-1])
        rows = [row for answer in answers for row in answer.rows or ()]
        records = self._key(rows)
        for marker in self._list.incremental.values():
            self._marker(marker, _values(marker, records), first)
        if entry := self._about.entry:
            self._lines(entry, records, rows)
        return [*pages]

    def _elsewhere(self, first: Answer) -> Answer:
        """Look for the list where the vendor has other lists."""
        here, name = self._list, self._list.name
        for path in {f"/api/{name}/batch_get", f"/api/{name}list/batch_get"} - {here.path}:
            self._list = replace(here, path=path)
            if (answer := self.page(1)).rows is not None:
                self._note("Path", f"at {code(path)}", f"at {code(here.path)}", FAILS)
                self._change(path=path)
                return answer
        self._list = here
        return first

    def _confirm(self, part: str, *names: str) -> None:
        marks = self._about.attested
        found = [name for name in names if marks.get((part, name)) == "assumed"]
        self.facts.confirmed.setdefault(part, []).extend(found)

    def _change(self, **members: Any) -> None:
        """Note what to declare about the list, besides what is declared already."""
        name, declared = self._list.name, self._config.get("resources", {})
        new = {"key": [*self._list.key]} | ({} if name in declared else {"replaces": True})
        entry = self._changes.setdefault("resources", {}).setdefault(name, new)
        entry |= {"entry": members} if self._about.entry and "schema" in members else members

    def _pages(self, total: int | None) -> Iterator[tuple[int, Answer]]:
        """Read the first pages, some in the middle and the last."""
        last = total or _PAGES
        near = {2, 3, last // 2, last // 2 + 1, last - 1, last} if total else {*range(last + 1)}
        for page in sorted(page for page in near if 1 < page <= last):
            answer = self.page(page)
            if not answer.rows:
                if total or answer.rows is None:
                    self._note(f"Page {page}", answer.said, "rows", FAILS)
                return
            yield page, answer

    def _counts(self, bodies: Sequence[Params]) -> None:
        for name in _COUNTS:
            numbers = {count(body.get(name)) for body in bodies}
            kinds = {"text" if isinstance(body.get(name), str) else "number" for body in bodies}
            found = f"{', '.join(sorted(map(str, numbers)))} ({', '.join(sorted(kinds))})"
            found = "missing, or no number" if None in numbers else found
            level = DIFFERS * (None in numbers or len(numbers) > 1)
            self._note(code(name), found, "the same on every page", level)
        rows, pages, size = (count(bodies[0].get(name)) for name in _COUNTS)
        if rows and pages and size and pages != -(-rows // size):
            self._note("Counts", f"{rows} rows are not {pages} pages of {size}", "", FAILS)

    def _whole_page(self) -> None:
        size = self._config["page_size"]
        answer = self.page(1, size)
        there, said = answer.reply.row_count, answer.reply.rows_per_page
        rows = len(answer.rows or ())
        expected = size if there is None else min(size, there)
        found = answer.said or f"{rows} rows in {answer.seconds:.3f} s"
        is_capped = rows < expected and (there is not None or rows == said)
        if is_capped and rows:
            found += f", and the reply says {said}"
            self._changes["page_size"] = min(rows, self._changes.get("page_size", rows))
        fails = answer.rows is None or (is_capped and said != rows)
        level = FAILS if fails else DIFFERS * is_capped
        self._note(f"Page of {size} rows", found, f"{expected} rows", level)

    def _no_rows(self, pages: int | None, last: Answer) -> None:
        """Ask for what is not there: a page past the last one, and a range that is empty."""
        # Without any count, the first of them is how the tap finds the end.
        past = self.page(pages + 1 if pages else _NO_PAGE)
        asked = [("Page past the last one", past, DIFFERS if pages else FAILS)]
        filters = self._list.filters["properties"]
        ranges = {name: name.replace("_begin", "_end") for name in filters if "_begin" in name}
        for begin, end in [pair for pair in ranges.items() if pair[1] in filters][:1]:
            high, low = _NO_RANGE.get(filters[begin].get("format"), _NO_RANGE[None])
            answer = self.page(1, filters={begin: high, end: low})
            asked.append((f"Nothing between {code(begin, end)}", answer, DIFFERS))
            if answer.rows is None and answer.reply.errcode not in {"", OK, *ERRCODES}:
                actions = self._changes.setdefault("errcode_actions", {})
                actions[answer.reply.errcode] = "empty"
        for point, answer, level in asked:
            found = answer.said or "rows" + " of the last page again" * (answer.rows == last.rows)
            expected = "no rows, errcode 20002 or 0"
            self._note(point, found, expected, level * (answer.rows != []))

    def _key(self, rows: Rows) -> Rows:
        """Look at fields and key of the list; give its records."""
        records, key = self._fields(self._list, rows), self._list.key
        keys = [tuple(record[name] for name in key) for record in records]
        good = [one for one in keys if None not in one and {*one} != {""}]
        blank, doubled = len(keys) - len(good), len(good) - len({*good}) if key else 0
        found = f"{len(keys)} rows, {blank} blank, {doubled} doubled"
        self._note(f"Key {code(*key)}", found, "none", FAILS * (blank + doubled > 0))
        order = [[one.casefold() if isinstance(one, str) else one for one in k] for k in good]
        is_sorted = order in (sorted(order), sorted(order, reverse=True))
        self._note("Order of the rows", "by key" if is_sorted else "not by key")
        both = [{**row, **record} for row, record in zip(rows, records, strict=True)]
        fields = {name: None for one in both for name in one if name not in key}
        others: list[tuple[str, ...]] = [(name,) for name in fields if _ALONE.search(name)]
        others += [(*key, name) for name in fields if _BESIDE.search(name)]
        for other in others if doubled else ():
            values = {tuple(str(one.get(name) or "") for name in other) for one in both}
            if len(values) == len(both) and not any("" in one for one in values):
                self._note("Another key", f"{code(*other)} is unique in these rows")
                self._change(key=[*other])
                break
        return records

    def _marker(self, marker: Marker, values: list[Any], first: Answer) -> None:
        order, different = Decimal if marker.kind == "timestamp" else None, len({*values})
        if order:
            numbers = sum(bool(_ROW_VERSION.fullmatch(str(value))) for value in values)
            found = f"{numbers} of {len(values)} are numbers, {different} different ones"
            level = DIFFERS * (numbers < len(values) or different == 1 < len(values))
            self._note(f"Row version {code(marker.field)}", found, "growing numbers", level)
            different = different if numbers == len(values) else 0
        if different <= 1:
            return
        bound = max(values, key=order)
        answer = self.page(1, filters={marker.filter: bound})
        rows = Converter(self._list.schema, [marker.field]).records(answer.rows or ())
        came, total, found = _values(marker, rows), answer.reply.row_count, answer.said
        if answer.rows == first.rows and total == first.reply.row_count:
            found = "the same rows as without it"
        # Which text is the lower one, only U8 can tell.
        elif marker.kind != "code" and any(max(one, bound, key=order) != one for one in came):
            found = "lower values, too"
        elif came and bound not in came and total == len(came):
            found = "not the rows with the value itself"
        point, expected = f"Rows from {code(marker.filter)} on", "these, for INCREMENTAL"
        self._note(point, found or "these", expected, DIFFERS * bool(found))
        if not found:
            self._confirm("filter", marker.filter)

    def _lines(self, entry: Entry, records: Rows, rows: Rows) -> None:
        """Look at some documents, or at those whose lines the list has."""
        about, key = self._about, self._list.key[0]
        entries = [objects(row.get(entry.rows)) for row in rows]
        documents = [*zip(records, entries, strict=True)]
        if entry.path:
            chosen = records[:: len(records) // _DOCUMENTS or 1][:_DOCUMENTS]
            asks = [({**self._scope, entry.parameter: one[key]}, {key: one[key]}) for one in chosen]
            answers = [self._ask(about, *ask) for ask in asks]
            bad = [one.said for one in answers if one.rows is None or one.reply.errcode != OK]
            found = "; ".join([f"{len(answers) - len(bad)} of {len(answers)} came", *bad[:1]])
            self._note(f"Documents by {code(entry.parameter)}", found, "all", FAILS * bool(bad))
            entries = [answer.rows or [] for answer in answers]
            documents = [*zip(chosen, entries, strict=True)]
        kept, lines = (*self._list.key, *self._list.incremental), list[dict[str, Any]]()
        row_no = next((name for name in about.schema["properties"] if "rowno" in name), "rowno")
        numbers = 0
        for record, here in documents:
            fields = {name: record[name] for name in kept}
            lines += [{**line, **fields, LINE_NUMBER: n} for n, line in enumerate(here, start=1)]
            numbers += len({str(line.get(row_no) or "") for line in here} - {""})
        found = f"{len(lines)} in {len(documents)} documents"
        self._note("Lines", found, "some", DIFFERS * (not lines))
        if lines:
            self._confirm("path", entry.path or self._list.path)
            found = f"{numbers} different ones within {len(documents)} documents"
            self._note(f"Row numbers {code(row_no)}", f"{found}, {len(lines)} lines")
            self._fields(about, lines)

    def _fields(self, resource: Resource, rows: Rows) -> Rows:
        """Convert rows; if they are those of the stream, note how their fields differ."""
        if not resource.has_schema:
            resource = resources.with_seen_fields(resource, rows)
        fields = resource.schema["properties"]
        converter = Converter(resource.schema, fields, resource.key, ignored=resource.ignored)
        records = converter.records(rows)
        if resource.entry is not self._about.entry:
            return records
        spelling, seen = {name.casefold(): name for name in fields}, dict[str, list[Any]]()
        for name, value in (cell for row in rows for cell in row.items()):
            seen.setdefault(name, []).append(value)
        names = {name: spelling.get(name.casefold(), name) for name in seen}
        came = {names[name] for name, values in seen.items() if look(*values)} & {*fields}
        self._note("Fields that came", f"{len(came)} of {len(fields)}")
        if never := [name for name in fields if name not in came]:
            self._note("Fields that never came", code(*never))
        if other := {name: known for name, known in names.items() if name != known}:
            self._note("Another spelling", code(*other), code(*other.values()))
        new = {name: look(*seen[name]) for name in converter.dropped}
        if new:
            found = ", ".join(f"{code(name)} ({kind or 'empty'})" for name, kind in new.items())
            self._note("Not declared", found, "", DIFFERS)
        for path, number in converter.nulled.items():
            name, *_ = path.split(".")
            new[name] = look(*(one for n in seen if names[n] == name for one in seen[n]))
            found = f"{number} of {len(rows)} values do not fit; they look like {new[name]}"
            types = fields[name].get("type", ["any"])
            expected = fields[name].get("format") or (types if isinstance(types, str) else types[0])
            self._note(f"Field {code(path)}", found, expected, DIFFERS)
        self._confirm("field", *(name for name in fields if name in came - {*converter.nulled}))
        if new:
            ours = {*resource.key} if resource.head else set()
            schema = {name: {**fields[name]} for name in fields if name not in ours}
            for about in schema.values():
                about.pop("description", "")
            types = {n: [k if k in _TYPES else "string", "null"] for n, k in new.items()}
            self._change(schema=schema | {name: {"type": types[name]} for name in new})
        return records


def _rows_in(body: Params) -> str:
    """Find a list of objects in a reply; dots lead into nested objects."""
    for name, value in body.items():
        inner = _rows_in(value) if isinstance(value, dict) else ""
        if inner or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
            return f"{name}.{inner}" if inner else name
    return ""


def _values(marker: Marker, records: Rows) -> list[Any]:
    values = [one[marker.field] for one in records if one[marker.field] not in {None, ""}]
    return [value[:10] for value in values] if marker.kind == "date" else values
