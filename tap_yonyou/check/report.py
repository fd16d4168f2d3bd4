"""What is noted about a U8: names, types, counts, codes and times, never a value of a record."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.errors import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Params = Mapping[str, Any]

#: How bad a fact is: the tap goes on, or the stream cannot be read as configured.
DIFFERS, FAILS = "differs", "cannot be read"

#: How many requests are in flight in the last trial.
MOST_IN_FLIGHT: Final = 4
#: By how much the next number of requests in flight has to be faster.
_WORTH: Final = 1.2
_TYPES: Final = {bool: "boolean", int: "integer", Decimal: "number", dict: "object", list: "array"}
_DAY: Final = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_LOOKS: Final = {
    "": r"\s*",
    "boolean (0 or 1)": r"[01]",
    "integer": r"[+-]?\d+",
    "number": r"[+-]?\d*\.\d+",
    "date": _DAY,
    "date-time": rf"{_DAY}[ T]\d.*",
}


@dataclass
class Facts:
    """What was seen of the log-in, or of a stream in a data source.

    Attributes:
        rows: What was looked at, what was found, what was expected, and how bad that is.
        confirmed: By part (field, filter or path), what was marked as assumed, and is so.
    """

    label: str
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    confirmed: dict[str, list[str]] = field(default_factory=dict)

    def note(self, point: str, found: str, expected: str = "", level: str = "") -> None:
        """Note a fact, and how bad it is."""
        self.rows.append((point, found, expected, level))

    @property
    def level(self) -> str:
        """The worst level; empty if all is as expected."""
        return min((row[-1] for row in self.rows if row[-1]), default="")

    @property
    def verdict(self) -> str:
        """The worst level, and all that differs."""
        found = [f"{point} ({found})" for point, found, _, level in self.rows if level]
        return f"**{self.level}**: {'; '.join(found)}" if self.level else "as expected"


def look(*values: Any) -> str:
    """Name the types that values look like; empty if all values are."""
    return " or ".join(
        sorted({_TYPES.get(type(one)) or _look(str(one or "")) for one in values} - {""})
    )


def _look(text: str) -> str:
    return next(
        (name for name, form in _LOOKS.items() if re.fullmatch(form, text, re.ASCII)), "text"
    )


def code(*names: str) -> str:
    """Show names, which may be a server's, in Markdown."""
    shown = (one_line(name, 40).replace("`", "'").replace("|", r"\|") for name in names)
    return ", ".join(f"`{name}`" for name in shown)


def suited(rates: Mapping[int, float], configured: int) -> int:
    """Say how many requests in flight suit, by the pages a second that came with each number."""
    best = min(rates, default=configured)
    for number, rate in rates.items():
        best = number if rate >= _WORTH * rates[best] else best
    return max(best, configured) if best == MOST_IN_FLIGHT else best  # more were not tried


def lines(seen: Sequence[Facts], speed: str, changes: Params, requests: int) -> Iterator[str]:
    """Write the report: what was seen, how fast it came, and the settings to change."""
    yield "# What this U8 does, compared with what the tap expects\n"
    yield (
        f"tap-yonyou {version('tap-yonyou')}, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}; {counted(requests, 'request')}.\n"
    )
    for facts in seen:
        yield f"## {facts.label}\n\n| | Found | Expected | |\n| --- | --- | --- | --- |"
        yield from (f"| {' | '.join(row)} |" for row in facts.rows)
        yield ""
    yield "## Result\n"
    for facts in seen:
        yield f"- {facts.label}: {facts.verdict}"
        for part, names in facts.confirmed.items():
            if names:
                yield f"  - assumed until now, and confirmed: {part} {code(*names)}"
    yield f"- pages in a second, by requests in flight: {speed or 'not tried'}"
    yield "\n## Settings to change\n"
    parts = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in changes.items()]
    yield "```json\n{\n" + ",\n".join(parts) + "\n}\n```" if parts else "None."
