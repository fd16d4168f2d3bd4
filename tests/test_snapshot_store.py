"""Snapshots in files: durable before a state names them, removed when a successor is named."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sandbox import contact, contacts
from tap_yonyou.compat import override
from tap_yonyou.tap import TapYonyou
from tests.conftest import TAP, Run, catalog_of
from tests.test_streams import Kept

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
    assert second.state == first.state
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_file_is_removed_when_a_run_is_given_the_name_of_its_successor(
    read: Read, u8: Sandbox, folder: Path, loaded: Loaded
) -> None:
    first = read()
    edit(u8, "新名")
    second = read()
    assert named(second) != named(first)
    # The target may not have passed the new state on, so that the next run gets the old one.
    assert {named(first), named(second)} <= files(folder)
    loaded.state = first.state
    again = read()
    assert len(again.records) == 1
    assert {named(first), named(second), named(again)} <= files(folder)
    read()
    assert files(folder) == {named(second), named(again)}


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


@pytest.mark.parametrize("attempt", range(3))
def test_a_tap_that_is_killed_while_it_writes_the_file_loses_nothing(
    read: Read, u8: Sandbox, folder: Path, tmp_path: Path, loaded: Loaded, attempt: int
) -> None:
    u8.tables[STREAM] = contacts(20_000)
    read(page_size=5000)
    edit(u8, "新名")
    kept = files(folder)
    config, catalog, state = (tmp_path / f"{name}.json" for name in ("config", "catalog", "state"))
    state.write_text(json.dumps(loaded.state))
    out = tmp_path / "out"
    with out.open("wb") as output:
        command = [str(TAP), f"--config={config}", f"--catalog={catalog}", f"--state={state}"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        while process.poll() is None and files(folder) == kept:
            time.sleep(0.001)
        time.sleep(attempt / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
    loaded.load([json.loads(line) for line in out.read_text().splitlines() if line.endswith("}")])
    edit(u8, str(contact(1)["name"]))
    assert read(page_size=5000).code == 0
    assert loaded.living()[0]["name"] == contact(1)["name"]
    assert read(page_size=5000).records == []


CANNOT = (
    "customercontacts: snapshot_store cannot be written ({}); check the folder, its space and who "
    "may use it"
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
    assert len(read().records) == 1
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
                file = line["value"]["bookmarks"][STREAM].get("snapshot", "").rpartition(":")[2]
                assert {file} <= there | {""}
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
    finally:
        MemoryFileSystem.store.clear()
