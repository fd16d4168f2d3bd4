"""`python -m bench`: measure everything in one go, and write the tables and the chart."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.chart import chart
from bench.contenders import CONTENDERS, Job
from bench.first_read import first_read, resume, state_of_first_read
from bench.machine import machine, versions
from bench.measure import Outcome, count, run
from bench.plan import QUICK, WHOLE, Case, Plan
from bench.report import report
from bench.served import ROOT, sandboxed, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bench.served import Served

#: The states of first reads.
_STATES = tempfile.TemporaryDirectory(prefix="bench-")
#: The versions that matter besides the contenders' own.
_LIBRARIES = ("msgspec", "requests", "singer-sdk")


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, once each, written to output/bench")
    add("--render", action="store_true", help="measure nothing, only write anew from the JSON")
    add("--repetitions", type=int, help=f"how often each case is measured ({WHOLE.repetitions})")
    add("--output", type=Path, help="where to write to (docs, with --quick output/bench)")
    options = parser.parse_args()

    plan = QUICK if options.quick else WHOLE
    if options.repetitions:
        plan = replace(plan, repetitions=options.repetitions)
    folder = options.output or ROOT / ("output/bench" if options.quick else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "benchmark.json"
    if not options.render:
        results = measure_all(plan)
        file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    results = json.loads(file.read_bytes())
    (folder / "benchmark.md").write_text(report(results), encoding="utf-8")
    (folder / "benchmark.svg").write_text(chart(results), encoding="utf-8")
    say(f"written to {folder}")
    return 0


def measure_all(plan: Plan) -> dict[str, Any]:
    """Run all cases.

    Args:
        plan: Which.

    Returns:
        What `benchmark.json` holds: the plan, the machine, what was counted, and every run.
    """
    began = time.monotonic()
    say(f"preparing {plan.large} rows")
    with served(plan.large, max(plan.archive, plan.settled, plan.documents)) as server:
        results: dict[str, Any] = {
            "date": datetime.now(UTC).date().isoformat(),
            "plan": asdict(plan),
            "machine": machine(),
            "versions": _versions(),
            "server": {str(size): round(server.rate(plan.rows, size)) for size in plan.page_sizes},
        }
        cases = [*plan.speed(tuple(CONTENDERS)), *plan.waiting(), *plan.fetched()]
        # The counting comes first, and so warms up what is read from the disk.
        results["counts"] = counts = [_count(case, server) for case in cases]
        came = [case for case, counted in zip(cases, counts, strict=True) if counted["rows_came"]]
        apart = {*plan.closest(), *plan.fetched()}
        several = [case for case in came if case not in apart]
        slow = [case for case in came if case in {*plan.fetched()}]
        several += plan.close_by(tuple(dict.fromkeys(case.contender for case in several)))
        runs: list[dict[str, Any]] = []
        for some, times in (
            (several, plan.repetitions),
            (plan.closest(), plan.duels),
            (plan.changes(plan.rows), plan.duels),
            (plan.unchanged(), plan.duels),
            (plan.changes(plan.large), plan.repetitions),
            (slow, plan.loads),
            (plan.remembered(), 1),
            (plan.killed(), 1),
        ):
            runs += _rounds(some, times, server, _run)
        runs += _many(plan, server)
        runs += _loads(plan, server)
    results["runs"] = runs
    results["state_bytes"] = {
        file.stem.rpartition(" ")[0]: file.stat().st_size for file in Path(_STATES.name).iterdir()
    }
    results["minutes"] = round((time.monotonic() - began) / 60, 1)
    return results


def _rounds(
    cases: Iterable[Case],
    repetitions: int,
    server: Served,
    run_job: Callable[[Job], Outcome],
) -> Iterator[dict[str, Any]]:
    """Run all cases in turn, and that several times, every other time the other way round."""
    order = [*cases]
    for number in range(repetitions):
        for case in order:
            with _job(case, server) as job:
                outcome = run_job(job)
            memory = " ".join(f"{mb:.0f} MB" for mb in outcome.memory)
            say(f"{_name(case)}: {outcome.seconds:.2f} s {memory} {outcome.error}")
            yield {**asdict(case), "round": number + 1, **asdict(outcome)}
        order.reverse()


def _run(job: Job) -> Outcome:
    if job.case.kind == "killed":
        return resume(job)
    before = job.server.gets()
    if job.case.method == "LOG_BASED" and not job.state:
        outcome = first_read(job, Path(_STATES.name))
    else:
        outcome = run(job.folder, CONTENDERS[job.case.contender].command(job))
    return replace(outcome, gets=job.server.gets() - before)


def _count(case: Case, server: Served) -> dict[str, Any]:
    # What is counted does not depend on the latency.
    with _job(replace(case, latency=0), server, counted=True) as job:
        command = CONTENDERS[case.contender].command(job)
        (rows, different), error = count(job.folder, command)
    say(f"{_name(case)}: {rows} rows, {different} different {error}")
    return {**asdict(case), "rows_came": rows, "different": different, "error": error}


def _many(plan: Plan, server: Served) -> list[dict[str, Any]]:
    lists = {
        "streams": _lists()[: plan.lists],
        "ds_sequences": [*range(1, plan.sources + 1)],
    }
    with sandboxed(plan.sources, plan.latency) as url:

        def run_job(job: Job) -> Outcome:
            return _run(replace(job, url=url, more=lists))

        return [*_rounds(plan.many(), plan.repetitions, server, run_job)]


def _lists() -> list[str]:
    """Name the lists that are no documents.

    The tap is not imported: it makes this process larger, and a child's peak is at least its
    parent's.
    """
    files = (ROOT / "tap_yonyou" / "u8" / "resources").glob("*.json")
    return sorted(file.stem for file in files if "entry" not in json.loads(file.read_bytes()))


def _loads(plan: Plan, server: Served) -> list[dict[str, Any]]:
    # Imported late, because they make this process larger.
    from bench.load import TARGET, load, load_again, run_again  # noqa: PLC0415
    from demo.postgres import postgres  # noqa: PLC0415

    if not TARGET.exists():
        say("target-postgres is not installed; no load is measured")
        return []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgres(Path(folder)) as url:
        return [
            *_rounds(plan.database(), plan.loads, server, lambda job: load(job, url)),
            *_rounds(plan.loaded_changes(), plan.loads, server, lambda job: load_again(job, url)),
            *_rounds(plan.pipeline(), plan.repetitions, server, lambda job: run_again(job, url)),
        ]


@contextmanager
def _job(case: Case, server: Served, *, counted: bool = False) -> Iterator[Job]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        job = Job(case, server, Path(folder), counted)
        if case.method == "LOG_BASED" and case.kind not in {"documents", "killed"}:
            job = replace(job, state=state_of_first_read(job, Path(_STATES.name)))
        yield job


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for contender in CONTENDERS.values():
        for version in versions(contender.python, (contender.package,)):
            found[contender.package] = version
    return found | dict(zip(_LIBRARIES, versions(Path(sys.executable), _LIBRARIES), strict=True))


def _name(case: Case) -> str:
    parts = [f"{case.kind}: {case.contender}, {case.rows} rows of {case.streams}"]
    parts += [f"{case.page_size} a page", f"{case.latency} ms"]
    parts += [f"concurrency {case.concurrency}"] if case.concurrency else []
    parts += [f"{case.method}, {case.changed} % changed {case.settings}"]
    return ", ".join(parts).rstrip()


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
