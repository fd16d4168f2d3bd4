"""Which accounts and token go with a request, and how often it is repeated."""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import backoff

from tap_yonyou.errors import RunError, TapError, U8Error
from tap_yonyou.u8.errcodes import ERRCODES, OK, RELAY_HINT, Action, Failure, errcode_text, look_up
from tap_yonyou.u8.reply import BadReply, Reply
from tap_yonyou.u8.token import Login, Token
from tap_yonyou.u8.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_yonyou.u8.pages import Ask

_logger = logging.getLogger("tap-yonyou.gateway")

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0
#: The most log-ins that one request may cause.
_MAX_LOG_INS: Final = 3
#: The most attempts at a request refused with an unknown code before anything was read: that is
#: more likely a mistake (a wrong `ds_sequence`) than passing trouble.
_MAX_UNKNOWN: Final = 3
_LOG_IN_HINT: Final = "check api_url, from_account, app_key and app_secret"
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


class Gateway:
    """The OpenAPI of U8+, shared by all streams of a run."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Send nothing yet. Discovery needs no account, so that these settings may be missing."""
        self._wire = Wire(
            config["api_url"],
            timeout=config["request_timeout"],
            connections=config["concurrency"],
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
        attempts = _Attempts(f"{endpoint.label}, {ask.label}", self._max_attempts, abandoned)
        params = {**endpoint.params, **ask.params}
        while True:
            token = self._login.token(partial(self._log_in, endpoint))
            query = {**self._accounts, **self._scope, "token": token.id, **params}
            try:
                reply = self._send(endpoint, endpoint.path, endpoint.rows, query)
                self._check(reply, ask)
            except Failure as failure:
                if failure.action is Action.LOGIN:
                    # If another token is in use by now, the request is repeated with that.
                    if self._login.refuse(token):
                        attempts.log_in_again(failure)
                    continue
                most = None if failure.is_known or self._has_read else _MAX_UNKNOWN
                attempts.wait(failure, most)
            else:
                self._has_read = True
                return reply

    def _log_in(self, endpoint: Endpoint) -> Token:
        attempts = _Attempts("log-in", self._max_attempts, threading.Event(), RunError)
        query = {**self._accounts, "app_secret": self._app_secret}
        while True:
            try:
                reply = self._send(endpoint, "/system/token", "token", query)
                if reply.errcode == OK:
                    return Token.of(reply)
                raise _log_in_refused(reply, self._errcode_actions)
            except BadReply as error:
                attempts.wait(Failure(str(error), _LOG_IN_HINT))
            except Failure as failure:
                attempts.wait(failure, None if failure.is_known else _MAX_UNKNOWN)

    def _send(self, endpoint: Endpoint, path: str, key: str, query: Mapping[str, Any]) -> Reply:
        """Make one attempt; any reply with an `errcode` is an answer."""
        with self._lock:
            endpoint.requests += 1
        content = self._wire.get(path, query)
        try:
            reply = Reply.parse(content, key)
            reply.check_errcode()
        except BadReply as error:
            advice = _LOG_IN_HINT if key == "token" else RELAY_HINT
            raise Failure(str(error), advice) from None
        return reply

    def _check(self, reply: Reply, ask: Ask) -> None:
        """Raise Failure unless a reply has what was asked for, or says that there is nothing."""
        if reply.errcode == OK:
            try:
                if ask.document:
                    reply.check_document(ask.document)
                else:
                    reply.check_rows()
            except BadReply as error:
                raise Failure(str(error), RELAY_HINT) from None
            return
        errcode, action = look_up(reply.errcode, reply.errmsg, self._errcode_actions)
        if action is Action.EMPTY:
            return
        meaning, advice = errcode.meaning, errcode.advice
        if action is Action.LOGIN:
            meaning = "the token is not accepted"
            if not self._login.can_renew:
                action, advice = Action.FATAL, _CANNOT_RENEW_HINT
            else:
                advice = _OTHER_RUN_HINT if self._has_read else _OTHER_ACCOUNT_HINT
        problem = f"{errcode_text(reply.errcode, reply.errmsg)}: {meaning}"
        is_known = reply.errcode in self._errcode_actions or reply.errcode in ERRCODES
        raise Failure(problem, advice, action, is_known=is_known)


class _Attempts:
    """The attempts at one request, and the waits between them."""

    def __init__(
        self,
        label: str,
        most: int,
        abandoned: threading.Event,
        error: type[TapError] = U8Error,
    ) -> None:
        self._label = label
        self._error_class = error
        self._most = most
        self._abandoned = abandoned
        self._made = 1
        self._log_ins = 0
        self._waits: Iterator[float] = backoff.expo(
            base=2, factor=_FIRST_WAIT, max_value=_LONGEST_WAIT
        )
        next(self._waits)  # how backoff starts a generator

    def wait(self, failure: Failure, most: int | None = None) -> None:
        """Wait for the next attempt; raise the error if there is none."""
        if failure.action is not Action.RETRY:
            raise self._error(failure)
        limit = min(self._most, most or self._most)
        if self._made >= limit:
            raise self._error(failure, self._made)
        self._made += 1
        self._wait(failure, f"attempt {self._made} of {limit}")

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
        parts = [f"{self._label}: {failure.problem}"]
        if attempts:
            parts.append(f"given up after {attempts} attempt{'s' * (attempts > 1)}")
        if failure.advice:
            parts.append(failure.advice)
        error = self._error_class("; ".join(parts))
        if isinstance(error, U8Error):
            error.is_final = failure.action is Action.FATAL
        return error


def _log_in_refused(reply: Reply, corrections: Mapping[str, str]) -> Failure:
    """Say why there is no token; at a log-in, no code means that there are no rows."""
    problem = errcode_text(reply.errcode, reply.errmsg)
    errcode, action = look_up(reply.errcode, reply.errmsg, corrections)
    is_known = reply.errcode in ERRCODES and action in {Action.RETRY, Action.FATAL}
    if is_known:
        return Failure(f"{problem}: {errcode.meaning}", errcode.advice, action)
    is_passing = action in {Action.RETRY, Action.LOGIN}
    action = Action.RETRY if is_passing else Action.FATAL
    return Failure(problem, _LOG_IN_HINT, action, is_known=False)
