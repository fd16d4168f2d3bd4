"""How one request travels, and what went wrong on its way.

Secrets and the token travel in the query string (source: vendor's page). The exceptions of requests
and urllib3 have the URL in their texts, so none of them leaves this module.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from tap_yonyou.u8.errcodes import RELAY_HINT, Action, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The longest `Retry-After` that is believed, in seconds.
_LONGEST_RETRY_AFTER: Final = 3600.0
#: The most that is read of a body at once.
_PART_BYTES: Final = 1 << 17
#: Beside 5xx: timeout, too early, too many requests.
_PASSING_STATUSES: Final = {408, 425, 429}
_TLS_HINT: Final = (
    "check api_url, the clock of this machine, and REQUESTS_CA_BUNDLE if your network has a "
    "certificate authority of its own"
)
_ENVIRONMENT_HINT: Final = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and REQUESTS_CA_BUNDLE"


class Wire:
    """The connections to one gateway, shared by all requests of a run."""

    def __init__(self, api_url: str, *, timeout: float, connections: int) -> None:
        """Open no connection yet; a request as a whole takes at most `timeout` seconds."""
        self._url = api_url.rstrip("/")
        self._timeout = timeout
        #: What the last answer says of the server's clock.
        self.date = ""
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        # Once: requests would look through the whole environment, and ~/.netrc, for each request.
        found = self._session.merge_environment_settings(self._url, {}, None, None, None)
        self._session.trust_env = False
        self._session.verify = found["verify"]
        # Plain http is loopback only: never send its secrets through a proxy.
        if not is_loopback(urlsplit(self._url).hostname or ""):
            self._session.proxies = found["proxies"]

    def get(self, path: str, params: Mapping[str, Any]) -> bytes:
        """Send a request once, and return the body of an answer with HTTP 200."""
        deadline = time.monotonic() + self._timeout
        try:
            with self._session.get(
                self._url + path,
                params=_encode(params),
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,  # the query carries secrets
            ) as response:
                self.date = response.headers.get("Date", "")
                _check_status(response)
                return _body(response, deadline)
        except (OSError, HTTPError, ValueError) as error:
            failure = _explain(error, self._timeout)
        # Raised out here, so that no exception of requests is chained to it.
        raise failure


def _encode(params: Mapping[str, Any]) -> str:
    """Encode a query string: without parameters that have no value, true and false as 1 and 0."""
    pairs = [
        (name, int(value) if isinstance(value, bool) else value)
        for name, value in params.items()
        if value not in {None, ""}
    ]
    return urlencode(pairs, quote_via=quote, safe="")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _body(response: requests.Response, deadline: float) -> bytes:
    # The timeout of requests bounds only the wait for the next byte: a server that sends one now
    # and then would hold the tap for ever. So take what has arrived, however little.
    parts = []
    while part := response.raw.read1(_PART_BYTES, decode_content=True):
        parts.append(part)
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(parts)


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    problem = f"HTTP {status}"
    if status in _PASSING_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        too_many = status == HTTPStatus.TOO_MANY_REQUESTS
        advice = "lower concurrency, or run again later" if too_many else RELAY_HINT
        seconds = response.headers.get("Retry-After", "")
        retry_after = min(float(seconds), _LONGEST_RETRY_AFTER) if seconds.isdecimal() else None
        raise Failure(problem, advice, retry_after=retry_after)
    if response.is_redirect:
        problem += ", a redirect, which is never followed because the request carries secrets"
    raise Failure(problem, "check api_url and what the app is allowed to do", Action.FATAL)


def _explain(error: Exception, timeout: float) -> Failure:
    """Say what happened without the exception's own text, which has the URL."""
    # The innermost exception knows the reason: refused, reset, unknown host, …
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    match cause:
        case ssl.SSLCertVerificationError():
            # OpenSSL's words: self-signed certificate, certificate has expired, …
            return Failure(f"TLS failed: {cause.verify_message}", _TLS_HINT, Action.FATAL)
        case TimeoutError():
            return Failure(f"no answer within {timeout:g} s", RELAY_HINT)
        case socket.gaierror():
            hint = "check api_url and the name server (DNS)"
            return Failure("the host of api_url cannot be found", hint)
    if isinstance(error, requests.ConnectionError | HTTPError) and not isinstance(
        error, ValueError
    ):
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        hint = "check api_url, HTTPS_PROXY and the network, then run again"
        return Failure(f"the connection failed ({reason})", hint)
    problem = f"the request could not be sent ({type(error).__name__})"
    return Failure(problem, _ENVIRONMENT_HINT, Action.FATAL)
