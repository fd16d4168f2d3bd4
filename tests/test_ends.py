"""However a run ends, what it wrote is whole lines, and its exit code says how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Fault, Sandbox, contact, contacts
from tests.conftest import TAP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIGNALS = [signal.SIGTERM, signal.SIGINT]
PIPE = "the target closed the pipe; look at its log"


@pytest.fixture
def u8() -> Any:
    with Sandbox(tables={"customercontacts": contacts(500)}) as running:
        yield running


@pytest.fixture
def start(
    settings: dict[str, Any],
    tmp_path: Path,
    clean_env: dict[str, str],
) -> Callable[..., subprocess.Popen[str]]:
    """Start the command and let it run."""

    def run(**given: Any) -> subprocess.Popen[str]:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(settings | {"page_size": 50} | given))
        return subprocess.Popen(
            [TAP, "--config", config],
            env=clean_env,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return run


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def asked_for(u8: Sandbox, page: int) -> Callable[[], bool]:
    return lambda: any(request.query.get("page_index") == str(page) for request in u8.requests)


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[list[Any], str]:
    """Send a signal; give the messages and the log of a process that ended in time."""
    sent = time.monotonic()
    process.send_signal(number)
    out, log = process.communicate(timeout=20)
    assert time.monotonic() - sent < 2
    assert process.returncode == 128 + number
    assert out.endswith("\n")
    assert "Traceback" not in log
    assert f"ended by {number.name} before the read was complete" in log
    return [json.loads(line) for line in out.splitlines()], log


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_request_within_two_seconds(
    u8: Sandbox,
    start: Callable[..., subprocess.Popen[str]],
    number: signal.Signals,
) -> None:
    u8.fail(Fault.stall(60), page=3)
    process = start()
    wait_for(asked_for(u8, 3))
    time.sleep(0.5)  # for the pages before it
    messages, _ = end(process, number)
    # Everything emitted before is there, and nothing claims more.
    assert [message["type"] for message in messages] == ["SCHEMA", *["RECORD"] * 100]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_wait_within_two_seconds(
    u8: Sandbox,
    start: Callable[..., subprocess.Popen[str]],
    number: signal.Signals,
) -> None:
    u8.fail(Fault.status(503, {"Retry-After": "60"}), page=2, times=None)
    process = start()
    wait_for(asked_for(u8, 2))
    time.sleep(0.3)
    messages, log = end(process, number)
    assert len(messages) == 51
    assert "attempt 2 of 2 follows in 60.0 s" in log


def test_a_signal_ends_a_run_whose_target_does_not_read(
    u8: Sandbox,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    # More than a pipe holds.
    u8.tables["customercontacts"] = contacts(5000)
    process = start(page_size=5000)
    wait_for(asked_for(u8, 1))
    time.sleep(1)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert time.monotonic() - sent < 2
    process.communicate()


def test_a_signal_in_the_middle_of_the_output_leaves_whole_lines(
    u8: Sandbox,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    # Lines longer than any buffer, to a target that reads slowly.
    u8.tables["customercontacts"] = [
        contact(number) | {"favorite": "棋" * 40_000} for number in range(1, 100)
    ]
    process = start()
    assert process.stdout
    fd = process.stdout.fileno()
    out = os.read(fd, 200_000)
    process.send_signal(signal.SIGTERM)
    while chunk := os.read(fd, 65_536):
        out += chunk
        time.sleep(0.001)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert out.endswith(b"\n")
    for line in out.splitlines():
        json.loads(line)
    process.communicate()


@pytest.mark.parametrize("lines", [0, 1, 60])
def test_a_target_that_goes_away_is_one_line_and_no_success(
    start: Callable[..., subprocess.Popen[str]],
    lines: int,
) -> None:
    process = start()
    assert process.stdout
    assert process.stderr
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    log = process.stderr.read()
    assert process.wait(timeout=20) == 1
    errors = [line for line in log.splitlines() if "| ERROR " in line]
    assert len(errors) == 1
    assert errors[0].endswith(PIPE)
    assert "Traceback" not in log
    assert "Exception ignored" not in log
    process.stderr.close()


def test_head_is_such_a_target(settings: dict[str, Any], tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings | {"page_size": 50}))
    done = subprocess.run(
        ["/bin/bash", "-c", f"'{TAP}' --config '{config}' | head -n 2; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert PIPE in done.stderr
    assert "Traceback" not in done.stderr
