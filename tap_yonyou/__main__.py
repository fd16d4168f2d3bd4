"""The command `tap-yonyou`: how a run starts and ends, and what it reports then."""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from tap_yonyou.command import signals

_logger = logging.getLogger("tap-yonyou")

# ruff: noqa: PLC0415 -- a signal must find its handler during the half second of imports


def main() -> NoReturn:
    """Run the command line; an error is one line that says what to do.

    Exit codes: 0 complete, 1 an error, 2 a wrong command line, 128 + its number a signal.
    """
    if sys.stderr is None:  # it was closed, and the next file to be opened would get its number
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- to the end
    signals.end_on_signals()
    code = _run()
    logging.shutdown()
    # Python's own end may hang on requests in flight, and fails if the log's disk is full.
    os._exit(code)


def _run() -> int:
    try:
        command = _command()
        # Rows hold no reference cycles: collect rarely, and skip imported modules. Saves 10 %.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
        return command(standalone_mode=False) or 0
    except SystemExit as end:  # by a signal, or of the SDK after --about
        if isinstance(end, signals.Ended):
            _logger.error("ended by %s before the read was complete", end.signal)  # noqa: TRY400
        return int(end.code or 0)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is reported in one line
        return _report(error)


def _command() -> Any:
    """Import the tap, and set up the log and stdout; failing that, the log goes to stderr."""
    from singer_sdk.logging import ConsoleFormatter

    from tap_yonyou import redaction
    from tap_yonyou.command import output
    from tap_yonyou.errors import SettingsError, one_line
    from tap_yonyou.tap import TapYonyou

    for name in ("TAP_YONYOU_LOGLEVEL", "LOGLEVEL", "SINGER_SDK_LOG_CONFIG"):
        if os.environ.get(name) == "":  # to a user that is not set
            del os.environ[name]
    # Whoever reads the log cannot be shown that it is not written.
    logging.raiseExceptions = False
    root = logging.getLogger()
    try:
        command = TapYonyou.cli
    except Exception as error:  # noqa: BLE001 -- a log configuration may name any class
        if root.handlers:
            reason = one_line(str(error).partition("\n")[0])
            msg = f"SINGER_SDK_LOG_CONFIG cannot be used: {reason}"
        else:  # the level is the first thing that is set
            levels = "DEBUG, INFO, WARNING, ERROR or CRITICAL"
            msg = f"TAP_YONYOU_LOGLEVEL, or else LOGLEVEL, must be {levels}"
        console = logging.StreamHandler()
        console.setFormatter(ConsoleFormatter())
        root.handlers = [console]
        raise SettingsError(msg) from None
    finally:
        # A log configuration turns off the loggers that it does not name.
        _logger.disabled = False
        redaction.install()
    output.install()
    return command


def _report(error: Exception) -> int:
    """Write an error to the log; give the exit code."""
    import click

    from tap_yonyou import redaction
    from tap_yonyou.errors import kind_of, log_error

    if isinstance(error, click.ClickException):
        # JSON in place of a file's name may hold anything.
        text = re.sub(r"\{.*\}", redaction.MASK, error.format_message(), flags=re.DOTALL)
        _logger.error("%s", text)
        return error.exit_code
    # For schedulers: may it pass by itself? `meltano config test` shows what comes last.
    _logger.info("error_kind: %s", kind_of(error))
    log_error(_logger, error)
    return 1


if __name__ == "__main__":
    main()
