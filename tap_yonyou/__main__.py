"""The command `tap-yonyou`: how a run ends, and what it says then."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import NoReturn

import click
from singer_sdk.exceptions import SingerSDKError

from tap_yonyou.tap import TapYonyou

_logger = logging.getLogger(TapYonyou.name)


def main() -> NoReturn:
    """Run the command line; every error is one line that says what to do."""
    try:
        sys.exit(TapYonyou.cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
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
    _logger.debug("%s", "".join(traceback.format_tb(error.__traceback__)))


if __name__ == "__main__":
    main()
