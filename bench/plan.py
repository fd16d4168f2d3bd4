"""Which cases are measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal[
    "speed",
    "start",
    "nearby",
    "latency",
    "many",
    "documents",
    "settled",
    "killed",
    "children",
    "database",
    "changes",
    "loaded changes",
    "pipeline",
]

TAP, FLOOR = "tap-yonyou", "floor"
CONTACTS, HEADS, LINES_OF = "customercontacts", "saleorder", "saleorder_entry"
#: How many lines each document has.
LINES: Final = 5


@dataclass(frozen=True)
class Case:
    """One thing to measure, again and again.

    Attributes:
        kind: Why: rows a second, the start-up, a server nearby, requests in flight, many lists of
            many data sources, documents (for the first time, settled, after a kill, against child
            streams), a load into PostgreSQL, a read after another one, alone or into the table that
            this one has filled, or Meltano itself.
        contender: The name of who runs.
        rows: How many rows the list has.
        page_size: Rows in one reply.
        latency: Milliseconds before each answer.
        concurrency: Requests in flight; None leaves it to the contender.
        settings: Whose settings the target has, in a load.
        method: The replication method; LOG_BASED follows a first read, which is not measured.
        changed: How many percent of the rows have changed since that.
        streams: What is read, with commas between.
    """

    kind: Kind
    contender: str
    rows: int
    page_size: int
    latency: int = 0
    concurrency: int | None = None
    settings: Literal["", "meltano.yml", "defaults"] = ""
    method: Literal["FULL_TABLE", "LOG_BASED"] = "FULL_TABLE"
    changed: int = 0
    streams: str = CONTACTS


def records(rows: int, streams: str) -> int:
    """Tell how many records a read of so many rows brings."""
    return sum(rows * (LINES if name == LINES_OF else 1) for name in streams.split(","))


_CHANGES: Final[tuple[tuple[Literal["FULL_TABLE", "LOG_BASED"], int], ...]] = (
    ("FULL_TABLE", 0),
    ("LOG_BASED", 0),
    ("LOG_BASED", 1),
)


@dataclass(frozen=True)
class Plan:
    """The sizes of a benchmark; those of the whole one unless said otherwise.

    Attributes:
        rows: The size that every contender reads, with every page size.
        small: A smaller one that every contender reads too.
        large: A larger one for the tap and the floor.
        page_sizes: Rows in one reply; the last is used where only one is.
        nearby: Milliseconds that a server nearby takes for a page.
        pages: Of how many pages the cases with latency are.
        latency: Milliseconds of it.
        concurrency: The numbers of requests in flight.
        lists: How many lists of one page are read from each of several data sources.
        sources: How many data sources these are.
        documents: How many documents are fetched with latency.
        settled: How many there are of which nothing or little has changed.
        archive: How many there are where memory and state count.
        child_latency: Milliseconds for each of the documents that child streams read, too.
        repetitions: How often each case is measured.
        duels: How often those are that take seconds and differ by a fifth, in turn.
        loads: How often each load into PostgreSQL is, and what takes a minute.
    """

    rows: int = 100_000
    small: int = 10_000
    large: int = 1_000_000
    page_sizes: tuple[int, ...] = (500, 1000)
    nearby: int = 20
    pages: int = 100
    latency: int = 300
    concurrency: tuple[int, ...] = (1, 4, 8)
    lists: int = 18
    sources: int = 4
    documents: int = 1_000
    settled: int = 10_000
    archive: int = 100_000
    child_latency: int = 100
    repetitions: int = 3
    duels: int = 5
    loads: int = 1

    @property
    def page_size(self) -> int:
        """The page size where only one is used."""
        return self.page_sizes[-1]

    def closest(self) -> Iterator[Case]:
        """Give those of the cases without latency whose bars are the narrowest."""
        for size in self.page_sizes:
            for name in (FLOOR, TAP, "dlt-extract"):
                yield Case("speed", name, self.rows, size)

    def speed(self, contenders: tuple[str, ...]) -> Iterator[Case]:
        """Give the cases without latency."""
        for size in self.page_sizes:
            for name in contenders:
                yield Case("speed", name, self.rows, size)
        for name in contenders:
            yield Case("speed", name, self.small, self.page_size)
        for name in (FLOOR, TAP):
            yield Case("speed", name, self.large, self.page_size)

    def waiting(self) -> Iterator[Case]:
        """Give the cases with latency, and the start-up that is part of them."""
        yield Case("start", TAP, self.page_size, self.page_size)
        for number in self.concurrency:
            rows = self.pages * self.page_size
            yield Case("latency", TAP, rows, self.page_size, self.latency, number)

    def close_by(self, contenders: tuple[str, ...]) -> Iterator[Case]:
        """Give the cases of a server nearby."""
        for name in contenders:
            yield Case("nearby", name, self.rows, self.page_sizes[0], self.nearby)

    def fetched(self) -> Iterator[Case]:
        """Give the cases in which each document is asked for, and waited for."""
        most = max(self.concurrency)
        size = self.page_sizes[0]
        yield Case("documents", TAP, self.documents, size, self.latency, most, streams=LINES_OF)
        for name in (TAP, "plain-tap"):
            both = f"{HEADS},{LINES_OF}"
            yield Case("children", name, self.documents, size, self.child_latency, streams=both)

    def unchanged(self) -> Iterator[Case]:
        """Give the cases in which few or none have to be asked for."""
        for streams, changed in ((HEADS, 0), (LINES_OF, 0), (LINES_OF, 1)):
            yield Case(
                "settled",
                TAP,
                self.settled,
                self.page_sizes[0],
                self.nearby,
                method="LOG_BASED",
                changed=changed,
                streams=streams,
            )

    def remembered(self) -> Iterator[Case]:
        """Give the cases of many documents, where memory and state count."""
        for kind in ("documents", "settled"):
            yield Case(
                kind,
                TAP,
                self.archive,
                self.page_sizes[0],
                method="LOG_BASED",
                streams=LINES_OF,
            )

    def killed(self) -> Iterator[Case]:
        """Give the case of a run that dies half-way."""
        size = self.page_sizes[0]
        yield Case("killed", TAP, self.settled, size, method="LOG_BASED", streams=LINES_OF)

    def many(self) -> Iterator[Case]:
        """Give the case of many lists of many data sources."""
        most = max(self.concurrency)
        yield Case("many", TAP, 0, 500, latency=self.latency, concurrency=most)

    def changes(self, rows: int) -> Iterator[Case]:
        """Give the reads that follow another one."""
        for method, changed in _CHANGES:
            yield Case("changes", TAP, rows, self.page_size, method=method, changed=changed)

    def loaded_changes(self) -> Iterator[Case]:
        """Give those that load into PostgreSQL what has changed."""
        for method, changed in _CHANGES:
            yield Case(
                "loaded changes",
                TAP,
                self.rows,
                self.page_size,
                settings="meltano.yml",
                method=method,
                changed=changed,
            )

    def database(self) -> Iterator[Case]:
        """Give the loads into PostgreSQL."""
        yield Case("database", TAP, self.rows, self.page_size, settings="meltano.yml")
        yield Case("database", TAP, self.rows, self.page_size, settings="defaults")

    def pipeline(self) -> Iterator[Case]:
        """Give a run of Meltano itself: a short list, unchanged, read as meltano.yml says."""
        yield Case("pipeline", TAP, 225, 100, settings="meltano.yml")


WHOLE = Plan()
#: Small enough to see in two minutes that everything works; its numbers mean little.
QUICK = Plan(
    rows=5_000,
    small=1_000,
    large=20_000,
    pages=10,
    latency=50,
    documents=100,
    settled=2_500,
    archive=3_000,
    child_latency=20,
    repetitions=1,
    duels=1,
    loads=1,
)
