"""Keeps the last state that a tap writes: `tap-yonyou … | python -m bench.last_state <file>`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec


def main(file: str) -> None:
    """Read to the end."""
    state = b""
    for line in sys.stdin.buffer:
        if line.startswith(b'{"type":"STATE"'):
            state = line
    if state:
        Path(file).write_bytes(msgspec.json.encode(msgspec.json.decode(state)["value"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
