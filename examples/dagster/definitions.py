"""A fleet on Dagster: a list of a U8 server is an asset, each of its account sets a partition.

A run is `meltano run` of this project's job for one list of one account set. Its state stands in
Meltano's database, and so does the lock that refuses two runs of the same.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml

HERE = Path(__file__).resolve().parent
PROJECT = Path(os.environ.get("MELTANO_PROJECT", HERE.parents[1]))
MELTANO = os.environ.get("MELTANO", "meltano")
FLEET = yaml.safe_load(Path(os.environ.get("FLEET", HERE / "fleet.yml")).read_text("utf-8"))

#: Repeated after so many seconds, then twice as many …
RETRIES = dg.RetryPolicy(
    max_retries=int(os.environ.get("FLEET_RETRIES", "3")),
    delay=float(os.environ.get("FLEET_RETRY_SECONDS", "60")),
    backoff=dg.Backoff.EXPONENTIAL,
    jitter=dg.Jitter.PLUS_MINUS,
)
#: A run that was killed holds Meltano's lock until it has given no sign of life for five minutes.
LOCK_SECONDS, LOCK_TRIES = 30, 12

TAP_LINE = re.compile(r"\[(\w+) *\] tap-yonyou +(.*)")
#: A line of the tap if none of its kinds may pass by itself (docs/errors.md).
FINAL = re.compile(r"error_kind: (?![a-z, ]*(server|changed|target))")


@contextmanager
def own_folder() -> Iterator[str]:
    """Give a folder for Meltano's files, which runs of one project would share at the same time."""
    with tempfile.TemporaryDirectory(prefix="meltano-") as folder:
        for kind in ("extractors", "loaders"):
            Path(folder, kind).symlink_to(PROJECT / ".meltano" / kind)
        yield folder


def environment(server: str, stream: str, data_source: int, folder: str) -> dict[str, str]:
    """Give what Meltano reads from the environment."""
    prefix = f"U8_{server.upper()}_"
    of_server = {
        f"TAP_YONYOU_{name.removeprefix(prefix)}": value
        for name, value in os.environ.items()
        if name.startswith(prefix)
    }
    return {
        **os.environ,
        **of_server,
        "TAP_YONYOU_STREAMS": json.dumps([stream, "tap_yonyou_reads"]),
        "TAP_YONYOU_DS_SEQUENCES": json.dumps([data_source]),
        # All account sets of a server share a table, of which each run knows its own part only.
        "TAP_YONYOU_EMIT_ACTIVATE_VERSION_MESSAGES": "false",
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": f"u8_{server}",
        "MELTANO_SYS_DIR_ROOT": folder,
        "NO_COLOR": "1",
    }


def load(context: dg.AssetExecutionContext, server: str, stream: str) -> dg.MaterializeResult:
    """Run Meltano for one list of one account set."""
    data_source = int(context.partition_key)
    suffix = f"{server}-{stream}-{data_source}"
    with own_folder() as folder:
        done = subprocess.run(
            [MELTANO, "run", f"--state-id-suffix={suffix}", "yonyou-to-postgres"],
            check=False,
            cwd=PROJECT,
            env=environment(server, stream, data_source, folder),
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    context.log.info(done.stdout)
    said = TAP_LINE.findall(done.stdout)
    if done.returncode:
        if "pipeline is already running" in done.stdout:
            raise dg.RetryRequested(max_retries=LOCK_TRIES, seconds_to_wait=LOCK_SECONDS)
        errors = [text for level, text in said if level == "error"]
        raise dg.Failure(
            "\n".join(errors) or "Meltano failed; its log says why",
            allow_retries=not FINAL.search(done.stdout),
        )
    summary = next((text for _, text in said if " set to null" in text), "")
    warnings = "\n".join(text for level, text in said if level == "warning")
    return dg.MaterializeResult(metadata={"summary": summary, "warnings": warnings})


def list_of(server: str, stream: str) -> dg.AssetsDefinition:
    """Make the asset of a list."""
    sources = [str(number) for number in FLEET["servers"][server]["data_sources"]]

    @dg.asset(
        key=[server, stream],
        group_name=server,
        partitions_def=dg.StaticPartitionsDefinition(sources),
        pool=f"u8_{server}",
        retry_policy=RETRIES,
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return load(context, server, stream)

    return asset


def every_night(server: str, stream: str) -> dg.ScheduleDefinition:
    """Make the schedule of a list: a run for each account set."""
    sources = FLEET["servers"][server]["data_sources"]
    return dg.ScheduleDefinition(
        job_name=f"{server}_{stream}",
        cron_schedule="0 2 * * *",
        execution_timezone="Asia/Shanghai",
        execution_fn=lambda _: [dg.RunRequest(partition_key=str(number)) for number in sources],
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


LISTS = [(server, stream) for server in FLEET["servers"] for stream in FLEET["streams"]]

defs = dg.Definitions(
    assets=[list_of(server, stream) for server, stream in LISTS],
    jobs=[
        dg.define_asset_job(
            f"{server}_{stream}",
            selection=[dg.AssetKey([server, stream])],
            executor_def=dg.in_process_executor,
        )
        for server, stream in LISTS
    ],
    schedules=[every_night(server, stream) for server, stream in LISTS],
)
