"""A passing fault loses nothing; a lasting one ends the run with one line; neither leaks."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from sandbox import ACCOUNTS, Fault, Sandbox, contacts
from tap_yonyou.errors import TapError, U8Error
from tap_yonyou.u8.gateway import Endpoint, Gateway
from tap_yonyou.u8.pages import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunTap

#: Where a fault strikes: endpoint and page of three, and how the error's line begins.
PLACES: dict[str, tuple[dict[str, Any], str, int]] = {
    "log-in": ({"endpoint": "token"}, "log-in: ", 0),
    "first page": ({"page": 1}, "customercontacts, page 1: ", 0),
    "middle page": ({"page": 2}, "customercontacts, page 2: ", 20),
    "last page": ({"page": 3}, "customercontacts, page 3: ", 40),
}

#: Faults that pass by themselves, and the error of one that does not.
PASSING: dict[str, tuple[Fault, str]] = {
    "reset": (Fault.reset(), "the connection failed (Connection reset by peer)"),
    "closed": (Fault.close(), "the connection failed (RemoteDisconnected)"),
    "stalled": (Fault.stall(1.3), "no answer within 1 s"),
    "cut": (Fault.cut(), "the connection failed (IncompleteRead)"),
    "HTTP 429": (Fault.status(429), "HTTP 429"),
    "HTTP 500": (Fault.status(500, body=b"<html>oops"), "HTTP 500"),
    "HTTP 502": (Fault.status(502), "HTTP 502"),
    "HTTP 503": (Fault.status(503, {"Retry-After": "1"}), "HTTP 503"),
    "empty body": (Fault.body(b""), "the body is empty"),
    "not JSON": (Fault.body(b'{"errcode":"0","customercontacts":[{"co'), "the body is not JSON"),
    "HTML": (Fault.body(b"<html><body>502</body></html>", "text/html"), "the body is not JSON"),
    "no object": (Fault.body(b"[]"), "the body is not a JSON object"),
    "nothing": (Fault.reply({}), "the reply has no errcode"),
    "no rows": (
        Fault.reply({"row_count": "60", "rows_per_page": "20"}),
        "the reply has no errcode",
    ),
    "fine, but nothing": (Fault.reply({"errcode": "0", "errmsg": ""}), "the reply has no "),
    "HTTP 408": (Fault.status(408), "HTTP 408"),
    "HTTP 425": (Fault.status(425), "HTTP 425"),
    "20006": (Fault.errcode("20006"), "errcode 20006: U8 could not answer this request"),
    "unknown 2": (Fault.errcode("21234", "忙"), "errcode 21234 (忙): this code is not known"),
    "30012": (Fault.errcode("30012", "token无效"), "errcode 30012 (token无效): the token is not"),
}
#: Faults that end the run at once.
FATAL: dict[str, tuple[Fault, str]] = {
    "HTTP 403": (Fault.status(403), "HTTP 403; check api_url and what the app is allowed to do"),
    "HTTP 404": (Fault.status(404), "HTTP 404; check api_url and what the app is allowed to do"),
    "redirect": (Fault.redirect("https://elsewhere.example.com/?a=b"), "HTTP 302, a redirect"),
    "30021": (Fault.errcode("30021", "此应用未上线"), "errcode 30021 (此应用未上线): the app"),
    "unknown 3": (Fault.errcode("31234", "拒绝"), "errcode 31234 (拒绝): this code is not known"),
}


@pytest.fixture
def u8() -> Any:
    with Sandbox(tables={"customercontacts": contacts(60)}) as running:
        yield running


#: Of each kind one that strikes in all places at once.
EVERYWHERE = ("reset", "cut", "HTTP 500", "not JSON", "20006", "unknown 2", "30012")


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_loses_nothing_wherever_it_strikes(
    watched_tap: RunTap,
    u8: Sandbox,
    fault: str,
) -> None:
    places = PLACES if fault in EVERYWHERE else {"middle page": PLACES["middle page"]}
    for where, _, _ in places.values():
        u8.fail(PASSING[fault][0], **where)
    run = watched_tap(page_size=20, request_timeout=1)
    assert run.code == 0
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"]]
    assert run.errors == []
    waits = [line.split(" | ", 3)[3] for line in run.log.splitlines() if "; attempt 2 of 2" in line]
    # A warning for each wait says where, what happened, and how long.
    for place, (_, label, _) in places.items():
        if fault == "30012" and place != "log-in":
            continue  # the token is renewed at once
        (wait,) = (wait for wait in waits if wait.startswith(label))
        assert {**PASSING, **FATAL}[fault][1] in wait
        assert re.search(r"; attempt 2 of 2 follows in [01]\.\d s$", wait)


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        *((fault, "middle page") for fault in EVERYWHERE),
        *(("reset", place) for place in PLACES if place != "middle page"),
    ],
)
def test_a_fault_that_stays_ends_the_run_with_one_line(
    watched_tap: RunTap,
    u8: Sandbox,
    fault: str,
    place: str,
) -> None:
    where, label, rows = PLACES[place]
    u8.fail(PASSING[fault][0], **where, times=None)
    run = watched_tap(page_size=20, request_timeout=1)
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(label)
    assert {**PASSING, **FATAL}[fault][1] in run.errors[0]
    assert ("; given up after 2 attempts" in run.errors[0]) == (fault != "30012")
    # The rows before it were emitted, in whole lines, and no STATE claims more.
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"][:rows]]
    assert run.of("STATE") == []


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        *((fault, "middle page") for fault in FATAL),
        *(("unknown 3", place) for place in PLACES if place != "middle page"),
    ],
)
def test_what_cannot_pass_ends_the_run_at_once(
    watched_tap: RunTap,
    u8: Sandbox,
    fault: str,
    place: str,
) -> None:
    where, label, rows = PLACES[place]
    u8.fail(FATAL[fault][0], **where)
    run = watched_tap(page_size=20)
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith(label + {**PASSING, **FATAL}[fault][1])
    assert len(run.records) == rows
    assert "elsewhere.example.com" not in run.log


@pytest.mark.parametrize("place", [*PLACES][1:])
def test_a_row_count_that_is_junk_is_no_row_count(
    tap: RunTap,
    u8: Sandbox,
    place: str,
) -> None:
    page = PLACES[place][0]["page"]
    rows = u8.tables["customercontacts"][20 * page - 20 : 20 * page]
    junk = {"errcode": "0", "row_count": "9" * 5000, "page_count": "-3", "rows_per_page": True}
    u8.fail(Fault.reply(junk | {"customercontacts": rows}), page=page)
    run = tap(page_size=20)
    assert run.code == 0
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"]]
    assert "cannot be proved" in run.log


@pytest.mark.installed
def test_without_debug_no_traceback_is_shown(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.reset(), times=None)
    assert 'File "' not in tap().log


def test_a_server_that_is_down_is_tried_again(tap: RunTap) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    late = Sandbox(tables={"customercontacts": contacts(3)}, port=port)
    timer = threading.Timer(1.2, late.__enter__)
    timer.start()
    try:
        run = tap(api_url=f"http://127.0.0.1:{port}", max_attempts=8)
    finally:
        timer.join()
        late.__exit__()
    assert run.code == 0
    assert len(run.records) == 3
    assert "log-in: the connection failed (Connection refused); attempt 2 of 8" in run.log


def test_a_server_that_stays_down_ends_the_run(watched_tap: RunTap, u8: Sandbox) -> None:
    u8.__exit__()
    run = watched_tap()
    assert run.code == 1
    assert run.errors == [
        "log-in: the connection failed (Connection refused); given up after 2 attempts; check "
        "api_url, HTTPS_PROXY and the network, then run again",
    ]
    u8.__enter__()


def test_each_request_has_its_own_attempts(tap: RunTap, u8: Sandbox) -> None:
    for page in (1, 2, 3):
        u8.fail(Fault.status(500), page=page)
    run = tap(page_size=20)
    assert run.code == 0
    assert len(run.records) == 60


def test_a_renewed_token_does_not_reset_the_attempts(tap: RunTap, u8: Sandbox) -> None:
    for fault in (Fault.status(500), Fault.errcode("30012"), Fault.status(500)):
        u8.fail(fault, page=2)
    run = tap(page_size=20)
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.errors[0].startswith("customercontacts, page 2: HTTP 500; given up after 2 attempts")


def test_one_attempt_is_one_attempt(tap: RunTap, u8: Sandbox) -> None:
    u8.fail(Fault.status(500), page=1)
    run = tap(max_attempts=1)
    assert run.code == 1
    assert len(u8.requests) == 2


@pytest.mark.parametrize("errcode", ["30021", "27777"])
@pytest.mark.parametrize(
    ("action", "code", "log_ins"),
    [("empty", 0, 1), ("retry", 1, 1), ("login", 1, 4), ("fatal", 1, 1)],
)
def test_errcode_actions_corrects_the_table(
    tap: RunTap,
    u8: Sandbox,
    errcode: str,
    action: str,
    code: int,
    log_ins: int,
) -> None:
    u8.fail(Fault.errcode(errcode), page=1, times=None)
    run = tap(errcode_actions={errcode: action})
    assert run.code == code
    assert run.records == []
    sent = [request.path for request in u8.requests]
    assert sent.count("/system/token") == log_ins
    assert len(sent) == 2 * log_ins + (action == "retry")


# The waits: nothing but the clock is replaced


class Clock:
    """Sleeps without taking time, and notes how long."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept: list[float] = []
        monkeypatch.setattr(threading.Event, "wait", lambda _, wait: self.slept.append(wait))


def gateway_of(u8: Sandbox, **settings: Any) -> Gateway:
    defaults = {"concurrency": 1, "request_timeout": 5, "max_attempts": 1}
    return Gateway({**ACCOUNTS._asdict(), "api_url": u8.url, **defaults, **settings})


def ask(gateway: Gateway) -> None:
    endpoint = Endpoint("/api/customercontacts/batch_get", "customercontacts", "x", {})
    gateway.get(endpoint, Ask({"page_index": 1}, "page 1"), threading.Event())


def give_up(u8: Sandbox, max_attempts: int) -> None:
    with pytest.raises(TapError):
        ask(gateway_of(u8, max_attempts=max_attempts))


def test_waits_begin_with_half_a_second_and_double_up_to_a_minute(
    u8: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    u8.fail(Fault.status(500), endpoint="token", times=None)
    clock = Clock(monkeypatch)
    give_up(u8, max_attempts=10)
    assert len(clock.slept) == 9
    for wait, expected in zip(clock.slept, (0.5, 1, 2, 4, 8, 16, 32, 60, 60), strict=True):
        assert expected * 0.79 <= wait <= min(expected * 1.21, 60)
    assert len({wait / 2**n for n, wait in enumerate(clock.slept[:6])}) > 1


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999", 3600, 3600),
        ("9" * 400, 3600, 3600),
        ("soon", 0.4, 0.6),
        ("", 0.4, 0.6),
    ],
)
def test_retry_after_is_honoured(
    u8: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    low: float,
    high: float,
) -> None:
    u8.fail(Fault.status(503, {"Retry-After": header}), endpoint="token", times=None)
    clock = Clock(monkeypatch)
    give_up(u8, max_attempts=2)
    (wait,) = clock.slept
    assert low <= wait <= high


# TLS and proxies


def test_tls_is_verified_and_a_ca_of_ones_own_is_honoured(
    tap: RunTap,
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Sandbox(tables={"customercontacts": contacts(60)}, tls=context) as u8:
        run = tap(api_url=u8.url)
        assert run.code == 1
        assert run.errors[0].startswith("log-in: TLS failed: unable to get local issuer")
        assert "attempt" not in run.log
        assert not u8.requests
        run = tap(api_url=u8.url, env={"REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")})
        assert run.code == 0, run.log
        assert len(run.records) == 60


class Proxy:
    """An HTTP proxy that leads to one place, wherever it is asked to connect to."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._server.accept()
            self.asked.append(client.recv(65_536).decode().partition("\r\n")[0])
            there = socket.create_connection(("127.0.0.1", self._port))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for one, other in ((client, there), (there, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one: socket.socket, other: socket.socket) -> None:
        with one, other, suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)


@pytest.fixture
def far_u8(tmp_path: Path) -> Iterator[tuple[Sandbox, Proxy, dict[str, str]]]:
    """A U8+ behind a name that only a proxy finds; the environment that leads there."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("u8.example.com").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with Sandbox(tables={"customercontacts": contacts(60)}, tls=context) as u8:
        proxy = Proxy(int(u8.url.rpartition(":")[2]))
        yield u8, proxy, {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": str(bundle)}


@pytest.mark.installed
def test_a_proxy_of_the_environment_is_used(
    tap: RunTap,
    far_u8: tuple[Sandbox, Proxy, dict[str, str]],
) -> None:
    u8, proxy, env = far_u8
    run = tap(api_url="https://u8.example.com", env=env)
    assert run.code == 0, run.log
    assert run.codes == [row["code"] for row in u8.tables["customercontacts"]]
    assert {line.split()[:2][1] for line in proxy.asked} == {"u8.example.com:443"}
    assert ACCOUNTS.app_key not in "".join(proxy.asked)


def test_a_loopback_address_is_never_reached_through_a_proxy(
    tap: RunTap,
    u8: Sandbox,
    tmp_path: Path,
) -> None:
    # Nor are the passwords of ~/.netrc sent there.
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password wrong")
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    run = tap(api_url=u8.url, env=proxies | {"NO_PROXY": "", "HOME": str(tmp_path)})
    assert run.code == 0, run.log
    assert {request.authorization for request in u8.requests} == {""}


def test_a_proxy_that_is_down_is_one_line(tap: RunTap) -> None:
    run = tap(api_url="https://u8.example.com", env={"HTTPS_PROXY": "http://127.0.0.1:9"})
    assert run.errors == [
        "log-in: the connection failed (Connection refused); given up after 2 attempts; check "
        "api_url, HTTPS_PROXY and the network, then run again",
    ]


@pytest.mark.parametrize("proxy", ["http://", "ftp://127.0.0.1", "http://[::1", "http://a:x"])
def test_an_address_of_a_proxy_that_cannot_be_used_is_one_line(tap: RunTap, proxy: str) -> None:
    run = tap(api_url="https://u8.example.com", env={"HTTPS_PROXY": proxy})
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("log-in: the request could not be sent (")
    assert error.endswith("; check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and REQUESTS_CA_BUNDLE")
    assert "attempt" not in run.log


def test_a_name_that_is_not_known_is_one_line(tap: RunTap) -> None:
    run = tap(api_url="https://u8.invalid")
    assert run.errors == [
        "log-in: the host of api_url cannot be found; given up after 2 attempts; check api_url "
        "and the name server (DNS)",
    ]


def certificates(tmp_path: Path) -> dict[str, tuple[ssl.SSLContext, str]]:
    """What is wrong with a server's certificate, and the authorities that the tap trusts."""
    authority, stranger = trustme.CA(), trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    issued = {
        "unable to get local issuer certificate": stranger.issue_cert("localhost"),
        "certificate has expired": authority.issue_cert("localhost", not_after=yesterday),
        "Hostname mismatch, certificate is not valid for 'localhost'.": authority.issue_cert(
            "elsewhere.example.com"
        ),
    }
    contexts = {}
    for reason, certificate in issued.items():
        contexts[reason] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(contexts[reason])
    return {reason: (context, str(bundle)) for reason, context in contexts.items()}


def test_a_tls_failure_names_its_reason_and_is_not_repeated(tap: RunTap, tmp_path: Path) -> None:
    for reason, (context, bundle) in certificates(tmp_path).items():
        with Sandbox(tls=context) as u8:
            run = tap(api_url=u8.url, env={"REQUESTS_CA_BUNDLE": bundle})
        assert run.errors == [
            f"log-in: TLS failed: {reason}; check api_url, the clock of this machine, and "
            "REQUESTS_CA_BUNDLE if your network has a certificate authority of its own",
        ]
        assert "attempt" not in run.log


def test_a_ca_bundle_that_cannot_be_read_is_one_line(
    tap: RunTap,
    u8: Sandbox,
    tmp_path: Path,
) -> None:
    bundle = tmp_path / "ca.pem"
    url, env = u8.url.replace("http:", "https:"), {"REQUESTS_CA_BUNDLE": str(bundle)}
    assert tap(api_url=url, env=env).errors == [
        "log-in: the request could not be sent (OSError); check HTTPS_PROXY, HTTP_PROXY, "
        "ALL_PROXY and REQUESTS_CA_BUNDLE",
    ]


# Time


@pytest.mark.parametrize("endpoint", ["token", "batch_get"])
def test_a_body_that_drips_fails_after_request_timeout(
    tap: RunTap,
    u8: Sandbox,
    endpoint: Any,
) -> None:
    u8.fail(Fault.drip(0.2), endpoint=endpoint)
    started = time.monotonic()
    run = tap(request_timeout=1)
    assert run.code == 0, run.log
    assert "no answer within 1 s; attempt 2 of 2 follows" in run.log
    assert time.monotonic() - started < 15  # the drips would take minutes


def test_a_slow_answer_is_in_time_if_all_of_it_is(tap: RunTap, u8: Sandbox) -> None:
    u8.latency = 0.6
    assert tap(request_timeout=1, page_size=20, concurrency=1).code == 0


@pytest.mark.parametrize(
    ("errcode", "attempts"),
    [("29002", 3), ("20006", 5)],
    ids=["unknown", "known"],
)
def test_an_unknown_code_gets_three_attempts_before_anything_was_read(
    u8: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    errcode: str,
    attempts: int,
) -> None:
    Clock(monkeypatch)
    gateway = gateway_of(u8, max_attempts=5)
    u8.fail(Fault.errcode(errcode), times=None)
    for expected in (attempts, 5):
        before = len(u8.requests)
        with pytest.raises(U8Error, match=f"given up after {expected} attempts"):
            ask(gateway)
        assert len(u8.requests) - before == expected + (before == 0)
        if expected == attempts:
            u8.forgive()
            ask(gateway)
            u8.fail(Fault.errcode(errcode), times=None)
