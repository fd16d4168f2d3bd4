"""Which cases are measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["speed", "start", "latency", "database"]

TAP, FLOOR = "tap-yonyou", "floor"


@dataclass(frozen=True)
class Case:
    """One thing to measure, again and again.

    Attributes:
        kind: Why: rows a second, the start-up, requests in flight, or a load into PostgreSQL.
        contender: The name of who runs.
        rows: How many rows there are to read.
        page_size: Rows in one reply.
        latency: Milliseconds before each answer.
        concurrency: Requests in flight; None leaves it to the contender.
        settings: Whose settings the target has, in a load.
    """

    kind: Kind
    contender: str
    rows: int
    page_size: int
    latency: int = 0
    concurrency: int | None = None
    settings: Literal["", "meltano.yml", "defaults"] = ""


@dataclass(frozen=True)
class Plan:
    """The sizes of a benchmark; those of the whole one unless said otherwise.

    Attributes:
        rows: The size that every contender reads, with every page size.
        small: A smaller one that every contender reads too.
        large: A larger one for the tap and the floor.
        page_sizes: Rows in one reply; the last is used where only one is.
        pages: Of how many pages the cases with latency are.
        latency: Milliseconds of it.
        concurrency: The numbers of requests in flight.
        repetitions: How often each case is measured.
        loads: How often each load into PostgreSQL is.
    """

    rows: int = 100_000
    small: int = 10_000
    large: int = 1_000_000
    page_sizes: tuple[int, ...] = (500, 1000)
    pages: int = 100
    latency: int = 300
    concurrency: tuple[int, ...] = (1, 4, 8)
    repetitions: int = 3
    loads: int = 2

    @property
    def page_size(self) -> int:
        """The page size where only one is used."""
        return self.page_sizes[-1]

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

    def database(self) -> Iterator[Case]:
        """Give the loads into PostgreSQL."""
        yield Case("database", TAP, self.rows, self.page_size, settings="meltano.yml")
        yield Case("database", TAP, self.rows, self.page_size, settings="defaults")


WHOLE = Plan()
#: Small enough to see in two minutes that everything works; its numbers mean little.
QUICK = Plan(
    rows=5_000,
    small=1_000,
    large=20_000,
    pages=10,
    latency=50,
    repetitions=1,
    loads=1,
)
