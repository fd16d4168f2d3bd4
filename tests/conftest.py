"""What the tests share: a U8+ to talk to, and the command to talk with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sandbox import ACCOUNTS, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The command as pip installed it beside this Python.
TAP = Path(sys.executable).with_name("tap-yonyou")


@dataclass(frozen=True)
class Run:
    """What a run of the command left behind."""

    code: int
    out: str
    log: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [message["record"] for message in self.of("RECORD")]

    @property
    def codes(self) -> list[str]:
        return [record["code"] for record in self.records]

    @property
    def state(self) -> Any:
        return self.of("STATE")[-1]["value"]

    @property
    def errors(self) -> list[str]:
        """The texts of the log's lines of level ERROR."""
        lines = [line.split(" | ", 3) for line in self.log.splitlines()]
        return [line[3] for line in lines if len(line) == 4 and line[1].strip() == "ERROR"]

    @property
    def summary(self) -> str:
        lines = [line for line in self.log.splitlines() if "fields dropped" in line]
        assert len(lines) == 1, self.log
        return lines[0].split(" | ", 3)[3]


class RunTap(Protocol):
    def __call__(self, *args: str, **settings: Any) -> Run: ...


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    """A U8+ with the 225 contacts of the vendor's sample."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def settings(u8: Sandbox) -> dict[str, Any]:
    """What a user sets to read that U8+."""
    return {**ACCOUNTS._asdict(), "api_url": u8.url}


@pytest.fixture
def clean_env() -> dict[str, str]:
    """The environment of this process without settings of the tap."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TAP_YONYOU")}


@pytest.fixture
def tap(settings: dict[str, Any], tmp_path: Path, clean_env: dict[str, str]) -> RunTap:
    """Run the command in a process of its own, with settings in a file.

    Keyword arguments are settings; `catalog` and `state` become files, `env` is added to the
    environment.
    """

    def run(*args: str, **given: Any) -> Run:
        env = clean_env | given.pop("env", {})
        for option in ("catalog", "state"):
            if option in given:
                path = tmp_path / f"{option}.json"
                path.write_text(json.dumps(given.pop(option)), encoding="utf-8")
                args = (*args, f"--{option}", str(path))
        config = tmp_path / "config.json"
        config.write_text(json.dumps(settings | given), encoding="utf-8")
        return execute("--config", str(config), *args, env=env)

    return run


def execute(*args: str, env: dict[str, str]) -> Run:
    """Run the command as it stands."""
    done = subprocess.run(
        [TAP, *args],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=env,
        timeout=60,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def catalog(tap: RunTap) -> dict[str, Any]:
    """The catalog as discovery writes it, with the stream selected."""
    discovered: dict[str, Any] = json.loads(tap("--discover").out)
    return discovered
