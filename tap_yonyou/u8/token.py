"""The token's life: obtained once, shared by every request of a run, renewed in time.

`GET {api_url}/system/token` answers `{"errcode":"0","errmsg":"","token":{"expiresIn":7200,
"id":"…"}}`. A token lives 7200 s; the vendor's own SDK renews it after 6900 s. Whether a new
token ends the old one is not known, so there is only ever one in use.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tap_yonyou import redaction
from tap_yonyou.errors import RunError
from tap_yonyou.u8.reply import BadReply, Reply, count

if TYPE_CHECKING:
    from collections.abc import Callable

_LIFE: Final = 7200
#: A longer life than a year is taken for a mistake.
_LONGEST_LIFE: Final = 366 * 86_400
#: Renewed so many seconds before its end, as the vendor's SDK does, or after nine tenths of a
#: shorter life: longer than a request on its way may take.
_MARGIN: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token and when to renew it.

    Attributes:
        id: What is sent with a request.
        renew_at: By the monotonic clock, in seconds.
    """

    id: str
    renew_at: float = float("inf")

    @classmethod
    def of(cls, reply: Reply) -> Token:
        """Take the token out of the reply to a log-in.

        Args:
            reply: A reply with `errcode` 0.

        Returns:
            The token, hidden from the log from now on.

        Raises:
            BadReply: There is none in it.
        """
        token = reply.body.get("token")
        token = token if isinstance(token, dict) else {}
        token_id = token.get("id")
        if not isinstance(token_id, str) or not token_id:
            raise BadReply(reply.lacks("token"))
        redaction.hide(token_id)
        life = count(token.get("expiresIn"))
        if not life or life > _LONGEST_LIFE:
            life = _LIFE
        return cls(token_id, time.monotonic() + life - min(_MARGIN, life / 10))


class Login:
    """The one token in use, obtained when it is needed."""

    def __init__(self, token: str | None = None, *, can_renew: bool) -> None:
        """Request nothing yet.

        Args:
            token: A token issued elsewhere, used as it is where no other one can be obtained.
            can_renew: Whether there is an `app_secret` to log in with.
        """
        #: Whether a token that was refused can be replaced.
        self.can_renew = can_renew
        # Several requests in flight wait for the one log-in.
        self._lock = threading.Lock()
        self._token = None if can_renew or not token else Token(token)
        self._failure: RunError | None = None

    def token(self, log_in: Callable[[], Token]) -> Token:
        """Give the token to send with a request.

        Args:
            log_in: Obtains a token.

        Returns:
            A token that does not expire within the next minutes.

        Raises:
            RunError: The log-in failed.
        """
        with self._lock:
            if self._failure:  # those that waited for it would each fail as slowly
                raise self._failure
            if self.can_renew and (self._token is None or time.monotonic() >= self._token.renew_at):
                try:
                    self._token = log_in()
                except RunError as error:
                    self._failure = error
                    raise
            return self._token or Token("")

    def refuse(self, token: Token) -> bool:
        """Take note that a token was refused; the next request gets another one.

        Args:
            token: The token that was sent.

        Returns:
            False if another one is in use by now, so that nothing has to be done.
        """
        with self._lock:
            if self._token is not token:
                return False
            self._token = None
            return True
