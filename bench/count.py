"""Counts the rows that come on the standard input, whoever wrote them.

    <a contender> | python -m bench.count

Singer has `{"type":"RECORD","record":{…}}`, Airbyte `{"type":"RECORD","record":{"data":{…}}}`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Data(msgspec.Struct):
    code: str | None = None


class _Record(msgspec.Struct):
    code: str | None = None
    line_number: int = 0
    data: _Data | None = None


class _Message(msgspec.Struct):
    type: str | None = None
    stream: str = ""
    record: _Record | None = None


def count(lines: Iterable[bytes]) -> tuple[int, int]:
    """Count rows.

    Args:
        lines: Messages of Singer or Airbyte; lines that are none are passed over.

    Returns:
        How many rows came, and how many different ones, by code and number of the line.
    """
    decode = msgspec.json.Decoder(_Message).decode
    rows, keys = 0, set()
    for line in lines:
        try:
            message = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if message.type == "RECORD" and (record := message.record):
            rows += 1
            code = record.data.code if record.data else record.code
            keys.add((message.stream, code, record.line_number))
    return rows, len(keys)


if __name__ == "__main__":
    print(json.dumps(count(sys.stdin.buffer)))
