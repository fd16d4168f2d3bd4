"""How one request travels: a single connection pool, attempts, and errors without a URL.

Secrets and the token travel in the query string (source: vendor's page), so an exception of
requests, whose text has the URL, does not leave this module.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import backoff
import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import RetriableAPIError

from tap_yonyou.errors import OK, Action, U8Error, action_of, errcode_text
from tap_yonyou.reply import BadReply, Reply, reply_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from singer_sdk.streams.rest import HTTPRequest

_logger = logging.getLogger("tap-yonyou.api")

_HINT: Final = "see that the U8 server and its relay program are running, then run again"
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0
#: The longest `Retry-After` that is believed, in seconds.
_LONGEST_RETRY_AFTER: Final = 3600.0
#: So many answers in a row that say "not now" mean "not so many at once".
_REFUSALS: Final = 3


class U8Api:
    """The gateway, as every stream and the log-in of one run reach it."""

    def __init__(
        self,
        api_url: str,
        *,
        timeout: int,
        max_attempts: int = 1,
        errcode_actions: Mapping[str, str] | None = None,
        concurrency: int = 1,
    ) -> None:
        """Open no connection yet.

        Args:
            api_url: The gateway's address; a trailing slash is dropped.
            timeout: Seconds to wait for a connection, and for each part of an answer.
            max_attempts: How often a request is sent before the run ends.
            errcode_actions: Corrections to the table of error codes.
            concurrency: The most requests in flight.
        """
        self.url = api_url.rstrip("/")
        self.session = requests.Session()
        #: Requests sent so far, those of the log-in and repeated ones included.
        self.requests = 0
        #: The most requests in flight; halved once if the server cannot cope.
        self.concurrency = concurrency
        # One pool, with room for all of them.
        adapter = HTTPAdapter(pool_maxsize=concurrency)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)
        self._lock = threading.Lock()
        self._slowed = False
        self._refusals = 0
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._errcode_actions = errcode_actions or {}

    def call(
        self,
        build: Callable[[], HTTPRequest],
        *,
        resource: str,
        what: str,
        renew: Callable[[HTTPRequest], None],
        abandoned: threading.Event,
    ) -> requests.Response:
        """Send a request until it is answered well.

        Args:
            build: Makes the request, anew for each attempt, so that the token is a fresh one.
            resource: The key of what is asked for in the reply.
            what: What is asked for, to begin an error's text with: stream and page.
            renew: Called with a request whose token was not accepted, at most once.
            abandoned: Ends a wait, and with it the attempts: nobody wants the answer any more.

        Returns:
            A response whose reply has errcode 0, or one that means that there are no rows.

        Raises:
            U8Error: The reply ends the run, or no attempt was answered well.
        """
        renewals = iter((renew,))

        def attempt() -> requests.Response:
            request = build()
            response = self._send(request, resource, what)
            reply = reply_of(response, resource)
            action = self._action(reply)
            if action is None or action is Action.EMPTY:
                return response
            if action is Action.LOGIN and (renewal := next(renewals, None)):
                renewal(request)
                return attempt()
            msg = f"{what}: {errcode_text(reply.errcode, reply.errmsg)}"
            if action is not Action.RETRY:
                raise U8Error(msg)
            self._refusals += 1
            raise RetriableAPIError(msg, response)

        waits = backoff.expo(base=2, factor=_FIRST_WAIT, max_value=_LONGEST_WAIT)
        next(waits)  # how backoff starts a generator
        for number in range(1, self._max_attempts + 1):
            try:
                response = attempt()
            except RetriableAPIError as error:
                msg = str(error)
                self._slow_down_if_asked(error)
                if number < self._max_attempts:
                    seconds = _seconds(next(waits), error)
                    _logger.warning(
                        "%s; attempt %d of %d follows in %.1f s",
                        msg,
                        number + 1,
                        self._max_attempts,
                        seconds,
                    )
                    if abandoned.wait(seconds):
                        break
            else:
                self._refusals = 0
                return response
        msg = f"{msg}; given up after {number} attempt{'s' * (number > 1)}; {_HINT}"
        raise U8Error(msg)

    def _slow_down_if_asked(self, error: RetriableAPIError) -> None:
        """Halve the number of requests in flight, once, if the server cannot cope with it."""
        status = None if error.response is None else error.response.status_code
        if status != HTTPStatus.TOO_MANY_REQUESTS and self._refusals < _REFUSALS:
            return
        with self._lock:
            if self._slowed or self.concurrency == 1:
                return
            self._slowed = True
            self.concurrency //= 2
        _logger.warning(
            "the server asks for fewer requests; from now on at most %d at a time",
            self.concurrency,
        )

    def _action(self, reply: Reply) -> Action | None:
        if reply.errcode == OK:
            return None
        return action_of(reply.errcode, reply.errmsg, self._errcode_actions)

    def _send(self, request: HTTPRequest, resource: str, what: str) -> requests.Response:
        """Send a request once; redirects are not followed, for the query carries the token."""
        with self._lock:
            self.requests += 1
        problem, fatal, response = "", False, None
        try:
            response = self.session.request(
                request.method,
                request.url,
                params=encode(request.params),
                headers=request.headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            _check_status(response, what)
            reply_of(response, resource).check()
        except BadReply as error:
            problem = str(error)
        except requests.exceptions.SSLError:
            fatal = True
            problem = (
                "TLS failed; check the certificate of api_url's host, and REQUESTS_CA_BUNDLE if "
                "your network has a certificate authority of its own"
            )
        except requests.RequestException as error:
            problem = _on_the_wire(error, self._timeout)
        else:
            return response
        # Raised out here, so that no exception of requests is chained to it.
        msg = f"{what}: {problem}"
        raise U8Error(msg) if fatal else RetriableAPIError(msg, response)


def encode(params: Mapping[str, Any]) -> str:
    """Encode a query string: UTF-8, percent-encoded, blanks as `%20`.

    Args:
        params: Names and values; those without a value (None, `""`) are left out.

    Returns:
        The query string.
    """
    pairs = [(name, value) for name, value in params.items() if value not in {None, ""}]
    return urlencode(pairs, quote_via=quote, safe="")


def _seconds(wait: float, error: RetriableAPIError) -> float:
    """Give the seconds to wait after a failure: what `Retry-After` says, else with jitter."""
    asked_for = _retry_after(error)
    if asked_for is not None:
        return asked_for
    return min(wait * random.uniform(0.8, 1.2), _LONGEST_WAIT)  # noqa: S311 -- guards no secret


def _retry_after(error: RetriableAPIError) -> float | None:
    """Read the header `Retry-After`, seconds or a date."""
    value = "" if error.response is None else error.response.headers.get("Retry-After", "")
    if value.isdecimal():
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0), _LONGEST_RETRY_AFTER)


def _check_status(response: requests.Response, what: str) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    response.close()  # its body is of no interest
    msg = f"{what}: HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise RetriableAPIError(msg, response)
    if response.is_redirect:
        msg += ", a redirect, which is never followed because the request carries secrets"
    msg += "; check api_url"
    raise U8Error(msg)


def _on_the_wire(error: requests.RequestException, timeout: int) -> str:
    """Say what happened without the URL that the exception's own text has."""
    match error:
        case requests.exceptions.ProxyError():
            return "the proxy did not connect; check HTTPS_PROXY and NO_PROXY"
        case requests.ConnectTimeout():
            return f"no connection within {timeout} s"
        case requests.Timeout():
            return f"no answer within {timeout} s"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke within the answer"
    # The innermost exception knows the reason: refused, reset, unknown host, …
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return f"the connection failed ({reason})"
