"""What U8 can be asked for: a JSON file for each list, and nothing else to add one.

A file `<resource>.json` holds `title`, `key` (the fields that identify a row), and as JSON Schema
`properties` (the fields) and `filters`. Each of these has a `description` that ends in the vendor's
Chinese term in brackets, and a `$comment` on how well it is attested: `vendor` (the vendor's page),
`seen` (in replies) or `assumed` (by analogy, or from the page of the call that writes).

The rest follows by rule, and is overridden by a member of that name:

- `path`: `/api/<resource>/batch_get`; a `$comment` beside it says if that is `assumed`;
- `rows`, the key of the rows in a reply: the resource's name;
- `incremental`, the fields that serve INCREMENTAL, the best one first: those of `timestamp`,
  `ufts`, `ModifyDate` and a sole key field that have a filter `<field>_begin`. Documents name
  theirs: their code does not tell of an edit.

A document (单据) has a head (表头), a row of the list, and lines (表体). The member `entry` of its
file holds `title` and `properties` of the lines, the members of `Entry`, and a `$comment` on these.
The lines are a stream of their own, `<resource>_entry`, whose key is that of the head and
`line_number`. A field of a line that is named like one of these is not read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tap_yonyou.errors import TapError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENTRY: Final = "_entry"
LINE_NUMBER: Final = "line_number"  # U8's own row numbers may be missing or doubled
_LINE_NUMBER: Final = {
    "type": "integer",
    "description": "Place of the line in the reply, from 1 (行序)",
    "$comment": "vendor",
}
_ROW_VERSIONS: Final = ("timestamp", "ufts")
_KINDS: Final[Mapping[type, str]] = {dict: "object", list: "array"}


class Marker(NamedTuple):
    """A field that serves INCREMENTAL: its last value becomes the bookmark, sent as the filter."""

    field: str
    filter: str
    #: `code`, `date`, or `timestamp` (a row version, as a decimal number).
    kind: str = "code"
    #: Whether it is the day of a document, which an edit leaves as it is.
    looks_back: bool = False


@dataclass(frozen=True)
class Entry:
    """Where the lines of documents are, and which field of the head says what.

    Attributes:
        rows: Where the lines are in a reply, with dots between levels, or in a row of the list.
        path: Where one document is asked for; `""` if the list has the lines.
        parameter: What names the document there. Its value is the first field of the head's key.
        date: The field with the date of the document; `""` if there is none.
        approval: The field that is empty until the document is approved; `""` if the list has none.
    """

    rows: str
    path: str = ""
    parameter: str = "id"
    date: str = ""
    approval: str = ""


@dataclass(frozen=True)
class Resource:
    """A list of U8, or the lines of its documents.

    Attributes:
        rows: The key of its rows in a reply, with dots between levels.
        incremental: What serves INCREMENTAL, by field, the best one first.
        attested: How well each is attested, by `field`, `filter` or `path` and its name.
        params: What every request for it has, beside accounts and page.
        has_schema: False if only the key fields are known, until a page has been seen.
        ignored: The field in which its rows hold the lines of documents, if they do.
        head: Of lines, the list of their documents.
        entry: Of lines, where they are.
    """

    name: str
    title: str
    key: tuple[str, ...]
    schema: Mapping[str, Any]
    filters: Mapping[str, Any]
    path: str
    rows: str
    incremental: Mapping[str, Marker]
    attested: Mapping[tuple[str, str], str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    has_schema: bool = True
    ignored: tuple[str, ...] = ()
    head: Resource | None = None
    entry: Entry | None = None


def names() -> list[str]:
    """Give the names of all streams that have a file, in alphabetical order."""
    files = (path.name for path in resources.files(__package__).iterdir())
    lists = [name.removesuffix(".json") for name in files if name.endswith(".json")]
    return sorted([*lists, *(f"{name}{ENTRY}" for name in lists if "entry" in _data(name))])


@cache
def load(name: str) -> Resource:
    """Read the file of a stream, one of `names()`."""
    head = name.removesuffix(ENTRY)
    return of(name, _data(name)) if name == head else lines_of(load(head), _data(head)["entry"])


def choose(name: str, declared: Mapping[str, Any]) -> Resource:
    """Give the resource of a stream; the setting `resources` goes before the files."""
    head = name.removesuffix(ENTRY)
    if name in declared:
        return of_declaration(name, declared[name])
    if head not in declared:
        return load(name)
    known = _data(head).get("entry", {}) if declared[head].get("replaces") else {}
    entry = {**known, **declared[head].get("entry", {})}
    return lines_of(of_declaration(head, declared[head]), entry)


def of_declaration(name: str, declaration: Mapping[str, Any]) -> Resource:
    """Make a resource of what a user declares; with `replaces`, the file has the rest."""
    replaces, key = declaration.get("replaces", False), tuple(declaration["key"])
    nothing = {"title": name, "key": [], "properties": {}, "filters": {}}
    known, markers = load(name) if replaces else of(name, nothing), {}
    if marker := declaration.get("incremental"):
        changes, parameter, kind = marker["field"], marker["parameter"], marker["kind"]
        looks_back = kind == "date" and "entry" in declaration
        markers[changes] = Marker(changes, parameter, kind, looks_back)
    fields = {name: {"type": "string"} for name in (*key, *markers)} | known.schema["properties"]
    fields = {name: _for_key(about, name in key) for name, about in fields.items()}
    return replace(
        known,
        key=key,
        schema=_schema(known.title, declaration.get("schema", fields), key),
        path=declaration.get("path", known.path),
        rows=declaration.get("rows", known.rows),
        incremental=markers or known.incremental,
        params=declaration.get("params", {}),
        has_schema=replaces or "schema" in declaration,
    )


def with_seen_fields(resource: Resource, rows: Iterable[Any]) -> Resource:
    """Add every field that the rows of a page show, as a nullable string, object or array."""
    fields = dict(resource.schema["properties"])
    spelling = {name.casefold(): name for name in fields}
    for row in rows:
        for key, value in row.items() if isinstance(row, dict) else ():
            if key.casefold() == "ds_sequence" or key.casefold().startswith("_sdc_"):
                msg = (
                    f"{resource.name}: U8 sends {one_line(key)}, a field that the tap adds itself: "
                )
                raise TapError(msg + "declare a schema without it, with the setting resources")
            name = spelling.setdefault(key.casefold(), key)
            kind = _KINDS.get(type(value), "string")
            if name in resource.key:
                continue
            # One that stands alone may come without its list, and "" in place of either.
            if name not in fields or (kind != "string" and "array" not in fields[name]["type"]):
                fields[name] = {"type": [kind, "null"]}
    return replace(resource, schema=_schema(resource.title, fields, resource.key), has_schema=True)


def of(name: str, data: Mapping[str, Any]) -> Resource:
    """Make a resource of what a file holds; of a document, its heads."""
    key, fields, filters = tuple(data["key"]), data["properties"], data["filters"]
    path = data.get("path", f"/api/{name}/batch_get")
    spelling, markers = {name.casefold(): name for name in filters}, {}
    candidates = (*_ROW_VERSIONS, "ModifyDate", *(key if len(key) == 1 else ()))
    for candidate in data.get("incremental", candidates):
        begin = spelling.get(f"{candidate}_begin".casefold())
        if begin and candidate in fields:
            is_day = "format" in fields[candidate]
            kind = "date" if is_day else "timestamp" if candidate in _ROW_VERSIONS else "code"
            looks_back = is_day and "incremental" in data
            markers[candidate] = Marker(candidate, begin, kind, looks_back)
    return Resource(
        name=name,
        title=data["title"],
        key=key,
        schema=_schema(data["title"], _without_comments(fields), key),
        filters={
            "type": ["object", "null"],
            "title": data["title"],
            "properties": _without_comments(filters),
            "additionalProperties": False,
        },
        path=path,
        rows=data.get("rows", name),
        incremental=markers,
        attested=_attested(field=fields, filter=filters, path={path: data}),
        ignored=("entry",) if "path" not in data.get("entry", {"path": ""}) else (),
    )


def lines_of(head: Resource, data: Mapping[str, Any]) -> Resource:
    """Make the resource of the lines of documents, by `entry` of a file or of a declaration."""
    given = {name: value for name, value in data.items() if value is not None}
    members = {name: given[name] for name in Entry.__dataclass_fields__ if name in given}
    entry = Entry(**{"rows": f"{head.name}.entry" if "path" in given else "entry", **members})
    name, path, key = f"{head.name}{ENTRY}", entry.path or head.path, (*head.key, LINE_NUMBER)
    title, fields = given.get("title", name), given.get("schema", given.get("properties", {}))
    known = {**head.schema["properties"], LINE_NUMBER: _LINE_NUMBER}
    keys = {part: known[part] for part in (*key, *head.incremental) if part in known}
    return replace(
        head,
        name=name,
        title=title,
        key=key,
        schema=_schema(title, _without_comments({**keys, **fields, **keys}), key),
        path=path,
        rows=entry.rows,
        attested={**head.attested, **_attested(field=keys | fields, path={path: data})},
        has_schema=bool(fields),
        head=head,
        entry=entry,
    )


@cache
def _data(name: str) -> Any:
    return msgspec.json.decode(resources.files(__package__).joinpath(f"{name}.json").read_bytes())


def _attested(**parts: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    marks = ((part, name, one) for part, about in parts.items() for name, one in about.items())
    return {(part, name): one["$comment"] for part, name, one in marks if "$comment" in one}


def _for_key(about: Mapping[str, Any], key: bool) -> dict[str, Any]:  # noqa: FBT001
    kind = about["type"] if isinstance(about["type"], str) else about["type"][0]
    return {**about, "type": kind if key else [kind, "null"]}


def _schema(title: str, fields: Mapping[str, Any], key: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "title": title, "properties": fields, "required": [*key]}


def _without_comments(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {keyword: value for keyword, value in about.items() if keyword != "$comment"}
        for name, about in properties.items()
    }
