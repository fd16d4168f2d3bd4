"""What a catalog and a state ask for, and what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.singerlib import Catalog, Schema
from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    REPLICATION_LOG_BASED,
    Metadata,
)

from tap_yonyou import reads
from tap_yonyou.errors import SettingsError
from tap_yonyou.replication import DELETED_AT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk import Stream
    from singer_sdk.singerlib import CatalogEntry

    from tap_yonyou.u8.resources import Resource


def read_catalog(catalog: Any) -> Catalog:
    """Read a catalog, with the replication method a user chose in its metadata.

    Singer has that choice under the metadata key `replication-method`, where Meltano's
    `metadata` extra puts it; the SDK reads only what discovery wrote.
    """
    if not isinstance(catalog, Catalog):
        for entry in catalog["streams"]:
            for item in entry["metadata"]:
                if not item["breadcrumb"] and "replication-method" in item["metadata"]:
                    entry["replication_method"] = item["metadata"]["replication-method"]
    read = catalog if isinstance(catalog, Catalog) else Catalog.from_dict(catalog)
    for stream in read.streams:
        method = stream.replication_method or stream.metadata.root.forced_replication_method
        if method == REPLICATION_LOG_BASED and stream.tap_stream_id != reads.NAME:
            _add_deleted_at(stream)
    return read


def _add_deleted_at(entry: CatalogEntry) -> None:
    """Add the field that marks a deletion, and let all but the key be null beside it."""
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


def check_stream(stream: Stream, resource: Resource, catalog: Catalog) -> None:
    """Make sure that U8 can do what a catalog asks of a stream; add the key that it leaves out."""
    if problem := _problem(stream, resource, catalog):
        msg = f"{stream.name}: {problem}"
        raise SettingsError(msg)


def _problem(stream: Stream, resource: Resource, catalog: Catalog) -> str:
    keys, markers = stream.primary_keys, [*resource.incremental]
    if entry := catalog.get_stream(stream.name):
        # Messages have the key that stands here.
        entry.key_properties = keys if entry.key_properties is None else entry.key_properties
        if set(entry.key_properties) != set(keys):
            return f"key_properties in the catalog must be {', '.join(keys)}"
    methods = [REPLICATION_FULL_TABLE]
    methods += [REPLICATION_INCREMENTAL] if markers else []
    methods += [REPLICATION_LOG_BASED] if resource.key else []
    if (method := stream.replication_method) not in methods:
        return f"the replication method must be {' or '.join(methods)}"
    needed = dict.fromkeys(keys, "key")
    if method == REPLICATION_LOG_BASED:
        stream.replication_key = None
    elif method == REPLICATION_INCREMENTAL:
        stream.replication_key = marker = stream.replication_key or markers[0]
        if marker not in markers:
            return f"{marker} cannot be a replication key; use {' or '.join(markers)}"
        needed.setdefault(marker, "replication key")
    for name, role in needed.items():
        if name not in stream.effective_schema.get("properties", {}):
            return f"the catalog's schema lacks the {role} {name}; discover it again"
        if stream.selected and not stream.mask["properties", name]:
            return f"the catalog deselects the {role} {name}; select it"
    return ""


def check_bookmark(stream: Stream, resource: Resource, bookmark: Mapping[str, Any]) -> None:
    """Make sure that a bookmark can be sent to U8: somebody may have edited it."""
    key, value = stream.replication_key, bookmark.get("replication_key_value")
    is_used = value and stream.replication_method == REPLICATION_INCREMENTAL
    if not is_used or key is None or bookmark.get("replication_key") != key:
        return
    kind, needed = resource.incremental[key].kind, ""
    if not isinstance(value, str | int):
        needed = "a text or a whole number"
    elif kind == "timestamp" and not re.fullmatch(r"\d+(\.\d+)?", str(value), re.ASCII):
        needed = "a decimal number"
    if needed:
        msg = f"the bookmark of {stream.name} is not {needed}: correct or remove it in the state"
        raise SettingsError(msg)
