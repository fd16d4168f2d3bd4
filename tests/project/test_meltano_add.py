"""The tap in a Meltano project of somebody else's, pasted or added as docs/meltano.md has it."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from demo.pipeline import MELTANO, ROOT
from demo.postgres import postgres
from tools.documents import DEFINITION, PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox


@pytest.fixture
def env(clean_env: dict[str, str]) -> dict[str, str]:
    """No installation of uv's, and no hub: nothing may be looked up there."""
    return clean_env | {
        "MELTANO_HUB_URL": "http://127.0.0.1:9",
        "MELTANO_VENV_BACKEND": "virtualenv",
        "NO_COLOR": "1",
    }


def meltano(project: Path, env: dict[str, str], *args: str) -> str:
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


def write(project: Path, content: dict[str, Any]) -> None:
    (project / "meltano.yml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


@pytest.mark.parametrize("page", ["docs/meltano.md", "docs/meltano.zh-CN.md"])
def test_the_project_to_paste_is_a_whole_one(page: str) -> None:
    assert pasted(page) == pasted("docs/meltano.md")


def pasted(page: str) -> dict[str, Any]:
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (whole,) = (block for block in blocks if "\njobs:" in block)
    content: dict[str, Any] = yaml.safe_load(whole)
    return content


def test_the_pasted_project_installs_the_tap_and_loads_postgres(
    tmp_path: Path, u8: Sandbox, env: dict[str, str]
) -> None:
    content = pasted("docs/meltano.md")
    ((extractor,), (loader,)) = (content["plugins"][kind] for kind in ("extractors", "loaders"))
    where = [str(ROOT), "-c", str(ROOT / "requirements" / "tap-yonyou.txt")]
    extractor["pip_url"] = shlex.join(where)
    extractor["config"]["api_url"] = u8.url
    # As `make` has installed it for this project.
    ours = yaml.safe_load(PROJECT.read_text("utf-8"))["plugins"]["loaders"]
    (pinned,) = (one["pip_url"] for one in ours if one["name"] == loader["name"])
    assert pinned.startswith(f"{loader['pip_url']} ")
    loader["pip_url"] = pinned
    (tmp_path / ".meltano").mkdir()
    (tmp_path / ".meltano/loaders").symlink_to(ROOT / ".meltano/loaders")
    write(tmp_path, content)
    meltano(tmp_path, env, "install", "extractors", "tap-yonyou")

    env |= {f"TAP_YONYOU_{name.upper()}": v for name, v in u8.accounts._asdict().items()}
    assert "\n- customercontacts: as expected\n" in meltano(
        tmp_path, env, "invoke", "tap-yonyou:check"
    )
    with postgres(tmp_path) as url:
        env["TARGET_POSTGRES_SQLALCHEMY_URL"] = url
        log = meltano(tmp_path, env, "run", "yonyou-to-postgres")
        assert "in log_based mode" in log
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            contacts = connection.execute("SELECT count(*) FROM tap_yonyou.customercontacts")
            reads = connection.execute("SELECT rows_read, outcome FROM tap_yonyou.tap_yonyou_reads")
            assert contacts.fetchall() == [(225,)]
            assert reads.fetchall() == [(225, "complete")]


def test_the_tap_is_added_with_all_its_settings(tmp_path: Path, env: dict[str, str]) -> None:
    environments = [{"name": "dev"}]
    write(tmp_path, {"environments": environments, "send_anonymous_usage_stats": False})
    meltano(tmp_path, env, "add", "tap-yonyou", "--from-ref", str(DEFINITION))
    content = yaml.safe_load((tmp_path / "meltano.yml").read_text("utf-8"))
    (extractor,) = content["plugins"]["extractors"]
    assert extractor["variant"] == "tap-yonyou"
    listed = meltano(tmp_path, env, "config", "list", "--all", "tap-yonyou")
    assert "[env: TAP_YONYOU_PAGE_SIZE] current value: 500 (default)" in listed
    assert "[env: TAP_YONYOU_STREAM_MAPS]" in listed
