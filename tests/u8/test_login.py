"""One token for a run: obtained with the secret, shared, renewed before it expires."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import ACCOUNTS, Fault
from tests.u8.test_faults import ask, gateway_of

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import RunTap


def log_ins(u8: Sandbox) -> int:
    return sum(request.path == "/system/token" for request in u8.requests)


@pytest.mark.installed
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
    u8.token_life = 1
    u8.latency = 0.05
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
        token: dict[str, object] = {"id": f"token-{number}", "expiresIn": life}
        u8.fail(Fault.reply({"errcode": "0", "token": token}), endpoint="token")
    gateway = gateway_of(u8)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    u8.fail(Fault.reply({"errcode": "20002"}), times=None)  # whatever the token
    for moment, number in ((0, 1), (renewed_after - 1, 1), (renewed_after, 2)):
        now[0] = 1000.0 + moment
        ask(gateway)
        assert u8.requests[-1].query["token"] == f"token-{number}"


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault.errcode("39999"), "errcode 39999: this code is not known to the tap; check "),
        (
            Fault.errcode("20002", "未检索到匹配的[应用]"),
            "errcode 20002 (未检索到匹配的[应用]): nothing matches; ",
        ),
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
    problem: str,
) -> None:
    u8.fail(fault, endpoint="token", times=None)
    run = tap()
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(f"log-in: {problem}")
    assert run.errors[0].endswith("; check api_url, from_account, app_key and app_secret")
    assert "errcode_actions" not in run.errors[0]
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
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"]]
    assert len(u8.tokens) == 2


def test_a_token_refused_again_and_again_ends_the_run_after_three_log_ins(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.fail(Fault.errcode("30012", "token无效"), page=2, times=None)
    run = tap(page_size=50, concurrency=1)
    assert run.code == 1
    # Earlier requests were answered, so that the accounts are the right ones.
    assert run.errors == [
        "customercontacts, page 2: errcode 30012 (token无效): the token is not accepted; an "
        "earlier one was: if another program logs in with the same app, run one after the other",
    ]
    assert len(u8.tokens) == 1 + 3
    assert len(run.records) == 50
    waits = [line for line in run.log.splitlines() if " of 3 follows in " in line]
    assert ["log-in 2 of 3" in waits[0], "log-in 3 of 3" in waits[1]] == [True, True]


def test_the_hint_speaks_of_app_key_if_no_request_ever_succeeded(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.errcode("30012", "token无效"), times=None)
    assert tap().errors == [
        "customercontacts, page 1: errcode 30012 (token无效): the token is not accepted; check "
        "that app_key and app_secret belong to from_account",
    ]


def test_a_token_that_another_program_replaces_is_obtained_again(
    tap: RunTap,
    u8: Sandbox,
) -> None:
    u8.newest_token_only = True

    def log_in_elsewhere() -> None:
        u8.token(ACCOUNTS._asdict())

    # Both pages, and the second one twice.
    for page in (2, 4, 4):
        u8.before(page=page, do=log_in_elsewhere)
    run = tap(page_size=50)
    assert run.code == 0
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"]]


def test_a_token_that_was_replaced_meanwhile_costs_no_log_in(u8: Sandbox) -> None:
    u8.newest_token_only = True
    gateway = gateway_of(u8)
    ask(gateway)
    first = u8.tokens[-1]

    def replace() -> None:
        # Another request of this run is refused, and logs in, while this one is on its way.
        if len(u8.tokens) == 1:
            u8.revoke()
            thread = threading.Thread(target=ask, args=(gateway,))
            thread.start()
            pending.append(thread)

    pending: list[threading.Thread] = []
    u8.before(page=1, do=replace)
    ask(gateway)
    for thread in pending:
        thread.join()
    assert u8.tokens[0] == first
    assert len(u8.tokens) == 2


@pytest.mark.parametrize("message", ["invalid Token", "令牌已过期"])
@pytest.mark.parametrize("code", ["39998", "29998"])
def test_an_unknown_code_that_speaks_of_a_token_gets_a_new_log_in(
    tap: RunTap,
    u8: Sandbox,
    code: str,
    message: str,
) -> None:
    u8.fail(Fault.errcode(code, message))
    assert tap().code == 0
    assert len(u8.tokens) == 2


def test_a_refused_token_from_elsewhere_is_fatal_with_the_way_out(
    tap: RunTap,
    u8: Sandbox,
    settings: dict[str, Any],
) -> None:
    del settings["app_secret"]
    run = tap(token="issued-elsewhere-and-expired")
    assert run.code == 1
    assert run.errors == [
        "customercontacts, page 1: errcode 30012 (token无效): the token is not accepted; set "
        "app_secret to have the tap obtain and renew tokens, or set a new token",
    ]
    assert len(u8.requests) == 1
