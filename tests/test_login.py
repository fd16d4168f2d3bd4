"""One token for a run: obtained with the secret, shared, renewed before it expires."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import ACCOUNTS, Fault
from tap_yonyou.api import U8Api
from tap_yonyou.auth import Login

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import RunTap


def log_ins(u8: Sandbox) -> int:
    return sum(request.path == "/system/token" for request in u8.requests)


def test_one_token_serves_the_whole_run(tap: RunTap, u8: Sandbox) -> None:
    assert len(tap(page_size=10).records) == 225
    assert log_ins(u8) == 1
    log_in, *pages = u8.requests
    assert log_in.query == {
        "from_account": ACCOUNTS.from_account,
        "app_key": ACCOUNTS.app_key,
        "app_secret": ACCOUNTS.app_secret,
    }
    assert {page.query["token"] for page in pages} == set(u8.tokens)


def test_all_requests_share_a_connection(tap: RunTap, u8: Sandbox) -> None:
    tap(page_size=50, concurrency=1)
    assert len({request.connection for request in u8.requests}) == 1


def test_a_token_issued_elsewhere_is_used_as_it_is(
    tap: RunTap,
    u8: Sandbox,
    settings: dict[str, Any],
) -> None:
    del settings["app_secret"]
    token = u8.token(ACCOUNTS._asdict())["token"]["id"]  # type: ignore[index]
    assert len(tap(token=token).records) == 225
    assert log_ins(u8) == 0


def test_with_both_the_secret_wins(tap: RunTap, u8: Sandbox) -> None:
    assert len(tap(token="issued-elsewhere").records) == 225
    assert all(request.query.get("token") != "issued-elsewhere" for request in u8.requests)


def test_a_token_is_renewed_before_it_expires_while_pages_are_read(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.token_life = 2
    u8.latency = 0.1
    run = tap(page_size=5, concurrency=1)
    assert run.code == 0
    assert len(run.records) == 225
    assert 2 <= len(u8.tokens) < 10


@pytest.mark.parametrize(
    ("life", "renewed_after"),
    [(7200, 6900), ("7200", 6900), (100, 90), (None, 6900), ("soon", 6900)],
    ids=repr,
)
def test_a_token_is_renewed_300_s_or_a_tenth_of_its_life_before_its_end(
    u8: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    life: object,
    renewed_after: int,
) -> None:
    now = [1000.0]
    for number in (1, 2):
        token = {"id": f"token-{number}", "expiresIn": life}
        u8.fail(Fault.reply({"errcode": "0", "token": token}), endpoint="token")
    login = Login(
        U8Api(u8.url, timeout=5),
        from_account=ACCOUNTS.from_account,
        app_key=ACCOUNTS.app_key,
        app_secret=ACCOUNTS.app_secret,
        token=None,
    )
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert login.token() == "token-1"
    now[0] += renewed_after - 1
    assert login.token() == "token-1"
    now[0] += 1
    assert login.token() == "token-2"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.errcode("30021", "此应用未上线"), "errcode 30021 (此应用未上线): the app is not "),
        (Fault.errcode("39999"), "errcode 39999: this code is not known"),
        (Fault.errcode("20002", "未检索到匹配的[应用]"), "errcode 20002 (未检索到匹配的[应用]): "),
        (Fault.reply({"errcode": "0", "errmsg": ""}), "the reply has no token; given up after 2 "),
        (Fault.reply({"errcode": "0", "token": {"expiresIn": 7200}}), "the reply has no token; "),
        (Fault.reply({"errcode": "0", "token": "abc"}), "the reply has no token; "),
        (Fault.reply({"token": {"id": ""}}), "the reply has no token; "),
        (Fault.body(b"<html>", "text/html"), "the body is not JSON; given up after 2 attempts; "),
    ],
)
def test_a_refused_log_in_ends_the_run_with_code_message_and_hint(
    tap: RunTap,
    u8: Sandbox,
    fault: Fault,
    said: str,
) -> None:
    u8.fail(fault, endpoint="token", times=None)
    run = tap()
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(f"log-in: {said}")
    assert run.errors[0].endswith("; check api_url, from_account, app_key and app_secret")
    assert "Traceback" not in run.log
    assert {request.path for request in u8.requests} == {"/system/token"}


def test_a_wrong_secret_is_refused(tap: RunTap, u8: Sandbox) -> None:
    run = tap(app_secret="not-the-secret")
    assert run.code == 1
    assert run.errors[-1].startswith("log-in: errcode 39002 ")
    assert "not-the-secret" not in run.log
    assert log_ins(u8) == 1


def test_a_token_that_is_not_accepted_is_replaced_while_pages_are_read(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.before(page=3, do=u8.revoke)
    run = tap(page_size=50)
    assert run.code == 0
    assert run.codes == [row["code"] for row in u8.rows]
    assert len(u8.tokens) == 2


def test_a_second_refusal_ends_the_run(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("30012", "token无效"), page=2, times=None)
    run = tap(page_size=50)
    assert run.code == 1
    assert run.errors == [
        "customercontacts, page 2: errcode 30012 (token无效): the token is not accepted; check "
        "that app_key and app_secret belong to from_account",
    ]
    assert len(u8.tokens) == 2
    assert len(run.records) == 50


@pytest.mark.parametrize("message", ["invalid Token", "令牌已过期"])
@pytest.mark.parametrize("code", ["39998", "29998"])
def test_an_unknown_code_that_speaks_of_a_token_gets_one_new_log_in(
    tap: RunTap,
    u8: Sandbox,
    code: str,
    message: str,
) -> None:
    u8.fail(Fault.errcode(code, message))
    assert tap().code == 0
    assert len(u8.tokens) == 2
    u8.fail(Fault.errcode(code, message), times=None)
    run = tap()
    assert run.code == 1
    assert f"errcode {code} ({message})" in run.errors[0]
    assert len(u8.tokens) == 4


def test_a_refused_token_from_elsewhere_is_fatal_with_the_way_out(
    tap: RunTap,
    u8: Sandbox,
    settings: dict[str, Any],
) -> None:
    del settings["app_secret"]
    run = tap(token="issued-elsewhere-and-expired")
    assert run.code == 1
    assert run.errors == [
        "customercontacts, page 1: the token is not accepted; set app_secret to have the tap "
        "obtain and renew tokens, or set a new token",
    ]
    assert len(u8.requests) == 1
