"""What `dbt/` has of the resources: a source and a staging view for each stream.

`tools.documents` writes them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from tap_yonyou.u8 import resources

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parent.parent
MODELS: Final = ROOT / "dbt/models"
STAGING: Final = MODELS / "staging"
READS: Final = "tap_yonyou_reads"

_HEADER: Final = "# Written by `python -m tools.documents`.\n"
#: Columns of PostgreSQL by type or format in the schema.
_COLUMNS: Final = {
    "string": "text",
    "date": "date",
    "date-time": "timestamp",
    "boolean": "boolean",
    "integer": "bigint",
    "number": "numeric",
    "object": "jsonb",
    "array": "jsonb[]",
}
_ROW_VERSION: Final = "Row version, "
_DAY: Final = "日期"
_DATA_SOURCE: Final = {
    "type": "integer",
    "description": "Number of the data source, 0 if none is configured (数据源序号)",
}
_SCHEMA: Final = (
    "{{ var('source_schema', none) or"
    " env_var('TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', 'tap_yonyou') }}"
)
#: Whether the tables are fresh is said by the reads: LOG_BASED leaves a table as it is if nothing
#: has changed.
_FRESHNESS: Final = {
    "loaded_at_query": "{{ tap_yonyou.oldest_read(this) }}",
    "freshness": {
        "warn_after": {"count": 26, "period": "hour"},
        "error_after": {"count": 50, "period": "hour"},
    },
}
#: What target-postgres adds to a table, and the tap, if it reads several data sources.
_ADDED: Final = {
    "ds_sequence": "Number of the data source, if ds_sequences is set (数据源序号)",
    "_sdc_extracted_at": "When the tap wrote the record (提取时间)",
    "_sdc_received_at": "When the target received the record (接收时间)",
    "_sdc_batched_at": "When the target wrote the row (写入时间)",
    "_sdc_deleted_at": "When the row was found to be deleted in U8; null if it lives (删除时间)",
    "_sdc_sequence": "Number that grows with time (序号)",
    "_sdc_table_version": "Version of the table that the record carries (表版本)",
    "_sdc_sync_started_at": "When the target started (同步开始时间)",
}


class Stream(NamedTuple):
    """What a source and a staging view need to know.

    Attributes:
        name: The table.
        schema: Its JSON Schema, whose properties have a description each.
        key: The fields that identify a row, without the data source.
    """

    name: str
    schema: Mapping[str, Any]
    key: tuple[str, ...]


def streams() -> list[Stream]:
    """Give all streams, that of reads last."""
    known = [resources.load(name) for name in resources.names()]
    reads = json.loads((ROOT / "tap_yonyou/reads.json").read_text("utf-8"))
    key = tuple(name for name in reads["required"] if name != "data_source")
    return [
        *(Stream(stream.name, stream.schema, stream.key) for stream in known),
        Stream(READS, reads, key),
    ]


def files() -> dict[Path, str]:
    """Give the text of each file of `dbt/` that follows from the resources."""
    all_streams = streams()
    sources = {
        "name": "yonyou",
        "description": "Yonyou U8+ as tap-yonyou has read it (用友 U8+)",
        "schema": _SCHEMA,
        "tables": [_source(stream) for stream in all_streams],
    }
    return {
        MODELS / "sources.yml": _yaml({"sources": [sources]}),
        STAGING / "staging.yml": _yaml({"models": [_model(stream) for stream in all_streams]}),
        **{
            STAGING
            / f"{model_name(stream.name)}.sql": f"{{{{ tap_yonyou.stage('{stream.name}') }}}}\n"
            for stream in all_streams
        },
    }


def model_name(stream: str) -> str:
    """Name the staging view of a stream."""
    return f"stg_yonyou__{stream}"


def labels(stream: Stream) -> dict[str, str]:
    """Give the Chinese names of the columns: the vendor's terms, each once, of plain characters.

    The columns of the tap's own table keep their names: no term is the vendor's there.
    """
    if stream.name == READS:
        return {name: name for name in _columns(stream)}
    terms = {
        name: re.sub(r"\W+", "_", _chinese(about)).strip("_")
        for name, about in _columns(stream).items()
    }
    times = Counter(terms.values())
    unique = {n: term if times[term] == 1 else f"{term}_{n}" for n, term in terms.items()}
    return {n: f"_{label}" if label[0].isdigit() else label for n, label in unique.items()}


def column_type(about: Mapping[str, Any]) -> str:
    """Name the type that a column has in the staging view."""
    types = [about["type"]] if isinstance(about["type"], str) else about["type"]
    (only,) = (kind for kind in types if kind != "null")
    kind = _COLUMNS[about.get("format", only)]
    if about["description"].startswith(_ROW_VERSION):
        return "numeric"
    # What the vendor calls a day, such as 停用日期, is one, even if U8 sends a midnight with it.
    return "date" if kind == "timestamp" and _chinese(about).endswith(_DAY) else kind


def _source(stream: Stream) -> dict[str, Any]:
    own = {name: about["description"] for name, about in stream.schema["properties"].items()}
    added = {
        name: text for name, text in _ADDED.items() if "data_source" not in own or name[0] == "_"
    }
    return {
        "name": stream.name,
        "description": stream.schema["title"],
        **({"config": _FRESHNESS} if stream.name == READS else {}),
        "columns": [_Line(name=name, description=text) for name, text in (own | added).items()],
    }


def _model(stream: Stream) -> dict[str, Any]:
    chinese = labels(stream)
    key = _Line({name: chinese[name] for name in ("data_source", *stream.key)})
    columns = [
        _Line(
            name=name,
            description=about["description"],
            data_type=column_type(about),
            config={"meta": {"zh": chinese[name]}},
        )
        for name, about in _columns(stream).items()
    ]
    return {
        "name": model_name(stream.name),
        "description": stream.schema["title"],
        "data_tests": [
            {"tap_yonyou.is_key": {"name": f"key_of_{stream.name}", "arguments": {"columns": key}}}
        ],
        "columns": columns,
    }


def _columns(stream: Stream) -> dict[str, Any]:
    return {"data_source": _DATA_SOURCE, **stream.schema["properties"]}


def _chinese(about: Mapping[str, Any]) -> str:
    return str(about["description"]).removesuffix(")").rpartition(" (")[2]


class _Line(dict[str, Any]):
    """What stands in one line."""


class _Dumper(yaml.SafeDumper):
    """Writes a `_Line` as one."""

    def represent_line(self, line: _Line) -> yaml.Node:
        return self.represent_mapping("tag:yaml.org,2002:map", line, flow_style=True)


_Dumper.add_representer(_Line, _Dumper.represent_line)


def _yaml(content: object) -> str:
    return _HEADER + yaml.dump(
        content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**4
    )
