"""The command offers what Singer users know."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tests.conftest import TAP, Run, execute

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from sandbox import Sandbox
    from tests.conftest import RunTap


def test_version(clean_env: dict[str, str]) -> None:
    run = execute("--version", env=clean_env, installed=True)
    assert run.code == 0
    assert run.out == f"tap-yonyou v{version('tap-yonyou')}, Meltano SDK v{version('singer-sdk')}\n"


@pytest.mark.parametrize("form", [[], ["--format=markdown"], ["--format=json"]], ids=str)
def test_about(clean_env: dict[str, str], form: list[str], snapshot: SnapshotAssertion) -> None:
    run = execute("--about", *form, env=clean_env)
    assert run.code == 0
    text = run.out.replace(version("singer-sdk"), "SDK").replace(version("tap-yonyou"), "TAP")
    assert text == snapshot


def test_secrets_and_only_secrets_are_marked(clean_env: dict[str, str]) -> None:
    about = json.loads(execute("--about", "--format=json", env=clean_env).out)
    settings = about["settings"]["properties"]
    marked = {name for name, setting in settings.items() if setting.get("secret")}
    assert marked == {"app_key", "app_secret", "token"}


def test_discover_needs_no_configuration(
    clean_env: dict[str, str],
    snapshot: SnapshotAssertion,
) -> None:
    run = execute("--discover", env=clean_env)
    assert run.code == 0
    assert run.errors == []
    assert json.loads(run.out) == snapshot


def test_the_connection_test_reads_one_record(tap: RunTap, u8: Sandbox) -> None:
    run = tap("--test")
    assert run.code == 0
    assert run.codes == ["00000007"]
    assert {m["stream"] for m in run.of("RECORD")} == {"customercontacts"}
    # It asks for one page, of ten rows, and for no other ahead.
    log_in, page = u8.requests
    assert log_in.path == "/system/token"
    assert (page.query["page_index"], page.query["rows_per_page"]) == ("1", "10")
    u8.published = False
    run = tap("--test")
    assert run.code == 1
    assert "errcode 30021" in run.errors[-1]


def test_schema_only(tap: RunTap, u8: Sandbox) -> None:
    run = tap("--test=schema")
    assert [message["type"] for message in run.messages] == ["SCHEMA"]
    assert not u8.requests


def test_an_unknown_option_is_a_usage_error(clean_env: dict[str, str]) -> None:
    run = execute("--no-such-option", env=clean_env)
    assert run.code == 2
    assert "No such option" in run.log
    assert "Traceback" not in run.log


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_YONYOU_LOGLEVEL"])
@pytest.mark.parametrize("level", ["TRACE", "10"])
def test_an_unknown_level_is_refused(tap: RunTap, u8: Sandbox, name: str, level: str) -> None:
    run = tap(env={name: level})
    assert run.code == 1
    assert run.errors == [
        "TAP_YONYOU_LOGLEVEL, or else LOGLEVEL, must be DEBUG, INFO, WARNING, ERROR or CRITICAL"
    ]
    assert len(run.log.splitlines()) == 1
    assert not u8.requests


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: b: c", "mapping values are not allowed here"),
        ("[]", ""),
        ("version: 1\nroot: {level: TRACE}", "Unable to configure root logger"),
        ("version: 1\nhandlers: {a: {class: logging.None}}", "Unable to configure handler 'a'"),
        ("\udcff", "'utf-8' codec can't decode byte"),
        (None, "[Errno 21] Is a directory"),
    ],
    ids=["yaml", "shape", "level", "handler", "bytes", "folder"],
)
def test_a_log_configuration_that_cannot_be_used_is_refused(
    tap: RunTap,
    u8: Sandbox,
    tmp_path: Path,
    text: str | None,
    reason: str,
) -> None:
    path = tmp_path
    if text is not None:
        path = tmp_path / "log.yml"
        path.write_text(text, "utf-8", "surrogateescape")
    run = tap(env={"SINGER_SDK_LOG_CONFIG": str(path)})
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(f"SINGER_SDK_LOG_CONFIG cannot be used: {reason}")
    assert not u8.requests


def test_errors_are_seen_whatever_the_log_configuration_turns_off(
    tap: RunTap,
    tmp_path: Path,
) -> None:
    (tmp_path / "log.yml").write_text("version: 1")
    run = tap(pagesize=5, env={"SINGER_SDK_LOG_CONFIG": str(tmp_path / "log.yml")})
    assert run.errors == ["unknown setting pagesize: did you mean page_size?"]


def test_it_works_without_stderr(tap: RunTap, clean_env: dict[str, str], tmp_path: Path) -> None:
    everything = tap()  # it leaves its settings in a file
    config = tmp_path / "config.json"

    def run(streams: str) -> Run:
        command = f'"{TAP}" --config "{config}" {streams}'
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={name: v for name, v in clean_env.items() if name != "PYTHONUNBUFFERED"},
            timeout=60,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    for streams in ("2>&-", "<&- 2>&-", "2>/dev/full"):
        silent = run(streams)
        assert (silent.code, silent.log) == (0, "")
        assert silent.records == everything.records
        assert silent.messages[-1]["type"] == "STATE"
    config.write_text('{"pagesize": 5}')
    assert run("2>&-") == Run(1, "", "")
