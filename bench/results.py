"""The numbers of a benchmark, as `benchmark.json` holds them, put together for reading."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from bench.plan import CONTACTS, FLOOR, HEADS, LINES_OF, TAP, Plan, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Measured:
    """Several runs of one case, of which none failed.

    Attributes:
        rows: How many rows each read.
        seconds: How long each took.
        memory: The median peak of memory in MB, by process.
        gets: The most documents that one of them asked for.
    """

    rows: int
    seconds: tuple[float, ...]
    memory: tuple[float, ...]
    gets: int = 0

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
            gets=max(run.get("gets", 0) for run in runs),
        )

    def speed(self, contender: str, rows: int, page_size: int | None = None) -> Measured | None:
        """Give the runs of a contender without latency, if it brought all rows."""
        size = page_size or self.plan.page_size
        if self.problem(contender, rows, size):
            return None
        return self.of("speed", contender, rows=rows, page_size=size)

    def nearby(self, contender: str) -> Measured | None:
        """Give the runs of a contender with a server nearby, if it brought all rows."""
        if self.problem(contender, self.plan.rows, self.plan.page_sizes[0]):
            return None
        return self.of("nearby", contender)

    def problem(self, contender: str, rows: int, page_size: int, kind: str = "speed") -> str:
        """Say why there is no number: it did not run, or did not bring all rows."""
        wanted = {"kind": kind, "contender": contender, "rows": rows, "page_size": page_size}
        for counted in _matching(self.data["counts"], wanted):
            if counted["error"]:
                return f"did not run: {counted['error']}"
            expected = records(rows, counted.get("streams", CONTACTS))
            if not counted["rows_came"] == counted["different"] == expected:
                came = f"{counted['rows_came']:,} rows, {counted['different']:,} different"
                return f"brought {came} of {expected:,}"
        errors = [run["error"] for run in _matching(self.data["runs"], wanted) if run["error"]]
        return f"did not run: {errors[0]}" if errors else ""

    def fetched(self, kind: str, contender: str = TAP) -> Measured | None:
        """Give the runs that ask for every document and wait for it, if all lines came."""
        rows, size = self.plan.documents, self.plan.page_sizes[0]
        if self.problem(contender, rows, size, kind):
            return None
        return self.of(kind, contender, rows=rows, method="FULL_TABLE")

    def settled(self, streams: str, changed: int = 0) -> Measured | None:
        """Give the runs that find few changes in documents, or in their heads alone."""
        return self.of("settled", rows=self.plan.settled, streams=streams, changed=changed)

    def archive(self, kind: str) -> Measured | None:
        """Give the first run for many documents, or the one that follows."""
        return self.of(kind, rows=self.plan.archive, method="LOG_BASED")

    def ideal(self, concurrency: int) -> float | None:
        """Give the shortest time a read with latency can take: the waits and the start-up.

        The first page tells how many there are, so it is awaited alone. The log-in, which waits
        as long, is not allowed for.
        """
        return self._ideal(1 + math.ceil((self.plan.pages - 1) / concurrency))

    def ideal_of_many(self) -> float | None:
        """Give the shortest time that many lists can take: log-in, first page, the others."""
        reads = self.plan.lists * self.plan.sources
        return self._ideal(2 + math.ceil(reads / max(self.plan.concurrency)))

    def ideal_of_documents(self) -> float | None:
        """Give the shortest time for documents: the first page, the others, then each document."""
        plan = self.plan
        pages, most = math.ceil(plan.documents / plan.page_sizes[0]), max(plan.concurrency)
        return self._ideal(1 + math.ceil((pages - 1) / most) + math.ceil(plan.documents / most))

    def ideal_of_changed(self) -> float | None:
        """Give the time that the heads take, and the waits for the 1 % that have changed."""
        heads, plan = self.settled(HEADS), self.plan
        waits = math.ceil(plan.settled / 100 / AccountSet.concurrency)
        return heads.median + waits * plan.nearby / 1000 if heads else None

    def _ideal(self, waits: int) -> float | None:
        start = self.of("start")
        return waits * self.plan.latency / 1000 + start.median if start else None

    def bars(self) -> Iterator[Bar]:
        """Compare with what is to be reached."""
        yield from self._bars_of_speed()
        yield from self._bars_of_latency()
        yield from self._bars_of_documents()
        yield from self._bars_of_changes()

    def _bars_of_speed(self) -> Iterator[Bar]:
        plan = self.plan
        for title, peer, least in (
            ("the plain SDK tap", "plain-tap", 3.0),
            ("dlt, extract", "dlt-extract", 1.0),
            ("the Airbyte CDK", "airbyte-cdk", 1.0),
        ):
            near = self.nearby(peer), self.nearby(TAP)
            yield _faster(
                least, f"{plan.rows:,} rows at {plan.nearby} ms a page, against {title}", *near
            )
            size = plan.page_sizes[0]
            both = (self.speed(one, plan.rows, size) for one in (peer, TAP))
            yield _faster(least, f"{plan.rows:,} rows without latency, against {title}", *both)
        large, rows = self.speed(TAP, plan.large), self.speed(TAP, plan.rows)
        floor, small = self.speed(FLOOR, plan.large), self.speed(TAP, plan.small)
        yield _at_most(
            1.6, f"time for {plan.large:,} rows, against the floor", _ratio(large, floor)
        )
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

    def _bars_of_latency(self) -> Iterator[Bar]:
        plan, most = self.plan, max(self.plan.concurrency)
        read, many, start = self.of("latency", concurrency=most), self.of("many"), self.of("start")
        pages = f"{plan.pages} pages at {plan.latency} ms, `concurrency` {most}"
        yield _at_most(1.15, f"{pages}, against the ideal", _over(read, self.ideal(most)))
        lists = f"{plan.lists} lists × {plan.sources} data sources"
        what = f"{lists} at {plan.latency} ms, `concurrency` {most}, against the ideal"
        yield _at_most(1.25, what, _over(many, self.ideal_of_many()))
        peak = many.memory[0] / start.memory[0] if many and start else None
        yield _at_most(1.3, f"peak memory with {lists}, against one list", peak)

    def _bars_of_documents(self) -> Iterator[Bar]:
        plan, most = self.plan, max(self.plan.concurrency)
        ideal, each = self.ideal_of_documents(), f"{plan.documents:,} documents at"
        what = f"{each} {plan.latency} ms, `concurrency` {most}, against the ideal"
        yield _at_most(1.15, what, _over(self.fetched("documents"), ideal))
        peers = self.fetched("children", "plain-tap"), self.fetched("children")
        what = f"{each} {plan.child_latency} ms, against the plain SDK tap with a child stream"
        yield _faster(3.0, what, *peers)
        heads, lines = self.settled(HEADS), self.settled(LINES_OF)
        what = f"{plan.settled:,} documents, unchanged"
        yield _at_most(1.15, f"{what}, LOG_BASED against their heads alone", _ratio(lines, heads))
        yield _at_most(0, f"{what}, LOG_BASED", lines.gets if lines else None, "calls of `get`")
        yield _at_most(
            1.2,
            f"{plan.settled:,} documents, 1 % changed, against heads and ideal",
            _over(self.settled(LINES_OF, 1), self.ideal_of_changed()),
        )
        killed = self.of("killed")
        half = plan.settled // 2
        yield _at_most(
            plan.settled - half + 1000,
            f"killed after {half:,} of {plan.settled:,} documents, the next run",
            killed.gets if killed else None,
            "calls of `get`",
        )
        runs = [self.archive("documents"), self.archive("settled")]
        peak = max((run.memory[0] for run in runs if run), default=None)
        yield _at_most(300, f"peak memory at {plan.archive:,} documents, LOG_BASED", peak, "MB")
        what = "state of LOG_BASED, for each document"
        yield _at_most(30, what, self.state_bytes(plan.archive, LINES_OF), "bytes")

    def state_bytes(self, rows: int, streams: str = CONTACTS) -> float | None:
        """Give the size of a state after LOG_BASED, for each row or document."""
        size = self.data["state_bytes"].get(f"{rows} {streams}")
        return size / rows if size else None

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

    def _bars_of_changes(self) -> Iterator[Bar]:
        plan = self.plan

        def pair(kind: str, rows: int, changed: int) -> tuple[Measured | None, Measured | None]:
            full = self.of(kind, rows=rows, method="FULL_TABLE")
            return full, self.of(kind, rows=rows, method="LOG_BASED", changed=changed)

        for rows in (plan.rows, plan.large):
            full, log = pair("changes", rows, 0)
            what = f"{rows:,} rows unchanged, LOG_BASED against FULL_TABLE"
            yield _at_most(1.15, what, _ratio(log, full))
        for changed, least in ((0, 4.0), (1, 3.0)):
            part = f"{changed} % changed" if changed else "unchanged"
            what = f"{plan.rows:,} rows, {part}, into PostgreSQL, LOG_BASED against FULL_TABLE"
            yield _faster(least, what, *pair("loaded changes", plan.rows, changed))
        for rows, most in ((plan.rows, 110), (plan.large, 400)):
            peaks = [log.memory[0] for n in (0, 1) if (log := pair("changes", rows, n)[1])]
            what = f"peak memory at {rows:,} rows, LOG_BASED"
            yield _at_most(most, what, max(peaks, default=None), "MB")
        what = "state of LOG_BASED, for each row"
        yield _at_most(12, what, self.state_bytes(plan.rows), "bytes")


def _matching(rows: Sequence[Mapping[str, Any]], wanted: Mapping[str, object]) -> list[Any]:
    return [row for row in rows if wanted.items() <= row.items()]


def _ratio(one: Measured | None, other: Measured | None) -> float | None:
    return one.median / other.median if one and other else None


def _over(measured: Measured | None, ideal: float | None) -> float | None:
    return measured.median / ideal if measured and ideal else None


def _faster(least: float, what: str, peer: Measured | None, tap: Measured | None) -> Bar:
    ratio = _ratio(peer, tap)
    wanted = f"≥ {least:g} × faster" if least > 1 else "faster"
    return Bar(what, wanted, ratio, is_reached=ratio is not None and ratio >= least)


def _at_most(limit: float, what: str, value: float | None, unit: str = "×") -> Bar:
    is_reached = value is not None and value <= limit
    return Bar(what, f"≤ {limit:,g} {unit}", value, is_reached, unit)
