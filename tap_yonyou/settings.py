"""Which settings there are, and how they are read.

Descriptions, defaults and ranges stand here and nowhere else: `--about`, meltano.yml,
.env.example and the tables of docs/settings.md are kept in step with them by a test.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from tap_yonyou.u8.errcodes import Action
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How the names of environment variables begin.
PREFIX: Final = "TAP_YONYOU_"
#: A variable that is set if Meltano starts the tap.
MELTANO: Final = "MELTANO_EXTRACTOR_NAME"

DEFAULT_STREAMS: Final = ["customercontacts"]

ACCOUNTS: Final = ("from_account", "to_account", "app_key", "app_secret", "token")

_RESOURCE: Final = r"^[^?#]*[^\s?#][^?#]*$"
#: Without the slash it would become a part of the host's name.
_PATH: Final = r"^/[^?#]*$"
#: Any other field: the tap and its targets would replace its values.
FIELD: Final = rf"^(?!(?i:_sdc_|{DATA_SOURCE}$)).*\S"
_SENT: Final = "|".join((*ACCOUNTS, DATA_SOURCE, "page_index", "rows_per_page"))
_PARAMETER: Final = rf"^(?!(?i:_sdc_|(?:{_SENT})$)).*\S"

#: What is wrong with a text, by the pattern or format that it does not have.
WRONG: Final = {
    "date": "must be a date like 2024-12-31",
    r"\S": "must not be blank",
    _RESOURCE: "must not be blank, nor hold ? or #",
    _PATH: "must begin with a slash, and hold neither ? nor #",
    FIELD: "must not be blank; ds_sequence and names that begin with _sdc_ are the tap's own",
    _PARAMETER: "must not be blank, nor a parameter that the tap sets itself",
}

_STRING: Final = {"type": "string"}
_SECRET: Final = {"type": "string", "secret": True, "writeOnly": True}
_SCHEMA: Final = {"type": "object", "$ref": "https://json-schema.org/draft/2020-12/schema"}
_VALUE: Final = {"type": ["string", "number", "boolean", "null"]}


def _setting(schema: Mapping[str, Any], text: str, *, is_required: bool = False) -> dict[str, Any]:
    """Add title and description, with a colon between them, to a schema."""
    title, _, description = text.partition(": ")
    types = [schema["type"]] if is_required else [schema["type"], "null"]
    return {**schema, "type": types, "title": title, "description": description}


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


def _integer(minimum: int, **more: Any) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, **more}


def _named(names: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": {"pattern": names}, "additionalProperties": values}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    members = {"properties": properties, "required": required.split()}
    return {"type": "object", **members, "additionalProperties": False}


_FIELD, _SENT_AS, _TEXT = _text(FIELD), _text(_PARAMETER), _text(r"\S")
_KIND: Final = {"enum": ["code", "timestamp", "date"]}
_MARKER: Final = _object("field parameter kind", field=_FIELD, parameter=_SENT_AS, kind=_KIND)
_ASKED: Final = {"path": _text(_PATH), "rows": _TEXT, "schema": _named(FIELD, _SCHEMA)}
_DECLARATION: Final = _object(
    "key",
    **_ASKED,
    key={"type": "array", "items": _FIELD, "uniqueItems": True},
    params=_named(_PARAMETER, _VALUE),
    incremental=_MARKER,
    entry=_object("", **_ASKED, parameter=_SENT_AS, date=_FIELD, approval=_FIELD),
    replaces={"type": "boolean"},
)

_SETTINGS: Final = {
    "from_account": _setting(
        _STRING,
        "Caller id: Account that calls the API (调用方id), from the developer's account page.",
        is_required=True,
    ),
    "to_account": _setting(
        _STRING,
        "Provider id: Account of the company whose U8+ is read (提供方id).",
        is_required=True,
    ),
    "app_key": _setting(_SECRET, "App key: Key of the app (应用编码).", is_required=True),
    "app_secret": _setting(
        _SECRET,
        "App secret: Secret of the app (应用密钥), with which the tap logs in and renews its "
        "token. Set this or token.",
    ),
    "token": _setting(
        _SECRET,
        "Token: Token issued elsewhere (全局访问唯一识别码), used until it expires. "
        "Ignored if app_secret is set.",
    ),
    "streams": _setting(
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "default": DEFAULT_STREAMS},
        "Streams: Names of the streams to offer. An app is usually granted only a few. "
        "tap_yonyou_reads reports how each read ended.",
    ),
    "resources": _setting(
        {**_named(_RESOURCE, _DECLARATION), "examples": [{"fitem": {"key": ["code"]}}]},
        "Resources: Declares resources of the OpenAPI that the tap does not know, by name. Each "
        "is a stream that streams may name.",
    ),
    "ds_sequence": _setting(
        _integer(1),
        "Data source number: Number of the data source to read (数据源序号). If it is not set, U8 "
        "takes the app's first one.",
    ),
    "ds_sequences": _setting(
        {"type": "array", "items": _integer(1), "minItems": 1, "examples": [[1, 2, 3]]},
        "Data source numbers: Numbers of several data sources to read. Each record then has its "
        "number in the field ds_sequence, which is part of the key. Not together with "
        "ds_sequence.",
    ),
    "api_url": _setting(
        _STRING | {"default": "https://api.yonyouup.com"},
        "API address: Address of the OpenAPI gateway: https, or http on a loopback host.",
    ),
    "page_size": _setting(
        _integer(1, maximum=10000, default=500),
        "Page size: Rows to ask for in one request, 1 to 10000 (rows_per_page). A server may "
        "return fewer; the tap follows what the reply says.",
    ),
    "concurrency": _setting(
        _integer(1, maximum=16, default=4),
        "Concurrent requests: Maximum number of requests in flight, 1 to 16: while one page is "
        "written, the next ones are requested. With 1, pages are read one after the other.",
    ),
    "request_timeout": _setting(
        _integer(1, maximum=86_400, default=100),
        "Request timeout: Seconds for one request as a whole, up to the last byte of the answer. "
        "Only headers that arrive byte by byte can take longer.",
    ),
    "max_attempts": _setting(
        _integer(1, default=8),
        "Attempts: How many times a request is sent before the stream fails. The waits between "
        "attempts start at half a second and double, up to a minute.",
    ),
    "max_passes": _setting(
        _integer(1, default=3),
        "Passes: How many times all pages are read if the list changes during the read, before "
        "the stream fails.",
    ),
    "errcode_actions": _setting(
        {
            "type": "object",
            "additionalProperties": {"enum": [*Action]},
            "examples": [{"29999": "retry"}],
        },
        "Actions by errcode: Overrides what the tap does on an errcode: empty (no rows), login "
        "(log in again, then retry), retry (wait, then retry) or fatal (fail).",
    ),
    "emit_activate_version_messages": _setting(
        {"type": "boolean", "default": False},
        "Table versions: Sends ACTIVATE_VERSION after a complete read. With FULL_TABLE, the "
        "target then deletes or marks the rows that no longer come. LOG_BASED always marks "
        "deletions; a version, sent after every row was written again, also removes the rows "
        "that the state did not know.",
    ),
    "max_deletes_percent": _setting(
        _integer(0, maximum=100, default=50),
        "Maximum deletions: Maximum percentage of the rows of the last complete read that may "
        "have been deleted, 0 to 100. If it is exceeded, nothing is deleted and the stream "
        "fails.",
    ),
    "deleted_rows": _setting(
        {"type": "string", "enum": ["keep", "blank"], "default": "keep"},
        "Deleted rows: What LOG_BASED leaves of a row that was deleted in U8, besides its key and "
        "the time in _sdc_deleted_at: keep (its last values) or blank (nothing).",
    ),
    "new_fields": _setting(
        {"type": "string", "enum": ["drop", "text"], "default": "drop"},
        "New fields: What happens to a field that no schema knows: drop (a warning names it) or "
        "text (it becomes a text column).",
    ),
    "rewrite_days": _setting(
        _integer(0, maximum=36_500, default=30),
        "Days between rewrites: LOG_BASED writes every row again when the last time it did so is "
        "this many days ago, 0 for never. This repairs a table that differs from the state.",
    ),
    "lookback_days": _setting(
        _integer(0, maximum=36_500, default=31),
        "Look-back days: LOG_BASED fetches documents dated within this many days again. "
        "INCREMENTAL by a date starts this many days before its bookmark.",
    ),
    "snapshot_store": _setting(
        _STRING | {"examples": ["snapshots", "s3://bucket/yonyou"]},
        "Snapshot store: Where LOG_BASED keeps its snapshots: a folder, or an fsspec URL without "
        "credentials. If it is not set, they are part of the state.",
    ),
    "filters": _setting(
        {
            "type": "object",
            "additionalProperties": {"type": "object"},
            "examples": [{"customercontacts": {"ccuscode": "0215", "be_main_linker": True}}],
        },
        "Filters: Reads only matching rows: filters.<stream>.<filter>, with the vendor's names.",
    ),
}
#: The filters of a stream are in its resource.
SCHEMA: Final = {
    "type": "object",
    "properties": _SETTINGS,
    "required": [name for name, setting in _SETTINGS.items() if "null" not in setting["type"]],
    "additionalProperties": False,
}


def from_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings of the environment; a text of another type stays one, to be refused."""
    found: dict[str, Any] = {}
    for name, setting in schema["properties"].items():
        if text := os.environ.get(f"{PREFIX}{name.upper()}"):
            found[name] = text
            if "string" not in setting["type"]:
                with suppress(ValueError):
                    text = text.lower() if "boolean" in setting["type"] else text
                    # As the SDK reads files: 1e3 is not an integer.
                    found[name] = json.loads(text, parse_float=Decimal)
            if MELTANO in os.environ and isinstance(found[name], dict):
                found[name] = _nested(found[name])
    return found


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Undo how Meltano writes an object of `meltano.yml`: `{"a.b": 1}` is `{"a": {"b": 1}}`."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split(".")
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[name] = value
    return nested


def without_blanks(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null or blank, also in filters and declarations: it is not set."""
    kept = {name: value for name, value in config.items() if value is not None and value != ""}
    for setting in ("filters", "resources"):
        if isinstance(by_stream := kept.get(setting), dict):
            kept[setting] = {
                stream: without_blanks(values) if isinstance(values, dict) else values
                for stream, values in by_stream.items()
            }
    return kept


def stream_maps_of(config: Mapping[str, Any], stream: str) -> list[tuple[str, Any]]:
    """Choose the stream maps that may change what a stream emits, in the order they apply."""
    maps: Mapping[str, Any] = config.get("stream_maps") or {}
    return [
        (name, stream_map)
        for name, stream_map in maps.items()
        if name == "__else__"
        or fnmatchcase(stream, name)
        or (isinstance(stream_map, dict) and fnmatchcase(stream, str(stream_map.get("__source__"))))
    ]
