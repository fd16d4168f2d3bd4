"""The floor: the least that Python can do to make RECORD lines of U8's rows.

A bare loop of requests and msgspec. It logs in, reads page after page, converts the values to the
types of the tap's schema, and writes the same RECORD lines; and it does nothing of what a tap is
for: no attempts, no errors, no proof of completeness, no selection, no state.

    python -m bench.floor <config.json>
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import requests

_STREAM = "customercontacts"
_SCHEMA = Path(__file__).parent.parent / "tap_yonyou" / "u8" / "resources" / f"{_STREAM}.json"
_BOOLEANS = {"1": True, "0": False}


def main(config_file: str) -> None:
    """Read everything and write it to the standard output.

    Args:
        config_file: The path of the tap's configuration.
    """
    config: dict[str, Any] = json.loads(Path(config_file).read_bytes())
    properties: dict[str, Any] = json.loads(_SCHEMA.read_bytes())["properties"]
    schema = {"type": "object", "properties": properties}
    booleans = [name for name, prop in properties.items() if "boolean" in prop["type"]]
    dates = [name for name, prop in properties.items() if prop.get("format") == "date"]

    out = sys.stdout.buffer
    encoder, decode = msgspec.json.Encoder(), msgspec.json.Decoder().decode
    message: dict[str, Any] = {"type": "SCHEMA", "stream": _STREAM, "schema": schema}
    out.write(encoder.encode(message | {"key_properties": ["code"]}) + b"\n")

    session = requests.Session()
    params = {name: config[name] for name in ("from_account", "app_key", "app_secret")}
    login = decode(session.get(f"{config['api_url']}/system/token", params=params).content)
    params = {
        "from_account": config["from_account"],
        "to_account": config["to_account"],
        "app_key": config["app_key"],
        "token": login["token"]["id"],
        "rows_per_page": str(config["page_size"]),
    }
    url, page, pages = f"{config['api_url']}/api/{_STREAM}/batch_get", 1, 1
    while page <= pages:
        reply = decode(session.get(url, params=params | {"page_index": str(page)}).content)
        pages = int(reply["page_count"])
        extracted = datetime.now(UTC).isoformat()
        lines = []
        for row in reply[_STREAM]:
            record: dict[str, Any] = {name: row.get(name) or None for name in properties}
            for name in booleans:
                record[name] = _BOOLEANS.get(record[name])
            for name in dates:
                if day := record[name]:
                    record[name] = date.fromisoformat(day).isoformat()
            lines.append(
                {
                    "type": "RECORD",
                    "stream": _STREAM,
                    "record": record,
                    "time_extracted": extracted,
                }
            )
        out.write(encoder.encode_lines(lines))
        page += 1
    out.write(encoder.encode({"type": "STATE", "value": {}}) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
