"""dlt's `rest_api` source, run as its documentation says; for dlt's own environment.

    python bench/dlt_source.py <config.json> [--normalize] [--print]

Extracts into dlt's working folder, and with `--normalize` also makes the files that a load would
send. With `--print` every row that stands in these files is printed, to be counted.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Settings of dlt, read when it is imported. Compressed files are for loads over a network.
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}

import dlt
from dlt.sources.helpers import requests
from dlt.sources.rest_api import rest_api_source

_STREAM = "customercontacts"


def source(config: dict[str, Any]) -> Any:
    """Configure the source.

    Args:
        config: The settings of tap-yonyou.

    Returns:
        A source with one resource.
    """
    params = {name: config[name] for name in ("from_account", "app_key", "app_secret")}
    login = requests.get(f"{config['api_url']}/system/token", params=params)
    return rest_api_source(
        {
            "client": {
                "base_url": config["api_url"],
                "auth": {
                    "type": "api_key",
                    "name": "token",
                    "api_key": login.json()["token"]["id"],
                    "location": "query",
                },
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "page_index",
                    "total_path": "page_count",
                },
            },
            "resources": [
                {
                    "name": _STREAM,
                    "primary_key": "code",
                    "write_disposition": "replace",
                    "endpoint": {
                        "path": f"api/{_STREAM}/batch_get",
                        "params": {
                            "from_account": config["from_account"],
                            "to_account": config["to_account"],
                            "app_key": config["app_key"],
                            "rows_per_page": config["page_size"],
                        },
                        "data_selector": _STREAM,
                    },
                },
            ],
        },
    )


def written(folder: Path) -> Iterator[Any]:
    """Give the rows in the files that dlt made of the resource."""
    for path in sorted(folder.rglob(f"{_STREAM}.*jsonl*")):
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        for line in content.splitlines():
            # A line of extracted rows is an array of them.
            rows = json.loads(line)
            yield from rows if isinstance(rows, list) else [rows]


def main(config_file: str, *options: str) -> None:
    """Run the steps.

    Args:
        config_file: The settings; the folder it stands in is worked in.
        options: `--normalize`, `--print`.
    """
    path = Path(config_file)
    folder = path.parent / "dlt"
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(folder),
        destination=dlt.destinations.filesystem(str(path.parent / "loaded")),
        dataset_name="bench",
    )
    if "--normalize" in options:
        # Worker processes share the work file by file.
        os.environ |= {"NORMALIZE__WORKERS": "2", "DATA_WRITER__FILE_MAX_ITEMS": "25000"}
    pipeline.extract(source(json.loads(path.read_bytes())))
    if "--normalize" in options:
        pipeline.normalize()
    if "--print" in options:
        for row in written(folder):
            print(json.dumps({"type": "RECORD", "record": row}))


if __name__ == "__main__":
    main(*sys.argv[1:])
