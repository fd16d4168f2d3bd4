"""One request at a time: what came of it, and how long it took."""

from __future__ import annotations

import threading
import time
from email.utils import mktime_tz, parsedate_tz
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_yonyou.check.report import DIFFERS, FAILS, MOST_IN_FLIGHT, Facts, look
from tap_yonyou.compat import override
from tap_yonyou.errors import TapError, one_line
from tap_yonyou.u8.gateway import Endpoint, Gateway
from tap_yonyou.u8.pages import Ask
from tap_yonyou.u8.reply import Reply, count

if TYPE_CHECKING:
    from tap_yonyou.check.report import Params

#: Seconds by which two clocks may differ.
_CLOCKS: Final = 60
NOTHING: Final[Params] = MappingProxyType({})


class Answer(NamedTuple):
    """What came of a request.

    Attributes:
        reply: The last one, an empty one if none can be read.
        rows: None if the tap would not take it as an answer.
        said: Why there are no rows, without the server's own words: they may hold a value.
    """

    reply: Reply
    seconds: float
    rows: list[dict[str, Any]] | None
    said: str


class Asker(Gateway):
    """A gateway that shows what came last."""

    def __init__(self, config: Params) -> None:
        """Send nothing yet."""
        most = {"concurrency": MOST_IN_FLIGHT, "max_attempts": min(config["max_attempts"], 2)}
        super().__init__({**config, **most})
        self.sent = 0
        self._last = threading.local()

    def log_in(self) -> Facts:
        """Note how a log-in goes."""
        facts = Facts("Log-in")
        if not self._login.can_renew:
            facts.note("Token", "issued elsewhere")
            return facts
        try:
            self._login.token(partial(self._log_in, Endpoint("", "", "", {})))
        except TapError as error:
            facts.note("Log-in", self._why(error), "a token", FAILS)
            return facts
        life = self._last.reply.payload.get("expiresIn")
        facts.note("Log-in", f"{self._last.seconds:.3f} s")
        facts.note("Life of a token", f"{count(life)} s ({look(life)})", "7200 s")
        if date := parsedate_tz(self._wire.date):
            ahead = mktime_tz(date) - time.time()
            found, level = f"{ahead:+.0f} s from this machine's", DIFFERS * (abs(ahead) > _CLOCKS)
            facts.note("Clock of the server", found, "the same", level)
        return facts

    def ask(self, path: str, rows: str, params: Params, document: Params = NOTHING) -> Answer:
        """Send a request; it is repeated at most once."""
        endpoint, ask = Endpoint(path, rows, "check", params), Ask({}, path, {}, document)
        found: list[dict[str, Any]] | None
        try:
            found = objects(self.get(endpoint, ask, threading.Event()).rows)
            said = "" if found else f"no rows, errcode {one_line(self._last.reply.errcode)}"
        except TapError as error:
            found, said = None, self._why(error)
        return Answer(self._last.reply, self._last.seconds, found, said)

    @staticmethod
    def _why(error: TapError) -> str:
        """Take the label and the server's message out of an error."""
        text = str(error).replace(error.private, "") if error.private else str(error)
        return text.partition(": ")[2].replace("|", r"\|")

    @override
    def _send(self, endpoint: Endpoint, path: str, key: str, query: Params) -> Reply:
        with self._lock:
            self.sent += 1
        started, self._last.reply, self._last.seconds = time.monotonic(), Reply({}, ""), 0.0
        self._last.reply = reply = super()._send(endpoint, path, key, query)
        self._last.seconds = time.monotonic() - started
        return reply


def objects(rows: Any) -> list[dict[str, Any]]:
    """Give a list of objects, also for a single one; what is not an object becomes an empty one."""
    rows = [rows] if isinstance(rows, dict) else rows if isinstance(rows, list) else []
    return [row if isinstance(row, dict) else {} for row in rows]
