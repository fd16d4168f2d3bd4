"""What the command line takes, and how a run goes on or ends when something fails."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from singer_sdk import Tap
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_yonyou import redaction, settings
from tap_yonyou.command import catalog, signals
from tap_yonyou.command.output import Writer
from tap_yonyou.compat import override
from tap_yonyou.errors import RunError, SettingsError, U8Error, log_error, one_line

if TYPE_CHECKING:
    import click

    from tap_yonyou.stream import U8Stream


class CommandLine(Tap):
    """A tap that says in one line what is wrong with what it was given."""

    message_writer_class = Writer

    def __init__(self, **kwargs: Any) -> None:
        """Check everything a user gave, before anything is requested.

        Args:
            kwargs: As for the SDK's `Tap`.

        Raises:
            SettingsError: The configuration, the catalog or the state cannot be used.
        """
        if kwargs.get("catalog") is not None:
            kwargs["catalog"] = catalog.read_catalog(kwargs["catalog"], self.logger)
        if kwargs.get("state") is not None:
            catalog.check_state(kwargs["state"])
        self.append_builtin_config(self.config_jsonschema)
        self._reads_environment = kwargs.pop("parse_env_config", False)
        if self._reads_environment:
            # The SDK's own way names no variable that it cannot read, and lets a `.env` found
            # above its installation overrule the real environment.
            variables = settings.from_environment(self.config_jsonschema, self._env_var_prefix)
            kwargs["config"] = (kwargs.get("config") or {}) | variables
        self.writer = kwargs.setdefault("message_writer", None) or Writer()
        kwargs["message_writer"] = self.writer
        super().__init__(**kwargs)

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
                content = io.BytesIO(_json(file.buffer, option))
                kwargs[option] = io.TextIOWrapper(content, encoding="utf-8")
        super().invoke(**kwargs)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        catalog.check_state(state)
        super().load_state(state)

    @override
    def setup_mapper(self) -> None:
        # First the streams: with them the catalog gets the keys that it lacks.
        is_any_selected = any(stream.selected for stream in self.streams.values())
        if others := catalog.selected(self.input_catalog) - self.streams.keys():
            names = one_line(", ".join(sorted(others)))
            msg = f"{names}: selected in the catalog, but not in the setting streams; change either"
            raise SettingsError(msg)
        with settings.blaming_stream_maps():
            super().setup_mapper()
        if not is_any_selected:
            msg = (
                f"no stream is selected; select {' or '.join(self.streams)} in the catalog "
                '("selected": true in its metadata), with Meltano by the extractor\'s `select`'
            )
            raise SettingsError(msg)

    # The SDK ends a run at the first stream that fails. What it does otherwise is kept; a test
    # compares the messages of both ways.

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams; one that fails does not stop the others.

        Raises:
            RunError: No stream can be read any more.
            U8Error: Streams failed; the states of the others are written.
        """
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self._state_writer.write_state(self.state)
        streams = cast("dict[str, U8Stream]", self.streams).values()
        selected = [stream for stream in streams if stream.selected and not stream.is_removed]
        for stream in selected:
            stream.expect()
        is_alone = len(selected) == 1
        failed = [label for stream in selected for label in self._sync(stream, is_alone=is_alone)]
        for stream in streams:
            stream.log_sync_costs()
        if failed:
            reads = sum(len(stream.partitions or (None,)) for stream in selected)
            kind, mark = ("streams", ", ") if reads == len(selected) else ("reads", "; ")
            msg = f"{len(failed)} of {reads} {kind} failed: {mark.join(failed)}"
            raise U8Error(msg)

    def _sync(self, stream: U8Stream, *, is_alone: bool) -> list[str]:
        """Read a stream; say why it fails, unless that is said in the end, and what failed."""
        try:
            stream.sync()
        except RunError:
            raise
        except Exception as error:
            if is_alone:
                raise
            log_error(self.logger, error)
            return [stream.name]
        stream.finalize_state_progress_markers()
        return stream.failed

    # Two more underscore names of the SDK.

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the configuration.

        The SDK's own check shows the offending value, which may be a secret, and there is no other
        place between reading the environment and that check.
        """
        self._config = settings.without_blanks(self._config)
        if lines := settings.not_text(self._config):
            raise SettingsError(*lines)
        for name, setting in self.config_jsonschema["properties"].items():
            if setting.get("secret"):
                redaction.hide(str(self._config.get(name, "")))
        lines = settings.problems(self._config, self.config_jsonschema, self._env_var_prefix)
        unknown = settings.unknown_variables(
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
        # Sets the defaults, which is all that is left to do.
        list(JSONSchemaValidator(self.config_jsonschema).iter_errors(self._config))
        return lines

    @override
    def _handle_termination(self, signum: int, frame: object) -> None:
        """End as every signal does: the SDK would end with exit code 0 and a STATE."""
        signals.on_signal(signum)


def _json(file: BinaryIO, option: str) -> bytes:
    """Read JSON in UTF-8, whatever the encoding of the machine is."""
    try:
        # Half a character is no text.
        return json.dumps(json.load(file), ensure_ascii=False, allow_nan=False).encode()
    except (OSError, ValueError, RecursionError):
        msg = f"--{option} is not JSON in UTF-8"
        raise SettingsError(msg) from None
