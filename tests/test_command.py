"""The command offers what Singer users know."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tests.conftest import execute

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from sandbox import Sandbox
    from tests.conftest import RunTap


def test_version(clean_env: dict[str, str]) -> None:
    run = execute("--version", env=clean_env)
    assert run.code == 0
    assert run.out == f"tap-yonyou v{version('tap-yonyou')}, Meltano SDK v{version('singer-sdk')}\n"


@pytest.mark.parametrize("form", [[], ["--format=markdown"], ["--format=json"]], ids=str)
def test_about(clean_env: dict[str, str], form: list[str], snapshot: SnapshotAssertion) -> None:
    run = execute("--about", *form, env=clean_env)
    assert run.code == 0
    assert run.out.replace(version("singer-sdk"), "SDK") == snapshot


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
