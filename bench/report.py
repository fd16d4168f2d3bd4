"""The tables: `docs/benchmark.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.contenders import CONTENDERS
from bench.plan import FLOOR, HEADS, LINES, LINES_OF, QUICK, TAP
from bench.results import AccountSet, Results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bench.results import Measured

_HEAD = """\
# Benchmark

Written by `make bench`; do not edit. `python -m bench --render` writes it anew from
[benchmark.json](benchmark.json), which holds every single run.

![Rows per second of each contender, and seconds for a read with latency](benchmark.svg)

The *floor* is a bare loop that does the minimum: it reads, converts and writes, and does
nothing else that a tap is for.
"""

_METHOD = """\
## How it is measured

- A server on loopback gives the sandbox's rows, encoded before the first request, in the wire
  format of U8. Alone it gives {rates}
  to a client that looks at nothing.
- Times are wall-clock times of whole processes, the start of Python and the imports included.
  Output goes to `/dev/null`; dlt writes its files.
- Each case is measured {repetitions}; the cases take turns, every other round the other way round.
  Tables show the median and, in brackets, the shortest and the longest.
- Rows are counted in a run of their own, which is not timed: all rows must come, each once.
- Memory is the largest resident set of the process, as the kernel counts it.
- Every peer has an environment of its own, pinned in `bench/requirements`. What each is given:
  - **floor**: a loop of requests and msgspec (`bench/floor.py`), one page at a time.
  - **plain SDK tap**: `bench/plain_tap`, as the Singer SDK's template has it, with the SDK's
    defaults.
  - **tap-rest-api-msdk**: page numbers; a schema, so that it need not infer one; a token, because
    it cannot log in at this API. It reads one page past the end.
  - **dlt**: the `rest_api` source with page numbers and a total; files not compressed; for
    `normalize` two worker processes and files of 25,000 rows, so that both have work.
  - **Airbyte CDK**: `source-declarative-manifest read` with `bench/airbyte_manifest.yaml`; the
    token is kept for its life. It reads one page past the end.
- The peers above that give text leave `"1"`, `"0"` and `""` as they come, which is less work than
  typed values.
"""


def report(data: Mapping[str, Any]) -> str:
    """Write the tables.

    Args:
        data: The content of `benchmark.json`.

    Returns:
        Markdown.
    """
    results = Results(data)
    parts = [_HEAD]
    if results.plan.rows == QUICK.rows:
        parts.append("> A quick run: small sizes, once each. Its numbers mean little.\n")
    parts += [
        _bars(results),
        _nearby(results),
        _all(results),
        _growth(results),
        _latency(results),
        _many(results),
        _documents(results),
        _loads(results),
        _changes(results),
        _nights(results),
        _method(results),
        _machine(results),
    ]
    return "\n".join(parts)


def _bars(results: Results) -> str:
    rows = []
    for bar in results.bars():
        value = "not measured"
        if bar.reached is not None:
            value = f"{bar.reached:.2f} ×" if bar.unit == "×" else f"{bar.reached:,.0f} {bar.unit}"
        rows.append(
            (bar.what, bar.wanted, value, "reached" if bar.is_reached else "**not reached**")
        )
    return "## What was to be reached\n\n" + _table(("case", "bar", "measured", ""), rows)


def _nearby(results: Results) -> str:
    plan, floor, rows = results.plan, results.nearby(FLOOR), []
    for name, contender in CONTENDERS.items():
        run = results.nearby(name)
        problem = results.problem(name, plan.rows, plan.page_sizes[0])
        cells = (problem or _seconds(run), _times(run, floor), _rate(run), _peak(run))
        rows.append((_bold(name, contender.title), *cells, contender.gives))
    title = f"## {plan.rows:,} rows, {plan.page_sizes[0]} per page, {plan.nearby} ms a page\n\n"
    return (
        title + f"This is what a server nearby takes. The tap has its default `concurrency`, "
        f"{AccountSet.concurrency}; the others ask for one page after the other.\n\n"
        + _table(("", "s", "× floor", "rows/s", "MB", "what it gives"), rows)
    )


def _all(results: Results) -> str:
    plan, rows = results.plan, []
    for name, contender in CONTENDERS.items():
        cells = []
        for size in plan.page_sizes:
            if problem := results.problem(name, plan.rows, size):
                cells += [problem, ""]
                continue
            measured, floor = (
                results.speed(name, plan.rows, size),
                results.speed(FLOOR, plan.rows, size),
            )
            cells += [_seconds(measured), _times(measured, floor)]
        peak = results.speed(name, plan.rows)
        rows.append(
            (_bold(name, contender.title), *cells, _rate(peak), _peak(peak), contender.gives)
        )
    sizes = [cell for size in plan.page_sizes for cell in (f"s, {size:,} per page", "× floor")]
    head = ("", *sizes, f"rows/s, {plan.page_size:,} per page", "MB", "what it gives")
    return f"## {plan.rows:,} rows, no latency\n\n" + _table(head, rows)


def _growth(results: Results) -> str:
    plan, rows = results.plan, []
    sizes = (plan.small, plan.rows, plan.large)
    for name, contender in CONTENDERS.items():
        runs = [results.speed(name, size) for size in sizes]
        cells = [cell for run in runs for cell in (_seconds(run), _rate(run), _peak(run))]
        rows.append((_bold(name, contender.title), *cells))
    head = [cell for size in sizes for cell in (f"s, {size:,} rows", "rows/s", "MB")]
    title = f"## How time and memory grow, {plan.page_size:,} rows per page\n\n"
    return title + _table(("", *head), rows)


def _latency(results: Results) -> str:
    plan, rows = results.plan, []
    for number in plan.concurrency:
        measured, ideal = results.of("latency", concurrency=number), results.ideal(number)
        ratio = f"{measured.median / ideal:.2f} ×" if measured and ideal else "–"
        rows.append((str(number), _seconds(measured), f"{ideal:.2f}" if ideal else "–", ratio))
    start = results.of("start")
    without = "–"
    if measured and ideal:
        without = f"{(measured.median - plan.latency / 1000) / ideal:.2f}"
    rows_read = plan.pages * plan.page_size
    return (
        f"## {plan.pages} pages ({rows_read:,} rows) with {plan.latency} ms before each answer\n\n"
        + _table(("`concurrency`", "s", "ideal, s", "× ideal"), rows)
        + f"\nThe ideal is (1 + ⌈{plan.pages - 1} ÷ `concurrency`⌉) × {plan.latency} ms plus the "
        f"start-up, which is a read of one page without latency: {_seconds(start)} s. The log-in, "
        f"one more wait of {plan.latency} ms, is in the times but not in the ideal; without it the "
        f"last line is {without} ×. It cannot be hidden behind other requests, and to save it a "
        "token would have to be kept from run to run, a secret on a disk. What is left is the time "
        "from the arrival of a page to the next request in its place: to receive and parse it, "
        "once for each wave of requests.\n"
    )


def _many(results: Results) -> str:
    plan = results.plan
    measured, ideal = results.of("many"), results.ideal_of_many()
    ratio = f"{measured.median / ideal:.2f} ×" if measured and ideal else "–"
    reads = plan.lists * plan.sources
    most = max(plan.concurrency)
    what = f"{plan.lists} lists of {plan.sources} data sources, a page each, {plan.latency} ms"
    cells = (_seconds(measured), f"{ideal:.2f}" if ideal else "–", ratio, _peak(measured))
    return (
        "## Many lists, many data sources\n\n"
        + _table(("", "s", "ideal, s", "× ideal", "MB"), [(what, *cells)])
        + f"\nThe ideal is the log-in, the first page and ⌈{reads} ÷ {most}⌉ waits of "
        f"{plan.latency} ms, and the start-up.\n"
    )


def _documents(results: Results) -> str:
    plan, most, heads = results.plan, max(results.plan.concurrency), results.settled(HEADS)
    far = f"{plan.documents:,} at {plan.latency} ms, lines, `concurrency` {most}"
    both = f"{plan.documents:,} at {plan.child_latency} ms, heads and lines"
    near, archive = f"{plan.settled:,} at {plan.nearby} ms", f"{plan.archive:,} without latency"
    killed = f"{plan.settled:,} without latency, killed after {plan.settled // 2:,}, the next run"
    unchanged, changed = results.settled(LINES_OF), results.settled(LINES_OF, 1)
    lines: tuple[tuple[str, Measured | None, float | None], ...] = (
        (far, results.fetched("documents"), results.ideal_of_documents()),
        (f"{both}, **tap-yonyou**", results.fetched("children"), None),
        (f"{both}, plain SDK tap", results.fetched("children", "plain-tap"), None),
        (f"{near}, unchanged, heads alone", heads, None),
        (f"{near}, unchanged, lines", unchanged, heads.median if heads else None),
        (f"{near}, 1 % changed, lines", changed, results.ideal_of_changed()),
        (f"{archive}, lines for the first time", results.archive("documents"), None),
        (f"{archive}, unchanged, lines", results.archive("settled"), None),
        (killed, results.of("killed"), None),
    )
    rows = [
        (
            what,
            _seconds(run),
            f"{ideal:.2f}" if ideal else "",
            f"{run.median / ideal:.2f} ×" if run and ideal else "",
            f"{run.gets:,}" if run else "–",
            f"{run.memory[0]:.0f}" if run else "–",
        )
        for what, run, ideal in lines
    ]
    size = results.state_bytes(plan.archive, LINES_OF)
    return (
        f"## Documents of {LINES} lines\n\n"
        + _table(("documents", "s", "ideal, s", "× ideal", "calls of `get`", "MB"), rows)
        + "\nThe ideal is a wait for the first page of the list, one for each `concurrency` of the "
        "pages and documents that follow, and the start-up; for unchanged documents the time of "
        "their heads, and for changed ones that and the waits for them. From the fourth line on "
        "it is LOG_BASED, with old and approved documents, whose state has "
        f"{f'{size:.0f}' if size else '–'} bytes for each. The plain SDK tap asks for the document "
        "of each record of a parent stream in a child stream.\n"
    )


def _loads(results: Results) -> str:
    plan, rows = results.plan, []
    for settings in ("meltano.yml", "defaults"):
        measured = results.of("database", settings=settings)
        peaks = [f"{mb:.0f}" for mb in measured.memory] if measured else ["–", "–"]
        rows.append((settings, _seconds(measured), _rate(measured), *peaks))
    title = f"## {plan.rows:,} rows into PostgreSQL, `tap-yonyou | target-postgres`\n\n"
    head = ("target's settings", "s", "rows/s", "tap, MB", "target, MB")
    return title + _table(head, rows)


def _changes(results: Results) -> str:
    plan, rows = results.plan, []
    for kind, size in (
        ("changes", plan.rows),
        ("changes", plan.large),
        ("loaded changes", plan.rows),
    ):
        where = "into PostgreSQL" if kind == "loaded changes" else "the tap alone"
        for method, changed in (("FULL_TABLE", 0), ("LOG_BASED", 0), ("LOG_BASED", 1)):
            measured = results.of(kind, rows=size, method=method, changed=changed)
            full = results.of(kind, rows=size, method="FULL_TABLE")
            ratio = f"{measured.median / full.median:.2f} ×" if measured and full else "–"
            peak = f"{measured.memory[0]:.0f}" if measured else "–"
            rows.append(
                (f"{size:,}, {where}", method, f"{changed} %", _seconds(measured), ratio, peak)
            )
    head = ("rows", "replication", "changed", "s", "× FULL_TABLE", "tap, MB")
    return (
        "## Only what changed\n\n"
        + _table(head, rows)
        + "\nEach follows a first read, which is not measured; into PostgreSQL, the table has all "
        "rows already, and both have the settings of meltano.yml.\n"
    )


def _nights(results: Results) -> str:
    of, rows = AccountSet(), []
    for what, runs in (("one for all lists", 1), ("one for each list", of.lists)):
        seconds = results.night(of, runs)
        number = f"{of.hours * 3600 / seconds:,.0f}" if seconds else "–"
        rows.append((what, f"{seconds:.0f}" if seconds else "–", number))
    head = ("runs of Meltano", "s for an account set", f"account sets in {of.hours} hours")
    return (
        "## How many account sets one machine serves\n\n"
        f"Computed, not measured: an account set of {of.lists} lists with {of.rows:,} rows in all, "
        f"of which {of.changed} % have changed; a U8 server that takes {of.latency} ms for a page "
        f"of {of.page_size} rows, with `concurrency` {of.concurrency}; one account set after the "
        "other.\n\n" + _table(head, rows) + "\nAdded up are the runs of Meltano on a short list "
        f"({_seconds(results.of('pipeline'))} s each), the waits for U8, the time that the tap "
        "takes to read and compare, and the time that the changed rows take to be loaded, all from "
        "the tables above.\n"
    )


def _method(results: Results) -> str:
    plan, server = results.plan, results.data["server"]
    rates = " and ".join(
        f"{rate:,} rows/s at {int(size):,} per page" for size, rate in server.items()
    )
    times = f"{plan.repetitions} times" if plan.repetitions > 1 else "once"
    if plan.loads != plan.repetitions:
        times += (
            f" (a load into PostgreSQL, and documents that are waited for, {plan.loads} times; "
            f"{plan.archive:,} documents and the kill once; {plan.duels} times what takes "
            f"seconds: {plan.rows:,} rows by the floor, the tap and dlt, extract, without "
            f"latency; those that follow a read; settled documents)"
        )
    return _METHOD.format(rates=rates, repetitions=times)


def _machine(results: Results) -> str:
    it, packages = results.data["machine"], results.data["versions"]
    named = ", ".join(f"{name} {version}" for name, version in packages.items())
    return (
        "## The machine\n\n"
        f"{it['cpu']}, {it['cores']} cores, {it['memory_gb']} GB of memory, {it['system']}, "
        f"Python {it['python']}; {results.data['date']}, {results.data['minutes']} minutes in "
        f"all.\n\n{named}.\n"
    )


def _bold(name: str, title: str) -> str:
    return f"**{title}**" if name == TAP else title


def _seconds(measured: Measured | None) -> str:
    if not measured:
        return "–"
    low, high = measured.spread
    spread = f" ({low:.2f}–{high:.2f})" if len(measured.seconds) > 1 else ""
    return f"{measured.median:.2f}{spread}"


def _rate(measured: Measured | None) -> str:
    return f"{measured.rate:,.0f}" if measured else "–"


def _peak(measured: Measured | None) -> str:
    return f"{max(measured.memory):.0f}" if measured else "–"


def _times(measured: Measured | None, floor: Measured | None) -> str:
    return f"{measured.median / floor.median:.2f}" if measured and floor else "–"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def lines() -> Iterator[str]:
        yield _row(head)
        yield _row(["---", *["---:"] * (len(head) - 1)])
        yield from map(_row, rows)

    return "".join(lines())


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"
