"""What a U8 does, compared with what the tap expects: a report that names no value."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tap_yonyou import redaction
from tap_yonyou.check.asker import Asker
from tap_yonyou.check.observer import Observer
from tap_yonyou.check.report import FAILS, MOST_IN_FLIGHT, lines, suited
from tap_yonyou.errors import TapError
from tap_yonyou.u8 import resources
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_logger = logging.getLogger("tap-yonyou.check")

#: Requests of a trial, and how many of them are in flight.
_REQUESTS: Final = 8
_TRIALS: Final = (1, 2, MOST_IN_FLIGHT)


def check(config: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Look at an account; give a report in Markdown, and the names of what cannot be read."""
    url, accounts = urlsplit(config["api_url"]), (config["from_account"], config["to_account"])
    redaction.hide(url.netloc, url.hostname, *accounts)
    asker, rates, changes = Asker(config), dict[int, float](), dict[str, Any]()
    seen = [asker.log_in()]
    for name in dict.fromkeys(config["streams"]) if seen[0].level != FAILS else ():
        for source in dict.fromkeys(config.get("ds_sequences") or (config.get(DATA_SOURCE),)):
            resource = resources.choose(name, config.get("resources", {}))
            observer = Observer(asker, {**config, DATA_SOURCE: source}, resource, changes)
            try:
                pages = observer.observe()
                rates = rates or _rates(observer, pages)
            except TapError as error:
                observer.facts.note("Fields", str(error), "", FAILS)
            seen.append(observer.facts)
            _logger.info("%s: %s", observer.facts.label, observer.facts.level or "as expected")
    if (suits := suited(rates, config["concurrency"])) != config["concurrency"]:
        changes["concurrency"] = suits
    speed = ", ".join(f"{rate:.1f} with {number}" for number, rate in rates.items())
    text = "\n".join(lines(seen, speed, changes, asker.sent))
    return f"{redaction.redact(text)}\n", [one.label for one in seen if one.level == FAILS]


def _rates(observer: Observer, pages: Sequence[int]) -> dict[int, float]:
    """Give how many pages come in a second by the number of requests in flight; 0 if one fails."""
    rates: dict[int, float] = {}
    for number in _TRIALS if pages else ():
        started = time.monotonic()
        with ThreadPoolExecutor(number) as pool:
            wanted = [pages[place % len(pages)] for place in range(_REQUESTS)]
            is_good = all(answer.rows is not None for answer in pool.map(observer.page, wanted))
        rates[number] = is_good * _REQUESTS / (time.monotonic() - started)
    return rates
