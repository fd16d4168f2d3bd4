"""``python -m sandbox``: run the sandbox until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import threading

from sandbox import RESOURCES, Sandbox, rows


def main() -> None:
    """Serve as the command line says, and print where and for whom."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=225, help="contacts to serve (225)")
    add("--latency", type=float, default=0, help="milliseconds per request (0)")
    add("--sources", type=int, default=1, help="data sources, all with the same rows (1)")
    add("--port", type=int, default=8765, help="0 takes any free port (8765)")
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    tables = {resource: rows(resource) for resource in RESOURCES}
    tables["customercontacts"] = rows("customercontacts", options.rows)
    sources = tuple(range(1, options.sources + 1))
    latency = options.latency / 1000
    with Sandbox(tables=tables, latency=latency, port=options.port, sources=sources) as u8:
        print(f"url          {u8.url}")
        for name, value in u8.accounts._asdict().items():
            print(f"{name:12} {value}")
        lists = ", ".join(f"{len(table)} {resource}" for resource, table in tables.items())
        print(f"{lists}, all invented; Ctrl-C ends", flush=True)
        # In short waits, because on Windows a signal does not end a long one.
        while not stop.wait(0.5):
            pass


if __name__ == "__main__":
    main()
