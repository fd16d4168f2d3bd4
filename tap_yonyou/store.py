"""Where a snapshot is kept between runs: in the state, or in a file that the state names.

A bookmark of LOG_BASED has

- `snapshot`: `1:state:<checksum>:<base64>` or `1:file:<checksum>:<name>`;
- `pending`: the keys that were written since, as base64, or `all`. Beside a file they stand in a
  file, too;
- `previous`: the file that this snapshot took the place of;
- `rows`, how many it has, and `version`, what records carry since the baseline.

None of these is a dictionary, which Meltano would merge with the former one, nor is one ever left
out, for then the former one would stay: null stands for nothing.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import secrets
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from tap_yonyou.errors import U8Error, one_line
from tap_yonyou.snapshot import LostError, of_json, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_logger = logging.getLogger("tap-yonyou.store")

#: How `snapshot` begins, by where it is kept.
_IN_STATE, _IN_FILE = "1:state:", "1:file:"
_NAME: Final = re.compile(r"[\w-][\w.-]*", re.ASCII)
#: Of which keys records were written, if they are too many to be named.
_ALL: Final = "all"
_PENDING: Final = ".pending"
#: From how many characters on a snapshot is too much for a state: Meltano takes lines of 25 MiB,
#: and one has the snapshots of all streams.
_LARGE: Final = 10 << 20


class Store:
    """Keeps the snapshot of one stream, and the keys that were written since."""

    def __init__(
        self,
        name: str,
        bookmark: dict[str, Any],
        write_state: Callable[[], None],
        folder: Folder | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            name: What the names of files begin with.
            bookmark: The stream's part of the state, kept up to date.
            write_state: Sends the state.
            folder: Where to keep new snapshots; None for the state.
        """
        self._name = name
        self._bookmark = bookmark
        self._write_state = write_state
        self._folder = folder

    def read(self) -> bytes | None:
        """Read the snapshot that the state was given with, and remove the one before it.

        Returns:
            The snapshot; None if there was none yet.

        Raises:
            LostError: There was one.
            U8Error: The folder cannot be read.
        """
        if (text := self._bookmark.get("snapshot")) is None:
            return None
        if not str(text).startswith((_IN_STATE, _IN_FILE)):
            msg = "the snapshot in the state is damaged, or of another version"
            raise LostError(msg)
        checksum, _, content = text.split(":", 2)[2].partition(":")
        if text.startswith(_IN_STATE):
            data, problem = _of_base64(content), "the snapshot in the state is damaged"
        else:
            name = _file(self._bookmark)
            data = self._folder.read(name) if self._folder and name else None
            problem = "the file of the snapshot is not in snapshot_store, or was altered"
        if data is None or _checksum(data) != checksum:
            raise LostError(problem)
        previous = str(self._bookmark.get("previous"))
        if self._folder and _NAME.fullmatch(previous):
            self._folder.remove(previous, previous + _PENDING)
            self._bookmark["previous"] = None
        return data

    def pending(self) -> list[Any] | None:
        """Give the keys of which records were written after the snapshot.

        Returns:
            The keys; None if they are too many to be named.
        """
        notes = [self._bookmark.get("pending")]
        if (file := _file(self._bookmark)) and self._folder:
            notes.append(self._folder.read(file + _PENDING))
        try:
            packed = [base64.b64decode(note, validate=True) for note in notes if note]
            return [key for keys in map(unpack, packed) for part in keys for key in of_json(part)]
        except (LostError, TypeError, ValueError):
            return None  # `all`, or what is damaged

    def doubt(self) -> None:
        """Note that the target gets what the snapshot does not know of.

        Raises:
            U8Error: The folder cannot be used.
        """
        if self._bookmark.get("snapshot") is not None and self.pending() is not None:
            self.note(None)

    def note(self, keys: Collection[Any] | None) -> None:
        """Note durably that records are going to be written.

        In the state that is as durable as the target makes it: it passes the state on when it has
        stored what came before and, if this process ends early, after it.

        Args:
            keys: The keys of all since the snapshot; None if they are too many to be named.

        Raises:
            U8Error: The folder cannot be written.
        """
        text = _ALL if keys is None else base64.b64encode(pack(keys)).decode()
        if (file := _file(self._bookmark)) and self._folder:
            self._folder.write(file + _PENDING, text.encode())
        else:
            self._bookmark["pending"] = text
            self._write_state()

    def write(self, data: bytes | None) -> None:
        """Keep a snapshot, durably if that is in a file, and put it into the bookmark.

        Args:
            data: The snapshot; None for the one that is there.

        Raises:
            U8Error: The folder cannot be written.
        """
        self._bookmark["pending"] = None
        if data is None:
            return
        if self._folder:
            name = re.sub(r"\W+", "-", self._name, flags=re.ASCII)
            file = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
            self._folder.write(file, data)
            self._bookmark["previous"] = _file(self._bookmark) or self._bookmark.get("previous")
            begin, content = _IN_FILE, file
        else:
            begin, content = _IN_STATE, base64.b64encode(data).decode()
            if len(content) > _LARGE:
                _logger.warning(
                    "%s: its snapshot takes %.0f MB of the state; set snapshot_store to keep it in "
                    "a file",
                    self._name,
                    len(content) / 1e6,
                )
        self._bookmark["snapshot"] = f"{begin}{_checksum(data)}:{content}"


def _file(bookmark: dict[str, Any]) -> str | None:
    """Give the name of the file that a bookmark names."""
    text = bookmark.get("snapshot")
    if not isinstance(text, str) or not text.startswith(_IN_FILE):
        return None
    name = text.rpartition(":")[2]
    return name if _NAME.fullmatch(name) else None


class Folder:
    """The folder `snapshot_store`, on a disk or anywhere fsspec reaches."""

    def __init__(self, url: str, stream: str) -> None:
        """Name the folder; it is made when it is needed.

        Args:
            url: A path, or a URL of fsspec.
            stream: Whose snapshots it keeps, for errors.
        """
        self._fs, self._path = url_to_fs(url)
        self._stream = stream

    def read(self, name: str) -> bytes | None:
        """Read a file.

        Args:
            name: Its name.

        Returns:
            Its content; None if it is not there.

        Raises:
            U8Error: It cannot be read.
        """
        with self._blamed("read"):
            try:
                content: bytes = self._fs.cat_file(f"{self._path}/{name}")
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, data: bytes) -> None:
        """Write a file as a whole, and for good.

        Args:
            name: Its name.
            data: Its content.

        Raises:
            U8Error: It cannot be written.
        """
        with self._blamed("written"):
            if isinstance(self._fs, LocalFileSystem):
                _write_to_disk(Path(self._path), name, data)
            else:
                self._fs.makedirs(self._path, exist_ok=True)
                self._fs.pipe_file(f"{self._path}/{name}", data)

    def remove(self, *names: str) -> None:
        """Remove files; one that is not there, or cannot be removed, is no trouble.

        Args:
            names: Their names.
        """
        for name in names:
            with suppress(Exception):
                self._fs.rm_file(f"{self._path}/{name}")

    @contextmanager
    def _blamed(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- each file system has exceptions of its own
            # Their texts may hold anything.
            reason = getattr(error, "strerror", None) or type(error).__name__
            msg = (
                f"{self._stream}: snapshot_store cannot be {done} ({one_line(str(reason))}); check "
                "the folder, its space and who may use it"
            )
            raise U8Error(msg) from None


def _write_to_disk(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    part.touch(mode=0o600)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)
    # The entry in the folder has to last as well.
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _checksum(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _of_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
