"""What the command line takes, and how a run goes on when something fails."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import click
from singer_sdk import Tap

from tap_yonyou import reads, redaction, settings
from tap_yonyou.command import catalog, checks, signals
from tap_yonyou.command.output import Writer
from tap_yonyou.compat import override
from tap_yonyou.errors import RunError, SettingsError, U8Error, kind_of, log_error, one_line
from tap_yonyou.u8.values import DATA_SOURCE

if TYPE_CHECKING:
    from tap_yonyou.reading import Reading
    from tap_yonyou.stream import U8Stream


class CommandLine(Tap):
    """A tap that says in one line what is wrong with what it was given."""

    message_writer_class = Writer

    def __init__(self, **kwargs: Any) -> None:
        """Check what a user gave before anything is requested."""
        if kwargs.get("catalog") is not None:
            kwargs["catalog"] = catalog.read_catalog(kwargs["catalog"])
        self.append_builtin_config(self.config_jsonschema)
        self._reads_environment = kwargs.pop("parse_env_config", False)
        if self._reads_environment:
            # The SDK's own way names no variable that it cannot read, and lets a `.env` found
            # above its installation overrule the real environment.
            variables = settings.from_environment(self.config_jsonschema)
            kwargs["config"] = (kwargs.get("config") or {}) | variables
        self.writer = kwargs.setdefault("message_writer", None) or Writer()
        kwargs["message_writer"] = self.writer
        super().__init__(**kwargs)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, TypeError, ValueError, RuntimeError):
            # What was given is not shown: it may be JSON with secrets in place of a file's name.
            msg = "--config was not found, or is not a JSON object: give a file's name, or ENV"
            raise SettingsError(msg) from None

    @classmethod
    @override
    def invoke(cls, **kwargs: Any) -> None:
        for option in ("catalog", "state"):
            if (file := kwargs.get(option)) is not None:
                try:
                    # In UTF-8, whatever the encoding of the machine is.
                    content = json.load(file.buffer)
                except ValueError:
                    content = None
                if not isinstance(content, dict):
                    msg = f"--{option} is not a JSON object in UTF-8"
                    raise SettingsError(msg)
                kwargs[option] = io.StringIO(json.dumps(content))
        super().invoke(**kwargs)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        option = click.Option(["--check"], is_flag=True, expose_value=False, callback=cls.cb_check)
        option.help = "Write what this U8 does, compared with what the tap expects, as Markdown."
        command.params.append(option)
        return command

    @classmethod
    def cb_check(cls, ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
        """Write the report; a U8Error if a stream cannot be read as configured."""
        if not value:
            return
        from tap_yonyou.check import check  # noqa: PLC0415 -- nothing else needs it

        given = ctx.params["config"]
        tap = cls(config=given.config, parse_env_config=given.parse_env, setup_mapper=False)
        lists = [name for name in tap.config["streams"] if name != reads.NAME]
        report, failed = check({**tap.config, "streams": lists})
        sys.stdout.write(report)
        if failed:
            msg = f"cannot be read as configured: {', '.join(failed)}; the report says why"
            raise U8Error(msg)
        ctx.exit()

    @property
    def _lists(self) -> dict[str, U8Stream]:
        """All streams but `tap_yonyou_reads`."""
        lists = {name: stream for name, stream in self.streams.items() if name != reads.NAME}
        return cast("dict[str, U8Stream]", lists)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        for name, bookmark in self.state.get("bookmarks", {}).items():
            if stream := self._lists.get(name):
                for part in (bookmark, *bookmark.get("partitions", ())):
                    catalog.check_bookmark(stream, stream.resource, part)

    @override
    def setup_mapper(self) -> None:
        entries = self.input_catalog.streams if self.input_catalog else ()
        chosen = {e.tap_stream_id for e in entries if e.metadata.resolve_selection()[()]}
        if others := chosen - self.streams.keys():
            names = one_line(", ".join(sorted(others)))
            msg = f"{names}: selected in the catalog, but not in the setting streams; change either"
            raise SettingsError(msg)
        if not any(stream.selected for stream in self.streams.values()):
            msg = (
                f"no stream is selected; select {' or '.join(self.streams)} in the catalog "
                '("selected": true in its metadata), with Meltano by the extractor\'s `select`'
            )
            raise SettingsError(msg)
        if self.input_catalog:
            for stream in self._lists.values():
                catalog.check_stream(stream, stream.resource, self.input_catalog)
        with checks.blaming_stream_maps():
            super().setup_mapper()
        for stream in self._lists.values():
            if stream.selected:
                checks.check_maps(stream, self.config)

    # The SDK ends a run at the first stream that fails. The rest of what it does is kept; a test
    # compares the messages of both.

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams; one that fails does not stop the others."""
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self._state_writer.write_state(self.state)
        streams = self._lists.values()
        selected = [stream for stream in streams if stream.selected and not stream.is_removed]
        for stream in selected:
            checks.check_versions(stream, self.config)
        for stream in selected:
            stream.expect()
        readings = [one for stream in selected for one in stream.readings.values()]
        ended: RunError | None = None
        try:
            for stream in selected:
                self._sync(stream, is_alone=len(readings) == 1)
        except RunError as error:
            ended = error
            for reading in readings:
                reading.error = reading.error or (None if reading.ended_at else error)
        if not ended or ended.kind != "target":
            self._report(readings)
        for stream in streams:
            stream.log_sync_costs()
        failure = ended or _failure(readings, of_streams=len(readings) == len(selected))
        if failure:
            raise failure

    def _sync(self, stream: U8Stream, *, is_alone: bool) -> None:
        """Read a stream in each data source; one that fails does not stop the others."""
        for source, reading in stream.readings.items():
            try:
                stream.sync({DATA_SOURCE: source} if source else None)
            except RunError:
                raise
            except Exception as error:  # noqa: BLE001 -- reported, and raised if it is alone
                reading.error = error
                if not is_alone:
                    log_error(self.logger, error)
            reading.ended_at = datetime.now(UTC)
        if not all(reading.error for reading in stream.readings.values()):
            stream.finalize_state_progress_markers()

    def _report(self, readings: list[Reading]) -> None:
        """Write what was read, if the stream for that is selected."""
        stream = cast("reads.Reads | None", self.streams.get(reads.NAME))
        if stream and stream.selected:
            stream.readings = readings
            stream.sync()
            stream.finalize_state_progress_markers()

    # Two more underscore names of the SDK.

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the configuration; discovery, without `raise_errors`, needs no account.

        The SDK's own check shows the offending value, which may be a secret.
        """
        config, schema = settings.without_blanks(self._config), self.config_jsonschema
        properties = schema["properties"].items()
        secrets = [name for name, setting in properties if setting.get("secret")]
        redaction.hide(*(str(config.get(name, "")) for name in secrets))
        lines = checks.problems(config, schema, needs_account=raise_errors)
        by_meltano = not self._reads_environment or settings.MELTANO in os.environ
        unknown = checks.unknown_variables(schema, by_meltano=by_meltano)
        if self._reads_environment:
            lines += unknown
        elif raise_errors:
            for line in unknown:
                self.logger.warning(line)
        if lines:
            raise SettingsError(*lines)
        defaults = {
            name: setting["default"] for name, setting in properties if "default" in setting
        }
        self._config = defaults | config
        return []

    @override
    def _handle_termination(self, signum: int, frame: object) -> None:
        """End as every signal does: the SDK would end with exit code 0 and a STATE."""
        signals.on_signal(signum)


def _failure(readings: list[Reading], *, of_streams: bool) -> Exception | None:
    """Sum up what failed, unless there is only one read."""
    errors = {reading.label: reading.error for reading in readings if reading.error}
    if not errors or len(readings) == 1:
        return readings[0].error if errors else None
    kind, mark = ("streams", ", ") if of_streams else ("reads", "; ")
    msg = f"{len(errors)} of {len(readings)} {kind} failed: {mark.join(errors)}"
    return U8Error(msg, kind=", ".join(sorted({*map(kind_of, errors.values())})))
