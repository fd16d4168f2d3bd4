"""`python -m bench.plain_tap --config config.json`."""

from __future__ import annotations

from bench.plain_tap.tap import TapPlain

if __name__ == "__main__":
    TapPlain.cli()
