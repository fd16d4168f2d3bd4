"""Runs commands and takes their time and their memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.served import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Seconds after which a run is given up.
_TIMEOUT = 900
_LONGEST_ERROR = 120


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        seconds: From the start of the first process to the end of the last.
        memory: The most MB that a process of it had in memory (max RSS), by process.
        error: Why it did not go well; empty if it did.
        gets: How many documents were asked for.
    """

    seconds: float
    memory: tuple[float, ...]
    error: str = ""
    gets: int = 0


def run(folder: Path, *commands: Sequence[str]) -> Outcome:
    """Run commands as a pipeline without a shell; what the last one writes is thrown away.

    Args:
        folder: Where the commands have their home, so that nothing of the user's is in force.
        commands: The command lines.

    Returns:
        The time and the memory.
    """
    return _run(folder, commands, subprocess.DEVNULL)


def count(folder: Path, command: Sequence[str]) -> tuple[tuple[int, int], str]:
    """Run a command and count the rows that it writes; not for taking the time.

    Args:
        folder: Where the command has its home.
        command: The command line.

    Returns:
        How many rows came and how many different ones, and why it did not go well, if so.
    """
    with tempfile.TemporaryFile() as out:
        counter = [sys.executable, "-m", "bench.count"]
        outcome = _run(folder, [command, counter], out.fileno())
        out.seek(0)
        rows, different = json.loads(out.read() or b"[0, 0]")
    return (rows, different), outcome.error


def environment(folder: Path) -> dict[str, str]:
    """Give an environment with nothing of the user's, and its home in this folder."""
    path = os.environ.get("PATH", os.defpath)
    return {"HOME": str(folder), "LANG": "C.UTF-8", "NO_PROXY": "*", "PATH": path}


def _run(folder: Path, commands: Sequence[Sequence[str]], output: int) -> Outcome:
    processes: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        logs = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        began = time.perf_counter()
        try:
            for command, log in zip(commands, logs, strict=True):
                last = len(processes) == len(commands) - 1
                before = processes[-1].stdout if processes else subprocess.DEVNULL
                processes.append(
                    subprocess.Popen(
                        command,
                        cwd=ROOT,
                        env=environment(folder),
                        stdin=before,
                        stdout=output if last else subprocess.PIPE,
                        stderr=log,
                    )
                )
                if len(processes) > 1 and (pipe := processes[-2].stdout):
                    pipe.close()  # so that the earlier one sees it when the later one ends
            memory = _wait(processes)
        except FileNotFoundError as missing:
            return Outcome(0, (), f"{_relative(missing.filename, folder)} is not installed")
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                    process.wait()
        seconds = time.perf_counter() - began
        errors = []
        for process, log in zip(processes, logs, strict=True):
            if process.returncode:
                log.seek(0)
                errors.append(f"exit code {process.returncode}: {_last_line(log.read(), folder)}")
    return Outcome(round(seconds, 3), memory, "; ".join(errors))


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> tuple[float, ...]:
    """Wait for all; `wait4` alone tells the memory of one child."""
    memory = []
    for process in processes:
        timer = threading.Timer(_TIMEOUT, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        memory.append(round(usage.ru_maxrss / 1024, 1))
    return tuple(memory)


def _last_line(log: bytes, folder: Path) -> str:
    lines = log.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    # The SDK's log has time, level and name before the text.
    text = lines[-1].rpartition(" | ")[2]
    return _relative(text, folder)[:_LONGEST_ERROR]


def _relative(text: str, folder: Path) -> str:
    """Take the machine's paths out of a text."""
    return str(text).replace(str(folder), "<folder>").replace(f"{ROOT}/", "")
