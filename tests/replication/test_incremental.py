"""INCREMENTAL on a change marker: from the latest one on, whatever order the rows come in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import rows

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import RunTap

STREAM = "customer"


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
    catalog: dict[str, Any] = json.loads(tap("--discover", streams=[STREAM]).out)
    catalog["streams"][0] |= {"replication_method": "INCREMENTAL", "replication_key": field}
    read = {"streams": [STREAM], "catalog": catalog, "page_size": page_size}
    state = tap(**read).state
    bookmark = state["bookmarks"][STREAM]["replication_key_value"]
    assert bookmark.startswith(latest)
    assert filter_ not in u8.requests[1].query

    u8.requests.clear()
    second = tap(**read, state=state)
    assert u8.requests[1].query[filter_] == sent
    assert second.state == state
