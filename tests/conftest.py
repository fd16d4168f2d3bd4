"""What the tests share: a U8+ to talk to, and the command to talk with."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, quote_plus

import pytest
from xdist.scheduler import LoadScopeScheduling

from sandbox import ACCOUNTS, Sandbox
from tap_yonyou import redaction
from tap_yonyou.compat import override
from tests import forked
from tests.loaded import Loaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

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
        return errors_in(self.log)

    @property
    def summary(self) -> str:
        lines = [line for line in self.log.splitlines() if " set to null" in line]
        assert len(lines) == 1, self.log
        return lines[0].split(" | ", 3)[3]


def errors_in(log: str) -> list[str]:
    """The texts of a log's lines of level ERROR."""
    lines = [line.split(" | ", 3) for line in log.splitlines()]
    return [line[3] for line in lines if len(line) == 4 and line[1].strip() == "ERROR"]


#: Files whose tests share what is costly: a PostgreSQL, a server, a run with all streams.
_GROUPS = (
    "tests/project/test_meltano_add.py",
    "tests/command/test_standard.py",
    "tests/replication/test_postgres.py",
    "tests/u8/test_every_resource.py",
)


#: What takes longest.
_SLOWEST = ("tests/project/test_m", "tests/replication/test_postgres")


class Schedule(LoadScopeScheduling):
    """Share the tests out one by one, those of a group to one worker."""

    # An underscore name of xdist, made to be overridden. Its marker `xdist_group` sets another
    # one of pytest, where pytest 9.2 does not look any more.
    @override
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in _GROUPS else nodeid


@pytest.hookimpl(optionalhook=True)  # there is none without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Schedule:
    return Schedule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with Meltano, dbt and PostgreSQL, which take longest."""

    def is_slow(item: pytest.Item) -> bool:
        return item.nodeid.startswith(_SLOWEST)

    for item in filter(is_slow, items):
        item.add_marker(pytest.mark.timeout(300))
    items.sort(key=is_slow, reverse=True)


class RunTap(Protocol):
    def __call__(self, *args: str, **settings: Any) -> Run: ...


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = set(redaction._secrets)  # noqa: SLF001 -- there is no way to forget, on purpose
    yield
    redaction._secrets.intersection_update(before)  # noqa: SLF001
    redaction.hide()


@pytest.fixture
def u8() -> Iterator[Sandbox]:
    """A U8+ with the 225 contacts of the vendor's sample."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def settings(u8: Sandbox) -> dict[str, Any]:
    """What a user sets to read that U8+."""
    # Two attempts are as good as eight, and the wait between them is the shortest there is.
    return {**ACCOUNTS._asdict(), "api_url": u8.url, "max_attempts": 2}


@pytest.fixture
def clean_env() -> dict[str, str]:
    """The environment of this process without settings of the tap."""
    return environment()


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TAP_YONYOU")}


@pytest.fixture
def tap(
    settings: dict[str, Any],
    tmp_path: Path,
    clean_env: dict[str, str],
    request: pytest.FixtureRequest,
) -> RunTap:
    """Run the command in a process of its own, with settings in a file.

    It is the command as pip installed it in a test marked `installed`.

    Keyword arguments are settings; `catalog` and `state` become files, `env` is added to the
    environment.
    """
    installed = request.node.get_closest_marker("installed") is not None

    def run(*args: str, **given: Any) -> Run:
        env = clean_env | given.pop("env", {})
        for option in ("catalog", "state"):
            if option in given:
                path = tmp_path / f"{option}.json"
                path.write_text(json.dumps(given.pop(option)), encoding="utf-8")
                args = (*args, f"--{option}", str(path))
        config = tmp_path / "config.json"
        config.write_text(json.dumps(settings | given), encoding="utf-8")
        return execute("--config", str(config), *args, env=env, installed=installed)

    return run


#: What Python reads when it starts, so that a process forked from a running one comes too late.
_READ_AT_START = ("PYTHON", "LC_", "LANG")


def execute(*args: str, env: dict[str, str], installed: bool = False) -> Run:
    """Run the command in a process of its own: a forked one, or the command as pip installed it."""
    changed = {name for name, value in env.items() if os.environ.get(name) != value}
    is_measured = "COVERAGE_PROCESS_CONFIG" in env  # a fork would go unseen
    if not (installed or is_measured or any(name.startswith(_READ_AT_START) for name in changed)):
        with tempfile.TemporaryDirectory() as folder:
            out, log = Path(folder, "out"), Path(folder, "log")
            code = forked.run([*args], env, out, log, limit=60)
            return Run(code, out.read_text("utf-8"), log.read_text("utf-8"))
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
def watched_tap(tap: RunTap, u8: Sandbox, tmp_path: Path) -> RunTap:
    """Run the command at DEBUG with plain and structured logs; nothing may leak into either."""
    structured = tmp_path / "structured.log"
    config = tmp_path / "logging.yml"
    config.write_text(
        f"""
        version: 1
        disable_existing_loggers: false
        formatters:
          plain: {{"()": singer_sdk.logging.ConsoleFormatter}}
          structured: {{"()": singer_sdk.logging.StructuredFormatter}}
        handlers:
          plain: {{class: logging.StreamHandler, formatter: plain}}
          structured:
            {{class: logging.FileHandler, formatter: structured, filename: "{structured}"}}
        root: {{level: DEBUG, handlers: [plain, structured]}}
        """,
    )

    def run(*args: str, **given: Any) -> Run:
        env = {"TAP_YONYOU_LOGLEVEL": "DEBUG", "SINGER_SDK_LOG_CONFIG": str(config)}
        done = tap(*args, **given, env=env | given.pop("env", {}))
        lines = structured.read_text("utf-8").splitlines()
        assert all(json.loads(line)["level"] for line in lines)
        # JSON escapes what is not ASCII; a leak would be hidden by that.
        text = done.log + "".join(str(json.loads(line)) for line in lines)
        assert "urllib3" in text
        assert leaks(text, u8, given) == set()
        structured.unlink()
        return done

    return run


def leaks(text: str, u8: Sandbox, settings: dict[str, Any]) -> set[str]:
    """Find secrets in any encoding, and values of records."""
    secrets = {u8.accounts.app_key, u8.accounts.app_secret, *u8.tokens}
    secrets |= {
        str(settings[name]) for name in ("app_key", "app_secret", "token") if name in settings
    }
    forms = {form for secret in secrets for form in encodings(secret)}
    # Short numbers would be found in any time stamp.
    values = {str(value) for row in u8.tables["customercontacts"] for value in row.values()}
    values = {value for value in values if len(value) >= (8 if value.isascii() else 3)}
    return {needle for needle in forms | values if needle in text}


def encodings(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret, safe="").lower(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    }


@pytest.fixture
def catalog(tap: RunTap) -> dict[str, Any]:
    """The catalog as discovery writes it, with the stream selected."""
    discovered: dict[str, Any] = json.loads(tap("--discover").out)
    return discovered


# Runs one after the other


class Read(Protocol):
    """Runs the tap with the state that the last run has left, and loads what it writes."""

    def __call__(self, **given: Any) -> Run: ...


@pytest.fixture
def loaded() -> Loaded:
    """What stands in the target."""
    return Loaded()


#: Catalogs by what decides them: a user discovers once, too, not before each run.
_CATALOGS: dict[str, dict[str, Any]] = {}


@pytest.fixture
def read(tap: RunTap, loaded: Loaded, settings: dict[str, Any]) -> Read:
    def run(**given: Any) -> Run:
        method = given.pop("method", "LOG_BASED")
        if "catalog" not in given:
            names = ("streams", "resources", "ds_sequences")
            streams = {name: given[name] for name in names if name in given}
            asked = json.dumps([settings | streams | {"api_url": "", "snapshot_store": ""}, method])
            if asked not in _CATALOGS:
                _CATALOGS[asked] = catalog_of(tap, method, **streams)
            given["catalog"] = _CATALOGS[asked]
        if loaded.state is not None:
            given.setdefault("state", loaded.state)
        done = tap(**({"page_size": 50, "concurrency": 1} | given))
        loaded.load(done.messages)
        return done

    return run


def catalog_of(tap: RunTap, method: str = "LOG_BASED", **given: Any) -> dict[str, Any]:
    """A discovered catalog with another replication method."""
    catalog: dict[str, Any] = json.loads(tap("--discover", **given).out)
    for entry in catalog["streams"]:
        entry["replication_method"] = method
    return catalog
