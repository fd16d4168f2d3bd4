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
- `incremental`, the field and the filter that serve INCREMENTAL: a sole key field and its filter
  `<field>_begin`, if there is one; null to offer none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHINESE: Final = re.compile(r"^\S.* \(.+\)$")
_ATTESTED: Final = ("vendor", "seen", "assumed")
_TYPES: Final = frozenset(("string", "boolean", "integer", "number", "object", "array"))
_FORMATS: Final = frozenset(("date", "date-time"))
_MEMBERS: Final = frozenset(("title", "key", "properties", "filters"))
_OVERRIDES: Final = frozenset(("path", "rows", "incremental"))
#: What every request has; no filter may be named so.
_PARAMETERS: Final = frozenset(
    ("from_account", "to_account", "app_key", "token", "ds_sequence", "page_index", "rows_per_page")
)


class Marker(NamedTuple):
    """What serves INCREMENTAL replication.

    Attributes:
        field: The field whose value is the bookmark.
        filter: The filter that the bookmark is sent as.
    """

    field: str
    filter: str


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
        incremental: What serves INCREMENTAL; None if nothing does.
        attested: How well each field and filter is attested, by `field` or `filter` and its name.
    """

    name: str
    title: str
    key: tuple[str, ...]
    schema: Mapping[str, Any]
    filters: Mapping[str, Any]
    path: str
    rows: str
    incremental: Marker | None
    attested: Mapping[tuple[str, str], str]


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
    return of(name, msgspec.json.decode(resources.files(__package__).joinpath(f"{name}.json").read_bytes()))


def of(name: str, data: Mapping[str, Any]) -> Resource:
    """Make a resource of what a file holds.

    Args:
        name: The resource's name.
        data: The members of the file.

    Returns:
        The resource.
    """
    key, fields, filters = tuple(data["key"]), data["properties"], data["filters"]
    marker = None
    if len(key) == 1 and f"{key[0]}_begin" in filters:
        marker = {"field": key[0], "filter": f"{key[0]}_begin"}
    marker = data.get("incremental", marker)
    attested = {("field", field): about["$comment"] for field, about in fields.items()}
    attested |= {("filter", filter_): about["$comment"] for filter_, about in filters.items()}
    return Resource(
        name=name,
        title=data["title"],
        key=key,
        schema={
            "type": "object",
            "title": data["title"],
            "properties": _without_comments(fields),
            "required": list(key),
        },
        filters={
            "type": ["object", "null"],
            "title": data["title"],
            "properties": _without_comments(filters),
            "additionalProperties": False,
        },
        path=data.get("path", f"/api/{name}/batch_get"),
        rows=data.get("rows", name),
        incremental=Marker(**marker) if marker else None,
        attested=attested,
    )


def contradictions(data: Mapping[str, Any]) -> Iterator[str]:
    """Find what is wrong with a resource's file.

    Args:
        data: The members of the file.

    Yields:
        A sentence for each problem.
    """
    for name in sorted(_MEMBERS - data.keys()):
        yield f"{name} is missing"
    for name in sorted(data.keys() - _MEMBERS - _OVERRIDES):
        yield f"{name} is not a member of a resource; see tap_yonyou/resources/__init__.py"
    if _MEMBERS - data.keys():
        return
    fields, filters, key = data["properties"], data["filters"], data["key"]
    if not _CHINESE.match(data["title"]):
        yield "title must end in Chinese in brackets"
    for name in key:
        if name not in fields:
            yield f"the key {name} is not a field"
    for name, about in fields.items():
        yield from _wrong_property(name, about)
        types = about.get("type", [])
        if (name in key) == ("null" in types):
            yield f"{name} must {'not ' * (name in key)}be nullable, as it is {'' if name in key else 'not '}a key"
    lower = [name.casefold() for name in fields]
    for name in sorted({name for name in lower if lower.count(name) > 1}):
        yield f"the field {name} stands there twice"
    for name, about in filters.items():
        yield from _wrong_property(f"filters.{name}", about)
        if name in _PARAMETERS:
            yield f"filters.{name} is a parameter of every request"
        if not isinstance(about.get("type"), str):
            yield f"filters.{name} must have one type"
    if marker := data.get("incremental"):
        if marker.get("field") not in fields:
            yield "incremental.field is not a field"
        if marker.get("filter") not in filters:
            yield "incremental.filter is not a filter"


def _wrong_property(name: str, about: Mapping[str, Any]) -> Iterator[str]:
    types = about.get("type", [])
    kinds = [kind for kind in ([types] if isinstance(types, str) else types) if kind != "null"]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        yield f"{name} must have one type of {', '.join(sorted(_TYPES))}"
    if "format" in about and (about["format"] not in _FORMATS or kinds != ["string"]):
        yield f"{name} has a format that is not one of {', '.join(sorted(_FORMATS))} of a string"
    if not _CHINESE.match(about.get("description", "")):
        yield f"the description of {name} must end in Chinese in brackets"
    if about.get("$comment") not in _ATTESTED:
        yield f"the $comment of {name} must be one of {', '.join(_ATTESTED)}"


def _without_comments(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {keyword: value for keyword, value in about.items() if keyword != "$comment"}
        for name, about in properties.items()
    }
