"""A target in miniature: it loads by key, keeps versions and deletions, and passes states on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Message = dict[str, Any]


class Loaded:
    """What a target such as target-postgres has loaded from the messages of several runs.

    Attributes:
        rows: By stream and key, the record and its version.
        state: What the next run is started with; None if there is none.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, tuple[Message, int | None]]] = {}
        self.state: Message | None = None
        self._schemas: dict[str, Message] = {}

    def load(self, messages: Sequence[Message]) -> None:
        """Take all messages there are: at their end the last STATE is passed on."""
        self.take(messages)
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages, and die: what was written stays, no STATE is passed on."""
        for message in messages:
            match message["type"]:
                case "SCHEMA":
                    self._schemas[message["stream"]] = message
                    self.rows.setdefault(message["stream"], {})
                case "RECORD":
                    record, schema = message["record"], self._schemas[message["stream"]]
                    rows = self.rows[message["stream"]]
                    key = tuple(record[name] for name in schema["key_properties"])
                    before, _ = rows.get(key, ({}, None))
                    fields = schema["schema"]["properties"]
                    spared = {name: v for name, v in before.items() if name not in fields}
                    rows[key] = {**spared, **record}, message.get("version")
                case "ACTIVATE_VERSION":
                    stream = message["stream"]
                    self.rows[stream] = {
                        key: (record, version)
                        for key, (record, version) in self.rows[stream].items()
                        if version is not None and version >= message["version"]
                    }

    def living(self, stream: str = "customercontacts") -> list[Message]:
        """The records that are not marked as deleted, by key."""
        rows = self.rows.get(stream, {})
        records = [rows[key][0] for key in sorted(rows)]
        return [
            {name: value for name, value in record.items() if name != "_sdc_deleted_at"}
            for record in records
            if record.get("_sdc_deleted_at") is None
        ]
