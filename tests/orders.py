"""Thirty sales orders and their lines, which the tests of documents read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox import Sandbox

ORDERS, STREAM = "saleorder", "saleorder_entry"
SIZE = 30


def settled(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make them orders of long ago, approved."""
    return [
        row | {"date": f"2024-{1 + n % 12:02d}-01", "verifier": "某人"}
        for n, row in enumerate(table)
    ]


def code(u8: Sandbox, number: int) -> str:
    return str(u8.tables[ORDERS][number]["code"])


def lines(u8: Sandbox) -> list[tuple[Any, ...]]:
    """What U8 has: code, place and item of each line."""
    return [
        (row["code"], number, line["inventorycode"])
        for row in u8.tables[ORDERS]
        for number, line in enumerate(u8.lines[ORDERS][str(row["code"])], start=1)
    ]
