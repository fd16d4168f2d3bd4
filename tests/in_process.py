"""The tap in this process: a start takes most of the time of a short run."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from sandbox import ACCOUNTS
from tap_yonyou.command.output import Writer
from tap_yonyou.compat import override
from tap_yonyou.tap import TapYonyou

if TYPE_CHECKING:
    from sandbox import Sandbox


class Kept(Writer):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []
        self.messages: list[dict[str, Any]] = []

    @override
    def write(self, lines: bytes | bytearray) -> None:
        new = bytes(lines).splitlines(keepends=True)
        self.lines += new
        self.messages += map(json.loads, new)

    def of(self, kind: str, stream: str) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == kind and m["stream"] == stream]


class InProcess:
    """One run."""

    def __init__(self, u8: Sandbox, *streams: str, **given: Any) -> None:
        self.kept = Kept()
        options = {name: deepcopy(given.pop(name, None)) for name in ("catalog", "state")}
        config = {**ACCOUNTS._asdict(), "api_url": u8.url, "streams": [*streams], "page_size": 7}
        config |= {"max_attempts": 1, **given}
        self.tap = TapYonyou(config=config, message_writer=self.kept, **options)

    def by(self, stream: str, field: str) -> InProcess:
        """Read a stream INCREMENTAL."""
        chosen = self.tap.streams[stream]
        chosen.forced_replication_method, chosen.replication_key = "INCREMENTAL", field
        return self

    def sync(self) -> InProcess:
        self.tap.sync_all()
        return self

    @property
    def records(self) -> list[dict[str, Any]]:
        return [m["record"] for m in self.kept.messages if m["type"] == "RECORD"]

    @property
    def state(self) -> Any:
        return self.kept.messages[-1]["value"]

    @property
    def catalog(self) -> Any:
        return json.loads(json.dumps(self.tap.catalog_dict))
