"""A table that differs from the state heals: every row is written again after some days."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import RESOURCES, Sandbox, contact, contacts, rows
from tap_yonyou.u8 import resources
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from tests.conftest import Read, RunTap
    from tests.loaded import Loaded

STREAM = "customercontacts"


def age(state: Any, days: int) -> Any:
    """A state that was written so many days ago."""
    today = datetime.now(UTC).date()
    text = json.dumps(state)
    # Midnight may have passed since.
    for written in (today, today - timedelta(days=1)):
        text = text.replace(written.isoformat(), (written - timedelta(days=days)).isoformat())
    return json.loads(text)


@pytest.mark.parametrize("deletes", [True, False], ids=["versions", "no versions"])
def test_every_row_is_written_again_after_thirty_days(
    read: Read,
    u8: Sandbox,
    loaded: Loaded,
    deletes: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    given = {"emit_activate_version_messages": deletes}
    read(**given)
    loaded.state = age(loaded.state, 31)
    gone = u8.tables[STREAM].pop()["code"]
    run = read(**given)
    assert (run.code, len(run.records)) == (0, 224 if deletes else 225)
    assert "customercontacts: every row is written again, as last on 20" in run.log
    assert "0 new, 0 changed, 1 deleted, 224 unchanged, all written again;" in run.summary
    assert len(run.of("ACTIVATE_VERSION")) == deletes
    # ACTIVATE_VERSION marks the deleted row, too; its record would come too early.
    if deletes:
        assert gone not in {row["code"] for row in loaded.living()}
        run = read(**given)
    assert {one["code"] for one in run.records if one["_sdc_deleted_at"]} == {gone}
    # And not again for as long.
    assert read(**given).records == []
    loaded.state = age(loaded.state, 15)
    assert read(**given).records == []


@pytest.mark.parametrize(
    ("days", "age_in_days", "is_due"),
    [(0, 9999, False), (1, 1, True), (1, 0, False), (90, 91, True)],
)
def test_the_setting_says_after_how_many_days(
    read: Read,
    loaded: Loaded,
    days: int,
    age_in_days: int,
    is_due: bool,  # noqa: FBT001 -- a parameter of a test
) -> None:
    read(rewrite_days=days)
    loaded.state = age(loaded.state, age_in_days)
    assert len(read(rewrite_days=days).records) == (225 if is_due else 0)


def test_not_all_lists_are_written_in_one_night(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    names = [name for name in RESOURCES if name in resources.names()][:12]
    u8.tables = {name: rows(name, 5) for name in names}
    read(streams=names)
    first, nights = loaded.state, []
    for days in (19, 22, 25, 28, 30):
        loaded.state = age(first, days)
        run = read(streams=names)
        nights.append({message["stream"] for message in run.of("RECORD")})
    assert nights[0] == set()
    assert nights[-1] == set(names)
    assert max(len(after - before) for before, after in pairwise(nights)) < len(names) * 2 / 3


def test_all_data_sources_of_a_list_are_written_in_the_same_run(
    tap: RunTap, read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    u8.sources = (1, 2)
    u8.others = {2: {STREAM: contacts(50)}}
    given: dict[str, Any] = {"ds_sequences": [1, 2], "emit_activate_version_messages": True}
    given["catalog"] = catalog_of(tap, ds_sequences=[1, 2])
    read(**given)
    state = copy.deepcopy(loaded.state)
    assert state is not None
    partitions = state["bookmarks"][STREAM]["partitions"]
    partitions[1] = age(partitions[1], 31)
    loaded.state = state
    run = read(**given)
    assert len(run.records) == 275
    assert len(run.of("ACTIVATE_VERSION")) == 1


def test_a_state_restored_from_a_backup_heals(read: Read, u8: Sandbox, loaded: Loaded) -> None:
    read()
    backup = loaded.state
    u8.tables[STREAM][0]["name"] = "一时"
    read()
    u8.tables[STREAM][0]["name"] = contact(1)["name"]
    loaded.state = backup
    # The state and U8 agree, and nobody can see the table.
    assert read().records == []
    assert loaded.living()[0]["name"] == "一时"
    loaded.state = age(loaded.state, 31)
    read()
    assert loaded.living()[0]["name"] == contact(1)["name"]


def test_a_full_refresh_whose_target_died_heals(read: Read, loaded: Loaded) -> None:
    given = {"emit_activate_version_messages": True}
    read(**given)
    kept = loaded.state
    run = read(**given, state={})
    loaded.rows.clear()
    loaded.take(run.messages[:100])  # the table was emptied, and filled in part
    loaded.state = kept
    assert read(**given).records == []
    loaded.state = age(loaded.state, 31)
    read(**given)
    assert len(loaded.living()) == 225
