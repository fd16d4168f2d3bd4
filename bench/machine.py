"""What the numbers were taken on, and with which versions."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"


def machine() -> dict[str, str | int | float]:
    """Describe this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions(python: Path, packages: Iterable[str]) -> list[str]:
    """Ask an environment for versions.

    Args:
        python: Its Python.
        packages: Names of distributions.

    Returns:
        Their versions, or nothing if the environment or a package is not there.
    """
    try:
        done = subprocess.run(
            [python, "-c", _VERSION, *packages],
            capture_output=True,
            check=False,
            text=True,
        )
    except FileNotFoundError:
        return []
    return done.stdout.split()
