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

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


#: The fields that may serve INCREMENTAL beside the key: a row version, and a day.
_CHANGE_MARKERS: Final = ("timestamp", "ModifyDate")


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
        incremental: What serves INCREMENTAL, by field, the best one first.
        attested: How well each field and filter is attested, by `field` or `filter` and its name.
    """

    name: str
    title: str
    key: tuple[str, ...]
    schema: Mapping[str, Any]
    filters: Mapping[str, Any]
    path: str
    rows: str
    incremental: Mapping[str, Marker]
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
    return of(
        name,
        msgspec.json.decode(resources.files(__package__).joinpath(f"{name}.json").read_bytes()),
    )


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
    markers = {
        field: Marker(field, begins[begin], _kind(field, fields[field]))
        for field in data.get("incremental", (*_CHANGE_MARKERS, *(key if len(key) == 1 else ())))
        if field in fields and (begin := f"{field}_begin".casefold()) in begins
    }
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
        incremental=markers,
        attested=attested,
    )


def _kind(field: str, about: Mapping[str, Any]) -> str:
    if "format" in about:
        return "date"
    return "timestamp" if field == "timestamp" else "code"


def _without_comments(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {keyword: value for keyword, value in about.items() if keyword != "$comment"}
        for name, about in properties.items()
    }
