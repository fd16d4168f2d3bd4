"""Snapshots in files: durable before a state names them, deleted when a successor is named."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sandbox import contact, contacts, rows
from tap_yonyou.compat import override
from tap_yonyou.tap import TapYonyou
from tests.conftest import TAP, Run, catalog_of
from tests.in_process import Kept

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox
    from tests.conftest import Read, RunTap
    from tests.loaded import Loaded

STREAM = "customercontacts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that is not there yet."""
    return tmp_path / "a folder" / "snapshots"


@pytest.fixture
def settings(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    return settings | {"snapshot_store": str(folder)}


def named(run: Run) -> str:
    """The file that the last STATE names."""
    snapshot: str = run.state["bookmarks"][STREAM]["snapshot"]
    return snapshot.rpartition(":")[2]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def edit(u8: Sandbox, name: str) -> None:
    u8.tables[STREAM][0]["name"] = name


def test_the_state_has_a_name_and_a_checksum_and_the_file_is_for_its_owner_only(
    read: Read, folder: Path
) -> None:
    run = read()
    (file,) = folder.iterdir()
    assert file.name == named(run)
    assert len(json.dumps(run.state)) < 250
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "张天宇".encode() not in file.read_bytes()


def test_a_run_without_changes_writes_no_file(read: Read, folder: Path) -> None:
    first = read()
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    second = read()
    assert second.records == []
    bookmarks = [run.state["bookmarks"]["customercontacts"] for run in (first, second)]
    assert bookmarks[0].pop("complete_at") <= bookmarks[1].pop("complete_at")
    assert bookmarks[0] == bookmarks[1]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_file_is_deleted_when_a_run_is_given_the_name_of_its_successor(
    read: Read, u8: Sandbox, folder: Path
) -> None:
    first = read()
    edit(u8, "新名")
    second = read()
    assert named(second) != named(first)
    # The target may not have passed the new state on, so that the next run gets the old one.
    assert files(folder) == {f"{named(first)}.pending", named(second)}
    read()
    assert files(folder) == {named(second)}


@pytest.mark.parametrize(
    "previous",
    [None, "None", "../kept", "mine.yml", 5, "itself"],
    ids=["null", "None", "above", "mine", "number", "itself"],
)
def test_nothing_else_is_ever_removed(
    read: Read, u8: Sandbox, folder: Path, loaded: Loaded, previous: Any
) -> None:
    first = read()
    for name in ("None", "None.pending", "mine.yml", "../kept"):
        (folder / name).touch()
    assert loaded.state is not None
    named_so = named(first) if previous == "itself" else previous
    loaded.state["bookmarks"][STREAM]["previous"] = named_so
    before = files(folder)
    assert read().records == []
    edit(u8, "新名")
    assert len(read().records) == 1
    gone = before - files(folder)
    assert gone == {named(first)}  # it is called .pending now
    assert (folder / "../kept").exists()


def test_a_file_that_cannot_be_deleted_is_deleted_later(
    read: Read, u8: Sandbox, folder: Path
) -> None:
    old = named(read())
    edit(u8, "新名")
    read()
    file = folder / f"{old}.pending"
    file.unlink()
    file.mkdir()  # which cannot be deleted like a file
    read()
    file.rmdir()
    file.touch()
    read()
    assert not file.exists()


def test_the_note_stands_until_there_is_another_snapshot(
    read: Read, u8: Sandbox, folder: Path, loaded: Loaded
) -> None:
    """The next stream writes a state, too."""
    u8.tables["warehouse"] = rows("warehouse", 30)
    both = {"streams": [STREAM, "warehouse"]}
    read(**both, snapshot_store=None)
    edit(u8, "一时")
    folder.parent.mkdir()
    folder.touch()
    assert read(**both).code == 1
    folder.unlink()
    edit(u8, str(contact(1)["name"]))
    assert read(**both, snapshot_store=None).code == 0
    assert loaded.living()[0]["name"] == contact(1)["name"]


@pytest.mark.parametrize("method", ["FULL_TABLE", "INCREMENTAL", "LOG_BASED"])
def test_a_run_with_another_store_is_known_to_the_next_one_with_this(
    read: Read, u8: Sandbox, folder: Path, loaded: Loaded, method: str
) -> None:
    read()
    edit(u8, "一时")
    if method == "LOG_BASED":
        u8.omit = {"row_count"}  # so that it leaves no snapshot
    assert read(method=method, snapshot_store=str(folder.with_name("other"))).code == 0
    u8.omit = set()
    edit(u8, str(contact(1)["name"]))
    assert read().code == 0
    assert loaded.living()[0]["name"] == contact(1)["name"]


def test_the_files_name_notes_that_something_is_written(
    read: Read, u8: Sandbox, folder: Path, loaded: Loaded
) -> None:
    first = read()
    edit(u8, "新名")
    second = read()
    assert files(folder) == {f"{named(first)}.pending", named(second)}
    # The target dies, and the next run is given the state of before.
    loaded.state = first.state
    again = read()
    assert len(again.records) == 225
    assert "a run ended while it wrote, or another replication method" in again.log
    assert "225 rows read: 0 new, 1 changed, 0 deleted, 224 unchanged" in again.summary


def test_a_long_name_of_a_list_is_cut(read: Read, u8: Sandbox, folder: Path) -> None:
    name = "x" * 240
    u8.tables = {name: [{"code": "1"}]}
    given = {"streams": [name], "resources": {name: {"key": ["code"]}}}
    assert read(**given).code == 0
    assert [file.name[:102] for file in folder.iterdir()] == ["x" * 100 + "-2"]
    assert read(**given).records == []


@pytest.mark.parametrize("what", ["missing", "altered", "cut", "no setting"])
def test_without_its_file_everything_is_written_again_and_that_is_said(
    read: Read, folder: Path, what: str
) -> None:
    file = folder / named(read())
    content = file.read_bytes()
    match what:
        case "missing":
            file.unlink()
        case "altered":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            file.write_bytes(content[:50])
    given = {"snapshot_store": None} if what == "no setting" else {}
    run = read(**given)
    assert (run.code, len(run.records)) == (0, 225)
    assert (
        "customercontacts: the file of the snapshot is not in snapshot_store, or was altered; "
        "every row is written again"
    ) in run.log
    assert read(**given).records == []


def test_a_snapshot_moves_from_the_state_to_a_file(read: Read, u8: Sandbox, folder: Path) -> None:
    read(snapshot_store=None)
    edit(u8, "新名")
    run = read()
    assert len(run.records) == 1
    assert files(folder) == {named(run)}
    assert read().records == []


def test_a_tap_that_is_killed_while_it_writes_the_file_loses_nothing(
    read: Read, u8: Sandbox, folder: Path, tmp_path: Path, loaded: Loaded
) -> None:
    u8.tables[STREAM] = contacts(5_000)
    read(page_size=5000)
    config, catalog, state = (tmp_path / f"{name}.json" for name in ("config", "catalog", "state"))
    command = [str(TAP), f"--config={config}", f"--catalog={catalog}", f"--state={state}"]
    out = tmp_path / "out"
    for attempt in range(3):
        edit(u8, "新名")
        kept = files(folder)
        state.write_text(json.dumps(loaded.state))
        with out.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
            while process.poll() is None and files(folder) == kept:
                time.sleep(0.001)
            time.sleep(attempt / 1000)
            process.send_signal(signal.SIGKILL)
            process.wait()
        *lines, _ = out.read_bytes().split(b"\n")  # the last one may be cut
        loaded.load([json.loads(line) for line in lines])
        edit(u8, str(contact(1)["name"]))
        assert read(page_size=5000).code == 0
        assert loaded.living()[0]["name"] == contact(1)["name"]
    assert read(page_size=5000).records == []


CANNOT = (
    "customercontacts: snapshot_store cannot be written ({}); check the address, the folder, its "
    "space and who may use it"
)


def test_a_folder_that_cannot_be_used_fails_the_stream_and_moves_no_bookmark(
    read: Read, u8: Sandbox, folder: Path, loaded: Loaded
) -> None:
    read()
    before = loaded.state
    edit(u8, "新名")
    folder.rename(folder.with_name("kept"))
    folder.touch()
    run = read()
    assert run.code == 1
    assert run.errors == [CANNOT.replace("written", "read").format("Not a directory")]
    assert "Traceback" not in run.log
    assert loaded.state == before
    folder.unlink()
    folder.with_name("kept").rename(folder)
    assert len(read().records) == 1


def test_a_disk_that_is_full_fails_the_stream_and_what_was_written_comes_again(
    read: Read, u8: Sandbox, tmp_path: Path, loaded: Loaded
) -> None:
    read()
    edit(u8, "新名")
    (tmp_path / "state.json").write_text(json.dumps(loaded.state))
    run = limited(tmp_path)
    assert run.code == 1
    assert run.errors == [CANNOT.format("File too large")]
    loaded.load(run.messages)
    assert len(read().records) == 225
    assert read().records == []


def limited(folder: Path) -> Run:
    """Run the tap once more, as one that may write to no file."""
    files = [f"--{name}={folder / name}.json" for name in ("config", "catalog", "state")]
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", TAP, *files],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nosuch://bucket", "cannot be used: Protocol not known: nosuch"),
        ("s3://bucket/yonyou", "cannot be used: Install s3fs to access S3"),
        (
            "memory://pass1234@host",
            "must have no credentials; the environment has a place for them",
        ),
        (
            "ftp://user:pass1234@host/x",
            "must have no credentials; the environment has a place for them",
        ),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(
    tap: RunTap, u8: Sandbox, url: str, problem: str
) -> None:
    run = tap(snapshot_store=url)
    assert (run.code, run.errors) == (1, [f"snapshot_store {problem}"])
    assert "pass1234" not in run.log
    assert u8.requests == []


def test_a_server_that_cannot_be_reached_is_said_in_one_line(read: Read) -> None:
    run = read(snapshot_store="ftp://127.0.0.1:1/snapshots", streams=[STREAM])
    assert run.code == 1
    assert run.errors == [CANNOT.format("Connection refused")]


# Any file system of fsspec


class Watched(Kept):
    """Looks at the file system when a message comes."""

    def __init__(self) -> None:
        super().__init__()
        self.is_noted: list[bool] = []

    @override
    def write(self, lines: bytes | bytearray) -> None:
        super().write(lines)
        there = {path.rpartition("/")[2] for path in MemoryFileSystem.store}
        for line in map(json.loads, lines.splitlines()):
            if line["type"] == "STATE":
                name = line["value"]["bookmarks"][STREAM].get("snapshot") or ""
                file = name.rpartition(":")[2]
                assert not {file, f"{file}.pending"}.isdisjoint(there | {""})
            elif line["type"] == "RECORD":
                self.is_noted.append(any(path.endswith(".pending") for path in there))


def test_the_file_is_there_before_its_state_and_the_note_before_its_records(
    u8: Sandbox, settings: dict[str, Any], tap: RunTap, loaded: Loaded
) -> None:
    catalog = catalog_of(tap)

    def run() -> Watched:
        watched = Watched()
        given = settings | {"snapshot_store": "memory://yonyou/snapshots"}
        given |= {"catalog": catalog, "state": loaded.state or {}}
        state, discovered = given.pop("state"), given.pop("catalog")
        TapYonyou(config=given, catalog=discovered, state=state, message_writer=watched).sync_all()
        loaded.load(watched.messages)
        return watched

    try:
        assert run().is_noted == [False] * 225
        edit(u8, "新名")
        u8.tables[STREAM].pop()
        assert run().is_noted == [True] * 2
        assert run().is_noted == []
        assert len(MemoryFileSystem.store) == 1
        assert len(loaded.living()) == 224
        # No folder is made: on an object store, a mistyped address would create a bucket.
        assert MemoryFileSystem.pseudo_dirs == [""]
    finally:
        MemoryFileSystem.store.clear()
