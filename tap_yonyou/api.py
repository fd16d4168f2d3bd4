"""How one request travels: a single connection pool, and errors that never show a URL.

Secrets and the token travel in the query string (source: vendor's page), so an exception of
requests, whose text has the URL, does not leave this module.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import requests
from singer_sdk.exceptions import RetriableAPIError

from tap_yonyou.errors import U8Error
from tap_yonyou.reply import BadReply, reply_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.streams.rest import HTTPRequest


class U8Api:
    """The gateway, as every stream and the log-in of one run reach it."""

    def __init__(self, api_url: str, *, timeout: int) -> None:
        """Open no connection yet.

        Args:
            api_url: The gateway's address; a trailing slash is dropped.
            timeout: Seconds to wait for a connection, and for each part of an answer.
        """
        self.url = api_url.rstrip("/")
        self.session = requests.Session()
        self.timeout = timeout
        #: Requests sent so far, those of the log-in and repeated ones included.
        self.requests = 0

    def send(self, request: HTTPRequest, *, resource: str, what: str) -> requests.Response:
        """Send a request and wait for a reply of the OpenAPI, good or bad.

        Redirects are not followed: the query string carries the token.

        Args:
            request: URL, parameters and headers.
            resource: The key of the reply's rows.
            what: What is asked for, to begin an error's text with: stream and page.

        Returns:
            A response that `reply_of` can read.

        Raises:
            RetriableAPIError: No answer, HTTP 429 or 5xx, or a body that is no reply.
            U8Error: TLS failed, or any other HTTP status but 200.
        """
        self.requests += 1
        problem, fatal, response = "", False, None
        try:
            response = self.session.request(
                request.method,
                request.url,
                params=encode(request.params),
                headers=request.headers,
                timeout=self.timeout,
                allow_redirects=False,
            )
        except requests.exceptions.SSLError:
            problem = (
                "TLS failed; check the certificate of api_url's host, and REQUESTS_CA_BUNDLE "
                "if your network has a certificate authority of its own"
            )
            fatal = True
        except requests.RequestException as error:
            problem = _on_the_wire(error, self.timeout)
        # Raised out here, so that no exception of requests is chained to it.
        if response is None:
            msg = f"{what}: {problem}"
            raise U8Error(msg) if fatal else RetriableAPIError(msg)
        _check_status(response, what)
        try:
            reply_of(response, resource)
        except BadReply as error:
            msg = f"{what}: {error}"
            raise RetriableAPIError(msg, response) from None
        return response


def encode(params: Mapping[str, object]) -> str:
    """Encode a query string: UTF-8, percent-encoded, blanks as `%20`.

    Args:
        params: Names and values; those without a value (None, `""`) are left out.

    Returns:
        The query string.
    """
    pairs = [(name, value) for name, value in params.items() if value not in (None, "")]
    return urlencode(pairs, quote_via=quote, safe="")


def _check_status(response: requests.Response, what: str) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
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
        case requests.ConnectTimeout():
            return f"no connection within {timeout} s"
        case requests.Timeout():
            return f"no answer within {timeout} s"
        case requests.exceptions.ProxyError():
            return "the proxy did not connect"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke within the answer"
    # The innermost exception knows the reason: refused, reset, unknown host, …
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return f"the request failed ({reason})"
