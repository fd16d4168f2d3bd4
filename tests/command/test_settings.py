"""What cannot work is refused before any request: one line, what to do, never a value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import ACCOUNTS
from tap_yonyou.errors import SettingsError
from tap_yonyou.tap import TapYonyou
from tests.conftest import execute

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox
    from tests.conftest import RunTap

BOTH_MISSING = (
    "app_secret and token are both missing: set app_secret (or TAP_YONYOU_APP_SECRET) to have the "
    "tap log in, or token to use a token issued elsewhere"
)
API_URL = (
    "api_url must be an https address without blanks, credentials, query or fragment; plain http "
    "is allowed for a loopback host only, because requests carry secrets"
)
CONTACTS = "filters.customercontacts"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        *[
            (
                {name: blank},
                f"{name} is missing: set it in the configuration or as TAP_YONYOU_{name.upper()}",
            )
            for name in ("from_account", "to_account", "app_key")
            for blank in (None, "")
        ],
        ({"app_secret": None}, BOTH_MISSING),
        ({"app_secret": "", "token": ""}, BOTH_MISSING),
        ({"pagesize": 5}, "unknown setting pagesize: did you mean page_size?"),
        (
            {"filters": {"contacts": {}}},
            "unknown stream filters.contacts: did you mean customercontacts?",
        ),
        (
            {"filters": {"customercontacts": {"nmae": "x"}}},
            f"unknown filter {CONTACTS}.nmae: did you mean name?",
        ),
        ({"filters": {"customercontacts": {"native": "x"}}}, f"unknown filter {CONTACTS}.native: "),
        (
            {"filters": {"customercontacts": {"name": 1}}},
            f"{CONTACTS}.name must be a text in quotes",
        ),
        (
            {"filters": {"customercontacts": {"default": "1"}}},
            f"{CONTACTS}.default must be true or false",
        ),
        *[
            (
                {"filters": {"customercontacts": {"birthday": day}}},
                f"{CONTACTS}.birthday must be a date like 2024-12-31",
            )
            for day in ("1990/1/2", "1990-02-30", "19900102", "yesterday")
        ],
        ({"filters": []}, "filters must be an object in JSON"),
        ({"streams": "customercontacts"}, "streams must be a list in JSON"),
        ({"streams": []}, "streams must name one or more"),
        (
            {"stream_maps": {"customercontact": {"mobile_phone": None}}},
            "unknown stream customercontact in stream_maps: did you mean customercontacts?",
        ),
        (
            {"streams": ["customercontact"]},
            "unknown stream customercontact in streams: did you mean customercontacts?",
        ),
        *[
            ({"page_size": size}, "page_size must be a whole number from 1 to 10000")
            for size in (0, 10001, -1, "500", 1.5, True, [1])
        ],
        ({"ds_sequence": 0}, "ds_sequence must be a whole number of at least 1"),
        ({"request_timeout": "soon"}, "request_timeout must be a whole number from 1 to 86400"),
        *[({name: 12345}, f"{name} must be a text in quotes") for name in ACCOUNTS._fields],
        *[
            ({"api_url": url}, API_URL)
            for url in (
                "http://api.yonyouup.com",
                "http://localhost.example.com",
                "http://127.0.0.1.example.com",
                "http://10.0.0.1",
                "ftp://127.0.0.1",
                "api.yonyouup.com",
                "https://",
                "https://user:pass@api.yonyouup.com",
                "https://api.yonyouup.com?a=1",
                "https://api.yonyouup.com:port",
                "https://[::1",
                " https://api.yonyouup.com",
                "https://api.yonyouup.com/a b",
                "https://api.yonyouup.com?",
                "http://127.0.0.1\\.example.com",
            )
        ],
        ({"stream_maps": {"customercontacts": {"email": 1}}}, "stream_maps.customercontacts "),
        *[
            ({name: text}, f"{name} begins or ends with a blank, or holds a character that cannot")
            for name in ACCOUNTS._fields
            for text in (" a", "a\n", "a\u00a0b", "a\u3000b", "a\u0085b", "a\u200b")
        ],
        (
            {"snapshot_store": "memory://me:secret@bucket"},
            "snapshot_store must have no credentials; ",
        ),
        ({"rewrite_days": -1}, "rewrite_days must be a whole number from 0 to 36500"),
        ({"lookback_days": -1}, "lookback_days must be a whole number from 0 to 36500"),
        ({"flattening_max_depth": "2"}, "flattening_max_depth must be a whole number"),
    ],
    ids=lambda part: None if isinstance(part, str) else json.dumps(part),
)
def test_it_is_refused(
    settings: dict[str, Any],
    u8: Sandbox,
    change: dict[str, Any],
    error: str,
) -> None:
    with pytest.raises(SettingsError) as refused:
        TapYonyou(config=settings | change)
    (line,) = refused.value.args
    assert line.startswith(error)
    assert not u8.requests


@pytest.mark.installed
def test_the_command_says_it_in_one_line(tap: RunTap, u8: Sandbox) -> None:
    run = tap(pagesize=5)
    assert run.code == 1
    assert run.errors == ["unknown setting pagesize: did you mean page_size?"]
    assert run.out == ""
    assert "Traceback" not in run.log
    assert not u8.requests


def test_several_problems_are_told_at_once(tap: RunTap) -> None:
    run = tap(app_key=None, page_size=0, tokn="x")
    assert len(run.errors) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"app_key": ["PLACE"], "app_secret": {"a": "PLACE"}, "page_size": "PLACE"},
        {
            "filters": {"customercontacts": {"birthday": "PLACE"}},
            "api_url": "https://u:PLACE@h",
            "token": "PLACE\u00a0",
        },
    ],
)
def test_no_value_is_shown_at_any_level(tap: RunTap, change: dict[str, Any]) -> None:
    secret = "s3cret-in-the-wrong-place"  # noqa: S105
    given = json.loads(json.dumps(change).replace("PLACE", secret))
    run = tap(**given, env={"TAP_YONYOU_LOGLEVEL": "DEBUG"})
    assert run.code == 1
    assert len(run.errors) == 3
    assert secret not in run.log


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"streams": ["custmer"]}, "unknown stream custmer in streams: did you mean customer?"),
    ({"pagesize": 5}, "unknown setting pagesize: did you mean page_size?"),
    ({"page_size": 0}, "page_size must be a whole number from 1 to 10000"),
    ({"app_key": "a\u00a0b"}, "app_key begins or ends with a blank, or holds a character that "),
    ({"api_url": "http://example.com"}, "api_url must be an https address"),
    ({"filters": {"customercontacts": {"nmae": "x"}}}, "unknown filter filters.customercontacts."),
    ({"resources": {"customer": {"key": ["code"]}}}, "resources.customer is built in; "),
    ({"ds_sequence": 1, "ds_sequences": [1]}, "ds_sequence and ds_sequences are both set: "),
]


@pytest.mark.parametrize("mode", ["--discover", "--test", "--test=schema"])
@pytest.mark.parametrize(("change", "error"), WRONG, ids=lambda part: str(part)[:30])
def test_discovery_and_the_connection_test_refuse_what_a_run_refuses(
    tap: RunTap, u8: Sandbox, mode: str, change: dict[str, Any], error: str
) -> None:
    run = tap(mode, **change)
    assert (run.code, run.out) == (1, "")
    assert len(run.errors) == 1
    assert run.errors[0].startswith(error)
    assert not u8.requests


@pytest.mark.parametrize("change", [change for change, _ in WRONG], ids=str)
def test_about_tells_of_the_settings_however_wrong_they_are(
    tap: RunTap, change: dict[str, Any]
) -> None:
    run = tap("--about", **change)
    assert (run.code, run.errors) == (0, [])


@pytest.mark.parametrize("mode", ["--discover", "--about"])
def test_no_account_is_needed_to_look_around(clean_env: dict[str, str], mode: str) -> None:
    run = execute("--config=ENV", mode, env=clean_env)
    assert (run.code, run.errors) == (0, [])


@pytest.mark.parametrize("url", ["http://localhost:1", "http://[::1]:1", "http://127.1.2.3:1"])
def test_plain_http_to_a_loopback_host_is_allowed(tap: RunTap, url: str) -> None:
    run = tap("--test=schema", api_url=url)
    assert run.code == 0


def test_every_setting_works_from_the_environment(
    u8: Sandbox,
    clean_env: dict[str, str],
) -> None:
    settings = ACCOUNTS._asdict() | {
        "ds_sequence": "1",
        "api_url": u8.url,
        "page_size": "7",
        "request_timeout": "9",
        "max_attempts": "3",
        "max_passes": "2",
        "errcode_actions": '{"29999": "retry"}',
        "emit_activate_version_messages": "True",
        "filters": '{"customercontacts": {"name": "张", "default": true}}',
    }
    env = {f"TAP_YONYOU_{name.upper()}": value for name, value in settings.items()}
    run = execute("--config=ENV", env=clean_env | env)
    assert run.code == 0, run.log
    assert run.codes == ["00000007"]
    query = u8.requests[-1].query
    assert (query["rows_per_page"], query["ds_sequence"]) == ("7", "1")
    assert run.of("ACTIVATE_VERSION")

    env["TAP_YONYOU_TOKEN"] = u8.tokens[-1]
    del env["TAP_YONYOU_APP_SECRET"]
    assert execute("--config=ENV", env=clean_env | env).codes == ["00000007"]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("PAGE_SIZE", "many", "page_size must be a whole number from 1 to 10000"),
        ("PAGE_SIZE", "0", "page_size must be a whole number from 1 to 10000"),
        ("FILTERS", "{name: x}", "filters must be an object in JSON"),
        ("FILTERS", "[1]", "filters must be an object in JSON"),
        ("EMIT_ACTIVATE_VERSION_MESSAGES", "2", "emit_activate_version_messages must be true or "),
        ("ERRCODE_ACTIONS", '{"1": "skip"}', "errcode_actions.1 must be one of empty, login, "),
        ("STREAM_MAPS", "{mobile_phone: null}", "stream_maps must be an object in JSON"),
        ("FLATTENING_ENABLED", "maybe", "flattening_enabled must be true or false"),
        (
            "PAGESIZE",
            "5",
            "unknown setting TAP_YONYOU_PAGESIZE: did you mean TAP_YONYOU_PAGE_SIZE?",
        ),
        (
            "page_size",
            "5",
            "unknown setting TAP_YONYOU_page_size: did you mean TAP_YONYOU_PAGE_SIZE",
        ),
    ],
)
def test_a_bad_variable_is_named(
    tap: RunTap,
    u8: Sandbox,
    name: str,
    value: str,
    error: str,
) -> None:
    run = tap("--config=ENV", env={f"TAP_YONYOU_{name}": value})
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(error)
    assert not u8.requests


@pytest.mark.installed
def test_a_stream_map_of_the_environment_is_obeyed(tap: RunTap) -> None:
    maps = {"customercontacts": {"mobile_phone": None, "office_phone": "__NULL__"}}
    run = tap("--config=ENV", env={"TAP_YONYOU_STREAM_MAPS": json.dumps(maps)})
    assert run.code == 0
    assert len(run.records) == 225
    phones = {"mobile_phone", "office_phone"}
    for fields in (*run.records, run.of("SCHEMA")[0]["schema"]["properties"]):
        assert phones.isdisjoint(fields)


def test_variables_that_are_no_settings_are_named_but_not_those_of_meltano(tap: RunTap) -> None:
    meltano = {
        "TAP_YONYOU_LOGLEVEL": "INFO",
        "TAP_YONYOU_PAGE_SIZE": "7",
        "TAP_YONYOU_FILTERS": '{"customercontacts.ccuscode": "0215"}',
        "TAP_YONYOU_FILTERS_CUSTOMERCONTACTS_CCUSCODE": "0215",
        "TAP_YONYOU__SELECT": "[]",
        "TAP_YONYOU_SALES_PAGE_SIZE": "7",
        "TAP_YONYOU_SALES_FILTERS_CUSTOMERCONTACTS_CCUSCODE": "0215",
        "TAP_YONYOU_SALES__SELECT": "[]",
    }
    run = tap(env=meltano | {"TAP_YONYOU_PAGESIZE": "12321", "TAP_YONYOU_OTHER": ""})
    assert run.code == 0
    warnings = [line for line in run.log.splitlines() if "WARNING" in line]
    assert len(warnings) == 1
    assert warnings[0].endswith(
        "| unknown setting TAP_YONYOU_PAGESIZE: did you mean TAP_YONYOU_PAGE_SIZE?"
    )
    assert "12321" not in run.log
    extras = {"TAP_YONYOU__SELECT": "[]", "TAP_YONYOU_LOGLEVEL": "INFO"}
    assert tap("--config=ENV", env=extras).code == 0


def test_the_environment_overrules_the_file(tap: RunTap, u8: Sandbox) -> None:
    run = tap("--config=ENV", page_size=5, env={"TAP_YONYOU_PAGE_SIZE": "77"})
    assert run.code == 0
    assert u8.requests[-1].query["rows_per_page"] == "77"


def test_a_blank_variable_is_not_set(tap: RunTap) -> None:
    names = ("PAGE_SIZE", "DS_SEQUENCE", "FILTERS", "TOKEN", "API_URL", "OTHER")
    run = tap("--config=ENV", env={f"TAP_YONYOU_{name}": "" for name in names})
    assert run.code == 0, run.log


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_a_config_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, clean_env: dict[str, str], content: str | None
) -> None:
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_text(content)
    run = execute("--config", str(path), env=clean_env)
    assert run.code == 1
    assert run.errors == [
        "--config was not found, or is not a JSON object: give a file's name, or ENV"
    ]


@pytest.mark.parametrize("option", ["catalog", "state"])
@pytest.mark.parametrize("content", [b"{", b'{"a": "\xcf\xe3"}', b"", b"[]", b'"x"', b"3"])
def test_a_catalog_or_state_that_is_not_json_is_refused(
    tap: RunTap,
    tmp_path: Path,
    option: str,
    content: bytes,
) -> None:
    (tmp_path / "broken").write_bytes(content)
    run = tap(f"--{option}", str(tmp_path / "broken"))
    assert run.code == 1
    assert run.errors == [f"--{option} is not a JSON object in UTF-8"]


def test_a_catalog_is_read_as_utf_8_whatever_the_locale(
    tap: RunTap,
    catalog: dict[str, Any],
    tmp_path: Path,
) -> None:
    (tmp_path / "utf8.json").write_text(json.dumps(catalog, ensure_ascii=False), "utf-8-sig")
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = tap("--catalog", str(tmp_path / "utf8.json"), env=env)
    assert run.code == 0
    schema = run.of("SCHEMA")[0]["schema"]
    assert "联系人编码" in schema["properties"]["code"]["description"]


@pytest.mark.parametrize(
    ("stream", "key", "value", "problem"),
    [
        ("customer", "timestamp", "0x1F", "a decimal number"),
        ("customer", "timestamp", "562021.55.1", "a decimal number"),
        ("customer", "timestamp", ["562021"], "a text or a whole number"),
        ("customercontacts", "code", {"a": "00000007"}, "a text or a whole number"),
    ],
)
def test_a_bookmark_edited_into_nonsense_is_named(
    tap: RunTap, u8: Sandbox, stream: str, key: str, value: object, problem: str
) -> None:
    catalog = json.loads(tap("--discover", streams=[stream]).out)
    catalog["streams"][0] |= {"replication_method": "INCREMENTAL", "replication_key": key}
    bookmark = {"replication_key": key, "replication_key_value": value}
    state = {"bookmarks": {stream: bookmark}}
    run = tap(streams=[stream], catalog=catalog, state=state)
    assert run.code == 1
    assert run.errors == [
        f"the bookmark of {stream} is not {problem}: correct or remove it in the state"
    ]
    assert not u8.requests
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    assert "the bookmark of" not in tap(streams=[stream], catalog=catalog, state=state).log


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("catalog", {"streams": [{"metadata": None}]}),
        ("catalog", {"bookmarks": {}}),
        ("state", {"bookmarks": {"customercontacts": "s3cret-value"}}),
        ("state", {"bookmarks": {"customercontacts": {"partitions": ["s3cret-value"]}}}),
        ("state", {"bookmarks": ["s3cret-value"]}),
    ],
    ids=str,
)
def test_a_mangled_catalog_or_state_is_one_line_without_a_value(
    tap: RunTap, option: str, content: object
) -> None:
    run = tap(**{option: content})
    assert (run.code, len(run.errors)) == (1, 1)
    assert "Traceback" not in run.log
    assert "s3cret" not in run.log
