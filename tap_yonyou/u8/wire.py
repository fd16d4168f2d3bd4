"""How one request travels, and what went wrong on its way.

Secrets and the token travel in the query string (source: vendor's page). The exceptions of requests
and urllib3 have the URL in their texts, so none of them leaves this module.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError, SSLError

from tap_yonyou.compat import override
from tap_yonyou.u8.errcodes import RELAY_HINT, Action, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
_NETWORK_HINT: Final = "check api_url and the network, then run again"
_ENVIRONMENT_HINT: Final = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and REQUESTS_CA_BUNDLE"


class Wire:
    """The connections to one gateway, shared by all requests of a run."""

    def __init__(self, api_url: str, *, timeout: float, connections: int = 1) -> None:
        """Open no connection yet.

        Args:
            api_url: The address of the gateway.
            timeout: Seconds for one request, up to the last byte of the answer.
            connections: The most connections to keep open.
        """
        self._url = api_url.rstrip("/")
        self._timeout = timeout
        self._session = _Session()
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
        """Send a request once and return the body of an answer with HTTP 200.

        Args:
            path: What to ask for, beginning with a slash.
            params: See `encode`.

        Raises:
            Failure: There is no such answer.
        """
        deadline = time.monotonic() + self._timeout
        try:
            with self._session.get(
                self._url + path,
                params=encode(params),
                timeout=self._timeout,
                stream=True,
            ) as response:
                _check_status(response)
                return _body(response, deadline)
        except (OSError, HTTPError, ValueError) as error:
            failure = _explain(error, self._timeout)
        # Raised out here, so that no exception of requests is chained to it.
        raise failure


def encode(params: Mapping[str, Any]) -> str:
    """Encode a query string: UTF-8, percent-encoded, blanks as `%20`.

    Parameters without a value (None, `""`) are left out; true and false become 1 and 0.
    """
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


class _Session(requests.Session):
    """Never follows a redirect, because the query carries secrets."""

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


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
        raise Failure(
            problem,
            "lower concurrency, or run again later" if too_many else RELAY_HINT,
            retry_after=_retry_after(response.headers.get("Retry-After", "")),
            too_many=too_many,
        )
    if response.is_redirect:
        problem += ", a redirect, which is never followed because the request carries secrets"
    raise Failure(problem, "check api_url and what the app is allowed to do", Action.FATAL)


def _retry_after(value: str) -> float | None:
    """Read the header `Retry-After`, which holds seconds or a date."""
    try:
        if value.isdecimal():
            seconds = float(value)
        else:
            moment = parsedate_to_datetime(value)
            moment = moment.replace(tzinfo=moment.tzinfo or UTC)
            seconds = (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _explain(error: Exception, timeout: float) -> Failure:
    """Say what happened without the exception's own text, which has the URL."""
    causes = [*_causes(error)]
    if reason := _tls_reason(causes):
        return Failure(f"TLS failed: {reason}", _TLS_HINT, Action.FATAL)
    # The innermost exception knows the reason: refused, reset, unknown host, …
    action = Action.RETRY
    match error, causes[-1]:
        case requests.exceptions.ProxyError(), _:
            problem, advice = "the proxy did not connect", "check HTTPS_PROXY and NO_PROXY"
        case requests.ConnectTimeout(), _:
            problem, advice = f"no connection within {timeout:g} s", _NETWORK_HINT
        case _, TimeoutError():
            problem, advice = f"no answer within {timeout:g} s", RELAY_HINT
        case _, socket.gaierror():
            problem = "the host of api_url cannot be found"
            advice = "check api_url and the name server (DNS)"
        case ((ProtocolError() | DecodeError() | SSLError()), _):
            problem, advice = "the connection broke within the answer", RELAY_HINT
        case requests.ConnectionError(), cause:
            reason = getattr(cause, "strerror", None) or type(cause).__name__
            problem, advice = f"the connection failed ({reason})", _NETWORK_HINT
        case _:
            problem = f"the request could not be sent ({type(error).__name__})"
            advice, action = _ENVIRONMENT_HINT, Action.FATAL
    return Failure(problem, advice, action)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from an exception to the one that began it all."""
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _tls_reason(causes: list[BaseException]) -> str:
    """Name the reason of a TLS failure; `""` if it was none, or one that passes."""
    for cause in reversed(causes):
        match cause:
            case ssl.SSLCertVerificationError():
                # OpenSSL's words: self-signed certificate, certificate has expired, …
                return str(cause.verify_message).partition(", certificate is not valid for")[0]
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return ""  # the connection broke
            case ssl.SSLError():
                return str(cause.reason or type(cause).__name__).replace("_", " ").lower()
    return ""
