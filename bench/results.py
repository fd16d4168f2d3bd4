"""The numbers of a benchmark, as `benchmark.json` holds them, put together for reading."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from bench.plan import FLOOR, TAP, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Measured:
    """Several runs of one case, of which none failed.

    Attributes:
        rows: How many rows each read.
        seconds: How long each took.
        memory: The median peak of memory in MB, by process.
    """

    rows: int
    seconds: tuple[float, ...]
    memory: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return median(self.seconds)

    @property
    def rate(self) -> float:
        """Rows a second, by the median."""
        return self.rows / self.median

    @property
    def spread(self) -> tuple[float, float]:
        """The shortest and the longest run in seconds."""
        return min(self.seconds), max(self.seconds)


@dataclass(frozen=True)
class Bar:
    """Something to reach.

    Attributes:
        what: What is compared.
        wanted: The bar, in words.
        reached: The ratio; None if it was not measured.
        is_reached: Whether it is good enough.
        unit: What the ratio counts.
    """

    what: str
    wanted: str
    reached: float | None
    is_reached: bool
    unit: str = "×"


@dataclass(frozen=True)
class AccountSet:
    """What a night has to do for one account set, in a typical case.

    Attributes:
        lists: How many lists are read.
        rows: How many rows these have together.
        page_size: Rows in one reply.
        concurrency: Requests in flight.
        latency: Milliseconds of the U8 server for each.
        changed: How many percent of the rows change in a day.
        hours: How long the night is.
    """

    lists: int = 12
    rows: int = 100_000
    page_size: int = 500
    concurrency: int = 4
    latency: int = 300
    changed: int = 1
    hours: int = 6


class Results:
    """What was measured."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take the numbers.

        Args:
            data: The content of `benchmark.json`.
        """
        self.data = data
        self.plan = msgspec.convert(data["plan"], Plan)

    def of(self, kind: str, contender: str = TAP, **wanted: object) -> Measured | None:
        """Give the runs of one case; nothing if there are none or one of them failed."""
        wanted |= {"kind": kind, "contender": contender}
        runs = _matching(self.data["runs"], wanted)
        if not runs or any(run["error"] for run in runs):
            return None
        memory = zip(*(run["memory"] for run in runs), strict=True)
        return Measured(
            rows=runs[0]["rows"],
            seconds=tuple(run["seconds"] for run in runs),
            memory=tuple(median(peaks) for peaks in memory),
        )

    def speed(self, contender: str, rows: int, page_size: int | None = None) -> Measured | None:
        """Give the runs of a contender without latency, if it brought all rows."""
        size = page_size or self.plan.page_size
        if self.problem(contender, rows, size):
            return None
        return self.of("speed", contender, rows=rows, page_size=size)

    def problem(self, contender: str, rows: int, page_size: int) -> str:
        """Say why there is no number: it did not run, or did not bring all rows."""
        wanted = {"kind": "speed", "contender": contender, "rows": rows, "page_size": page_size}
        for counted in _matching(self.data["counts"], wanted):
            if counted["error"]:
                return f"did not run: {counted['error']}"
            if not counted["rows_came"] == counted["different"] == rows:
                came = f"{counted['rows_came']:,} rows, {counted['different']:,} different"
                return f"brought {came} of {rows:,}"
        errors = [run["error"] for run in _matching(self.data["runs"], wanted) if run["error"]]
        return f"did not run: {errors[0]}" if errors else ""

    def ideal(self, concurrency: int) -> float | None:
        """Give the shortest time a read with latency can take: the waits and the start-up.

        The first page tells how many there are, so it is awaited alone. The log-in, which waits
        as long, is not allowed for.
        """
        if not (start := self.of("start")):
            return None
        waits = 1 + math.ceil((self.plan.pages - 1) / concurrency)
        return waits * self.plan.latency / 1000 + start.median

    def bars(self) -> Iterator[Bar]:
        """Compare with what is to be reached."""
        plan = self.plan
        large, rows = self.speed(TAP, plan.large), self.speed(TAP, plan.rows)
        small = self.speed(TAP, plan.small)
        yield _at_most(
            1.6,
            f"time for {plan.large:,} rows, against the floor",
            _ratio(large, self.speed(FLOOR, plan.large)),
        )
        for title, peer, least, wanted in (
            ("the plain SDK tap", "plain-tap", 3.0, "≥ 3 × faster"),
            ("dlt, extract", "dlt-extract", 1.2, "≥ 1.2 × faster"),
            ("the Airbyte CDK", "airbyte-cdk", 1.0, "faster"),
        ):
            ratios = [
                _ratio(self.speed(peer, plan.rows, size), self.speed(TAP, plan.rows, size))
                for size in plan.page_sizes
            ]
            # The page size that is worse for the tap counts.
            worst = min((ratio for ratio in ratios if ratio), default=None)
            what = f"{plan.rows:,} rows, against {title}"
            yield Bar(what, wanted, worst, is_reached=worst is not None and worst >= least)
        most = max(plan.concurrency)
        read = self.of("latency", concurrency=most)
        ideal = self.ideal(most)
        yield _at_most(
            1.15,
            f"{plan.pages} pages at {plan.latency} ms, `concurrency` {most}, against the ideal",
            read.median / ideal if read and ideal else None,
        )
        yield from self._bars_of_many()
        yield from self._bars_of_changes()
        ratio = large.rate / rows.rate if large and rows else None
        what = f"rows/s at {plan.large:,} rows against {plan.rows:,}"
        yield Bar(what, "≥ 0.9 ×", ratio, is_reached=ratio is not None and ratio >= 0.9)  # noqa: PLR2004
        peaks = [measured.memory[0] if measured else None for measured in (large, small)]
        yield _at_most(
            1.5,
            f"peak memory at {plan.large:,} rows against {plan.small:,}",
            peaks[0] / peaks[1] if peaks[0] and peaks[1] else None,
        )
        yield _at_most(200, f"peak memory at {plan.large:,} rows", peaks[0], "MB")

    def ideal_of_many(self) -> float | None:
        """Give the shortest time that many lists can take: log-in, first page, the others."""
        if not (start := self.of("start")):
            return None
        reads = self.plan.lists * self.plan.sources
        waits = 2 + math.ceil(reads / max(self.plan.concurrency))
        return waits * self.plan.latency / 1000 + start.median

    def night(self, of: AccountSet, runs: int) -> float | None:
        """Give the seconds that an account set takes with Meltano, one thing after the other.

        Args:
            of: The account set.
            runs: How many times Meltano is started for it.
        """
        start, pipeline = self.of("start"), self.of("pipeline")
        read = self.of("changes", rows=self.plan.large, method="LOG_BASED", changed=0)
        written = self.of("loaded changes", method="FULL_TABLE")
        if not (start and pipeline and read and written):
            return None
        # A list is logged in to, its first page awaited alone; the others come side by side.
        waits = 2 * of.lists + of.rows / of.page_size / of.concurrency
        return (
            runs * pipeline.median
            + waits * of.latency / 1000
            + (read.median - start.median) * of.rows / read.rows
            + of.rows * of.changed / 100 / written.rate
        )

    def _bars_of_many(self) -> Iterator[Bar]:
        plan = self.plan
        many, ideal, start = self.of("many"), self.ideal_of_many(), self.of("start")
        what = f"{plan.lists} lists × {plan.sources} data sources at {plan.latency} ms"
        yield _at_most(
            1.25,
            f"{what}, `concurrency` {max(plan.concurrency)}, against the ideal",
            many.median / ideal if many and ideal else None,
        )
        yield _at_most(
            1.3,
            f"peak memory with {plan.lists} lists × {plan.sources} data sources, against one list",
            many.memory[0] / start.memory[0] if many and start else None,
        )
        one, four = (self.of("ahead", concurrency=number) for number in (1, 4))
        what = f"{plan.rows:,} rows without latency, {plan.page_sizes[0]} per page"
        yield _at_most(1.05, f"{what}, `concurrency` 4 against 1", _ratio(four, one))

    def _bars_of_changes(self) -> Iterator[Bar]:
        plan = self.plan

        def pair(kind: str, rows: int, changed: int) -> tuple[Measured | None, Measured | None]:
            full = self.of(kind, rows=rows, method="FULL_TABLE")
            return full, self.of(kind, rows=rows, method="LOG_BASED", changed=changed)

        for rows in (plan.rows, plan.large):
            full, log = pair("changes", rows, 0)
            what = f"{rows:,} rows unchanged, LOG_BASED against FULL_TABLE"
            yield _at_most(1.1, what, _ratio(log, full))
        for changed, least in ((0, 4.0), (1, 3.0)):
            full, log = pair("loaded changes", plan.rows, changed)
            ratio = _ratio(full, log)
            part = f"{changed} % changed" if changed else "unchanged"
            what = f"{plan.rows:,} rows, {part}, into PostgreSQL, LOG_BASED against FULL_TABLE"
            is_reached = ratio is not None and ratio >= least
            yield Bar(what, f"≥ {least:g} × faster", ratio, is_reached)
        peaks = [log.memory[0] for n in (0, 1) if (log := pair("changes", plan.large, n)[1])]
        what = f"peak memory at {plan.large:,} rows, LOG_BASED"
        yield _at_most(200, what, max(peaks, default=None), "MB")
        sizes = [int(size) / int(rows) for rows, size in self.data["state_bytes"].items()]
        yield _at_most(12, "state of LOG_BASED, for each row", max(sizes, default=None), "bytes")


def _matching(rows: Sequence[Mapping[str, Any]], wanted: Mapping[str, object]) -> list[Any]:
    return [row for row in rows if wanted.items() <= row.items()]


def _ratio(one: Measured | None, other: Measured | None) -> float | None:
    return one.median / other.median if one and other else None


def _at_most(limit: float, what: str, value: float | None, unit: str = "×") -> Bar:
    is_reached = value is not None and value <= limit
    return Bar(what, f"≤ {limit:g} {unit}", value, is_reached, unit)
