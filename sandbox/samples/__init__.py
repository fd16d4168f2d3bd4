"""One file per resource: ``sandbox/samples/<resource>.py`` holds its `SAMPLE`.

The file is all there is to add. Samples follow the vendor's pages and never the tap's files,
so that a typo there is not mirrored here.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

from sandbox.filters import Row, make_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.filters import Filter, Kind

__all__ = ["RESOURCES", "Row", "Sample", "rows", "sample"]

#: The resources that have a file.
RESOURCES = sorted(module.name for module in pkgutil.iter_modules(__path__))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What U8 knows of one resource.

    Attributes:
        title: the Chinese name in the message of 20002.
        row: makes row `n`, counted from 1, the same one every time. A column whose name
            begins with an underscore (and not `_sdc_`) can be filtered by, but no reply
            shows it.
        entry: makes the lines of the document with this code, the same ones every time.
        beside: the lines of a page's rows stand beside the rows. Guess: that some list
            has them there.
        key: the columns that tell one row from another.
        path: what stands for the list in its address; the resource's name if empty.
        document: what stands for a document in its address, and what holds it in a reply;
            the resource's name if empty.
        array: where a reply holds its rows, ``a.b`` for `b` within `a`; `path` if empty.
        filters: by kind (text, keyword, boolean, date, number), the names of the filters
            with blanks between them. ``…_begin`` and ``…_end`` are the inclusive ends of
            a range; of the others a keyword is contained, the rest are equal.
        columns: for a filter (without ``_begin``, ``_end``) whose column has another
            name, that name.

    """

    title: str
    row: Callable[[int], Row] = lambda n: {"code": f"{n:08d}"}
    entry: Callable[[str], list[Row]] | None = None
    beside: bool = False
    key: tuple[str, ...] = ("code",)
    path: str = ""
    document: str = ""
    array: str = ""
    filters: Mapping[Kind, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Every filter's kind."""
        return {name: kind for kind, names in self.filters.items() for name in names.split()}

    def column(self, name: str) -> str:
        """Return the column that filter `name` is about."""
        name = name.removesuffix("_begin").removesuffix("_end")
        return self.columns.get(name, name)

    def filter(self, name: str, value: str) -> Filter:
        """Return what filter `name` lets through; a ValueError if `value` is bad."""
        return make_filter(name, self.kinds[name], self.column(name), value)


@cache
def sample(resource: str) -> Sample:
    """Return the sample of a resource; one without a file has no filters."""
    if resource not in RESOURCES:
        return Sample(title=resource)
    found: Sample = importlib.import_module(f"{__name__}.{resource}").SAMPLE
    return found


def rows(resource: str, count: int = 225) -> list[Row]:
    """Return rows 1 to `count` of a resource's sample; the caller may change them."""
    make = sample(resource).row
    return [make(n) for n in range(1, count + 1)]
