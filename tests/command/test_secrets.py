"""Secrets stay out of every line, whoever writes it. (The fault matrix searches all its logs.)"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import ACCOUNTS, Fault, Sandbox
from tap_yonyou import redaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunTap

SECRET = "5aNd+b0x/8Qk2wZr7TfY1g=="  # noqa: S105


@pytest.mark.installed
def test_a_run_at_debug_shows_neither_secret_nor_value(watched_tap: RunTap) -> None:
    assert watched_tap(page_size=50).code == 0


def test_a_token_from_elsewhere_is_hidden(
    watched_tap: RunTap,
    u8: Sandbox,
    settings: dict[str, Any],
) -> None:
    del settings["app_secret"]
    token = u8.token(ACCOUNTS._asdict())["token"]["id"]  # type: ignore[index]
    assert watched_tap(token=token).code == 0
    assert watched_tap(token="refused+token/with=signs").code == 1


def test_what_the_server_echoes_is_hidden(watched_tap: RunTap, u8: Sandbox) -> None:
    def echo() -> None:
        secrets = " ".join((*u8.tokens, *ACCOUNTS[2:]))
        u8.fail(Fault.errcode("20006", secrets), page=1)
        u8.fail(Fault.errcode("39999", secrets), page=1)

    u8.before(1, echo)
    run = watched_tap()
    assert run.code == 1
    assert "errcode 20006 (*** *** ***)" in run.log
    assert run.errors[0].startswith("customercontacts, page 1: errcode 39999 (*** *** ***)")


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_an_unexpected_exception_is_named_without_its_text(
    settings: dict[str, Any],
    clean_env: dict[str, str],
    tmp_path: Path,
    level: str,
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    # A fault of the tap, as there should be none.
    code = """
from tap_yonyou import __main__, tap
def fail(self): raise KeyError("1380" + "0138000")
tap.TapYonyou.sync_all = fail
__main__.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", config],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=clean_env | {"TAP_YONYOU_LOGLEVEL": level},
        timeout=60,
    )
    assert done.returncode == 1
    assert "unexpected KeyError, a fault of the tap" in done.stderr
    assert "13800138000" not in done.stderr
    assert ("in fail" in done.stderr) == (level == "DEBUG")


def test_filters_and_the_bookmark_are_hidden(
    watched_tap: RunTap,
    u8: Sandbox,
    catalog: dict[str, Any],
) -> None:
    catalog["streams"][0]["replication_method"] = "INCREMENTAL"
    run = watched_tap(catalog=catalog)
    name = str(u8.tables["customercontacts"][10]["ccusname"])
    # Values of records, both: a name to look for, and the code to go on from.
    run = watched_tap(
        catalog=catalog,
        state=run.state,
        filters={"customercontacts": {"ccusname": name}},
    )
    assert run.code == 0
    assert "(not shown)" in run.log


@pytest.mark.parametrize(
    ("secret", "message"),
    [(SECRET, f"{'x' * 194}{SECRET}"), ("k7p4", "密钥k7p4错误")],
    ids=["cut", "short"],
)
def test_a_secret_in_a_message_of_the_server_is_hidden(
    tap: RunTap,
    u8: Sandbox,
    secret: str,
    message: str,
) -> None:
    u8.fail(Fault.errcode("39999", message), "token")
    run = tap(app_secret=secret)
    assert run.code == 1
    assert "errcode 39999" in run.errors[0]
    assert "***" in run.errors[0]
    assert secret[:4] not in run.log


def test_a_code_that_is_filtered_by_is_hidden_in_a_message_of_the_server(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.fail(Fault.errcode("39999", "00000123, 1000 rows"), page=1)
    filters = {"code_begin": "00000123", "ccuscode": "1000"}
    run = tap(filters={"customercontacts": filters})
    # A shorter number would mask counts and times as well.
    assert "errcode 39999 (***, 1000 rows)" in run.errors[0]


@pytest.fixture
def log_config(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Write a log configuration; the environment that names it is returned."""

    def write(text: str) -> dict[str, str]:
        path = tmp_path / "log.yml"
        path.write_text(f"version: 1\ndisable_existing_loggers: false\n{text}", "utf-8")
        return {"SINGER_SDK_LOG_CONFIG": str(path)}

    return write


def test_a_log_configuration_without_handlers_leaks_nothing(
    tap: RunTap,
    u8: Sandbox,
    log_config: Callable[[str], dict[str, str]],
) -> None:
    u8.fail(Fault.errcode("39999", f"app_secret {ACCOUNTS.app_secret} is wrong"), "token")
    run = tap(env=log_config("root: {level: DEBUG, handlers: []}"))
    assert run.code == 1
    assert "errcode 39999 (app_secret *** is wrong)" in run.log
    assert ACCOUNTS.app_secret not in run.log


def test_structured_logs_keep_chinese(
    tap: RunTap,
    u8: Sandbox,
    log_config: Callable[[str], dict[str, str]],
) -> None:
    formatter = '{a: {"()": singer_sdk.logging.StructuredFormatter, defaults: {app_name: 用友}}}'
    handlers = "{a: {class: logging.StreamHandler, formatter: a}}"
    env = log_config(
        f"formatters: {formatter}\nhandlers: {handlers}\nroot: {{level: INFO, handlers: [a]}}"
    )
    u8.fail(Fault.errcode("39999", "参数错误"), page=1)
    run = tap(env=env)
    lines = [json.loads(line) for line in run.log.splitlines()]
    assert "errcode 39999 (参数错误)" in lines[-1]["message"]
    assert lines[-1]["app_name"] == "用友"
    assert any("metric_info" in line for line in lines)


def test_neither_the_rules_of_stream_maps_nor_their_results_are_logged(watched_tap: RunTap) -> None:
    rule = "name or '13800138000'"
    run = watched_tap(
        stream_maps={"customercontacts": {"__filter__": rule, "__alias__": "a13800138000"}},
    )
    assert run.code == 0
    assert len(run.records) == 225
    assert "filter rule: ***" in run.log
    assert "13800138000" not in run.log


@pytest.mark.parametrize(
    "text",
    [
        f"app_secret is {SECRET}!",
        "5aNd%2Bb0x%2F8Qk2wZr7TfY1g%3D%3D",
        "5aNd%2bb0x%2f8Qk2wZr7TfY1g%3d%3d",
        "5aNd%2Bb0x/8Qk2wZr7TfY1g%3D%3D",
        f"{{'app_secret': '{SECRET}'}}",
    ],
)
def test_a_secret_is_hidden_in_any_encoding(text: str) -> None:
    redaction.hide(SECRET)
    assert "5aNd" not in redaction.redact(text)
    assert redaction.MASK in redaction.redact(text)


@pytest.mark.parametrize("secret", ["1", "ab", "app"])
def test_a_short_secret_does_not_turn_the_log_into_asterisks(secret: str) -> None:
    text = "customercontacts: 111 rows about apples, page 1 of app ab"
    redaction.hide(secret)
    assert redaction.redact(text) == text
    assert redaction.redact(f"GET /system/token?app_secret={secret} 200") == (
        "GET /system/token?*** 200"
    )


@pytest.mark.parametrize("secret", ["token", "k7p4"])
def test_a_secret_of_four_to_seven_characters_is_hidden_where_it_stands_alone(secret: str) -> None:
    redaction.hide(secret)
    assert redaction.redact(f"a{secret} {secret}s 密钥{secret}错误 ={secret}&") == (
        f"a{secret} {secret}s 密钥***错误 =***&"
    )


def test_of_overlapping_secrets_the_longer_one_is_hidden_first() -> None:
    redaction.hide("k7p4-sesame", "k7p4-sesame-street", "k7p4", "sesame-street-12")
    assert redaction.redact("(k7p4-sesame-street) (k7p4-sesame) (k7p4)") == "(***) (***) (***)"


Emit = "Callable[[logging.Logger], None]"


def raise_chained() -> None:
    try:
        json.loads(f"[{SECRET}")
    except ValueError as error:
        raise RuntimeError(SECRET) from error


def log_exception(logger: logging.Logger) -> None:
    try:
        raise_chained()
    except RuntimeError:
        logger.exception("it failed: %s", SECRET)


@pytest.mark.parametrize(
    "emit",
    [
        lambda logger: logger.error(SECRET),
        lambda logger: logger.info("an argument %s", SECRET),
        lambda logger: logger.info("an object %s", {"a": [SECRET]}),
        lambda logger: logger.info("%(a)s", {"a": SECRET}),
        lambda logger: logger.warning("extra", extra={"url": SECRET, "deep": {"a": (SECRET,)}}),
        log_exception,
    ],
    ids=["message", "argument", "object", "mapping", "extra", "exception"],
)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize("structured", [False, True], ids=["plain", "structured"])
def test_no_part_of_a_record_shows_it(
    emit: Callable[[logging.Logger], None],
    level: str,
    structured: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    from singer_sdk.logging import ConsoleFormatter, StructuredFormatter  # noqa: PLC0415

    redaction.hide(SECRET)
    logger = logging.getLogger(f"some.library.{level}.{structured}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(StructuredFormatter() if structured else ConsoleFormatter())
    logger.addHandler(handler)
    root = logging.getLogger()
    before = root.level
    root.setLevel(level)
    try:
        redaction.install()
        emit(logger)
    finally:
        root.setLevel(before)
        logger.removeHandler(handler)
    line = capsys.readouterr().err
    assert line
    assert SECRET not in (json.loads(line).__repr__() if structured else line)
    # A traceback is for DEBUG, and shows where, not what.
    if emit is log_exception:
        assert ("raise_chained" in line) == (level == "DEBUG")


def test_metrics_stay_metrics(tap: RunTap, u8: Sandbox) -> None:
    """Meltano reads numbers from these lines; the filter leaves them as they are."""
    log = tap().log
    assert '"metric":"record_count","value":225' in log
    # With the log-in; a request that fails is one, too.
    assert f'"metric":"http_request_count","value":{len(u8.requests)},' in log
    u8.fail(Fault.reset(), times=None)
    before = len(u8.requests)
    log = tap().log
    assert f'"metric":"http_request_count","value":{len(u8.requests) - before},' in log
    assert log.count("http_request_count") == 1
