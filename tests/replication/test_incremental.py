"""INCREMENTAL on a change marker: from the latest one on, whatever order the rows come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox import rows, touch
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from sandbox import Row, Sandbox
    from tests.conftest import Read, RunTap
    from tests.loaded import Loaded

STREAM = "customer"


def by(tap: RunTap, field: str) -> dict[str, Any]:
    """What reads customers INCREMENTAL by a field."""
    catalog = catalog_of(tap, "INCREMENTAL", streams=[STREAM])
    catalog["streams"][0]["replication_key"] = field
    return {"streams": [STREAM], "catalog": catalog}


@pytest.mark.parametrize(
    ("field", "values", "latest", "sent"),
    [
        # Compared as numbers and sent back as they came: as texts the first would be the latest.
        ("timestamp", ["999.5", "1000.5000", "998"], "1000.5000", "1000.5000"),
        ("ModifyDate", ["2024-02-28", "2024-12-01", "2024-03-01"], "2024-12-01", "2024-12-01"),
    ],
    ids=["row version", "day"],
)
@pytest.mark.parametrize("page_size", [1, 3], ids=["pages", "one page"])
def test_the_bookmark_is_the_latest_marker_in_any_order_and_never_goes_back(
    tap: RunTap,
    u8: Sandbox,
    field: str,
    values: list[str],
    latest: str,
    sent: str,
    page_size: int,
) -> None:
    filter_ = f"{field}_begin"
    samples = rows(STREAM, 3)
    u8.tables = {STREAM: [row | {field: v} for row, v in zip(samples, values, strict=True)]}
    read = {**by(tap, field), "page_size": page_size}
    state = tap(**read).state
    bookmark = state["bookmarks"][STREAM]["replication_key_value"]
    assert bookmark.startswith(latest)
    assert filter_ not in u8.requests[1].query

    u8.requests.clear()
    second = tap(**read, state=state)
    assert u8.requests[1].query[filter_] == sent
    after = second.state["bookmarks"][STREAM]
    assert after["replication_key_value"] == bookmark
    assert after["complete_at"] >= state["bookmarks"][STREAM]["complete_at"]


@pytest.mark.parametrize(("before", "now"), [("ModifyDate", "timestamp"), ("timestamp", "code")])
def test_the_bookmark_of_another_field_is_none(
    read: Read, tap: RunTap, u8: Sandbox, before: str, now: str
) -> None:
    u8.tables = {STREAM: rows(STREAM, 40)}
    assert read(**by(tap, before)).state["bookmarks"][STREAM]["replication_key_value"]
    u8.requests.clear()
    run = read(**by(tap, now))
    assert run.code == 0
    assert len(run.records) == 40
    assert not [name for request in u8.requests for name in request.query if "_begin" in name]
    assert run.state["bookmarks"][STREAM]["replication_key"] == now


# Edits during a look back, which asks once more for what came after the first page of a read


def customers(u8: Sandbox) -> list[Row]:
    """Ten of them, in the order of their row versions; a look back begins with the third."""
    table = [row | {"timestamp": f"{n}.0000"} for n, row in enumerate(rows(STREAM, 10), 1)]
    u8.tables = {STREAM: table}
    return table


def edit(row: Row) -> None:
    row["name"] = "新名"
    touch(row)


def name_of(row: Row, loaded: Loaded) -> Any:
    return next(one["name"] for one in loaded.living(STREAM) if one["code"] == row["code"])


def test_an_edit_behind_a_look_back_comes_with_the_next_run(
    read: Read, tap: RunTap, u8: Sandbox, loaded: Loaded
) -> None:
    table = customers(u8)
    edited, last = table[3], table[-1]

    def edit_behind() -> None:
        edit(edited)
        touch(last)

    # Page 2 of the read, then that of its look back.
    u8.before(2, lambda: u8.before(2, edit_behind))
    given = {**by(tap, "timestamp"), "page_size": 3}
    read(**given)
    assert name_of(edited, loaded) != "新名"
    read(**given)
    assert name_of(edited, loaded) == "新名"


def test_a_look_back_that_is_not_proved_moves_no_bookmark_past_what_it_missed(
    read: Read, tap: RunTap, u8: Sandbox, loaded: Loaded
) -> None:
    table = customers(u8)
    first_again, edited, last = table[2], table[5], table[-1]

    def edit_behind() -> None:
        edit(edited)
        touch(last)
        u8.before(1, lambda: u8.omit.add("row_count"))
        # The edited row moves from page 2 of the look back to its first, which was read by then.
        u8.before(2, lambda: u8.tables[STREAM].remove(first_again))

    u8.before(3, edit_behind)
    given = {**by(tap, "timestamp"), "page_size": 3}
    run = read(**given)
    assert run.code == 0
    assert name_of(edited, loaded) != "新名"
    u8.omit.clear()
    read(**given)
    assert name_of(edited, loaded) == "新名"
