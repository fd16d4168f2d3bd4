"""What is wrong with a configuration: one line each, with the setting and what to do, no value."""

from __future__ import annotations

import os
import re
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from fsspec import get_filesystem_class
from fsspec.core import split_protocol
from singer_sdk import typing as th
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_LOG_BASED

from tap_yonyou.errors import SettingsError, TapError, one_line
from tap_yonyou.reads import NAME as READS
from tap_yonyou.replication import DELETED_AT
from tap_yonyou.settings import ACCOUNTS, DEFAULT_STREAMS, PREFIX, WRONG, stream_maps_of
from tap_yonyou.u8 import resources
from tap_yonyou.u8.values import DATA_SOURCE
from tap_yonyou.u8.wire import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError
    from singer_sdk import Stream
    from singer_sdk.mapper import StreamMap

_KINDS: Final = {
    "string": "a text in quotes",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object in JSON",
    "array": "a list in JSON",
}
_RULES: Final = {"uniqueItems": "name each only once", "minItems": "name one or more"}
_KEY_TYPES: Final = frozenset(("string", "integer", "number", "null"))
_URL: Final = re.compile(
    r"(https?)://([^\s/?#@\\:]+|\[[\da-f:.]+\])(:\d+)?(/[^\s?#@\\]*)?", re.IGNORECASE
)
_SEE_SDK: Final = "cannot be used: see Stream Maps in the documentation of the SDK"


def unknown_variables(schema: Mapping[str, Any], *, by_meltano: bool) -> list[str]:
    """Find environment variables that look like settings and are none."""
    known = {name.upper(): setting for name, setting in schema["properties"].items()}
    objects = [name for name, setting in known.items() if "object" in setting["type"]]
    # Meltano's extras (select, metadata …) begin with two underscores.
    pattern = rf"_.*|LOGLEVEL|{'|'.join(known)}"
    if by_meltano:  # it adds one for each value in an object, and all under the plugin's own name
        pattern = rf".*__.*|(.+_)?(({'|'.join(objects)})_.+|{pattern})"
    variables = [f"{PREFIX}{name}" for name in (*known, "LOGLEVEL")]
    return [
        f"unknown setting {name}: {_suggest(name.upper(), variables)}"
        for name, value in os.environ.items()
        if value and name.startswith(PREFIX) and not re.fullmatch(f"{PREFIX}({pattern})", name)
    ]


def problems(
    config: Mapping[str, Any], schema: Mapping[str, Any], *, needs_account: bool
) -> list[str]:
    """Find what is wrong with a configuration without blanks; discovery needs no account."""
    schema = schema if needs_account else {**schema, "required": []}
    lines = [*_by_schema(config, schema)] or [*_contradictions(config), *_streams(config)]
    if needs_account and "app_secret" not in config and "token" not in config:
        lines.append(
            f"app_secret and token are both missing: set app_secret (or {PREFIX}APP_SECRET) to "
            "have the tap log in, or token to use a token issued elsewhere"
        )
    # A name may hold a line feed.
    return [one_line(line, 1000) for line in dict.fromkeys(lines)]


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    for name in ACCOUNTS:
        text = config.get(name, "")
        if text != text.strip() or not text.isprintable():
            yield (
                f"{name} begins or ends with a blank, or holds a character that cannot be seen: "
                "copy it again without, or type it"
            )
    if "ds_sequences" in config and DATA_SOURCE in config:
        yield "ds_sequence and ds_sequences are both set: set one of them"
    url = _URL.fullmatch(config.get("api_url", "https://host"))
    if not url or (url[1].lower() == "http" and not is_loopback(url[2].strip("[]"))):
        yield (
            "api_url must be an https address without blanks, credentials, query or fragment; "
            "plain http is allowed for a loopback host only, because requests carry secrets"
        )
    protocol, path = split_protocol(config.get("snapshot_store", ""))
    if protocol and "@" in path.partition("/")[0]:
        yield "snapshot_store must have no credentials; the environment has a place for them"
    try:
        get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:  # it says what to install
        yield f"snapshot_store cannot be used: {error}"


def _streams(config: Mapping[str, Any]) -> Iterator[str]:
    names, declared = config.get("streams", DEFAULT_STREAMS), config.get("resources", {})
    entries = [f"{name}{resources.ENTRY}" for name in declared if "entry" in declared[name]]
    known = sorted({*resources.names(), *declared, *entries, READS})
    for name in names:
        if name not in known:
            yield f"unknown stream {name} in streams: {_suggest(name, known)}"
    for name, stream_map in config.get("stream_maps", {}).items():
        is_copy = isinstance(stream_map, dict) and "__source__" in stream_map
        # A map of an unknown stream might remove personal data.
        if name not in {*known, "__else__"} and not is_copy and not re.search(r"[*?\[]", name):
            yield f"unknown stream {name} in stream_maps: {_suggest(name, known)}"
    for name, declaration in declared.items():
        yield from _declaration(name, declaration)
    lists = [name for name in names if name in known and name != READS]
    chosen = [resources.choose(name, declared) for name in lists]
    chosen += [resource.head for resource in chosen if resource.head]
    filters = {resource.name: resource.filters for resource in chosen}
    schema = {"properties": {"filters": {"properties": filters, "additionalProperties": False}}}
    yield from _by_schema(config, schema)


def _declaration(name: str, declaration: Mapping[str, Any]) -> Iterator[str]:
    where, files = f"resources.{name}", resources.names()
    if name in files and not declaration.get("replaces"):
        yield f"{where} is built in; set replaces: true to read it in another way on purpose"
    if name not in files and declaration.get("replaces"):
        yield f"{where} replaces nothing: {_suggest(name, files)}"
    if name in files and name.endswith(resources.ENTRY):
        head = name.removesuffix(resources.ENTRY)
        yield f"{where} are lines: declare them as resources.{head}.entry"
    if "entry" in declaration and not declaration["key"]:
        yield f"{where}.key is empty: lines need the key of their document"
    if (fields := declaration.get("schema")) is None:
        return
    if (marker := declaration.get("incremental", {}).get("field")) and marker not in fields:
        yield f"{where}.schema lacks {marker}, its field of incremental"
    for key in declaration["key"]:
        types = fields.get(key, {}).get("type", ())
        if key not in fields:
            yield f"{where}.schema lacks {key}, its key"
        elif not types or not {*([types] if isinstance(types, str) else types)} <= _KEY_TYPES:
            yield f"{where}.schema.{key} must have the type string, integer or number, as a key"


def _by_schema(config: object, schema: Mapping[str, Any]) -> Iterator[str]:
    validator = th.DEFAULT_JSONSCHEMA_VALIDATOR
    checks = validator(schema, format_checker=validator.FORMAT_CHECKER)
    for error in checks.iter_errors(config):
        yield from _explain(error)


def _explain(error: ValidationError) -> Iterator[str]:
    """Describe an error of the validator, whose own message would show the value."""
    path = ".".join(str(part) for part in error.absolute_path)
    schema: Any = error.schema
    given: Any = error.instance
    match error.validator:
        case "required":
            for name in (name for name in schema["required"] if name not in given):
                where = f": set it in the configuration or as {PREFIX}{name.upper()}"
                yield f"{path}.{name} is missing" if path else f"{name} is missing{where}"
        case "additionalProperties":
            kind = "filter" if path.startswith("filters.") else "setting"
            kind = "stream" if path == "filters" else kind
            for name in (name for name in given if name not in schema["properties"]):
                guess = _suggest(name, schema["properties"])
                yield f"unknown {kind} {path}{path and '.'}{name}: {guess}"
        case "format" | "pattern" as keyword:
            path += f".{given}" if "propertyNames" in error.schema_path else ""
            yield f"{path} {WRONG.get(schema[keyword], 'cannot be used')}"
        case "anyOf" | "oneOf":
            is_own = path.startswith("resources.")
            yield f"{path} {'is not JSON Schema' if is_own else _SEE_SDK}"
        case keyword:
            yield f"{path} must {_RULES.get(str(keyword)) or _expected(schema)}"


def _expected(schema: Mapping[str, Any]) -> str:
    """Describe a type, for example `be a whole number from 1 to 10000`."""
    if "enum" in schema:
        return f"be one of {', '.join(schema['enum'])}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    text = " or ".join(_KINDS[kind] for kind in types if kind != "null")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        text += f" from {low} to {high}" if high is not None else f" of at least {low}"
    return f"be {text}"


def _suggest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 -- 20 ms that only a mistake needs

    known = list(known)
    if close := get_close_matches(name, known, n=1):
        return f"did you mean {close[0]}?"
    return f"use one of {', '.join(known)}" if known else "there is none here"


def check_maps(stream: Stream, config: Mapping[str, Any]) -> None:
    """Make sure that no stream map hides a deletion, or deletes a living row."""
    if stream.replication_method == REPLICATION_LOG_BASED and (
        problem := _map_problem(stream, config)
    ):
        msg = f"{stream.name}: {problem}"
        raise SettingsError(msg)


def check_versions(stream: Stream, config: Mapping[str, Any]) -> None:
    """Make sure that a table version will delete no rows of a data source that is not read."""
    deletes = config["emit_activate_version_messages"] and stream.primary_keys
    is_full = stream.replication_method == REPLICATION_FULL_TABLE
    if is_full and deletes and "ds_sequences" in config:
        msg = (
            f"{stream.name}: FULL_TABLE with emit_activate_version_messages and ds_sequences would "
            "delete the rows of a data source that is not named any more; use LOG_BASED, or turn "
            "off one of them"
        )
        raise SettingsError(msg)


def _map_problem(stream: Stream, config: Mapping[str, Any]) -> str:
    problem, advice = "", "use FULL_TABLE, or map other fields only"
    stream_maps = [m for _, m in stream_maps_of(config, stream.name) if isinstance(m, dict)]
    for stream_map in stream_maps:
        if stream_map.get("__filter__"):
            problem, advice = "__filter__ would hide deletions", "use filters, or FULL_TABLE"
        if "__key_properties__" in stream_map:
            problem = "__key_properties__ gives deletions another key"
        for key in {*stream.primary_keys} & stream_map.keys():
            problem = f"two rows could get one key {key}, and be deleted together"
    mapped = {stream_map.get(DELETED_AT, DELETED_AT) for stream_map in stream_maps}
    for transform in stream.stream_maps:
        if isinstance(transform, RemoveRecordTransform):
            continue
        if DELETED_AT not in transform.transformed_schema["properties"] or mapped - {DELETED_AT}:
            problem = f"{DELETED_AT} is removed, which tells of deletions"
            advice = f"add {DELETED_AT}: {DELETED_AT}"
        if not problem:
            _map_a_deletion(transform, stream)
    return problem and f"stream_maps cannot be used with LOG_BASED: {problem}; {advice}"


def _map_a_deletion(transform: StreamMap, stream: Stream) -> None:
    """Map the record of a deletion, null but for its key, to see what fails before there is one."""
    keys, fields = stream.primary_keys, stream.effective_schema["properties"]
    # Not the map's own schema, which lacks what the map removes.
    names = [name for name in fields if stream.mask["properties", name]]
    record = {name: "1" if name in keys else None for name in names}
    with blaming_stream_maps():
        try:
            transform.transform(record)
        except (LookupError, ValueError) as error:
            # A real key may do where this one fails.
            if {*keys}.isdisjoint(re.findall(r"\w+", str(_variables(error, "prop_def")))):
                raise


@contextmanager
def blaming_stream_maps() -> Iterator[None]:
    """Name the property that a stream map fails on, but neither its rule nor a value."""
    try:
        yield
    except TapError:
        raise
    except Exception as error:  # noqa: BLE001 -- an expression may raise anything
        reason = type(error.__cause__ or error).__name__
        msg = f"stream_maps or flattening {_SEE_SDK} ({reason})"
        if names := _variables(error, "prop_key", "property_name"):
            msg = (
                f"stream_maps: {names[-1] or '__filter__'} cannot be mapped ({reason}); check the "
                "expression: fields may be null, and a key cannot be removed"
            )
        raise SettingsError(msg) from None


def _variables(error: Exception, *names: str) -> list[Any]:
    """Read the SDK's variables where an exception came from: its text shows the rule instead."""
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [frame[name] for frame in frames for name in names if name in frame]
