"""What a user gives for a catalog or a state, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jsonschema import SchemaError
from singer_sdk import typing as th
from singer_sdk.mapper import PluginMapper
from singer_sdk.singerlib import Catalog, Schema
from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    REPLICATION_LOG_BASED,
    Metadata,
)

from tap_yonyou.errors import SettingsError
from tap_yonyou.u8.values import DATA_SOURCE, DELETED_AT

if TYPE_CHECKING:
    import logging

    from singer_sdk import Stream
    from singer_sdk.singerlib import CatalogEntry

    from tap_yonyou.u8.resources import Resource

_BOOKMARK: Final = {
    "replication_key": {"type": ["string", "null"]},
    "replication_key_value": {"type": ["string", "integer", "null"]},
    "replication_key_signpost": {"type": ["string", "null"]},
    "progress_markers": {"type": "object"},
}
_PARTITIONS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            **_BOOKMARK,
            "context": {"type": "object", "properties": {DATA_SOURCE: {"type": "integer"}}},
        },
        "required": ["context"],
    },
}
_STATE: Final = {
    "type": "object",
    "properties": {
        "bookmarks": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {**_BOOKMARK, "partitions": _PARTITIONS},
            },
        },
    },
}


def read_catalog(catalog: Any, logger: logging.Logger) -> Catalog:
    """Read a catalog, with the replication method a user chose in its metadata.

    Singer has that choice under the metadata key `replication-method`, where Meltano's
    `metadata` extra puts it; the SDK reads only what discovery wrote.

    Args:
        catalog: A catalog, or what its file holds.
        logger: The tap's.

    Returns:
        The catalog.

    Raises:
        SettingsError: It is none.
    """
    read = catalog if isinstance(catalog, Catalog) else _read(catalog, logger)
    for entry in read.streams:
        method = entry.replication_method or entry.metadata.root.forced_replication_method
        if method == REPLICATION_LOG_BASED:
            _add_deleted_at(entry)
    return read


def _read(catalog: Any, logger: logging.Logger) -> Catalog:
    try:
        for entry in catalog["streams"]:
            for item in entry["metadata"]:
                if not item["breadcrumb"] and "replication-method" in item["metadata"]:
                    entry["replication_method"] = item["metadata"]["replication-method"]
        read = Catalog.from_dict(catalog)
        # Reads all of it, as it will be read again with the stream maps.
        mapper = PluginMapper({}, logger)
        mapper.register_raw_streams_from_catalog(read)
        for stream in read.streams:
            set(stream.key_properties or ())
            th.DEFAULT_JSONSCHEMA_VALIDATOR.check_schema(stream.schema.to_dict())
            mapper.stream_maps[stream.tap_stream_id]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, SchemaError):
        msg = "--catalog is no Singer catalog; write one with --discover"
        raise SettingsError(msg) from None
    return read


def _add_deleted_at(entry: CatalogEntry) -> None:
    """Add the field that tells of a deletion, and let all but the key be null beside it."""
    fields = entry.schema.properties = dict(entry.schema.properties or {})
    key = entry.key_properties or entry.schema.required or ()
    for name in fields.keys() - {*key}:
        fields[name] = Schema.from_dict(_nullable(fields[name].to_dict()))
    entry.schema.required = [*key]
    fields[DELETED_AT] = Schema(type=["string", "null"], format="date-time")
    field = ("properties", DELETED_AT)
    entry.metadata[field] = Metadata(inclusion=Metadata.InclusionType.AUTOMATIC)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if th.DEFAULT_JSONSCHEMA_VALIDATOR(schema).is_valid(None):
        return schema
    types = schema.get("type")
    if types is None or "enum" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [*([types] if isinstance(types, str) else types), "null"]}


def selected(catalog: Catalog | None) -> set[str]:
    """Name the streams that a catalog selects.

    Args:
        catalog: The catalog given with `--catalog`; None if there is none.

    Returns:
        The names, also of streams that the tap does not offer.
    """
    streams = catalog.streams if catalog else ()
    return {one.tap_stream_id for one in streams if one.metadata.resolve_selection()[()]}


def check_state(state: Any) -> None:
    """Make sure that a state is one.

    Args:
        state: What the file of `--state` holds.

    Raises:
        SettingsError: It is none.
    """
    if not th.DEFAULT_JSONSCHEMA_VALIDATOR(_STATE).is_valid(state):
        msg = "--state is no Singer state: it must be an object with bookmarks by stream"
        raise SettingsError(msg)
    for name, bookmark in state.get("bookmarks", {}).items():
        contexts = [one["context"] for one in bookmark.get("partitions", ())]
        if any(contexts.count(one) > 1 for one in contexts):
            msg = f"--state has two bookmarks for one partition of {name}; leave one of them"
            raise SettingsError(msg)


def check_stream(stream: Stream, resource: Resource, catalog: Catalog) -> None:
    """Make sure that U8 can do what a catalog asks of a stream.

    Args:
        stream: The stream, with the catalog applied.
        resource: What it reads.
        catalog: The catalog; a key that it leaves out is added.

    Raises:
        SettingsError: It asks for another key, for none, or for a replication that U8 cannot do.
    """
    if problem := _key_problem(stream, catalog) or _replication_problem(stream, resource):
        msg = f"{stream.name}: {problem}"
        raise SettingsError(msg)


def _key_problem(stream: Stream, catalog: Catalog) -> str:
    keys = stream.primary_keys
    if entry := catalog.get_stream(stream.name):
        # Messages have the key that stands here.
        entry.key_properties = keys if entry.key_properties is None else entry.key_properties
        if set(entry.key_properties) != set(keys):
            return f"key_properties in the catalog must be {', '.join(keys)}"
    for key in keys:
        if key not in stream.effective_schema.get("properties", {}):
            return f"the catalog's schema lacks the key {key}; discover it anew"
        if stream.selected and not stream.mask["properties", key]:
            return f"the catalog deselects the key {key}; select it"
    return ""


def _replication_problem(stream: Stream, resource: Resource) -> str:
    method, fields = stream.replication_method, [*resource.incremental]
    methods = [REPLICATION_FULL_TABLE]
    methods += [REPLICATION_INCREMENTAL] if fields else []
    methods += [REPLICATION_LOG_BASED] if resource.key else []
    if method not in methods:
        return f"the replication method must be {' or '.join(methods)}"
    if method == REPLICATION_LOG_BASED:
        stream.replication_key = None
    if method != REPLICATION_INCREMENTAL:
        return ""
    stream.replication_key = stream.replication_key or fields[0]
    key = stream.replication_key
    if key not in fields:
        return f"{key} cannot be a replication key; use {' or '.join(fields)}"
    if key not in stream.effective_schema.get("properties", {}):
        return f"the catalog's schema lacks the replication key {key}; discover it anew"
    if stream.selected and not stream.mask["properties", key]:
        return f"the catalog deselects the replication key {key}; select it"
    return ""
