"""The stream `tap_yonyou_reads`: what this run has read, when, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec
from singer_sdk import Stream
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_yonyou.compat import override
from tap_yonyou.errors import TapError, kind_of, lines_of
from tap_yonyou.redaction import redact
from tap_yonyou.replication import Counts
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_yonyou.reading import Reading

NAME: Final = "tap_yonyou_reads"


class Reads(Stream):
    """One record for each list and data source, written last, even if lists failed."""

    def __init__(self, tap: Tap) -> None:
        """Prepare the stream; nothing has been read yet."""
        schema = msgspec.json.decode(files("tap_yonyou").joinpath("reads.json").read_bytes())
        super().__init__(tap, schema=schema, name=NAME)
        self.primary_keys = schema["required"]
        self.forced_replication_method = REPLICATION_FULL_TABLE
        #: What is reported.
        self.readings: Sequence[Reading] = ()

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        super().apply_catalog(catalog)
        # Meltano's `"*": { replication-method: LOG_BASED }` is meant for lists.
        self.forced_replication_method = REPLICATION_FULL_TABLE
        self.replication_key = None

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False: the records of earlier runs stay."""
        return False

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        run = {"run_id": uuid4().hex, "tap_version": version("tap-yonyou")}
        for reading in self.readings:
            yield run | _record(reading, self.config)


def _record(reading: Reading, config: Any) -> dict[str, Any]:
    error = reading.error
    outcome = "complete" if reading.is_complete else "unproved"
    counts = reading.counts._asdict() if reading.counts else dict.fromkeys(Counts._fields)
    text = "; ".join(lines_of(error)) if error else None
    ours = error if isinstance(error, TapError) else TapError()
    return {
        "stream": reading.name,
        "data_source": reading.data_source or config.get(DATA_SOURCE, 0),
        "replication_method": reading.method,
        "started_at": reading.started_at,
        "ended_at": reading.ended_at or datetime.now(UTC),
        "outcome": "failed" if error else outcome,
        "rows_read": reading.rows,
        **{f"rows_{name}": number for name, number in counts.items()},
        "pages": reading.pages,
        "requests": reading.requests,
        "values_nulled": reading.converter.nulled.total(),
        "fields_dropped": len(reading.converter.dropped),
        "errcode": ours.errcode,
        "error_kind": kind_of(error) if error else None,
        "error": text and redact(text.replace(ours.private, "") if ours.private else text),
    }
