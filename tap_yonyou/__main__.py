"""The command `tap-yonyou`: how a run ends, and what it says then."""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

import click
from singer_sdk.logging import ConsoleFormatter

from tap_yonyou import redaction
from tap_yonyou.command import output, signals
from tap_yonyou.errors import SettingsError, log_error, one_line
from tap_yonyou.tap import TapYonyou

_logger = logging.getLogger(TapYonyou.name)


def main() -> NoReturn:
    """Run the command line; an error is one line that says what to do.

    Exit codes: 0 for a complete read, 1 for an error, 2 for a command line that cannot be
    understood, 128 + its number for a signal.
    """
    if sys.stderr is None:  # it was closed, and the next file to be opened would get its number
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- to the end
    signals.end_on_signals()
    # Rows come and go by the thousand and form no cycles; to look for some among them, and among
    # all that was imported, would take a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        command = _command()
        output.install()
        sys.exit(command(standalone_mode=False))
    except signals.Ended as end:
        _logger.error("ended by %s before the read was complete", end.signal)  # noqa: TRY400
        sys.exit(end.code)
    except click.ClickException as error:
        # JSON in place of a file's name may hold anything.
        text = re.sub(r"\{.*\}", redaction.MASK, error.format_message(), flags=re.DOTALL)
        _logger.error("%s", text)  # noqa: TRY400 -- one line
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is said in one line
        log_error(_logger, error)
    sys.exit(1)


def _command() -> click.Command:
    """Set up the log, as the environment wants it, and with it the command.

    Raises:
        SettingsError: It cannot be had like that; what is said then goes to stderr.
    """
    for name in ("TAP_YONYOU_LOGLEVEL", "LOGLEVEL", "SINGER_SDK_LOG_CONFIG"):
        if os.environ.get(name) == "":  # to a user that is not set
            del os.environ[name]
    # A log that cannot be written is nothing that the one reading it could be told.
    logging.raiseExceptions = False
    root = logging.getLogger()
    try:
        return TapYonyou.cli
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
        # A log configuration turns off every logger that it does not name, if it does not say
        # otherwise; but how a run ends must be seen.
        _logger.disabled = False
        redaction.install()


if __name__ == "__main__":
    main()
