"""Where a snapshot is kept between runs: in the state, or in a file that the state names.

A bookmark of LOG_BASED has

- `snapshot`: `2:state:<checksum>:<base64>` or `2:file:<checksum>:<name>`;
- `pending`: true if something was written since, or the documents of which lines were. If the file
  of a list has a name that ends in `.pending`, that says so, too;
- `previous`: the files that this snapshot replaced;
- `rows`, how many there are, and `written_on`, the day on which all of them were last written.

Write null: Meltano merges states, and a missing key would keep its old value. None of these is a
dictionary, which Meltano would merge with the former one.
"""

from __future__ import annotations

import base64
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
from tap_yonyou.replication.snapshot import LostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: How `snapshot` begins, by where it is kept.
_IN_STATE, _IN_FILE = "2:state:", "2:file:"
#: What files are called; all others are left alone.
_NAME: Final = re.compile(r"[\w-]{1,120}-\d{8}T\d{6}Z-[0-9a-f]{8}", re.ASCII)
_PENDING: Final = ".pending"


def holds(bookmark: Mapping[str, Any]) -> bool:
    """Tell whether the target may have rows of a bookmark."""
    return not {"snapshot", "pending", "rows"}.isdisjoint(bookmark)


class Store:
    """Keeps the snapshot of one list in one data source; every method may raise U8Error.

    Attributes:
        is_pending: Whether an earlier run wrote something after the snapshot, so that the target
            may hold other records than it says.
    """

    def __init__(
        self,
        name: str,
        bookmark: dict[str, Any],
        write_state: Callable[[], None],
        folder: Folder | None = None,
    ) -> None:
        """Read nothing yet; names of files begin with `name`.

        `bookmark` is kept up to date; new snapshots go into the folder, or else into the bookmark.
        """
        self.write_state = write_state
        self.is_pending = bookmark.get("pending") is not None
        self._is_noted = self.is_pending
        self._name = name
        self._bookmark = bookmark
        self._folder = folder

    def read(self) -> bytes | None:
        """Read the snapshot, if there was one, and delete the files that it replaced.

        A LostError says why it cannot be used.
        """
        text = self._bookmark.get("snapshot")
        if text is None:
            return None
        if not isinstance(text, str) or not text.startswith((_IN_STATE, _IN_FILE)):
            msg = "the snapshot in the state is damaged, or of another version"
            raise LostError(msg)
        checksum, _, content = text.split(":", 2)[2].partition(":")
        if text.startswith(_IN_STATE):
            problem = "the snapshot in the state is damaged"
            try:
                data: bytes | None = base64.b64decode(content, validate=True)
            except ValueError:
                data = None
        else:
            data = self._read_file()
            problem = "the file of the snapshot is not in snapshot_store, or was altered"
        if data is None or _checksum(data) != checksum:
            raise LostError(problem)
        self._delete_previous()
        return data

    def note(self) -> None:
        """Note that the target gets what the snapshot does not know.

        In the state that is as durable as the target makes it: it passes the state on when it has
        stored what came before and, if this process ends early, after it.
        """
        if self._is_noted:
            return
        self._is_noted = True
        if self._folder and (file := self._file) and self._folder.rename(file, file + _PENDING):
            return
        # Without a snapshot, too: another state that is not seen here may have one.
        self._bookmark.setdefault("snapshot", None)
        self._bookmark["pending"] = True
        self.write_state()

    def doubt(self) -> None:
        """Note that another replication method writes to the target."""
        if self._bookmark.setdefault("snapshot", None) is None:
            return
        pending = self._bookmark.get("pending")
        if isinstance(pending, list) and True not in pending:  # documents of a run that died
            self._bookmark["pending"] = [*pending, True]
        self.note()

    def write(self, data: bytes | None) -> None:
        """Put a snapshot into the bookmark, perhaps in a file; None for the one that is there."""
        if data is not None:
            begin, content, replaced = _IN_STATE, base64.b64encode(data).decode(), self._file
            if self._folder:
                name = re.sub(r"\W+", "-", self._name, flags=re.ASCII)[:100]
                content = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
                self._folder.write(content, data)
                begin = _IN_FILE
                if replaced:
                    self._bookmark["previous"] = [*self._previous, replaced]
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

    def _read_file(self) -> bytes | None:
        if not self._folder or not self._file:
            return None
        if (data := self._folder.read(self._file + _PENDING)) is not None:
            self.is_pending = self._is_noted = True
            return data
        return self._folder.read(self._file)

    @property
    def _previous(self) -> list[str]:
        """The files that may be deleted; that of a state of release 0.2 is not in a list."""
        previous = self._bookmark.get("previous")
        names = previous if isinstance(previous, list) else [previous]
        return [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]

    def _delete_previous(self) -> None:
        if not self._folder or not self._previous:
            return
        delete = self._folder.delete
        # One that cannot be deleted now is deleted by a later run.
        left = [
            name
            for name in self._previous
            if name != self._file and not (delete(name) and delete(name + _PENDING))
        ]
        self._bookmark["previous"] = left or None


class Folder:
    """The folder `snapshot_store`, on a disk or anywhere fsspec reaches.

    A file that was cut off by a crash does no harm: the state has its checksum.
    """

    def __init__(self, url: str, label: str) -> None:
        """Take a path, or a URL of fsspec; errors begin with the label."""
        self._url = url
        self._label = label

    def read(self, name: str) -> bytes | None:
        """Read a file; None if it is not there."""
        with self._blamed("read"):
            try:
                content: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, data: bytes) -> None:
        """Write a file; on a disk, one for its owner only."""
        with self._blamed("written"):
            # No other folder is made: on an object store, a mistyped address would create a bucket.
            if isinstance(self._fs, LocalFileSystem):
                path = Path(self._path(name))
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
            self._fs.pipe_file(self._path(name), data)

    def rename(self, name: str, new_name: str) -> bool:
        """Rename a file; False if there is none."""
        with self._blamed("written"):
            try:
                self._fs.mv(self._path(name), self._path(new_name))
            except FileNotFoundError:
                return False
        return True

    def delete(self, name: str) -> bool:
        """Delete a file; False if that fails."""
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


def _checksum(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
