"""Who is compared, and how each is configured and started."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.plan import CONTACTS, FLOOR, TAP
from bench.served import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.plan import Case
    from bench.served import Served

    Command = Callable[["Job"], list[str]]

#: This Python, as it was called: the links of an environment lead out of it.
_PYTHON: Final = Path(sys.executable)
#: Where `make bench` installs the peers, each in an environment of its own.
_ENVIRONMENTS: Final = ROOT / ".venv-bench"


@dataclass(frozen=True)
class Job:
    """A case about to run.

    Attributes:
        case: What to read.
        server: Where.
        folder: An empty folder for files of this run.
        counted: Whether all rows are wanted on the standard output.
        state: The state that the tap begins with; None for none.
        url: Where the server is, if not where the case says.
        more: Further settings.
    """

    case: Case
    server: Served
    folder: Path
    counted: bool = False
    state: Path | None = None
    url: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of tap-yonyou."""
        settings = {
            **self.server.accounts,
            "api_url": self.url
            or self.server.url(self.case.rows, self.case.latency, self.case.changed),
            "page_size": self.case.page_size,
            "streams": self.case.streams.split(","),
            **self.more,
        }
        if self.case.kind == "loaded changes":  # as meltano.yml has it
            settings["emit_activate_version_messages"] = True
        if self.case.concurrency is not None:
            settings["concurrency"] = self.case.concurrency
        return settings

    def write(self, name: str, content: Mapping[str, Any]) -> str:
        """Write a file of this run and give its path."""
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)


@dataclass(frozen=True)
class Contender:
    """Something that reads the rows.

    Attributes:
        title: Its name in tables.
        gives: What it makes of the rows.
        python: The Python of its environment.
        package: The distribution whose version counts.
        command: Writes its files and gives its command line.
    """

    title: str
    gives: str
    python: Path
    package: str
    command: Command


def _in(environment: str, program: str = "python") -> Path:
    return _ENVIRONMENTS / environment / "bin" / program


def _floor(job: Job) -> list[str]:
    return [sys.executable, "-m", "bench.floor", job.write("config.json", job.settings)]


def tap_yonyou(job: Job) -> list[str]:
    """Give the command of the tap that is installed beside this Python."""
    tap = str(_PYTHON.with_name("tap-yonyou"))
    command = [tap, "--config", job.write("config.json", job.settings)]
    if job.case.method == "LOG_BASED":
        catalog = json.loads(
            subprocess.check_output([*command, "--discover"], stderr=subprocess.DEVNULL)
        )
        for stream in catalog["streams"]:
            stream["replication_method"] = job.case.method
        command += ["--catalog", job.write("catalog.json", catalog)]
    return command + (["--state", str(job.state)] if job.state else [])


def _plain_tap(job: Job) -> list[str]:
    config = job.write("config.json", job.settings)
    return [str(_in("plain-tap")), "-m", "bench.plain_tap", "--config", config]


def _tap_rest_api_msdk(job: Job) -> list[str]:
    """Configure the tap for any REST API.

    It logs in nowhere, so the token is given to it. It cannot compare `page_index` with
    `page_count`, only ask whether something is there, so it reads one page past the end, where
    the reply has no `page_count`. A schema is given, so that it need not infer one; all fields
    are texts there, since its type conformance would make `"0"` a true boolean.
    """
    schema = json.loads(
        (ROOT / "tap_yonyou" / "u8" / "resources" / f"{CONTACTS}.json").read_bytes()
    )
    texts = {name: {"type": ["string", "null"]} for name in schema["properties"]}
    accounts = {k: v for k, v in job.server.accounts.items() if k != "app_secret"}
    config = {
        "api_url": job.server.url(job.case.rows, job.case.latency),
        "pagination_request_style": "page_number_paginator",
        "pagination_response_style": "page",
        "pagination_next_page_param": "page_index",
        "next_page_token_path": "$.page_count",
        "streams": [
            {
                "name": CONTACTS,
                "path": f"/api/{CONTACTS}/batch_get",
                "primary_keys": ["code"],
                "records_path": f"$.{CONTACTS}[*]",
                "schema": job.write("schema.json", {"type": "object", "properties": texts}),
                "params": {
                    **accounts,
                    "token": job.server.token,
                    "rows_per_page": str(job.case.page_size),
                },
            },
        ],
    }
    program = _in("tap-rest-api-msdk", "tap-rest-api-msdk")
    return [str(program), "--config", job.write("config.json", config)]


def _dlt(*options: str) -> Command:
    def command(job: Job) -> list[str]:
        script, config = ROOT / "bench" / "dlt_source.py", job.write("config.json", job.settings)
        printed = ["--print"] if job.counted else []
        return [str(_in("dlt")), str(script), config, *options, *printed]

    return command


def _airbyte(job: Job) -> list[str]:
    stream = {"name": CONTACTS, "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    sync = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    return [
        str(_in("airbyte-cdk", "source-declarative-manifest")),
        "read",
        "--config",
        job.write("config.json", job.settings),
        "--catalog",
        job.write("catalog.json", {"streams": [{"stream": stream, **sync}]}),
        "--manifest-path",
        str(ROOT / "bench" / "airbyte_manifest.yaml"),
    ]


_TYPED: Final = "Singer messages, typed values"

CONTENDERS: Final[dict[str, Contender]] = {
    FLOOR: Contender("floor", _TYPED, _PYTHON, "msgspec", _floor),
    TAP: Contender("tap-yonyou", _TYPED, _PYTHON, "tap-yonyou", tap_yonyou),
    "plain-tap": Contender(
        "plain SDK tap",
        _TYPED,
        _in("plain-tap"),
        "singer-sdk",
        _plain_tap,
    ),
    "tap-rest-api-msdk": Contender(
        "tap-rest-api-msdk",
        "Singer messages, all values text",
        _in("tap-rest-api-msdk"),
        "tap-rest-api-msdk",
        _tap_rest_api_msdk,
    ),
    "dlt-extract": Contender(
        "dlt, extract",
        "dlt's working files, all values text",
        _in("dlt"),
        "dlt",
        _dlt(),
    ),
    "dlt-normalize": Contender(
        "dlt, extract + normalize",
        "JSON lines ready to load, all values text",
        _in("dlt"),
        "dlt",
        _dlt("--normalize"),
    ),
    "airbyte-cdk": Contender(
        "Airbyte CDK",
        "Airbyte messages, all values text",
        _in("airbyte-cdk"),
        "airbyte-cdk",
        _airbyte,
    ),
}
