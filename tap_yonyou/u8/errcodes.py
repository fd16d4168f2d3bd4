"""What each `errcode` means, and a failed attempt at a request.

The vendor publishes no list of error codes. `ERRCODES` holds the attested ones; 2xxxx seems to come
from the U8 side and 3xxxx from the gateway. The setting `errcode_actions` overrules the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from tap_yonyou.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Success. A reply without an `errcode` counts as one if what was asked for is there.
OK: Final = "0"


class Action(StrEnum):
    """What the tap does about an `errcode`."""

    EMPTY = "empty"
    """Zero rows: an answer and no error."""
    LOGIN = "login"
    """Log in again and repeat the request."""
    RETRY = "retry"
    """Wait and repeat the request."""
    FATAL = "fatal"
    """End the run."""


class Errcode(NamedTuple):
    """What the tap does, what the code means, what a person can do."""

    action: Action
    meaning: str
    advice: str


LOG_IN_HINT: Final = "check api_url, from_account, app_key and app_secret"
RELAY_HINT: Final = "see that the U8 server and its relay program are running, then run again"

#: Sources: the vendor's page, real replies, public clients.
ERRCODES: Final = {
    # 未检索到匹配的[…]
    "20002": Errcode(Action.EMPTY, "nothing matches", ""),
    # One request failed; clients that skip the page lose it.
    "20006": Errcode(Action.RETRY, "U8 could not answer this request", RELAY_HINT),
    "30012": Errcode(Action.LOGIN, "the token is not accepted", ""),
    # 此应用未上线
    "30021": Errcode(
        Action.FATAL,
        "the app is not published, or the enterprise account has not approved it",
        "publish it in the developer account and have it approved, then run again",
    ),
}


@dataclass(eq=False)
class Failure(Exception):  # noqa: N818 -- the next attempt may succeed
    """One attempt at a request that failed.

    Attributes:
        advice: What a person can do about it.
        is_known: False for an `errcode` that neither the table nor the user knows.
        retry_after: Seconds that the server asks to wait.
    """

    problem: str
    advice: str
    action: Action = Action.RETRY
    is_known: bool = True
    retry_after: float | None = None
    errcode: str | None = None
    #: The server's own words in `problem`.
    private: str = ""


def refusal(errcode: str, errmsg: str, corrections: Mapping[str, str]) -> Failure:
    """Say what an `errcode` other than 0 means, and what to do; `corrections` overrule the table.

    Its action is EMPTY if the reply is none after all.
    """
    if not (line := ERRCODES.get(errcode)):
        action = Action.FATAL if errcode.startswith("3") else Action.RETRY
        if "token" in errmsg.lower() or "令牌" in errmsg:
            action = Action.LOGIN
        line = Errcode(
            action,
            "this code is not known to the tap",
            "if it passes by itself, or means that there are no rows, say so with errcode_actions",
        )
    action = Action(corrections.get(errcode, line.action))
    meaning = "the token is not accepted" if action is Action.LOGIN else line.meaning
    text = f" ({one_line(errmsg)})" if errmsg else ""
    problem = f"errcode {one_line(errcode)}{text}: {meaning}"
    is_known = errcode in {*ERRCODES, *corrections}
    return Failure(problem, line.advice, action, is_known, None, one_line(errcode, 20), text)
