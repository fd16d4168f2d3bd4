"""The token: obtained once, shared by all requests of a run, renewed before it expires.

`GET {api_url}/system/token` answers `{"errcode":"0","errmsg":"","token":{"expiresIn":7200,
"id":"…"}}`. Whether a new token ends the old one is not known, so only one is ever in use.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from tap_yonyou import redaction
from tap_yonyou.u8.errcodes import LOG_IN_HINT, Failure
from tap_yonyou.u8.reply import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yonyou.u8.reply import Reply

#: Seconds (source: vendor's page), for a reply without `expiresIn`.
_LIFE: Final = 7200
#: Seconds before its end at which a token is renewed, as the vendor's SDK does; at most a tenth of
#: its life.
_MARGIN: Final = 300


class Token(NamedTuple):
    """A token, and when to renew it (in seconds of the monotonic clock)."""

    id: str
    renew_at: float = float("inf")

    @classmethod
    def of(cls, reply: Reply) -> Token:
        """Take the token out of the reply to a log-in, and hide it from the log."""
        match reply.payload:
            case {"id": str(token_id)} if token_id:
                redaction.hide(token_id)
                life = count(reply.payload.get("expiresIn")) or _LIFE
                return cls(token_id, time.monotonic() + life - min(_MARGIN, life / 10))
        problem = "the reply has no token"
        raise Failure(problem, LOG_IN_HINT)


class Login:
    """The token in use, obtained when it is needed."""

    def __init__(self, token: str | None = None, *, can_renew: bool) -> None:
        """Request nothing yet; a token issued elsewhere is not used if the tap can obtain one."""
        self.can_renew = can_renew
        # All requests in flight wait for one log-in.
        self._lock = threading.Lock()
        self._token = None if can_renew or not token else Token(token)

    def token(self, log_in: Callable[[], Token]) -> Token:
        """Return a token that does not expire within minutes; `log_in` obtains one."""
        with self._lock:
            if self.can_renew and (self._token is None or time.monotonic() >= self._token.renew_at):
                self._token = log_in()
            return self._token or Token("")

    def refuse(self, token: Token) -> bool:
        """Note that a token was refused; False if another one is in use already."""
        with self._lock:
            if self._token != token:
                return False
            self._token = None
            return True
