"""LOG_BASED compares with the last complete read of the same rows, and with nothing else."""

from __future__ import annotations

import base64
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from sandbox import contact

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import Read, Run
    from tests.loaded import Loaded

STREAM = "customercontacts"
GONE = "_sdc_deleted_at"
DELETES: dict[str, Any] = {"emit_activate_version_messages": True}
#: What lets 150 of the 225 contacts through, so that no limit on deletes hides a mistake.
UP_TO_150 = {"code_end": contact(150)["code"]}
DECLARED: dict[str, Any] = {
    "key": ["code"],
    "path": "/api/customercontacts/batch_get",
    "rows": STREAM,
    "schema": {"code": {"type": "string"}, "name": {"type": ["string", "null"]}},
}


def declared(**more: Any) -> dict[str, Any]:
    return {"streams": ["declared"], "resources": {"declared": DECLARED | more}}


#: By what makes the scope: a stream, all of it, and a part of it.
SCOPES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "filters": (STREAM, {}, {"filters": {STREAM: UP_TO_150}}),
    "params": ("declared", declared(), declared(params=UP_TO_150)),
}


def gone(run: Run) -> list[str]:
    return [record["code"] for record in run.records if record[GONE]]


@pytest.mark.parametrize("what", SCOPES)
def test_another_scope_deletes_nothing_nor_does_going_back(
    read: Read, u8: Sandbox, loaded: Loaded, what: str
) -> None:
    stream, whole, part = SCOPES[what]
    assert len(read(**DELETES, **whole).of("ACTIVATE_VERSION")) == 1
    for given, rows in ((part, 150), (whole, 225), (part, 150)):
        run = read(**DELETES, **given)
        assert (run.code, len(run.records), gone(run)) == (0, rows, [])
        assert run.of("ACTIVATE_VERSION") == []
        assert "every row is written again, and nothing is deleted" in run.log
        assert len(loaded.living(stream)) == 225
    # Within one scope, what did not come was deleted.
    deleted = u8.tables[STREAM].pop(0)["code"]
    assert gone(read(**DELETES, **part)) == [deleted]


# The snapshot


def with_shorter_digests(snapshot: str, cut: int) -> str:
    """Cut the end off the digests of a snapshot, which are its last bytes; the checksum is right.

    A snapshot is `<version>:<place>:<checksum>:<base64 of MessagePack>`.
    """
    head, _, content = snapshot.rsplit(":", 2)
    members = msgspec.msgpack.decode(base64.b64decode(content))
    place = max(n for n, member in enumerate(members) if isinstance(member, bytes))
    members[place] = members[place][: len(members[place]) - cut]
    data = msgspec.msgpack.encode(members)
    checksum = blake2b(data, digest_size=16).hexdigest()
    return f"{head}:{checksum}:{base64.b64encode(data).decode()}"


def test_a_snapshot_of_one_digest_too_few_is_not_used(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read(**DELETES)
    assert loaded.state is not None
    bookmark = loaded.state["bookmarks"][STREAM]
    snapshot = bookmark["snapshot"]
    assert with_shorter_digests(snapshot, 0) == snapshot
    bookmark["snapshot"] = with_shorter_digests(snapshot, 6)
    u8.tables[STREAM].pop(0)
    run = read(**DELETES)
    assert (run.code, len(run.records), gone(run)) == (0, 224, [])
    assert run.log.count("| WARNING ") == 1
    assert "every row is written again" in run.log
    assert len(loaded.living()) == 224
    assert read(**DELETES).records == []
