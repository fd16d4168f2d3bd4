"""`make fleet`: four account sets on two U8 servers, loaded by Dagster's workers on one machine.

Everything is as it would be on many machines: PostgreSQL holds the warehouse, Meltano's state and
Dagster's, and nothing else is shared. A server goes down, a worker is killed, and in the end all
that stands in U8 stands in the warehouse, once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from demo.__main__ import say
from demo.pipeline import MELTANO, ROOT
from demo.postgres import postgres
from sandbox import Row, Sandbox, rows, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

EXAMPLE = ROOT / "examples" / "dagster"
DAGSTER = ROOT / ".venv-dagster" / "bin"
SERVERS = ("north", "south")
STREAMS = ("customercontacts", "customer", "inventory")
#: By server and account set, how many rows each list has.
SIZES = {("north", 1): 225, ("north", 2): 120, ("south", 1): 300, ("south", 2): 80}
#: As dagster.yaml has it.
POOL = 2
#: Longer than Meltano holds the lock of a run that was killed.
PATIENCE = 900


#: A backfill of a job, as Dagster's own page would ask for it.
_BACKFILL = """
{job}: launchPartitionBackfill(backfillParams: {{
  selector: {{
    partitionSetName: "{job}_partition_set",
    repositorySelector: {{
      repositoryName: "__repository__", repositoryLocationName: "definitions.py"
    }}
  }},
  partitionNames: ["1", "2"]
}}) {{ __typename ... on PythonError {{ message }} }}
"""


class FleetError(Exception):
    """The fleet did not do what it is for; the text says what."""


@dataclass(frozen=True)
class Run:
    """A run of Dagster, as its database has it."""

    id: str
    server: str
    stream: str
    source: int
    status: str
    started: float
    ended: float


@dataclass(frozen=True)
class Fleet:
    """What the checks look at.

    Attributes:
        u8: The servers.
        urls: Of the databases.
        environment: Of the processes of Dagster.
        daemon: Of Dagster; it starts all other processes.
    """

    u8: dict[str, Sandbox]
    urls: Mapping[str, str]
    environment: dict[str, str]
    daemon: psutil.Process

    def cpu_seconds(self) -> float:
        """Give what Dagster, and all that it has started, has computed so far."""
        total = 0.0
        for process in [self.daemon, *self.daemon.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # its parent has its times by now
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def query(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        """Ask one of the databases."""
        with psycopg.connect(self.urls[database], autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def backfill(self, servers: tuple[str, ...] = SERVERS) -> None:
        """Have Dagster load all account sets of some servers."""
        backfills = " ".join(
            _BACKFILL.format(job=f"{server}_{stream}") for server in servers for stream in STREAMS
        )
        mutation = f"mutation {{ {backfills} }}"
        out = dagster(self.environment, "dagster-graphql", "-f", "definitions.py", "-t", mutation)
        if out.count("LaunchBackfillSuccess") != len(servers) * len(STREAMS):
            raise FleetError(out)

    def runs(self, since: float) -> list[Run]:
        """Give the runs that were begun since then, the latest of each list and account set."""
        # A run whose worker was killed is a failure that will be begun anew.
        found = self.query(
            "dagster",
            "SELECT DISTINCT ON (pipeline_name, partition) run_id, pipeline_name, partition, "
            "CASE WHEN EXISTS (SELECT 1 FROM run_tags WHERE run_tags.run_id = runs.run_id "
            "AND key = 'dagster/will_retry' AND value = 'true') THEN 'WAITING' ELSE status END, "
            "coalesce(start_time, 0), coalesce(end_time, 0) FROM runs "
            f"WHERE extract(epoch FROM create_timestamp) >= {since} "
            "ORDER BY pipeline_name, partition, create_timestamp DESC",
        )
        runs = []
        for id_, name, part, status, started, ended in found:
            server, _, stream = name.partition("_")
            runs.append(Run(id_, server, stream, int(part), status, started, ended))
        return runs

    def wait(self, since: float, count: int) -> list[Run]:
        """Wait until so many runs have ended, those that are begun anew among them."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            runs = self.runs(since)
            if [run.status in {"SUCCESS", "FAILURE"} for run in runs] == [True] * count:
                return runs
            time.sleep(0.5)
        msg = f"{count} runs did not end within {PATIENCE} s"
        raise FleetError(msg)

    def failure(self, run: Run) -> str:
        """Give what Dagster has for the reason of a failed run."""
        events = self.query("dagster", f"SELECT event FROM event_logs WHERE run_id = '{run.id}'")
        return "\n".join(event for (event,) in events)

    def check_rows(self) -> None:
        """Compare the living rows of the warehouse with those of U8, key by key."""
        for server, source in SIZES:
            for stream in STREAMS:
                there = self.query(
                    "warehouse",
                    f"SELECT code FROM u8_{server}.{stream} "
                    f"WHERE ds_sequence = {source} AND _sdc_deleted_at IS NULL ORDER BY code",
                )
                wanted = sorted(str(row["code"]) for row in self.table(server, source, stream))
                if [code for (code,) in there] != wanted:
                    msg = f"{server} {source}, {stream}: {len(there)} rows, not {len(wanted)}"
                    raise FleetError(msg)

    def table(self, server: str, source: int, stream: str) -> list[Row]:
        """Give a list as it stands in U8."""
        u8 = self.u8[server]
        return (u8.tables if source == 1 else u8.others[source])[stream]

    def last_written(self) -> list[tuple[Any, ...]]:
        """Give the moment at which each table was written to for the last time."""
        parts = [f"u8_{server}.{stream}" for server in SERVERS for stream in STREAMS]
        query = " UNION ALL ".join(f"SELECT '{p}', max(_sdc_batched_at) FROM {p}" for p in parts)
        return sorted(self.query("warehouse", query))


def main() -> int:
    """Load everything, with a server down and a worker killed in between, and check it all."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tap-yonyou-fleet-") as temporary:
        try:
            with fleet_in(Path(temporary)) as fleet:
                for number, (title, do) in enumerate(ROUNDS.items(), start=1):
                    say(f"{number}. {title}")
                    began, computed = time.monotonic(), fleet.cpu_seconds()
                    runs = do(fleet)
                    show(runs, time.monotonic() - began, fleet.cpu_seconds() - computed)
        except FleetError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
    left = psutil.Process().children(recursive=True)
    say(f"All as it should be, in {time.monotonic() - started:.0f} s; processes left: {len(left)}")
    return 1 if left else 0


# The rounds


def load_all(fleet: Fleet) -> list[Run]:
    """Load all account sets for the first time."""
    runs = backfill(fleet)
    expect(runs, {"SUCCESS"})
    fleet.check_rows()
    for server in SERVERS:
        if (most := most_at_once(runs, server)) > POOL:
            msg = f"{most} runs at a time against {server}, not {POOL}"
            raise FleetError(msg)
    return runs


def load_without_south(fleet: Fleet) -> list[Run]:
    """Change something in the north, and let the server in the south be down."""
    table = fleet.table("north", 2, "customer")
    table[0]["name"] = "改名"
    table.pop()
    fleet.table("north", 1, "inventory").append(sample("inventory").row(400))
    fleet.u8["south"].__exit__()
    runs = backfill(fleet)
    expect([run for run in runs if run.server == "north"], {"SUCCESS"})
    south = [run for run in runs if run.server == "south"]
    expect(south, {"FAILURE"})
    for run in south:
        if "log-in: the connection failed (Connection refused)" not in fleet.failure(run):
            msg = f"{run.server} {run.source}, {run.stream}: the failure does not say why"
            raise FleetError(msg)
    fleet.u8["south"].__enter__()
    fleet.check_rows()
    return runs


def load_with_a_worker_killed(fleet: Fleet) -> list[Run]:
    """Let the south be there again, and kill a worker with all that it has started."""
    fleet.table("south", 2, "customer")[3]["name"] = "改名"
    south = fleet.u8["south"]
    south.latency = 1.0
    south.requests.clear()
    since = time.time()
    fleet.backfill(("south",))
    kill_worker("--state-id-suffix=south-customer-2")
    south.latency = 0
    runs = fleet.wait(since, len(STREAMS) * 2)
    expect(runs, {"SUCCESS"})
    fleet.check_rows()
    return runs


def load_nothing(fleet: Fleet) -> list[Run]:
    """Load all account sets once more: nothing has changed."""
    before = fleet.last_written()
    runs = backfill(fleet)
    expect(runs, {"SUCCESS"})
    if fleet.last_written() != before:
        msg = "rows were written though nothing had changed"
        raise FleetError(msg)
    fleet.check_rows()
    return runs


ROUNDS: dict[str, Callable[[Fleet], list[Run]]] = {
    "A backfill of all account sets": load_all,
    "Again, with changes in the north, and the server in the south down": load_without_south,
    "The south again, and a worker is killed": load_with_a_worker_killed,
    "Again, with nothing changed: nothing is written": load_nothing,
}


def backfill(fleet: Fleet) -> list[Run]:
    """Load all account sets, and wait for that."""
    since = time.time()
    fleet.backfill()
    return fleet.wait(since, len(SIZES) * len(STREAMS))


def expect(runs: list[Run], statuses: set[str]) -> None:
    """Make sure how runs ended."""
    for run in runs:
        if run.status not in statuses:
            msg = f"{run.server} {run.source}, {run.stream}: {run.status}, not {statuses}"
            raise FleetError(msg)


def most_at_once(runs: list[Run], server: str) -> int:
    """Tell how many runs went against a server at the same time."""
    mine = [run for run in runs if run.server == server]
    return max(sum(one.started <= run.started < one.ended for one in mine) for run in mine)


def kill_worker(argument: str) -> None:
    """Kill, as if its machine had gone, the worker that has started this command."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for process in psutil.Process().children(recursive=True):
            try:
                line = process.cmdline()
                if argument in line and any("--catalog" in c.cmdline() for c in process.children()):
                    worker = process.parent()
                    assert worker  # noqa: S101 -- for mypy
                    for each in [worker, *worker.children(recursive=True)]:
                        each.kill()
                    return
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)
    msg = f"no worker has started {argument}"
    raise FleetError(msg)


def show(runs: list[Run], seconds: float, cpu_seconds: float) -> None:
    """Print how each account set fared, and what it took."""
    print(f"{'server':8}{'account set':13}" + "".join(f"{stream:18}" for stream in STREAMS))
    for server, source in SIZES:
        ended = {run.stream: run for run in runs if (run.server, run.source) == (server, source)}
        if ended:
            shown = [ended[stream] for stream in STREAMS]
            cells = [f"{run.status.lower()}, {run.ended - run.started:.0f} s" for run in shown]
            print(f"{server:8}{source!s:13}" + "".join(f"{cell:18}" for cell in cells).rstrip())
    each = cpu_seconds / len(runs)
    print(f"{len(runs)} runs in {seconds:.0f} s, {each:.1f} CPU seconds for each", flush=True)


# What there is


@contextmanager
def fleet_in(folder: Path) -> Iterator[Fleet]:
    """Start two servers of U8, PostgreSQL, and Dagster."""
    with postgres(folder) as database_url, servers() as u8:
        url = database_url.replace("+psycopg", "").rpartition("/")[0]
        urls = {name: f"{url}/{name}" for name in ("warehouse", "meltano", "dagster")}
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            for name in urls:
                connection.execute(f"CREATE DATABASE {name}")
        home = folder / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_bytes((EXAMPLE / "dagster.yaml").read_bytes())
        environment = {
            **without_settings(),
            "DAGSTER_HOME": str(home),
            "DAGSTER_POSTGRES_URL": urls["dagster"].replace("://", "+psycopg2://"),
            "MELTANO": str(MELTANO),
            "MELTANO_PROJECT": str(ROOT),
            "MELTANO_DATABASE_URI": urls["meltano"].replace("://", "+psycopg://"),
            "TARGET_POSTGRES_SQLALCHEMY_URL": urls["warehouse"].replace("://", "+psycopg://"),
            "FLEET_RETRIES": "1",
            "FLEET_RETRY_SECONDS": "2",
        }
        for server, running in u8.items():
            settings = {**running.accounts._asdict(), "api_url": running.url, "max_attempts": 2}
            for name, value in settings.items():
                environment[f"U8_{server.upper()}_{name.upper()}"] = str(value)
        for server in SERVERS:
            dagster(environment, "dagster", "instance", "concurrency", "set", f"u8_{server}", "2")
        with daemon(environment, home / "daemon.log") as process:
            yield Fleet(u8, urls, environment, process)


def without_settings() -> dict[str, str]:
    """Give the environment without settings of one's own."""
    ours = ("TAP_YONYOU_", "TARGET_POSTGRES_", "MELTANO_", "DAGSTER_", "U8_", "FLEET")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def servers() -> Iterator[dict[str, Sandbox]]:
    """Start a U8 in the north and one in the south, each with two account sets."""
    made = {}
    for server in SERVERS:
        tables = {
            source: {stream: rows(stream, size) for stream in STREAMS}
            for (name, source), size in SIZES.items()
            if name == server
        }
        u8 = made[server] = Sandbox(tables=tables.pop(1), sources=(1, 2))
        u8.others = tables
        u8.__enter__()
        u8.port = int(u8.url.rpartition(":")[2])  # where it will be again after it was down
    try:
        yield made
    finally:
        for u8 in made.values():
            u8.__exit__()


def dagster(environment: dict[str, str], program: str, *args: str) -> str:
    """Run a command of Dagster, and give what it prints."""
    done = subprocess.run(
        [str(DAGSTER / program), *args],
        capture_output=True,
        check=False,
        cwd=EXAMPLE,
        encoding="utf-8",
        env=environment,
    )
    if done.returncode:
        raise FleetError(done.stdout + done.stderr)
    return done.stdout


@contextmanager
def daemon(environment: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    """Run Dagster's daemon, which starts the workers."""
    command = [str(DAGSTER / "dagster-daemon"), "run", "-f", "definitions.py"]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, cwd=EXAMPLE, env=environment, stdout=file, stderr=subprocess.STDOUT
        ) as process,
    ):
        started = psutil.Process(process.pid)
        try:
            yield started
        finally:
            below = started.children(recursive=True)
            process.terminate()
            process.wait()
            _, alive = psutil.wait_procs(below, timeout=20)
            for each in alive:
                each.kill()


if __name__ == "__main__":
    sys.exit(main())
