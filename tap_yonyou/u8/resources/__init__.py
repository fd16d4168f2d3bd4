"""What is in a list of U8: one file of data for each, and nothing else to add one.

A file `<resource>.json` holds

- `title`: English, then Chinese in brackets;
- `key`: the names of the fields that identify a row;
- `properties`: the fields as JSON Schema;
- `filters`: the filters as JSON Schema.

Every field and filter has a `description` that ends in the vendor's Chinese term in brackets, and a
`$comment` that says how well it is attested: `vendor` (the vendor's page), `seen` (in replies) or
`assumed` (by analogy).

The rest follows by rule, and is overridden by a member of that name:

- `path`: `/api/<resource>/batch_get`;
- `rows`, the key of the rows in a reply: the resource's name;
- `incremental`, the fields that serve INCREMENTAL, the best one first: those of `timestamp`,
  `ModifyDate` and a sole key field that have a filter `<field>_begin`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


#: The fields that may serve INCREMENTAL beside the key: a row version, and a day.
_CHANGE_MARKERS: Final = ("timestamp", "ModifyDate")


_KINDS: Final[Mapping[type, str]] = {dict: "object", list: "array"}


class Marker(NamedTuple):
    """A field that serves INCREMENTAL replication.

    Attributes:
        field: The field, whose last value becomes the bookmark.
        filter: The filter that the bookmark is sent as.
        kind: `code`, `timestamp` (a row version, as a decimal number) or `date`.
    """

    field: str
    filter: str
    kind: str = "code"


@dataclass(frozen=True)
class Resource:
    """A list of U8.

    Attributes:
        name: Its name, also the stream's.
        title: What it holds, in English and Chinese.
        key: The fields that identify a row.
        schema: Its rows as JSON Schema.
        filters: Its filters as JSON Schema.
        path: Where it is asked for.
        rows: The key of its rows in a reply.
        params: What every request for it has, beside accounts and page.
        incremental: What serves INCREMENTAL, by field, the best one first.
        attested: How well each field and filter is attested, by `field` or `filter` and its name.
        has_schema: False if only the key fields are known, until a page has been seen.
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


def names() -> list[str]:
    """Give the names of all resources that have a file.

    Returns:
        The names in alphabetical order.
    """
    files = (path.name for path in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".json") for name in files if name.endswith(".json"))


@cache
def load(name: str) -> Resource:
    """Read the file of a resource.

    Args:
        name: One of `names()`.

    Returns:
        The resource.
    """
    return of(
        name,
        msgspec.json.decode(resources.files(__package__).joinpath(f"{name}.json").read_bytes()),
    )


def choose(name: str, declared: Mapping[str, Any]) -> Resource:
    """Give the resource of a stream.

    Args:
        name: The stream's name.
        declared: The setting `resources`, which goes before the files.

    Returns:
        The resource.
    """
    return of_declaration(name, declared[name]) if name in declared else load(name)


def of_declaration(name: str, declaration: Mapping[str, Any]) -> Resource:
    """Make a resource of what a user declares.

    Args:
        name: The resource's name.
        declaration: `key`, and perhaps `path`, `rows`, `params`, `schema` and `incremental`.

    Returns:
        The resource; without `schema`, its fields are the key.
    """
    key = tuple(declaration["key"])
    marker = declaration.get("incremental")
    fields = declaration.get("schema")
    known: dict[str, Any] = {part: {"type": "string"} for part in key}
    if marker:
        known.setdefault(marker["field"], {"type": ["string", "null"]})
    return Resource(
        name=name,
        title=name,
        key=key,
        schema=_schema(name, known if fields is None else fields, key),
        filters=_filters(name, {}),
        path=declaration.get("path", f"/api/{name}/batch_get"),
        rows=declaration.get("rows", name),
        incremental=(
            {marker["field"]: Marker(marker["field"], marker["parameter"], marker["kind"])}
            if marker
            else {}
        ),
        params=declaration.get("params", {}),
        has_schema=fields is not None,
    )


def with_seen_fields(resource: Resource, rows: Iterable[Any]) -> Resource:
    """Add the fields that a page shows; no type is guessed.

    Args:
        resource: One without a schema.
        rows: The page.

    Returns:
        The resource with every key of the rows as a nullable string, object or array.
    """
    fields = dict(resource.schema["properties"])
    spelling = {name.casefold(): name for name in fields}
    for row in rows:
        for key, value in row.items() if isinstance(row, dict) else ():
            name = spelling.setdefault(key.casefold(), key)
            kind = _KINDS.get(type(value), "string")
            if name in resource.key:
                continue
            # One that stands alone may come without its list, and "" in place of either.
            if name not in fields or (kind != "string" and "array" not in fields[name]["type"]):
                fields[name] = {"type": [kind, "null"]}
    return replace(resource, schema=_schema(resource.title, fields, resource.key), has_schema=True)


def of(name: str, data: Mapping[str, Any]) -> Resource:
    """Make a resource of what a file holds.

    Args:
        name: The resource's name.
        data: The members of the file.

    Returns:
        The resource.
    """
    key, fields, filters = tuple(data["key"]), data["properties"], data["filters"]
    begins = {name.casefold(): name for name in filters if name.casefold().endswith("_begin")}
    candidates = (*_CHANGE_MARKERS, *(key if len(key) == 1 else ()))
    markers = {
        candidate: Marker(candidate, begins[begin], _kind(candidate, fields[candidate]))
        for candidate in data.get("incremental", candidates)
        if candidate in fields and (begin := f"{candidate}_begin".casefold()) in begins
    }
    attested = {("field", name): about["$comment"] for name, about in fields.items()}
    attested |= {("filter", name): about["$comment"] for name, about in filters.items()}
    return Resource(
        name=name,
        title=data["title"],
        key=key,
        schema=_schema(data["title"], _without_comments(fields), key),
        filters=_filters(data["title"], _without_comments(filters)),
        path=data.get("path", f"/api/{name}/batch_get"),
        rows=data.get("rows", name),
        incremental=markers,
        attested=attested,
    )


def _schema(title: str, fields: Mapping[str, Any], key: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "title": title, "properties": fields, "required": [*key]}


def _filters(title: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "title": title,
        "properties": filters,
        "additionalProperties": False,
    }


def _kind(name: str, about: Mapping[str, Any]) -> str:
    if "format" in about:
        return "date"
    return "timestamp" if name == "timestamp" else "code"


def _without_comments(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {keyword: value for keyword, value in about.items() if keyword != "$comment"}
        for name, about in properties.items()
    }
