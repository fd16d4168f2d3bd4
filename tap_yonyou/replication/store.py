"""Where a snapshot is kept between runs: in the state, or in a file that the state names.

A bookmark of LOG_BASED has

- `snapshot`: `1:state:<checksum>:<base64>` or `1:file:<checksum>:<name>`;
- `pending`: the keys of what was written since, as base64, or `all`. Beside a file, keys stand in
  a file, too;
- `previous`: the file that this snapshot took the place of;
- `rows`, how many it has, and `version`, what records carry since the baseline.

None of these is a dictionary, which Meltano would merge with the former one, nor is one ever left
out, for then the former one would stay: null stands for nothing.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from tap_yonyou.errors import U8Error, one_line
from tap_yonyou.u8.keys import LostError, of_json, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

#: How `snapshot` begins, by where it is kept.
_IN_STATE, _IN_FILE = "1:state:", "1:file:"
#: What files are called; others are none of the tap's business.
_NAME: Final = re.compile(r"[\w-]{1,120}-\d{8}T\d{6}Z-[0-9a-f]{8}", re.ASCII)
#: How much of a stream's name becomes a part of that.
_MOST_NAME: Final = 100
#: Of which keys something was written, if they are too many to be named.
_ALL: Final = "all"
_PENDING: Final = ".pending"


def vouches(bookmark: Mapping[str, Any]) -> bool:
    """Tell whether a snapshot says what the target has of the rows of a bookmark."""
    return bookmark.get("snapshot") is not None and bookmark.get("pending") != _ALL


def is_unsure(bookmark: Mapping[str, Any]) -> bool:
    """Tell whether the target may have rows that no snapshot knows of."""
    return not vouches(bookmark) and holds(bookmark)


def holds(bookmark: Mapping[str, Any]) -> bool:
    """Tell whether the target may have rows at all."""
    return not {"snapshot", "pending", "rows"}.isdisjoint(bookmark)


def forget(bookmark: dict[str, Any]) -> None:
    """Say that the target does not have the rows of a snapshot any more."""
    bookmark["snapshot"] = None


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

    @property
    def version(self) -> int | None:
        """What the records carry that the snapshot knows of."""
        version = self._bookmark.get("version")
        return version if isinstance(version, int) else None

    @property
    def is_first(self) -> bool:
        """Whether nothing was ever read."""
        return not holds(self._bookmark)

    def read(self) -> bytes | None:
        """Read the snapshot that the state was given with, and remove the one before it.

        Returns:
            The snapshot; None if there was none yet.

        Raises:
            LostError: There was one.
            U8Error: The folder cannot be read.
        """
        text = self._bookmark.get("snapshot")
        if text is None:
            return None
        if not isinstance(text, str) or not text.startswith((_IN_STATE, _IN_FILE)):
            msg = "the snapshot in the state is damaged, or of another version"
            raise LostError(msg)
        checksum, _, content = text.split(":", 2)[2].partition(":")
        if text.startswith(_IN_STATE):
            data, problem = _of_base64(content), "the snapshot in the state is damaged"
        else:
            data = self._folder.read(self._file) if self._folder and self._file else None
            problem = "the file of the snapshot is not in snapshot_store, or was altered"
        if data is None or _checksum(data) != checksum:
            raise LostError(problem)
        self._remove_previous()
        return data

    def pending(self, parts: int) -> list[Any] | None:
        """Give the keys of what was written after the snapshot.

        Args:
            parts: How many fields a key has.

        Returns:
            The keys; None if they are too many to be named, or the note is damaged.
        """
        notes = [self._bookmark.get("pending")]
        if self._folder and self._file:
            notes.append(self._folder.read(self._file + _PENDING))
        found = []
        try:
            for note in notes:
                if note is not None:
                    for keys in unpack(base64.b64decode(note, validate=True)):
                        found += of_json(keys, parts)
        except (LostError, TypeError, ValueError):
            return None
        return found

    def doubt(self) -> None:
        """Note that the target gets what no snapshot knows of.

        Raises:
            U8Error: The folder cannot be used.
        """
        if self._bookmark.get("snapshot") is None:
            # Said, because another state that is not known here may have one.
            self._bookmark["snapshot"] = None
        elif self._bookmark.get("pending") != _ALL:
            self.note(None)

    def note(self, keys: Collection[Any] | None, version: int | None = None) -> None:
        """Note durably that something is going to be written.

        In the state that is as durable as the target makes it: it passes the state on when it has
        stored what came before and, if this process ends early, after it.

        Args:
            keys: The keys of all since the snapshot; None if they are too many to be named.
            version: What it carries, if that is a new one.

        Raises:
            U8Error: The folder cannot be written.
        """
        note = _ALL if keys is None else base64.b64encode(pack(keys)).decode()
        is_in_file = False
        if self._folder and self._file and self._folder.has(self._file):
            self._folder.write(self._file + _PENDING, note.encode())
            is_in_file = True
        if keys is None or not is_in_file:
            self._bookmark["pending"] = note
            if version is not None:
                self._bookmark["version"] = version
            self._write_state()

    def write(self, data: bytes | None) -> None:
        """Keep a snapshot, durably if that is in a file, and put it into the bookmark.

        Args:
            data: The snapshot; None for the one that is there.

        Raises:
            U8Error: The folder cannot be written.
        """
        if data is not None:
            begin, content, replaced = _IN_STATE, base64.b64encode(data).decode(), self._file
            if self._folder:
                name = re.sub(r"\W+", "-", self._name, flags=re.ASCII)[:_MOST_NAME]
                file = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
                self._folder.write(file, data)
                begin, content = _IN_FILE, file
                if replaced:
                    self._bookmark["previous"] = replaced
            self._bookmark["snapshot"] = f"{begin}{_checksum(data)}:{content}"
        self._bookmark["pending"] = None

    @property
    def _file(self) -> str | None:
        """The file that the bookmark names."""
        text = self._bookmark.get("snapshot")
        if not isinstance(text, str) or not text.startswith(_IN_FILE):
            return None
        name = text.rpartition(":")[2]
        return name if _NAME.fullmatch(name) else None

    def _remove_previous(self) -> None:
        previous = self._bookmark.get("previous")
        if not self._folder or not isinstance(previous, str) or not _NAME.fullmatch(previous):
            return
        # One that cannot be removed now is removed by a later run.
        names = (previous + _PENDING, previous)
        if previous == self._file or all(map(self._folder.remove, names)):
            self._bookmark["previous"] = None


class Folder:
    """The folder `snapshot_store`, on a disk or anywhere fsspec reaches."""

    def __init__(self, url: str, label: str) -> None:
        """Name the folder; on a disk it is made when it is needed.

        Args:
            url: A path, or a URL of fsspec.
            label: Whose snapshots it keeps, for errors.
        """
        self._url = url
        self._label = label

    def has(self, name: str) -> bool:
        """Tell whether there is a file.

        Args:
            name: Its name.

        Raises:
            U8Error: The folder cannot be read.
        """
        with self._blamed("read"):
            return bool(self._fs.exists(self._path(name)))

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
                content: bytes = self._fs.cat_file(self._path(name))
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
                _write_to_disk(Path(self._path(name)), data)
            else:
                # No makedirs: on an object store, a mistyped address would create a bucket.
                self._fs.pipe_file(self._path(name), data)

    def remove(self, name: str) -> bool:
        """Remove a file.

        Args:
            name: Its name.

        Returns:
            Whether it is gone.
        """
        try:
            self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return True
        except Exception:  # noqa: BLE001 -- each file system has exceptions of its own
            return False
        return True

    @property
    def _fs(self) -> Any:
        return self._opened[0]

    def _path(self, name: str) -> str:
        return f"{self._opened[1]}/{name}"

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the folder's path there."""
        fs, path = url_to_fs(self._url)
        return fs, str(path)

    @contextmanager
    def _blamed(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- each file system has exceptions of its own
            # Their texts may hold anything.
            reason = getattr(error, "strerror", None) or type(error).__name__
            msg = (
                f"{self._label}: snapshot_store cannot be {done} ({one_line(str(reason))}); check "
                "the address, the folder, its space and who may use it"
            )
            raise U8Error(msg) from None


def _write_to_disk(path: Path, data: bytes) -> None:
    folder = path.parent
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(folder.parent)
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(folder)


def _sync(folder: Path) -> None:
    """Make the entries of a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _of_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
