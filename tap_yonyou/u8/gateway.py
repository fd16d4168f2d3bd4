"""What is asked of the gateway, and how often: accounts, token, attempts, waits."""

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

    from tap_yonyou.u8.resources import Resource

_logger = logging.getLogger("tap-yonyou.gateway")

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0
#: So many answers in a row that say "not now" mean "not so many at once".
_REFUSALS: Final = 3
#: The most log-ins that one request may cause.
_MAX_LOG_INS: Final = 3
#: The most attempts at a request that is refused with a code nobody knows, before anything was
#: read: such a code tells of a mistake (a wrong `ds_sequence`) rather than of passing trouble.
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
class Listing:
    """A list of U8 as one read asks for it.

    Attributes:
        resource: The list.
        label: What is read, to begin an error's text with: the stream.
        params: Parameters of each request, beside accounts and page.
        requests: How many requests were sent for it, repeated ones and log-ins included.
    """

    resource: Resource
    label: str
    params: Mapping[str, Any]
    requests: int = 0


class Gateway:
    """The OpenAPI of U8+, as every stream of one run reaches it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Request nothing yet.

        Args:
            config: The settings. Discovery needs no account, so that these may be missing.
        """
        #: The most requests in flight; halved once if the server cannot cope.
        self.concurrency: int = config["concurrency"]
        self._wire = Wire(
            config["api_url"],
            timeout=config["request_timeout"],
            connections=self.concurrency,
        )
        self._max_attempts: int = config["max_attempts"]
        self._errcode_actions: Mapping[str, str] = config.get("errcode_actions", {})
        self._accounts = {name: config.get(name) for name in ("from_account", "app_key")}
        self._scope = {name: config.get(name) for name in ("to_account", "ds_sequence")}
        self._app_secret: str | None = config.get("app_secret")
        self._login = Login(config.get("token"), can_renew=self._app_secret is not None)
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._in_flight = 0
        #: Whether any page has been read.
        self._has_read = False
        self._slowed = False
        self._refusals = 0

    def get(self, listing: Listing, page: int, abandoned: threading.Event) -> Reply:
        """Ask for a page of a list until it is answered well.

        Args:
            listing: The list.
            page: The page's number, from 1.
            abandoned: Ends a wait, and with it the attempts: nobody wants the answer any more.

        Returns:
            A reply with rows, or one that says that there are none.

        Raises:
            U8Error: The reply ends the read, or no attempt was answered well.
            RunError: The log-in failed.
        """
        resource, label = listing.resource, f"{listing.label}, page {page}"
        attempts = _Attempts(label, self._max_attempts, abandoned)
        params = {"page_index": page, **listing.params}
        while True:
            token = self._login.token(partial(self._log_in, listing))
            query = {**self._accounts, **self._scope, "token": token.id, **params}
            try:
                reply = self._send(listing, resource.path, resource.rows, query)
                self._check_page(reply)
            except Failure as failure:
                if failure.action is Action.LOGIN:
                    # If another token is in use by now, the request is simply repeated with it.
                    if self._login.refuse(token):
                        attempts.log_in_again(failure)
                    continue
                self._slow_down_if_asked(failure)
                most = None if failure.is_known or self._has_read else _MAX_UNKNOWN
                attempts.wait(failure, most)
            else:
                self._has_read = True
                self._refusals = 0
                return reply

    def _log_in(self, listing: Listing) -> Token:
        attempts = _Attempts("log-in", self._max_attempts, threading.Event(), RunError)
        query = {**self._accounts, "app_secret": self._app_secret}
        while True:
            try:
                reply = self._send(listing, "/system/token", "token", query)
                if reply.errcode == OK:
                    return Token.of(reply)
                raise _log_in_refused(reply, self._errcode_actions)
            except BadReply as error:
                attempts.wait(Failure(str(error), _LOG_IN_HINT))
            except Failure as failure:
                attempts.wait(failure, None if failure.is_known else _MAX_UNKNOWN)

    def _send(self, listing: Listing, path: str, key: str, query: Mapping[str, Any]) -> Reply:
        """Make one attempt; an answer with an `errcode` is one, whatever it says."""
        with self._room:
            # Of the list being read and of the next ones together.
            self._room.wait_for(lambda: self._in_flight < self.concurrency)
            self._in_flight += 1
            listing.requests += 1
        try:
            content = self._wire.get(path, query)
        finally:
            with self._room:
                self._in_flight -= 1
                self._room.notify()
        try:
            reply = Reply.parse(content, key)
            reply.check_errcode()
        except BadReply as error:
            advice = _LOG_IN_HINT if key == "token" else RELAY_HINT
            raise Failure(str(error), advice) from None
        return reply

    def _check_page(self, reply: Reply) -> None:
        """Raise Failure if a reply is neither a page of rows nor an empty result."""
        if reply.errcode == OK:
            try:
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
        raise Failure(problem, advice, action, is_known=is_known, is_refusal=True)

    def _slow_down_if_asked(self, failure: Failure) -> None:
        """Halve the number of requests in flight, once, if the server cannot cope with it."""
        with self._lock:
            # Before anything was read, a refusal says nothing of how much is asked at once.
            self._refusals += failure.is_refusal and self._has_read
            if not failure.too_many and self._refusals < _REFUSALS:
                return
            if self._slowed or self.concurrency == 1:
                return
            self._slowed = True
            self.concurrency //= 2
        _logger.warning(
            "the server asks for fewer requests; from now on at most %d at a time",
            self.concurrency,
        )


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
        return self._error_class("; ".join(parts))


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
