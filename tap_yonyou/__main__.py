"""The command `tap-yonyou`: how a run ends, and what it says then."""

from __future__ import annotations

import gc
import logging
import sys
from typing import NoReturn

import click
from singer_sdk.exceptions import SingerSDKError

from tap_yonyou import output, redaction, signals
from tap_yonyou.tap import TapYonyou

_logger = logging.getLogger(TapYonyou.name)


def main() -> NoReturn:
    """Run the command line; an error is one line that says what to do.

    Exit codes: 0 for a complete read, 1 for an error, 2 for a command line that cannot be
    understood, 128 + its number for a signal.
    """
    signals.end_on_signals()
    # Rows come and go by the thousand and form no cycles; to look for some among them, and among
    # all that was imported, would take a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    command = TapYonyou.cli
    redaction.install()
    try:
        output.install()
        sys.exit(command(standalone_mode=False))
    except signals.Ended as end:
        _logger.error("ended by %s before the read was complete", end.signal)  # noqa: TRY400
        sys.exit(end.code)
    except click.ClickException as error:
        _say(error, error.format_message())
        sys.exit(error.exit_code)
    except SingerSDKError as error:
        _say(error, *error.args)
    except Exception as error:  # noqa: BLE001 -- its text may hold a value of a record
        _say(
            error,
            f"unexpected {type(error).__name__}, a fault of the tap: run again with "
            "TAP_YONYOU_LOGLEVEL=DEBUG and report what it shows",
        )
    sys.exit(1)


def _say(error: Exception, *lines: object) -> None:
    for line in lines:
        _logger.error("%s", line)
    _logger.debug("%s", redaction.frames(error))


if __name__ == "__main__":
    main()
