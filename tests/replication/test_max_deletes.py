"""The limit on deletes compares with the last complete read that was like this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox import contact, contacts
from tests.conftest import catalog_of

if TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import Read, RunTap
    from tests.loaded import Loaded

STREAM = "customercontacts"
DELETES: dict[str, Any] = {"method": "FULL_TABLE", "emit_activate_version_messages": True}
FIRST_40: dict[str, Any] = {"filters": {STREAM: {"code_end": contact(40)["code"]}}}


def refused(deleted: int, before: int) -> str:
    return f"customercontacts: {deleted} of the {before} rows of the last complete read are deleted"


def serve(u8: Sandbox, rows: int) -> None:
    u8.tables[STREAM] = contacts(rows)


def test_log_based_does_not_compare_with_a_longer_list_that_full_table_brought(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    serve(u8, 60)
    read()
    serve(u8, 225)
    read(method="FULL_TABLE")
    serve(u8, 20)
    run = read()
    assert run.code == 1
    assert run.errors[0].startswith(refused(40, 60))
    assert len(loaded.living()) == 225


def test_log_based_does_not_compare_with_a_part_that_full_table_brought(
    read: Read, u8: Sandbox, loaded: Loaded
) -> None:
    read()
    read(method="FULL_TABLE", **FIRST_40)
    serve(u8, 200)
    run = read()
    assert (run.code, run.errors) == (0, [])
    assert len(loaded.living()) == 200


def test_full_table_does_not_compare_with_the_few_rows_that_incremental_brought(
    read: Read, u8: Sandbox, loaded: Loaded, tap: RunTap
) -> None:
    by_code = catalog_of(tap, "INCREMENTAL")
    by_code["streams"][0]["replication_key"] = "code"
    read(**DELETES)
    for records in (225, 1):
        assert len(read(catalog=by_code).records) == records
    serve(u8, 100)
    run = read(**DELETES)
    assert run.code == 1
    assert run.errors[0].startswith(refused(125, 225))
    assert len(loaded.living()) == 225


@pytest.mark.parametrize("method", ["LOG_BASED", "FULL_TABLE"])
def test_full_table_does_not_compare_with_a_part_that_was_read_without_deletes(
    read: Read, u8: Sandbox, loaded: Loaded, method: str
) -> None:
    read(**DELETES)
    read(method=method, **FIRST_40)
    serve(u8, 30)
    run = read(**DELETES)
    assert run.code == 1
    assert run.errors[0].startswith(refused(195, 225))
    assert len(loaded.living()) == 225
