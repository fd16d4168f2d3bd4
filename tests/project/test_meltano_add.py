"""`meltano add --from-ref`: the tap in a Meltano project of somebody else's."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from demo.pipeline import MELTANO, ROOT
from tools.documents import DEFINITION

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

#: As `make` has installed it for this project.
TARGET = ROOT / ".meltano/loaders/target-jsonl/venv/bin/target-jsonl"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty Meltano project but for a target."""
    loader = {
        "name": "target-jsonl",
        "namespace": "target_jsonl",
        "executable": str(TARGET),
        "settings": [{"name": "destination_path", "value": "."}],
    }
    content = {
        "default_environment": "dev",
        "environments": [{"name": "dev"}],
        "send_anonymous_usage_stats": False,
        "plugins": {"loaders": [loader]},
    }
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(content), "utf-8")
    return tmp_path


def test_the_tap_is_added_to_an_empty_project_and_works_there(
    project: Path,
    u8: Sandbox,
    clean_env: dict[str, str],
) -> None:
    env = clean_env | {"MELTANO_VENV_BACKEND": "virtualenv", "NO_COLOR": "1"}

    def meltano(*args: str) -> str:
        done = subprocess.run(
            [MELTANO, *args],
            check=False,
            cwd=project,
            env=env,
            encoding="utf-8",
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    meltano("add", "tap-yonyou", "--from-ref", str(DEFINITION))
    file = project / "meltano.yml"
    content = yaml.safe_load(file.read_text("utf-8"))
    (extractor,) = content["plugins"]["extractors"]
    assert extractor["variant"] == "tap-yonyou"
    listed = meltano("config", "list", "--all", "tap-yonyou")
    assert "[env: TAP_YONYOU_PAGE_SIZE] current value: 500 (default)" in listed
    assert "[env: TAP_YONYOU_STREAM_MAPS]" in listed

    where = [str(ROOT), "-c", str(ROOT / "requirements" / "tap-yonyou.txt")]
    extractor["pip_url"] = shlex.join(where)
    extractor["config"] = {"stream_maps": {"customercontacts": {"mobile_phone": "__NULL__"}}}
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    meltano("install")

    settings = u8.accounts._asdict() | {"api_url": u8.url}
    env |= {f"TAP_YONYOU_{name.upper()}": value for name, value in settings.items()}
    meltano("config", "test", "tap-yonyou")
    assert "\n- customercontacts: as expected\n" in meltano("invoke", "tap-yonyou:check")
    meltano("run", "tap-yonyou", "target-jsonl")
    (output,) = project.glob("customercontacts*.jsonl")
    records = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [record["code"] for record in records] == [
        row["code"] for row in u8.tables["customercontacts"]
    ]
    assert "mobile_phone" not in records[0]
