"""How one request travels, and what went wrong on its way.

Secrets and the token travel in the query string (source: vendor's page). An exception of
requests has the URL in its text, so none leaves this module.
"""

from __future__ import annotations

import io
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
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from tap_yonyou.compat import override
from tap_yonyou.u8.errcodes import RELAY_HINT, Action, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The longest `Retry-After` that is believed, in seconds.
_LONGEST_RETRY_AFTER: Final = 3600.0

#: How much of a body is read at once.
_PART_BYTES: Final = 1 << 20

#: A day, in seconds.
_LONGEST_TIMEOUT: Final = 86_400.0

_PASSING_STATUSES: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_TLS_HINT: Final = (
    "check api_url, the clock of this machine, and REQUESTS_CA_BUNDLE if your network has a "
    "certificate authority of its own"
)
_PROXY_HINT: Final = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
_NETWORK_HINT: Final = "check api_url and the network, then run again"


class Wire:
    """The connections to one gateway, shared by everything that is asked of it."""

    def __init__(self, api_url: str, *, timeout: float, connections: int = 1) -> None:
        """Open no connection yet.

        Args:
            api_url: The gateway's address; a trailing slash is dropped.
            timeout: Seconds for a connection to be made, and for a request from its first byte
                to the last one of the answer.
            connections: The most connections to keep.
        """
        self._url = api_url.rstrip("/")
        # A socket takes no more than some hundred years.
        self._timeout = min(timeout, _LONGEST_TIMEOUT)
        self._session = _Session()
        adapter = _Adapter(pool_maxsize=connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # A proxy would see the secrets of plain http, and is of no use on the way to oneself.
        # Set and empty, because requests asks the environment for what is not set.
        loopback = is_loopback(urlsplit(self._url).hostname or "")
        self._proxies = {"http": "", "https": ""} if loopback else None

    def get(self, path: str, params: Mapping[str, Any]) -> bytes:
        """Send a request once.

        Args:
            path: What to ask for, beginning with a slash.
            params: Names and values; those without a value (None, `""`) are left out.

        Returns:
            The body of an answer with HTTP 200.

        Raises:
            Failure: There is no such answer.
        """
        try:
            with self._session.get(
                self._url + path,
                params=encode(params),
                timeout=self._timeout,
                proxies=self._proxies,
                stream=True,
            ) as response:
                _check_status(response)
                return _body(response)
        except (OSError, HTTPError, ValueError) as error:
            failure = _explain(error, self._timeout)
        # Raised out here, so that no exception of requests is chained to it.
        raise failure


def encode(params: Mapping[str, Any]) -> str:
    """Encode a query string: UTF-8, percent-encoded, blanks as `%20`.

    Args:
        params: Names and values; those without a value (None, `""`) are left out, true and false
            become 1 and 0.

    Returns:
        The query string.
    """
    pairs = [
        (name, int(value) if isinstance(value, bool) else value)
        for name, value in params.items()
        if value not in {None, ""}
    ]
    return urlencode(pairs, quote_via=quote, safe="")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine.

    Args:
        host: A name or an address.

    Returns:
        True for `localhost`, 127.0.0.0/8 and ::1.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Session(requests.Session):
    """Follows no redirect, for the query carries the token, and asks no `~/.netrc`."""

    def __init__(self) -> None:
        super().__init__()
        # Anything but None keeps requests from looking into ~/.netrc.
        self.auth = lambda request: request

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Adapter(HTTPAdapter):
    """Makes connections that bound a request as a whole."""

    @override
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _BOUNDED.get(pool.ConnectionCls, pool.ConnectionCls)
        return pool


class _BoundedHTTPConnection(HTTPConnection):
    @override
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _BoundedSocket(self.sock, self.timeout)


class _BoundedHTTPSConnection(HTTPSConnection):
    @override
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _BoundedSocket(self.sock, self.timeout)

    # An underscore name: within `connect` there is no other place to bound a proxy's answer.
    @override
    def _tunnel(self) -> None:
        sock = self.sock
        self.sock = _BoundedSocket(sock, self.timeout)
        try:
            super()._tunnel()
        finally:
            self.sock = sock


_BOUNDED: Final[dict[Any, Any]] = {
    HTTPConnection: _BoundedHTTPConnection,
    HTTPSConnection: _BoundedHTTPSConnection,
}


class _BoundedSocket:
    """A connected socket whose answers have to be whole in time.

    The timeout of a socket bounds each gap, so that a server that sends a byte now and then would
    hold the tap for ever.
    """

    def __init__(self, sock: Any, timeout: Any) -> None:
        self._sock = sock
        self._timeout = timeout
        self._deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self._deadline = time.monotonic() + self._timeout
        self._sock.settimeout(self._timeout)
        self._sock.sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Answer(self._sock, self._deadline))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Answer(io.RawIOBase):
    """The bytes of one answer, up to a deadline."""

    def __init__(self, sock: Any, deadline: float) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int | None:
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        count: int | None = self._file.readinto(buffer)
        return count

    @override
    def close(self) -> None:
        super().close()
        self._file.close()


def _body(response: requests.Response) -> bytes:
    try:
        # In parts, so that memory is taken for what comes and not for what is announced.
        return b"".join(response.iter_content(_PART_BYTES))
    except ValueError:  # a chunk of negative length
        problem = "the connection broke within the answer"
    raise Failure(problem, RELAY_HINT)


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
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise Failure(problem, "check api_url and what the app is allowed to do", Action.FATAL)
    if response.is_redirect:
        problem += ", a redirect, which is never followed because the request carries secrets"
    raise Failure(problem, "check api_url", Action.FATAL)


def _retry_after(value: str) -> float | None:
    """Read the header `Retry-After`, seconds or a date."""
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
    """Say what happened, without the URL that the exception's own text has."""
    causes = [*_causes(error)]
    if reason := _tls_reason(causes):
        return Failure(f"TLS failed: {reason}", _TLS_HINT, Action.FATAL)
    match error:
        case requests.exceptions.ProxyError():
            problem, advice = "the proxy did not connect", "check HTTPS_PROXY and NO_PROXY"
        case requests.exceptions.InvalidHeader():  # the one that urllib3 looks into
            problem = "the answer has a broken header (Content-Length)"
            advice = "check api_url and what stands between it and this machine"
        case requests.ConnectTimeout():
            problem, advice = f"no connection within {timeout:g} s", _NETWORK_HINT
        case (
            requests.exceptions.ChunkedEncodingError() | requests.exceptions.ContentDecodingError()
        ):
            problem, advice = "the connection broke within the answer", RELAY_HINT
        case requests.ConnectionError() | requests.Timeout() | TimeoutError():
            problem, advice = _connection_problem(causes, timeout)
        case requests.RequestException() | HTTPError() | ValueError():
            problem, advice = "the address of the proxy cannot be used", _PROXY_HINT
            return Failure(problem, advice, Action.FATAL)
        case _:  # an OSError of requests, before it connects
            problem = "the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read"
            advice = "let it name a file of certificates, or unset it"
            return Failure(problem, advice, Action.FATAL)
    return Failure(problem, advice)


def _connection_problem(causes: list[BaseException], timeout: float) -> tuple[str, str]:
    # The innermost exception knows the reason: refused, reset, unknown host, …
    match causes[-1]:
        case socket.gaierror():
            return "the host of api_url cannot be found", "check api_url and the name server (DNS)"
        case TimeoutError():
            return f"no answer within {timeout:g} s", RELAY_HINT
        case cause:
            reason = getattr(cause, "strerror", None) or type(cause).__name__
            return f"the connection failed ({reason})", _NETWORK_HINT


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from an exception to the one that began it all."""
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _tls_reason(causes: list[BaseException]) -> str:
    """Name the reason of a TLS failure; empty if it was none, or one that passes."""
    for cause in reversed(causes):
        match cause:
            case ssl.SSLCertVerificationError():
                # OpenSSL's words: self-signed certificate, certificate has expired, …
                return str(cause.verify_message).partition(", certificate is not valid for")[0]
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return ""  # a connection that broke
            case ssl.SSLError():
                return str(cause.reason or type(cause).__name__).replace("_", " ").lower()
    return ""
