"""Which accounts and token go with a request, and how often it is repeated."""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import backoff

from tap_yonyou.errors import RunError, TapError, U8Error, counted
from tap_yonyou.u8.errcodes import LOG_IN_HINT, OK, Action, Failure, refusal
from tap_yonyou.u8.reply import Reply
from tap_yonyou.u8.token import Login, Token
from tap_yonyou.u8.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_yonyou.u8.pages import Ask

_logger = logging.getLogger("tap-yonyou.gateway")

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0
#: The most log-ins that one request may cause.
_MAX_LOG_INS: Final = 3
#: The most attempts at a request refused with an unknown code before anything was read: that is
#: more likely a mistake (a wrong `ds_sequence`) than passing trouble.
_MAX_UNKNOWN: Final = 3
_OTHER_ACCOUNT_HINT: Final = "check that app_key and app_secret belong to from_account"
_OTHER_RUN_HINT: Final = (
    "an earlier one was: if another program logs in with the same app, run one after the other"
)
_CANNOT_RENEW_HINT: Final = (
    "set app_secret to have the tap obtain and renew tokens, or set a new token"
)


@dataclass(eq=False)
class Endpoint:
    """What a read asks for, whatever the single ask.

    Attributes:
        path: Where.
        rows: The key of the rows in a reply; dots lead into nested objects.
        label: How log lines and errors begin: the stream, and the data source if there are several.
        params: Parameters of each request, beside accounts and the ask's own.
        requests: How many requests were sent, repeated ones and log-ins included.
    """

    path: str
    rows: str
    label: str
    params: Mapping[str, Any]
    requests: int = 0
    #: False for the list of documents: the next list would be requested long before it is read.
    is_last: bool = True


class Gateway:
    """The OpenAPI of U8+, shared by all streams of a run."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Send nothing yet. Discovery needs no account, so that these settings may be missing."""
        self._wire = Wire(
            config["api_url"], timeout=config["request_timeout"], connections=config["concurrency"]
        )
        self._max_attempts: int = config["max_attempts"]
        self._errcode_actions: Mapping[str, str] = config.get("errcode_actions", {})
        self._accounts = {name: config.get(name) for name in ("from_account", "app_key")}
        self._scope = {name: config.get(name) for name in ("to_account", "ds_sequence")}
        self._app_secret: str | None = config.get("app_secret")
        self._login = Login(config.get("token"), can_renew=self._app_secret is not None)
        self._lock = threading.Lock()
        #: Whether any ask was answered well.
        self._has_read = False

    def get(self, endpoint: Endpoint, ask: Ask, abandoned: threading.Event) -> Reply:
        """Send an ask until it is answered well: with rows, or with the news that there are none.

        Once `abandoned` is set, a wait for the next attempt ends with the error.

        Raises:
            U8Error: The reply ends the read, or no attempt was answered well.
            RunError: The log-in failed.
        """
        attempts = _Attempts(f"{endpoint.label}, {ask.label}", abandoned, U8Error)
        params = {**endpoint.params, **ask.params}
        while True:
            token = self._login.token(partial(self._log_in, endpoint))
            query = {**self._accounts, **self._scope, "token": token.id, **params}
            try:
                reply = self._send(endpoint, endpoint.path, endpoint.rows, query)
                self._check(reply, ask)
            except Failure as failure:
                if failure.action is not Action.LOGIN:
                    attempts.wait(failure, self._most_attempts(failure))
                # If another token is in use by now, the request is repeated with that.
                elif self._login.refuse(token):
                    attempts.log_in_again(failure)
            else:
                self._has_read = True
                return reply

    def _log_in(self, endpoint: Endpoint) -> Token:
        attempts = _Attempts("log-in", threading.Event(), RunError)
        query = {**self._accounts, "app_secret": self._app_secret}
        while True:
            try:
                reply = self._send(endpoint, "/system/token", "token", query)
                if reply.errcode != OK:
                    raise self._refused_log_in(reply)
                return Token.of(reply)
            except Failure as failure:
                attempts.wait(failure, self._most_attempts(failure))

    def _most_attempts(self, failure: Failure) -> int:
        most = self._max_attempts
        return most if failure.is_known or self._has_read else min(most, _MAX_UNKNOWN)

    def _send(self, endpoint: Endpoint, path: str, key: str, query: Mapping[str, Any]) -> Reply:
        """Make one attempt; any reply with an `errcode` is an answer."""
        with self._lock:
            endpoint.requests += 1
        return Reply.parse(self._wire.get(path, query), key)

    def _check(self, reply: Reply, ask: Ask) -> None:
        """Raise Failure unless a reply has what was asked for, or says that there is nothing."""
        if reply.errcode == OK:
            reply.check(ask.document)
            return
        failure = refusal(reply.errcode, reply.errmsg, self._errcode_actions)
        if failure.action is Action.LOGIN:
            if not self._login.can_renew:
                failure.action, failure.advice = Action.FATAL, _CANNOT_RENEW_HINT
            else:
                failure.advice = _OTHER_RUN_HINT if self._has_read else _OTHER_ACCOUNT_HINT
        if failure.action is not Action.EMPTY:
            raise failure

    def _refused_log_in(self, reply: Reply) -> Failure:
        """Say why there is no token; at a log-in, no code means that there are no rows."""
        failure = refusal(reply.errcode, reply.errmsg, self._errcode_actions)
        if failure.action in {Action.LOGIN, Action.EMPTY} or not failure.is_known:
            failure.advice = LOG_IN_HINT
        is_passing = failure.action in {Action.RETRY, Action.LOGIN}
        failure.action = Action.RETRY if is_passing else Action.FATAL
        return failure


class _Attempts:
    """The attempts at one request, and the waits between them."""

    def __init__(self, label: str, abandoned: threading.Event, error: type[TapError]) -> None:
        self._label = label
        self._abandoned = abandoned
        self._error_class = error
        self._made = 1
        self._log_ins = 0
        self._waits = backoff.expo(base=2, factor=_FIRST_WAIT, max_value=_LONGEST_WAIT)
        next(self._waits)  # how backoff starts a generator

    def wait(self, failure: Failure, most: int) -> None:
        """Wait for the next attempt; raise the error if there is none."""
        if failure.action is Action.FATAL:
            raise self._error(failure)
        if self._made >= most:
            raise self._error(failure, self._made)
        self._made += 1
        self._wait(failure, f"attempt {self._made} of {most}")

    def log_in_again(self, failure: Failure) -> None:
        """Wait for the next log-in; raise the error if this request has caused enough of them."""
        self._log_ins += 1
        if self._log_ins > _MAX_LOG_INS:
            raise self._error(failure)
        if self._log_ins > 1:
            self._wait(failure, f"log-in {self._log_ins} of {_MAX_LOG_INS}")

    def _wait(self, failure: Failure, following: str) -> None:
        seconds = failure.retry_after
        if seconds is None:
            jitter = random.uniform(0.8, 1.2)  # noqa: S311 -- guards no secret
            seconds = min(next(self._waits) * jitter, _LONGEST_WAIT)
        _logger.warning(
            "%s: %s; %s follows in %.1f s", self._label, failure.problem, following, seconds
        )
        if self._abandoned.wait(seconds):
            raise self._error(failure, self._made)

    def _error(self, failure: Failure, attempts: int = 0) -> TapError:
        given_up = f"given up after {counted(attempts, 'attempt')}" if attempts else ""
        parts = (f"{self._label}: {failure.problem}", given_up, failure.advice)
        error = self._error_class(
            "; ".join(filter(None, parts)),
            kind="server" if failure.action is Action.RETRY else "access",
            errcode=failure.errcode,
            private=failure.private,
        )
        error.is_final = failure.action is Action.FATAL
        return error
