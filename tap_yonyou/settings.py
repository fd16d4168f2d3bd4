"""Which settings there are, and what is wrong with a configuration.

Descriptions, defaults and ranges stand here and nowhere else: `--about`, meltano.yml,
.env.example and the tables of the READMEs are kept in step with them by a test.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from contextlib import contextmanager, suppress
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from fsspec import get_filesystem_class
from fsspec.core import split_protocol
from jsonschema import SchemaError
from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigValidationError

from tap_yonyou.errors import SettingsError, TapError, one_line
from tap_yonyou.u8 import resources
from tap_yonyou.u8.errcodes import Action
from tap_yonyou.u8.values import DATA_SOURCE
from tap_yonyou.u8.wire import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

_KINDS: Final = {
    "string": "a text in quotes",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object in JSON",
    "array": "a list in JSON",
}

#: The one format and the one pattern that settings have.
_MUST: Final = {"format": "be a date like 2024-12-31", "pattern": "begin with a slash"}

DEFAULT_STREAMS: Final = ["customercontacts"]

_KEY_TYPES: Final = frozenset(("string", "integer", "number", "null"))

#: The one variable with the prefix that is not a setting.
_LOGLEVEL: Final = "LOGLEVEL"

_SEE_SDK: Final = "cannot be used: see Stream Maps in the documentation of the SDK"

#: What no address of a gateway has: blanks, and the signs of a query, a fragment, credentials.
_NOT_IN_URL: Final = re.compile(r"[\s?#@\\]")


#: What every request has, or only the log-in.
RESERVED_PARAMS: Final = frozenset(
    (
        *("from_account", "to_account", "app_key", "app_secret", "token", DATA_SOURCE),
        *("page_index", "rows_per_page"),
    )
)
_TEXTS: Final = th.ArrayType(th.StringType(nullable=False))
_VALUE: Final = th.CustomType({"type": ["string", "number", "boolean", "null"]})
# Without the slash it would become a part of the host's name.
_PATH: Final = th.Property("path", th.StringType(pattern="^/"))
_SCHEMA: Final = th.Property("schema", th.ObjectType(additional_properties=th.ObjectType()))
_DECLARATION: Final = th.ObjectType(
    th.Property("key", _TEXTS, required=True),
    _PATH,
    th.Property("rows", th.StringType),
    th.Property("params", th.ObjectType(additional_properties=_VALUE)),
    _SCHEMA,
    th.Property(
        "incremental",
        th.ObjectType(
            th.Property("field", th.StringType, required=True),
            th.Property("parameter", th.StringType, required=True),
            th.Property(
                "kind",
                th.StringType(allowed_values=["code", "timestamp", "date"]),
                required=True,
            ),
            additional_properties=False,
        ),
    ),
    th.Property(
        "entry",
        th.ObjectType(
            _PATH,
            *(th.Property(name, th.StringType) for name in ("parameter", "rows", "date")),
            th.Property("approval", th.StringType),
            _SCHEMA,
            additional_properties=False,
        ),
    ),
    th.Property("replaces", th.BooleanType),
    additional_properties=False,
)


def config_jsonschema() -> dict[str, Any]:
    """Describe the settings.

    Returns:
        A JSON Schema. What the filters of a stream are stands in the file of its resource, which
        is read for the streams that are chosen.
    """
    return th.PropertiesList(
        th.Property(
            "from_account",
            th.StringType,
            required=True,
            title="Caller id",
            description="The caller's account (调用方id), from the developer's account page.",
            examples=["my_developer_account"],
        ),
        th.Property(
            "to_account",
            th.StringType,
            required=True,
            title="Provider id",
            description="The account of the company whose U8+ is read (提供方id).",
            examples=["my_company_account"],
        ),
        th.Property(
            "app_key",
            th.StringType,
            required=True,
            secret=True,
            title="App key",
            description="The app's key (应用编码).",
        ),
        th.Property(
            "app_secret",
            th.StringType,
            secret=True,
            title="App secret",
            description="The app's secret (应用密钥); with it the tap obtains and renews the "
            "token. One of app_secret and token must be set.",
        ),
        th.Property(
            "token",
            th.StringType,
            secret=True,
            title="Token",
            description="A token issued elsewhere (全局访问唯一识别码), used until it expires. "
            "Ignored where app_secret is set.",
        ),
        th.Property(
            "streams",
            th.ArrayType(th.StringType(nullable=False)),
            default=DEFAULT_STREAMS,
            title="Streams",
            description="The lists of U8 to offer as streams, by name; an app is usually granted a "
            "few only.",
            examples=[DEFAULT_STREAMS],
        ),
        th.Property(
            "resources",
            th.ObjectType(additional_properties=_DECLARATION),
            title="Lists of your own",
            description="Declares lists of U8 that the tap has no file for, by name; streams "
            "chooses them like the others.",
            examples=[{"fitem": {"key": ["code"]}}],
        ),
        th.Property(
            "ds_sequence",
            th.IntegerType(minimum=1),
            title="Data source number",
            description="Number of the data source (数据源序号); left out, U8 takes the first "
            "data source of the app.",
            examples=[1],
        ),
        th.Property(
            "ds_sequences",
            th.ArrayType(th.IntegerType(minimum=1, nullable=False)),
            title="Data source numbers",
            description="Numbers of several data sources, each of which is read. Records then have "
            "their number in a field ds_sequence, which is a part of the key. Not together with "
            "ds_sequence.",
            examples=[[1, 2, 3]],
        ),
        th.Property(
            "api_url",
            th.StringType,
            default="https://api.yonyouup.com",
            title="API address",
            description="Address of the OpenAPI gateway: https, or http on a loopback host.",
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1, maximum=10000),
            default=500,
            title="Page size",
            description="Rows to ask for in one request, 1 to 10000 (rows_per_page). A server "
            "may give fewer; the tap follows what the reply says.",
        ),
        th.Property(
            "concurrency",
            th.IntegerType(minimum=1, maximum=16),
            default=4,
            title="Requests at a time",
            description="The most requests in flight, 1 to 16: while a page is written, the next "
            "ones are on the wire. With 1 the pages are read one after the other.",
        ),
        th.Property(
            "request_timeout",
            th.IntegerType(minimum=1),
            default=100,
            title="Request timeout",
            description="Seconds for one request as a whole, up to the last byte of the answer.",
        ),
        th.Property(
            "max_attempts",
            th.IntegerType(minimum=1),
            default=8,
            title="Attempts",
            description="How often a request is sent before the run ends. The waits between "
            "attempts begin with half a second and double, up to a minute.",
        ),
        th.Property(
            "max_passes",
            th.IntegerType(minimum=1),
            default=3,
            title="Passes",
            description="How often all pages are read if the list changes meanwhile, before the "
            "run ends.",
        ),
        th.Property(
            "errcode_actions",
            th.ObjectType(
                additional_properties=th.StringType(allowed_values=[*Action], nullable=False),
            ),
            title="Actions by errcode",
            description="Corrects what the tap does about an errcode: empty (no rows), login "
            "(new token, repeat), retry (wait and repeat) or fatal (end the run).",
            examples=[{"29999": "retry"}],
        ),
        th.Property(
            "emit_activate_version_messages",
            th.BooleanType,
            default=False,
            title="Delete what is gone",
            description="Sends ACTIVATE_VERSION after the last record of a complete FULL_TABLE "
            "read, or of the first one with LOG_BASED, so that the target deletes or marks rows "
            "that are gone from U8.",
        ),
        th.Property(
            "max_deletes_percent",
            th.IntegerType(minimum=0, maximum=100),
            default=50,
            title="Most deletes",
            description="How many percent of the rows of the last complete read may be gone, 0 to "
            "100. If more are, nothing is deleted and the stream fails.",
        ),
        th.Property(
            "snapshot_store",
            th.StringType,
            title="Snapshot store",
            description="Where LOG_BASED keeps its snapshots: a folder, or a URL of fsspec without "
            "credentials. Left out, they are a part of the state.",
            examples=["snapshots", "s3://bucket/yonyou"],
        ),
        th.Property(
            "filters",
            th.ObjectType(additional_properties=th.ObjectType(additional_properties=True)),
            title="Filters",
            description="Reads only matching rows: filters.<stream>.<filter>, with the vendor's "
            "names.",
            examples=[{"customercontacts": {"ccuscode": "0215", "be_main_linker": True}}],
        ),
        additional_properties=False,
    ).to_dict()


def from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Read the settings that the environment has.

    Args:
        schema: The JSON Schema of the settings.
        prefix: The beginning of the names of variables.

    Returns:
        Settings by name; a text that cannot be read as its type stays one, for `problems` to say.
    """
    found: dict[str, Any] = {}
    for name, setting in schema["properties"].items():
        if text := os.environ.get(f"{prefix}{name.upper()}"):
            found[name] = text
            if "string" not in setting["type"]:
                with suppress(ValueError, RecursionError):
                    text = text.lower() if "boolean" in setting["type"] else text
                    # As in files, where 1e3 is no whole number.
                    found[name] = json.loads(text, parse_float=Decimal)
    return found


def unknown_variables(schema: Mapping[str, Any], prefix: str, *, by_meltano: bool) -> list[str]:
    """Find variables that look like settings and are none.

    Args:
        schema: The JSON Schema of the settings.
        prefix: The beginning of the names of variables.
        by_meltano: Whether names are passed over that Meltano makes beside those of the settings:
            one for each value within an object, and all again with a plugin's own name.

    Returns:
        A line for each: which variable, and which one may be meant. Never a value.
    """
    known = {name.upper(): setting for name, setting in schema["properties"].items()}
    objects = [name for name, setting in known.items() if "object" in setting["type"]]
    # Meltano's extras (select, metadata …) begin with two underscores.
    pattern = rf"_.*|{_LOGLEVEL}|{'|'.join(known)}"
    if by_meltano:
        pattern = rf".*__.*|(.+_)?(({'|'.join(objects)})_.+|{pattern})"
    names = [name.removeprefix(prefix) for name in os.environ if name.startswith(prefix)]
    return [
        f"unknown setting {prefix}{name}: "
        + _suggest(f"{prefix}{name}".upper(), [f"{prefix}{k}" for k in (*known, _LOGLEVEL)])
        for name in names
        if os.environ[f"{prefix}{name}"] and not re.fullmatch(pattern, name)
    ]


def without_blanks(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null or blank: to a user that is not set.

    Args:
        config: A configuration.

    Returns:
        A copy without such settings, filters and parts of declarations.
    """
    kept = {name: value for name, value in config.items() if value is not None and value != ""}
    for setting in ("filters", "resources"):
        if isinstance(by_stream := kept.get(setting), dict):
            kept[setting] = {
                stream: without_blanks(values) if isinstance(values, dict) else values
                for stream, values in by_stream.items()
            }
    return kept


def not_text(config: Mapping[str, Any]) -> list[str]:
    """Find settings with a text that cannot be sent: half a character, or not UTF-8.

    Args:
        config: A configuration.

    Returns:
        A line for each.
    """
    lines = []
    for name, value in config.items():
        try:
            json.dumps({name: value}, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            lines.append(one_line(f"{name} is not valid text: write it in UTF-8"))
    return lines


def problems(config: Mapping[str, Any], schema: Mapping[str, Any], env_prefix: str) -> list[str]:
    """Find what is wrong with a configuration.

    Args:
        config: A configuration without blanks.
        schema: What `config_jsonschema` gave, with the settings of the SDK added.
        env_prefix: The beginning of the names of environment variables.

    Returns:
        A line for each problem: which setting, what is wrong, what to do. Never a value.
    """
    lines, filters = _streams(config)
    schema = {**schema, "properties": {**schema["properties"], "filters": _closed(filters)}}
    validator = th.DEFAULT_JSONSCHEMA_VALIDATOR(
        schema,
        format_checker=th.DEFAULT_JSONSCHEMA_VALIDATOR.FORMAT_CHECKER,
    )
    try:
        for error in validator.iter_errors(config):
            lines.extend(_explain(error, env_prefix))
    except AttributeError:
        # The SDK's own schema has a choice that is no schema, for `__else__` in stream maps.
        lines.append(f"stream_maps {_SEE_SDK}")
    if "app_secret" not in config and "token" not in config:
        lines.append(
            f"app_secret and token are both missing: set app_secret (or {env_prefix}APP_SECRET) "
            "to have the tap log in, or token to use a token issued elsewhere",
        )
    if isinstance(api_url := config.get("api_url"), str) and not _is_allowed(api_url):
        lines.append(
            "api_url must be an https address without blanks, credentials, query or fragment; "
            "plain http is allowed for a loopback host only, because requests carry secrets",
        )
    if config.get("ds_sequences") == []:
        lines.append("ds_sequences must name one or more data sources")
    if "ds_sequences" in config and DATA_SOURCE in config:
        lines.append("ds_sequence and ds_sequences are both set: set one of them")
    if isinstance(store := config.get("snapshot_store"), str) and (problem := _store(store)):
        lines.append(f"snapshot_store {problem}")
    # A name may hold a line feed.
    return [one_line(line, 1000) for line in dict.fromkeys(lines)]


def _streams(config: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Find what is wrong with the streams, and the filters that they have."""
    streams, declared = config.get("streams", DEFAULT_STREAMS), config.get("resources", {})
    declared = declared if isinstance(declared, dict) else {}
    files = resources.names()
    lines = [line for name, one in declared.items() for line in _contradictions(name, one, files)]
    known = sorted({*files, *declared, *_entries(declared)})
    names = [name for name in streams if isinstance(name, str)] if isinstance(streams, list) else []
    lines += [
        f"unknown stream {one_line(name)} in streams: {_suggest(name, known)}"
        for name in names
        if name not in known
    ]
    maps = config.get("stream_maps", {})
    lines += [
        # It might remove what nobody may see.
        f"unknown stream {one_line(name)} in stream_maps: {_suggest(name, known)}"
        for name, one in (maps.items() if isinstance(maps, dict) else ())
        if name not in {*known, "__else__"}
        and not re.search(r"[*?\[]", name)
        and not (isinstance(one, dict) and "__source__" in one)
    ]
    if streams == []:
        lines.append(f"streams must name one or more of {', '.join(known)}")
    filters = {
        name: dict(resources.load(name).filters) if name in files else {}
        for name in names
        if name in known
    }
    return lines, {name: one or _closed({}) for name, one in filters.items()}


def _entries(declared: Mapping[str, Any]) -> list[str]:
    """Name the streams of the lines of declared documents."""
    return [
        f"{name}{resources.ENTRY}"
        for name, one in declared.items()
        if isinstance(one, dict) and "entry" in one
    ]


def _contradictions(name: str, declaration: Any, files: list[str]) -> Iterator[str]:
    """Find what a declaration says that cannot be; its shape is checked with the others."""
    where = f"resources.{one_line(name)}"
    if not isinstance(declaration, dict) or not isinstance(declaration.get("key"), list):
        return
    if name in files and not declaration.get("replaces"):
        yield f"{where} is built in; set replaces: true to read it in another way on purpose"
    if name not in files and declaration.get("replaces"):
        yield f"{where} replaces nothing: {_suggest(name, files)}"
    if name in files and name.endswith(resources.ENTRY):
        head = name.removesuffix(resources.ENTRY)
        yield f"{where} are lines: declare them as resources.{head}.entry"
    if "entry" in declaration and not declaration["key"]:
        yield f"{where}.key is empty: lines need the key of their document"
    fields, marker = declaration.get("schema"), declaration.get("incremental")
    needed = [(key, "key") for key in declaration["key"]]
    if isinstance(marker, dict):
        needed.append((marker.get("field"), "incremental.field"))
    if isinstance(fields, dict):
        for field, role in needed:
            if field not in fields:
                yield f"{where}.schema lacks {one_line(str(field))}, its {role}"
        yield from _schema_problems(f"{where}.schema", fields, declaration["key"])
    yield from _param_problems(where, declaration.get("params"), marker)


def _param_problems(where: str, params: Any, marker: Any) -> Iterator[str]:
    sent = [("params", param) for param in (params if isinstance(params, dict) else ())]
    if isinstance(marker, dict):
        sent.append(("incremental.parameter", str(marker.get("parameter"))))
    for part, param in sent:
        if param.lower() in RESERVED_PARAMS:
            yield f"{where}.{part}: {one_line(param)} is set by the tap"


def _schema_problems(where: str, fields: dict[str, Any], key: list[Any]) -> Iterator[str]:
    for name, about in fields.items():
        try:
            th.DEFAULT_JSONSCHEMA_VALIDATOR.check_schema(about)
            types = about.get("type", [])
        except (SchemaError, AttributeError):
            yield f"{where}.{one_line(name)} is no JSON Schema"
            continue
        types = {types} if isinstance(types, str) else {*types}
        if name in key and (not types or types - _KEY_TYPES):
            yield f"{where}.{one_line(name)} must have the type string, integer or number, as a key"


def _store(url: str) -> str:
    """Say what is wrong with a URL of fsspec."""
    protocol, _ = split_protocol(url)
    if not url.strip() or (protocol is None and ":" in url):
        return "must be a folder, or a URL like s3://bucket/folder"
    try:
        if "@" in urlsplit(url).netloc:
            return "must have no credentials; the environment has a place for them"
        get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        return f"cannot be used: {error}"
    return ""


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@contextmanager
def blaming_stream_maps() -> Iterator[None]:
    """Turn what goes wrong within, where records are mapped, into an error of the settings.

    Raises:
        SettingsError: Which property could not be mapped; neither its rule nor a value.
    """
    try:
        yield
    except TapError:
        raise
    except Exception as error:  # noqa: BLE001 -- an expression may raise anything
        # The SDK's own text shows the expression and names no property; its variables know that.
        variables = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
        names = [v[n] for v in variables for n in ("prop_key", "property_name") if n in v]
        reason = type(error.__cause__ or error).__name__
        if isinstance(error, ConfigValidationError):
            msg = "flattening_enabled needs flattening_max_depth"
        elif names:
            msg = (
                f"stream_maps: {names[-1] or '__filter__'} cannot be mapped ({reason}); check the "
                "expression: fields may be null, and a key cannot be removed"
            )
        else:
            msg = f"stream_maps {_SEE_SDK} ({reason})"
        raise SettingsError(msg) from None


def stream_maps_of(config: Mapping[str, Any], stream: str) -> list[tuple[str, Any]]:
    """Choose the stream maps that may change what a stream emits.

    Args:
        config: A configuration without problems.
        stream: The stream's name.

    Returns:
        Name and map, in the order in which they apply.
    """
    maps: Mapping[str, Any] = config.get("stream_maps") or {}
    return [
        (name, one)
        for name, one in maps.items()
        if name == "__else__"
        or fnmatchcase(stream, name)
        or (isinstance(one, dict) and fnmatchcase(stream, str(one.get("__source__"))))
    ]


def expected(schema: Mapping[str, Any]) -> str:
    """Describe the type of a setting.

    Args:
        schema: The setting's JSON Schema.

    Returns:
        For example `a whole number from 1 to 10000`.
    """
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    text = " or ".join(_KINDS.get(kind, kind) for kind in types if kind != "null") or "valid"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        text += f" from {low} to {high}" if high is not None else f" of at least {low}"
    return text


def _explain(error: ValidationError, env_prefix: str) -> Iterator[str]:
    """Describe an error of the validator, whose own message would show the value."""
    path = ".".join(str(part) for part in error.absolute_path)
    schema: dict[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    given: Any = error.instance
    match error.validator:
        case "required":
            for name in schema["required"]:
                if name not in given:
                    yield _missing(path, name, env_prefix)
        case "additionalProperties":
            known = schema["properties"]
            kind = "setting"
            if path.startswith("filters"):
                kind = "stream" if path == "filters" else "filter"
            for name in given.keys() - known.keys():
                full_name = one_line(f"{path}{path and '.'}{name}")
                yield f"unknown {kind} {full_name}: {_suggest(name, known)}"
        case "enum":
            yield f"{path} must be one of {', '.join(schema['enum'])}"
        case "format" | "pattern" as keyword:
            yield f"{path} must {_MUST[keyword]}"
        case "anyOf" | "oneOf":  # only the SDK's own settings have choices
            yield f"{path} {_SEE_SDK}"
        case _:
            yield f"{path} must be {expected(schema)}"


def _missing(path: str, name: str, env_prefix: str) -> str:
    if path:
        return f"{one_line(path)}.{name} is missing"
    return f"{name} is missing: set it in the configuration or as {env_prefix}{name.upper()}"


def _suggest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 -- 20 ms that only a mistake needs

    known = list(known)
    if not known:
        return "there is none here"
    if close := get_close_matches(name, known, n=1):
        return f"did you mean {close[0]}?"
    return f"use one of {', '.join(known)}"


def _is_allowed(url: str) -> bool:
    if _NOT_IN_URL.search(url):
        return False
    try:
        # As it will be sent, so that no two readings of one address are possible.
        parts = urlsplit(str(requests.Request("GET", url).prepare().url))
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # those of requests, urllib3 and codecs are ValueErrors, too
        return False
    if not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
