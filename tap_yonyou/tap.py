"""The tap: its settings and its streams."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from jsonschema import SchemaError
from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.mapper import PluginMapper
from singer_sdk.plugin_base import JSONSchemaValidator
from singer_sdk.singerlib import Catalog
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_yonyou import redaction
from tap_yonyou.compat import override
from tap_yonyou.errors import SettingsError
from tap_yonyou.gateway import Gateway
from tap_yonyou.output import Writer
from tap_yonyou.settings import (
    blaming_stream_maps,
    config_jsonschema,
    from_environment,
    not_text,
    problems,
    unknown_variables,
    without_blanks,
)
from tap_yonyou.signals import on_signal
from tap_yonyou.streams import CustomerContacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click
    from singer_sdk import Stream

    from tap_yonyou.client import U8Stream

STREAMS: tuple[type[U8Stream], ...] = (CustomerContacts,)


class TapYonyou(Tap):
    """Reads Yonyou U8+ (用友 U8+) through its OpenAPI."""

    name = "tap-yonyou"
    package_name = "tap-yonyou"
    config_jsonschema: ClassVar[dict[str, Any]] = config_jsonschema(
        {stream.name: stream.filters for stream in STREAMS},
    )
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.TEST,
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    message_writer_class = Writer

    def __init__(self, **kwargs: Any) -> None:
        """Check everything a user gave, before anything is requested.

        Args:
            kwargs: As for the SDK's `Tap`.

        Raises:
            SettingsError: The configuration, the catalog or the state cannot be used.
        """
        if kwargs.get("catalog") is not None:
            kwargs["catalog"] = _read_catalog(kwargs["catalog"])
        if not isinstance(kwargs.get("state"), dict | None):
            raise SettingsError(_NO_STATE)
        self.append_builtin_config(self.config_jsonschema)
        self._reads_environment = kwargs.pop("parse_env_config", False)
        if self._reads_environment:
            # The SDK's own way names no variable that it cannot read, and lets a `.env` found
            # above its installation overrule the real environment.
            variables = from_environment(self.config_jsonschema, self._env_var_prefix)
            kwargs["config"] = (kwargs.get("config") or {}) | variables
        self._writer = kwargs.setdefault("message_writer", None) or Writer()
        kwargs["message_writer"] = self._writer
        super().__init__(**kwargs)

    @override
    def discover_streams(self) -> Sequence[U8Stream]:
        gateway = Gateway(self.config)
        return [stream(self, gateway=gateway, writer=self._writer) for stream in STREAMS]

    @override
    def setup_mapper(self) -> None:
        selected = [stream for stream in self.streams.values() if stream.selected]
        with blaming_stream_maps():
            super().setup_mapper()
        if not selected:
            msg = (
                f"no stream is selected; select {' or '.join(self.streams)} in the catalog "
                '("selected": true in its metadata), with Meltano by the extractor\'s `select`'
            )
            raise SettingsError(msg)
        for stream in selected:
            self._warn_of_deletes(stream)

    def _warn_of_deletes(self, stream: Stream) -> None:
        """Say that rows which are there, but not read, are going to be deleted."""
        maps = (self.config.get("stream_maps") or {}).values()
        if (
            self.config["emit_activate_version_messages"]
            and stream.replication_method == REPLICATION_FULL_TABLE
            and (
                self.config.get("filters", {}).get(stream.name)
                or any(isinstance(one, dict) and one.get("__filter__") for one in maps)
            )
        ):
            self.logger.warning(
                "%s: filters are set together with emit_activate_version_messages: the target will "
                "mark as gone, or delete, all that does not match them",
                stream.name,
            )

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        if not th.DEFAULT_JSONSCHEMA_VALIDATOR(_STATE).is_valid(state):
            raise SettingsError(_NO_STATE)
        super().load_state(state)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the files named with `--config`."""
        for path in value:
            if path.lstrip().startswith("{"):  # which may hold secrets
                msg = "--config takes the name of a file, not JSON"
                raise SettingsError(msg)
            try:
                super().cb_config(ctx, param, (path,))
            except (OSError, TypeError, ValueError, RuntimeError) as error:
                missing = isinstance(error, FileNotFoundError)
                reason = "was not found" if missing else "holds no JSON object"
                msg = f"--config {path} {reason}"
                raise SettingsError(msg) from None
        return super().cb_config(ctx, param, value)

    @classmethod
    @override
    def invoke(cls, **kwargs: Any) -> None:
        """Run the command; the files of `--catalog` and `--state` are checked first."""
        for option in ("catalog", "state"):
            if (file := kwargs.get(option)) is not None:
                try:
                    # Not as text: that would be read in the encoding of the machine.
                    content = json.loads(file.buffer.read())
                    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
                    text.encode()  # half a character is no text
                except (OSError, ValueError, RecursionError):
                    msg = f"--{option} is not JSON in UTF-8"
                    raise SettingsError(msg) from None
                kwargs[option] = io.StringIO(text)
        super().invoke(**kwargs)

    # An underscore name of the SDK: its own check shows the offending value, which may be a
    # secret, and there is no other place between reading the environment and that check.
    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self._config = without_blanks(self._config)
        if lines := not_text(self._config):
            raise SettingsError(*lines)
        for name, setting in self.config_jsonschema["properties"].items():
            if setting.get("secret"):
                redaction.hide(str(self._config.get(name, "")))
        lines = problems(self._config, self.config_jsonschema, self._env_var_prefix)
        unknown = unknown_variables(
            self.config_jsonschema,
            self._env_var_prefix,
            by_meltano=not self._reads_environment,
        )
        if self._reads_environment:
            lines += unknown
        elif raise_errors:
            for line in unknown:
                self.logger.warning(line)
        if lines and raise_errors:
            raise SettingsError(*lines)
        if not lines:
            # Personal data, which a server may repeat in its messages.
            for filters in self._config.get("filters", {}).values():
                redaction.hide(*(value for value in filters.values() if isinstance(value, str)))
        # Sets the defaults, which is all that is left to do.
        list(JSONSchemaValidator(self.config_jsonschema).iter_errors(self._config))
        return lines

    # Another one: the SDK would end with exit code 0 and a STATE.
    @override
    def _handle_termination(self, signum: int, frame: object) -> None:
        on_signal(signum)


_NO_STATE: Final = "--state is no Singer state: it must be an object with bookmarks by stream"

_STATE: Final = {
    "properties": {
        "bookmarks": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "replication_key": {"type": ["string", "null"]},
                    "replication_key_value": {"type": ["string", "integer", "null"]},
                    "replication_key_signpost": {"type": ["string", "null"]},
                    "progress_markers": {"type": "object"},
                    "partitions": {"type": "array", "items": {"type": "object"}},
                },
            },
        },
    },
}


def _read_catalog(catalog: Any) -> Catalog:
    """Read a catalog, with the replication method a user chose in its metadata.

    Singer has that choice under the metadata key `replication-method`, where Meltano's
    `metadata` extra puts it; the SDK reads only what discovery wrote.
    """
    if isinstance(catalog, Catalog):
        return catalog
    try:
        for entry in catalog["streams"]:
            for item in entry["metadata"]:
                if not item["breadcrumb"] and "replication-method" in item["metadata"]:
                    entry["replication_method"] = item["metadata"]["replication-method"]
        read = Catalog.from_dict(catalog)
        # Reads all of it, as it will be read again with the stream maps.
        mapper = PluginMapper({}, TapYonyou.logger)
        mapper.register_raw_streams_from_catalog(read)
        for stream in read.streams:
            set(stream.key_properties or ())
            th.DEFAULT_JSONSCHEMA_VALIDATOR.check_schema(stream.schema.to_dict())
            mapper.stream_maps[stream.tap_stream_id]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, SchemaError):
        msg = "--catalog is no Singer catalog; write one with --discover"
        raise SettingsError(msg) from None
    return read
