"""Whatever a reply holds: valid records or one clear error, never a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sandbox import ACCOUNTS, Fault, Sandbox
from tap_yonyou.errors import TapError
from tap_yonyou.tap import TapYonyou
from tests.in_process import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunTap

FIELDS = [
    "code",
    "name",
    "birthday",
    "default",
    "be_main_linker",
    "mobile_phone",
    "define1",
    "CODE",
]

# Text as JSON can carry it: any character, NUL and lone surrogates among them.
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from([10**400, 1e308, -0.0]),
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXT,
    st.sampled_from(["", "1", "0", "-1", "true", "2024-02-29", "2024/2/9 8:00", "0000-00-00"]),
    st.dates().map(str),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ROW = st.dictionaries(st.sampled_from(FIELDS) | TEXT, VALUES, max_size=6)
KEYED = st.builds(lambda row, code: row | {"code": code}, ROW, st.integers(0, 99).map(str))
REPLY = st.fixed_dictionaries(
    {},
    optional={
        "errcode": st.sampled_from(["0", 0, "20002", None, "", "31111"]) | VALUES,
        "errmsg": VALUES,
        "customercontacts": st.lists(KEYED, max_size=4)
        | st.lists(ROW | VALUES, max_size=3)
        | VALUES,
        "page_index": VALUES,
        "rows_per_page": st.integers(0, 9).map(str) | VALUES,
        "row_count": st.integers(0, 9).map(str) | VALUES,
        "page_count": st.integers(0, 3).map(str) | VALUES,
    },
)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def records_of(server: Sandbox, bodies: list[bytes]) -> list[dict[str, Any]]:
    """Read replies of these bodies; check that each record is valid."""
    server._orders.clear()  # noqa: SLF001 -- one server for all examples
    for body in bodies:
        server.fail(Fault.body(body))
    server.fail(Fault.errcode("39999"), times=None)
    kept = Kept()
    config = {**ACCOUNTS._asdict(), "api_url": server.url, "max_attempts": 1, "max_passes": 1}
    tap = TapYonyou(config=config, message_writer=kept)
    try:
        tap.sync_all()
    except TapError as error:
        assert error.args  # noqa: PT017
        for line in error.args:
            assert len(str(line).splitlines()) == 1
    messages = kept.messages
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in kept.lines)
    schema = messages[0]["schema"]
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    for record in records:
        validator.validate(record)
        assert record["code"]
        assert record.keys() == schema["properties"].keys()
    assert b"\\u0000" not in b"".join(kept.lines)
    return records


@given(replies=st.lists(REPLY, min_size=1, max_size=3))
@example(replies=[{"errcode": "0", "customercontacts": [{"code": "1", "name": "\ud800"}]}])
@example(replies=[{"errcode": "0", "customercontacts": [{"code": "\ud800"}, {"code": "\0"}]}])
@example(replies=[{"errcode": ["0"], "errmsg": {"a": "b"}}])
@hypothesis_settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_reply_gives_valid_records_or_one_line(
    server: Sandbox,
    replies: list[dict[str, Any]],
) -> None:
    records_of(server, [json.dumps(reply).encode() for reply in replies])


@given(body=st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
@example(body=b"[" * 100_000)
@example(body=b'{"customercontacts":' + b"[" * 100_000)
@example(body=b'{"errcode":' + b"9" * 5000 + b"}")
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_bytes_are_one_line(server: Sandbox, body: bytes) -> None:
    records_of(server, [body])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"errcode":"0","customercontacts":[{"code":"1","name":"a\\ud800b"}]}', None),
        (
            b'\xef\xbb\xbf{"errcode":"0","customercontacts":[{"code":"1","name":"\xe5\xbc\xa0"}]}',
            "张",
        ),
        (b'{"errcode":"0","customercontacts":[{"code":"1","name":1.10}]}', "1.10"),
    ],
    ids=["lone surrogate", "byte order mark", "digits"],
)
def test_odd_but_readable_bodies_are_read(server: Sandbox, body: bytes, name: str | None) -> None:
    (record,) = records_of(server, [body, b'{"errcode":"20002"}'])
    assert record["name"] == name


def test_a_text_with_half_a_character_is_null_and_counted(tap: RunTap, u8: Sandbox) -> None:
    rows = [
        {"code": "1", "name": "a\ud83d", "qq": "whole \ud83d\ude00"},
        {"code": "2", "name": "b"},
    ]
    reply = {"errcode": "0", "row_count": "2", "page_count": "1", "customercontacts": rows}
    u8.fail(Fault.body(json.dumps(reply).encode()))
    run = tap()
    assert run.code == 0
    assert [record["name"] for record in run.records] == [None, "b"]
    assert run.records[0]["qq"] == "whole 😀"
    assert "; 1 value set to null (name 1); " in run.summary


def test_a_message_with_half_a_character_is_shown(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.body(b'{"errcode":"39999","errmsg":"\xe5\xbf\x99\\ud83d"}'), page=1)
    assert "page 1: errcode 39999 (忙): " in tap().errors[0]


@pytest.mark.installed
def test_the_command_survives_deep_junk(tap: RunTap, u8: Sandbox) -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    u8.tables["customercontacts"][0] |= {"name": deep, "define1": deep}
    run = tap()
    assert run.code == 0
    assert run.records[0]["name"] is None
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"]]
