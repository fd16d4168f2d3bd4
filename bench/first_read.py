"""What LOG_BASED compares with: the state that a first read leaves."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from bench.contenders import tap_yonyou
from bench.served import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from bench.contenders import Job


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
    file = folder / f"{job.case.rows}-{job.case.page_size}.json"
    if not file.exists():
        command = tap_yonyou(replace(job, case=replace(job.case, changed=0)))
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as tap:
            assert tap.stdout  # noqa: S101 -- for mypy
            state = b""
            for line in tap.stdout:
                if line.startswith(b'{"type":"STATE"'):
                    state = line
        if tap.returncode:
            msg = f"the first read of {job.case.rows} rows failed"
            raise RuntimeError(msg)
        file.write_bytes(msgspec.json.encode(msgspec.json.decode(state)["value"]))
    return file
