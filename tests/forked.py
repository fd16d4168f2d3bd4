"""The command in a process forked from one that has imported it: a real process, up at once.

Importing takes half a second, the rest of a short run a tenth of that. Nothing else is imported
here, so that the process forked from is as clean as a fresh one.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING

import tap_yonyou.__main__
import tap_yonyou.tap

if TYPE_CHECKING:
    from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])


def run(args: list[str], env: dict[str, str], out: Path, log: Path, *, limit: float) -> int:
    """Run the command.

    Args:
        args: What follows its name on the command line.
        env: The whole environment.
        out: The file that becomes stdout.
        log: The file that becomes stderr.
        limit: Seconds after which it is killed.

    Returns:
        The exit code.
    """
    process = _SERVER.Process(target=_main, args=(args, env, out, log))
    process.start()
    process.join(limit)
    if process.exitcode is None:
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def _main(args: list[str], env: dict[str, str], out: Path, log: Path) -> None:
    os.environ.clear()
    os.environ.update(env)
    for fd, path in ((1, out), (2, log)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, fd)
        os.close(file)
    sys.argv = ["tap-yonyou", *args]
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    tap_yonyou.__main__.main()
