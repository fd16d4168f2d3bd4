"""What LOG_BASED begins with: the state that a first read leaves, or one that was killed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from bench.contenders import tap_yonyou
from bench.measure import Outcome, environment, run
from bench.served import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from bench.contenders import Job


def first_read(job: Job, folder: Path) -> Outcome:
    """Read everything once, and keep the state in a folder."""
    keeper = [sys.executable, "-m", "bench.last_state", str(_file(job, folder))]
    return run(job.folder, tap_yonyou(job), keeper)


def state_of_first_read(job: Job, folder: Path) -> Path:
    """Read everything once, or take the state of an earlier job for the same rows.

    Args:
        job: What is to be read after that.
        folder: Where states are kept.

    Returns:
        The file of the state.

    Raises:
        RuntimeError: The read failed.
    """
    file = _file(job, folder)
    if not file.exists():
        outcome = first_read(replace(job, case=replace(job.case, changed=0, latency=0)), folder)
        if outcome.error:
            msg = f"the first read of {job.case.rows} rows failed: {outcome.error}"
            raise RuntimeError(msg)
    return file


def resume(job: Job) -> Outcome:
    """Kill a first read when half of the documents have come, then read again with its state.

    Args:
        job: Which documents.

    Returns:
        The second read.
    """
    state, documents = b"", 0
    with subprocess.Popen(
        tap_yonyou(job),
        cwd=ROOT,
        env=environment(job.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tap:
        assert tap.stdout  # noqa: S101 -- for mypy
        for line in tap.stdout:
            if line.startswith(b'{"type":"STATE"'):
                state = line
            documents += b'"line_number":1,' in line
            if documents == job.case.rows // 2:
                break
        tap.kill()
    file = job.folder / "state.json"
    file.write_bytes(msgspec.json.encode(msgspec.json.decode(state)["value"]))
    before = job.server.gets()
    outcome = run(job.folder, tap_yonyou(replace(job, state=file)))
    return replace(outcome, gets=job.server.gets() - before)


def _file(job: Job, folder: Path) -> Path:
    return folder / f"{job.case.rows} {job.case.streams} {job.case.page_size}.json"
