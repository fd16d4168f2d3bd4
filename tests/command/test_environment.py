"""Odd secrets, odd files, odd environments: one line, the right advice, and nothing shown."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from sandbox import Fault
from tap_yonyou import redaction
from tap_yonyou.errors import SettingsError
from tap_yonyou.tap import TapYonyou
from tests.conftest import execute

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox
    from tests.conftest import Run, RunTap

ODD = "a\"b\\c/密钥+&x'<12"


def the_error(run: Run) -> str:
    assert run.code == 1
    assert len(run.errors) == 1, run.log
    assert "Traceback" not in run.log
    assert "a fault of the tap" not in run.log
    return run.errors[0]


# Secrets


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        json.dumps(ODD).replace("/", "\\/").replace("+", "\\u002B"),
        json.dumps({"q": json.dumps({"s": ODD})}),
        repr({"app_secret": ODD}),
        html.escape(ODD),
        quote(quote(ODD)),
        f"/system/token?app_secret={ODD} was not found",
    ],
)
def test_a_secret_is_hidden_however_a_server_escapes_it(text: str) -> None:
    redaction.hide(ODD)
    shown = redaction.redact(text)
    assert redaction.MASK in shown
    assert not any(part in shown for part in ("密", "5bc6", "E5", "x'", "lt;12", "<12"))


def test_filters_and_the_bookmark_are_hidden_in_messages_of_the_server(
    tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    catalog["streams"][0]["replication_method"] = "INCREMENTAL"
    bookmark = {"replication_key": "code", "replication_key_value": "code-of-zhang"}
    u8.fail(Fault.errcode("39999", "13800138000, 张三丰, code-of-zhang"), page=1)
    run = tap(
        catalog=catalog,
        state={"bookmarks": {"customercontacts": bookmark}},
        filters={"customercontacts": {"mobile_phone": "13800138000", "name": "张三丰"}},
    )
    assert "errcode 39999 (***, ***, ***)" in the_error(run)


@pytest.mark.parametrize("option", ["config", "state", "catalog"])
def test_json_in_place_of_a_file_is_not_shown(
    option: str,
    clean_env: dict[str, str],
) -> None:
    run = execute(f"--{option}", '{"app_secret": "s3cret-value"}', env=clean_env)
    assert run.code in {1, 2}
    assert len(run.errors) == 1
    assert f"--{option}" in run.errors[0]
    assert "s3cret" not in run.log


# Settings


def test_a_text_that_is_no_unicode_is_named(tap: RunTap, u8: Sandbox) -> None:
    # As a shell leaves it whose encoding is GBK.
    run = tap(
        "--config=ENV",
        env={"TAP_YONYOU_APP_SECRET": b"\xc3\xdc\xd4\xbf".decode("utf-8", "surrogateescape")},
    )
    assert the_error(run).startswith("app_secret begins or ends with a blank, or holds a char")
    assert not u8.requests


def test_a_name_with_a_line_feed_is_one_line(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        TapYonyou(config=settings | {"a\nb": 1})
    (line,) = refused.value.args
    assert line.startswith("unknown setting a b: ")


@pytest.mark.parametrize("name", ["PAGE_SIZE", "DS_SEQUENCE"])
def test_a_whole_number_of_the_environment_has_no_exponent(tap: RunTap, name: str) -> None:
    assert "must be a whole number" in the_error(
        tap("--config=ENV", env={f"TAP_YONYOU_{name}": "1e0"})
    )


def test_a_config_without_a_name_is_refused(clean_env: dict[str, str]) -> None:
    assert the_error(execute("--config", "", env=clean_env)).startswith("--config ")


# The environment


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_YONYOU_LOGLEVEL", "SINGER_SDK_LOG_CONFIG"])
def test_a_blank_variable_for_the_log_is_not_set(tap: RunTap, name: str) -> None:
    run = tap(env={name: ""})
    assert run.code == 0, run.log
    assert "INFO" in run.log


def test_a_log_that_cannot_be_written_shows_no_traceback(tap: RunTap, tmp_path: Path) -> None:
    config = tmp_path / "log.yml"
    config.write_text(
        "version: 1\nhandlers: {a: {class: logging.FileHandler, filename: /dev/full}}\n"
        "root: {level: INFO, handlers: [a]}"
    )
    run = tap(env={"SINGER_SDK_LOG_CONFIG": str(config)})
    assert run.code == 0
    assert run.log == ""


# Advice and words


def test_too_many_requests_are_no_fault_of_the_relay_program(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.status(429, {"Retry-After": "0"}), page=1, times=None)
    error = the_error(tap())
    assert "relay" not in error
    assert error.endswith(
        "HTTP 429; given up after 2 attempts; lower concurrency, or run again later"
    )


def test_one_pass_and_one_row_are_counted_like_a_person(tap: RunTap, u8: Sandbox) -> None:
    rows = [{"code": "1"}, {"code": "2"}]
    u8.fail(Fault.reply({"errcode": "0", "row_count": "1", "customercontacts": rows}), page=1)
    u8.fail(Fault.errcode("20002"), page=2)
    error = the_error(tap(max_passes=1))
    assert "in 1 pass (at last: 1 row was counted, 2 different ones came)" in error
