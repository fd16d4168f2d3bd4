"""The token's life: obtained once, shared by every request of a run, renewed in time.

`GET {api_url}/system/token` answers `{"errcode":"0","errmsg":"","token":{"expiresIn":7200,
"id":"…"}}`. A token lives 7200 s; the vendor's own SDK renews it after 6900 s. Whether a new
token ends the old one is not known, so there is only ever one in use.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer_sdk.streams.rest import HTTPRequest

from tap_yonyou import redaction
from tap_yonyou.errors import OK, U8Error, errcode_text
from tap_yonyou.reply import count, reply_of

if TYPE_CHECKING:
    from tap_yonyou.api import U8Api

_HINT = "check api_url, from_account, app_key and app_secret"
_LIFE = 7200
#: Renewed so many seconds before its end, as the vendor's SDK does, or after nine tenths of a
#: shorter life: longer than a request on its way may take.
_MARGIN = 300


@dataclass(frozen=True, slots=True)
class _Token:
    id: str
    renew_at: float

    def is_due(self) -> bool:
        return time.monotonic() >= self.renew_at


class Login:
    """Obtains a token when one is needed."""

    def __init__(
        self,
        api: U8Api,
        *,
        from_account: str,
        app_key: str,
        app_secret: str | None,
        token: str | None,
    ) -> None:
        """Request nothing yet.

        Args:
            api: The gateway.
            from_account: The caller's id.
            app_key: The app's key.
            app_secret: The app's secret; with it a token is obtained and renewed.
            token: A token issued elsewhere, used as it is where there is no `app_secret`.
        """
        self._api = api
        # Several requests in flight wait for the one log-in.
        self._lock = threading.Lock()
        self._from_account = from_account
        self._app_key = app_key
        self._app_secret = app_secret
        self._token = None if app_secret or not token else _Token(token, renew_at=float("inf"))

    def token(self) -> str:
        """Give the token to send with a request.

        Returns:
            A token that does not expire within the next minutes.

        Raises:
            U8Error: The log-in failed.
        """
        with self._lock:
            if self._token is None or self._token.is_due():
                self._token = self._log_in()
            return self._token.id

    def renew(self, refused: str, what: str) -> None:
        """Log in again, because a token was not accepted.

        Args:
            refused: That token; if another one is in use by now, nothing is done.
            what: What was asked for, to begin an error's text with.

        Raises:
            U8Error: There is no `app_secret` to log in with.
        """
        with self._lock:
            if self._token is None or self._token.id != refused:
                return
            if self._app_secret:
                self._token = None
                return
        msg = (
            f"{what}: the token is not accepted; set app_secret to have the tap obtain and renew "
            "tokens, or set a new token"
        )
        raise U8Error(msg)

    def _log_in(self) -> _Token:
        request = HTTPRequest(
            f"{self._api.url}/system/token",
            params={
                "from_account": self._from_account,
                "app_key": self._app_key,
                "app_secret": self._app_secret,
            },
        )
        try:
            response = self._api.call(
                lambda: request,
                resource="token",
                what="log-in",
                renew=lambda _: None,
                abandoned=threading.Event(),
            )
        except U8Error as error:
            msg = f"{error}; {_HINT}"
            raise U8Error(msg) from None
        reply = reply_of(response, "token")
        token = reply.body.get("token")
        token = token if isinstance(token, dict) else {}
        token_id = token.get("id")
        if not isinstance(token_id, str) or not token_id:
            answer = "the reply has no token"
            if reply.errcode != OK:
                answer = errcode_text(reply.errcode, reply.errmsg)
            msg = f"log-in: {answer}; {_HINT}"
            raise U8Error(msg)
        redaction.hide(token_id)
        life = count(token.get("expiresIn")) or _LIFE
        return _Token(token_id, time.monotonic() + life - min(_MARGIN, life / 10))
