"""However a run ends and whatever stdout is: whole lines, all of them, and an honest exit code."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import Fault, Sandbox, contact, contacts
from tests.conftest import TAP, errors_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PIPE = "the target closed the pipe; look at its log"
#: Page sizes from a trickle to a flood, and both kinds of stdout that Python has.
OUTPUTS = [(5, "1"), (5000, "")]


@dataclass
class Output:
    """A U8+ of several pages, and the command to read it with."""

    u8: Sandbox
    config: Path
    env: dict[str, str]

    def start(self, **how: Any) -> subprocess.Popen[bytes]:
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": self.env}
        command = [TAP, "--config", self.config]
        return subprocess.Popen(command, **(given | how))  # type: ignore[call-overload,no-any-return]

    @property
    def rows(self) -> int:
        return len(self.u8.tables["customercontacts"])


def name_of(output: tuple[int, str]) -> str:
    return f"{output[0]}{'-unbuffered' * bool(output[1])}"


@pytest.fixture(params=OUTPUTS, ids=name_of)
def output(
    request: pytest.FixtureRequest,
    settings: dict[str, Any],
    tmp_path: Path,
    clean_env: dict[str, str],
) -> Iterator[Output]:
    size, unbuffered = request.param
    env = {name: value for name, value in clean_env.items() if name != "PYTHONUNBUFFERED"}
    with Sandbox(tables={"customercontacts": contacts(max(4 * size, 1000))}) as u8:
        config = tmp_path / "config.json"
        own = {"api_url": u8.url, "page_size": size, "emit_activate_version_messages": True}
        config.write_text(json.dumps(settings | own))
        yield Output(u8, config, env | ({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {}))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def asked_for(u8: Sandbox, page: int) -> Callable[[], bool]:
    return lambda: any(request.query.get("page_index") == str(page) for request in u8.requests)


def kinds(out: bytes) -> list[str]:
    """The types of the messages; each line is one."""
    assert out[-1:] in {b"", b"\n"}
    return [json.loads(line)["type"] for line in out.splitlines()]


def is_complete(out: bytes, output: Output) -> bool:
    found = kinds(out)
    return found.count("RECORD") == output.rows and found[-1] == "STATE"


def read_all(process: subprocess.Popen[bytes], pause: float = 0) -> bytes:
    """Read stdout to its end, slowly."""
    assert process.stdout
    parts = []
    while part := os.read(process.stdout.fileno(), 65_536):
        parts.append(part)
        time.sleep(pause)
    return b"".join(parts)


def read_records(process: subprocess.Popen[bytes], number: int) -> bytes:
    """Read stdout until so many records have begun."""
    assert process.stdout
    out = b""
    while out.count(b'"RECORD"') < number:
        part = os.read(process.stdout.fileno(), 1000)
        assert part
        out += part
    return out


# stdout


def test_a_slow_reader_and_a_stopped_tap_lose_nothing(output: Output) -> None:
    process = output.start()
    assert process.stdout
    out = os.read(process.stdout.fileno(), 1000)
    time.sleep(0.3)  # the pipe is full by now
    for _ in range(5):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.02)
        process.send_signal(signal.SIGCONT)
        out += os.read(process.stdout.fileno(), 100_000)
    out += read_all(process)
    process.communicate()
    assert process.returncode == 0
    assert is_complete(out, output)


@pytest.mark.parametrize("output", [*OUTPUTS, (500, "")], ids=name_of, indirect=True)
def test_a_pipe_that_does_not_block_loses_nothing(output: Output) -> None:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETFL, os.O_NONBLOCK)
    process = output.start(stdout=theirs)
    os.close(theirs)
    parts = []
    time.sleep(0.3)
    while part := os.read(ours, 20_000):
        parts.append(part)
        time.sleep(0.0002)
    os.close(ours)
    process.communicate()
    assert process.returncode == 0
    assert is_complete(b"".join(parts), output)


def test_a_file_holds_it_all(output: Output, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with path.open("wb") as file:
        output.start(stdout=file).communicate()
    assert is_complete(path.read_bytes(), output)


FULL = "stdout cannot be written (No space left on device); look at the file or target behind it"


@pytest.mark.parametrize(
    ("args", "redirection", "said"),
    [
        ([], ">/dev/full", FULL),
        (["--discover"], ">/dev/full", FULL),
        (["--about"], ">/dev/full", FULL),
        ([], ">&-", "stdout is closed; start the tap with a target or a file to write to"),
    ],
    ids=str,
)
def test_a_stdout_that_cannot_be_written_is_one_line(
    settings: dict[str, Any],
    tmp_path: Path,
    redirection: str,
    said: str,
    args: list[str],
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    command = f"'{TAP}' --config '{config}' {' '.join(args)} {redirection}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert errors_in(done.stderr.decode()) == [said]
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_target_that_goes_away_is_one_line_and_no_success(output: Output) -> None:
    for lines in (0, 1, 60):
        process = output.start()
        assert process.stdout
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        assert process.stderr
        log = process.stderr.read()
        assert process.wait(timeout=20) == 1
        assert errors_in(log.decode()) == [PIPE]
        assert b"Traceback" not in log
        assert b"Exception ignored" not in log
        process.stderr.close()


def test_head_is_such_a_target(output: Output) -> None:
    command = f"'{TAP}' --config '{output.config}' | head -n 2; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        capture_output=True,
        check=False,
        env=output.env,
        timeout=60,
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert errors_in(done.stderr.decode()) == [PIPE]
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("args", [["--about"], ["--discover"], ["--help"], ["--version"]], ids=str)
def test_what_is_printed_for_a_person_ends_in_silence(args: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [TAP, *args], stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(theirs)
    assert done.returncode == 1
    assert errors_in(done.stderr.decode()) == []
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


# Signals


def end(
    process: subprocess.Popen[bytes],
    number: signal.Signals,
    read_already: bytes,
    first: signal.Signals | None = None,
) -> list[str]:
    """Send a signal; give the messages of a process that it ended, or the `first` one."""
    process.send_signal(number)
    out, log = process.communicate(timeout=20)
    assert process.returncode == 128 + (first or number)
    assert b"Traceback" not in log
    assert b"Exception ignored" not in log
    assert f"ended by {(first or number).name} before the read was complete" in log.decode()
    return kinds(read_already + out)


def test_a_signal_ends_a_request_at_once(output: Output) -> None:
    output.u8.tables["customercontacts"] = contacts(20)
    config = json.loads(output.config.read_text())
    output.config.write_text(json.dumps(config | {"page_size": 5}))
    output.u8.fail(Fault.stall(60), page=3)
    process = output.start()
    out = read_records(process, 10)
    wait_for(asked_for(output.u8, 3))
    # Everything emitted before is there, and nothing claims more.
    assert end(process, signal.SIGTERM, out) == ["SCHEMA", *["RECORD"] * 10]


def test_a_signal_ends_a_wait_at_once(output: Output) -> None:
    output.u8.tables["customercontacts"] = contacts(20)
    config = json.loads(output.config.read_text())
    output.config.write_text(json.dumps(config | {"page_size": 5}))
    output.u8.fail(Fault.status(503, {"Retry-After": "60"}), page=2, times=None)
    for number in (signal.SIGTERM, signal.SIGINT):
        process = output.start()
        out = read_records(process, 5)
        assert process.stderr
        log = b""
        while b"attempt 2 of 2 follows in 60.0 s" not in log:
            part = os.read(process.stderr.fileno(), 1000)
            assert part
            log += part
        assert end(process, number, out) == ["SCHEMA", *["RECORD"] * 5]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("output", [(500, "")], ids=name_of, indirect=True)
def test_a_signal_ends_a_tap_that_is_still_importing(
    output: Output, number: signal.Signals
) -> None:
    output.u8.fail(Fault.stall(60), times=None)
    process = output.start(env=output.env | {"PYTHONPROFILEIMPORTTIME": "1"})
    assert process.stderr
    while b" singer_sdk." not in process.stderr.readline():
        pass
    assert end(process, number, b"") in ([], ["SCHEMA"])


def fill_pipe(output: Output) -> tuple[subprocess.Popen[bytes], bytes]:
    """Start a tap, and stop reading what it writes."""
    process = output.start()
    out = read_records(process, 1)
    time.sleep(0.5)
    return process, out


@pytest.mark.parametrize("output", [(500, "")], ids=name_of, indirect=True)
def test_a_signal_ends_a_run_whose_target_does_not_read(output: Output) -> None:
    process, _ = fill_pipe(output)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert time.monotonic() - sent > 4  # for as long, a slow target may read
    process.communicate()


@pytest.mark.parametrize("output", [(500, "")], ids=name_of, indirect=True)
def test_a_second_signal_ends_it_at_once(output: Output) -> None:
    process, _ = fill_pipe(output)
    process.send_signal(signal.SIGTERM)
    time.sleep(1.2)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert time.monotonic() - sent < 3  # the alarm comes later
    process.communicate()


@pytest.mark.parametrize("output", [(500, "")], ids=name_of, indirect=True)
def test_two_signals_at_once_are_one(output: Output) -> None:
    # As `timeout` sends them, and a terminal together with a scheduler.
    process, out = fill_pipe(output)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    assert set(end(process, signal.SIGTERM, out, signal.SIGINT)) == {"SCHEMA", "RECORD"}


def test_records_that_a_signal_finds_unwritten_are_written_in_silence() -> None:
    code = """if True:
        import os, signal
        from tap_yonyou.command import signals

        def records():
            try:
                yield
            finally:
                with signals.deferred():
                    print("written", flush=True)

        signals.end_on_signals()
        for _ in records():
            os.kill(os.getpid(), signal.SIGTERM)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (143, b"written\n", b"")


def test_a_signal_in_the_middle_of_the_output_leaves_whole_lines(output: Output) -> None:
    # Lines longer than any buffer, to a target that reads slowly.
    long = {"favorite": "棋" * 40_000}
    output.u8.tables["customercontacts"] = [contact(number) | long for number in range(1, 100)]
    process = output.start()
    assert process.stdout
    out = b""
    while out.count(b'"RECORD"') < 3:
        out += os.read(process.stdout.fileno(), 100_000)
    process.send_signal(signal.SIGTERM)
    out += read_all(process, pause=0.001)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    found = kinds(out)
    assert found.count("RECORD") >= 3
    assert set(found) == {"SCHEMA", "RECORD"}
