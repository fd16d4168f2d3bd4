"""What repeats the tap's settings says the same as they do."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tap_yonyou.tap import TapYonyou
from tests.conftest import TAP
from tests.generated import DEFINITION, PROJECT, ROOT, definition_file, project_file

SCHEMA = TapYonyou.config_jsonschema
#: The tap's own settings: what `config_jsonschema` had before the SDK added its own.
OWN: dict[str, dict[str, Any]] = {
    name: setting
    for name, setting in SCHEMA["properties"].items()
    if not name.startswith(("stream_map", "flattening", "faker"))
}
STREAMS: list[Any] = [*TapYonyou(validate_config=False).streams.values()]
MELTANO = yaml.safe_load(PROJECT.read_text("utf-8"))
READMES = ["README.md", "README.zh-CN.md"]


def plugin(kind: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [p for p in MELTANO["plugins"][kind] if p["name"] == name]
    return found[0]


def test_meltano_is_told_what_the_tap_says_of_itself() -> None:
    how = "run `python -m tests.generated`"
    assert DEFINITION.read_text("utf-8") == definition_file(), how
    assert PROJECT.read_text("utf-8") == project_file(PROJECT.read_text("utf-8")), how


def test_meltano_knows_every_setting_with_its_default() -> None:
    about = json.loads(subprocess.check_output([TAP, "--about", "--format=json"]))
    defaults = {name: s.get("default") for name, s in about["settings"]["properties"].items()}
    assert {"stream_maps", "flattening_enabled"} < defaults.keys()
    for told in (plugin("extractors", "tap-yonyou"), yaml.safe_load(DEFINITION.read_text("utf-8"))):
        assert {s["name"]: s.get("value") for s in told["settings"]} == defaults
        assert told["capabilities"] == about["capabilities"]
        required = about["settings"]["required"]
        groups = [[*required, "app_secret"], [*required, "token"]]
        assert told["settings_group_validation"] == groups


def test_what_meltano_is_told_passes_its_json_schema() -> None:
    (path,) = ROOT.glob(".venv-meltano/lib/python*/site-packages/meltano/schemas/*.schema.json")
    schema = json.loads(path.read_text("utf-8"))
    # A definition has no schema of its own; once added, it is an extractor of a project.
    added = {"plugins": {"extractors": [yaml.safe_load(DEFINITION.read_text("utf-8"))]}}
    for project in (MELTANO, added):
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(project)]
        assert errors == []


def test_meltano_uses_the_loaders_of_record() -> None:
    postgres = plugin("loaders", "target-postgres")
    assert postgres["pip_url"].startswith("meltanolabs-target-postgres==0.8.1 ")
    assert postgres["config"] == {"use_copy": True, "validate_records": False}


def test_meltano_has_no_deprecated_key() -> None:
    assert "version" not in MELTANO
    assert "requires_meltano" in MELTANO


@pytest.mark.parametrize("kind", ["extractors", "loaders"])
def test_every_plugin_is_pinned(kind: str) -> None:
    for each in MELTANO["plugins"][kind]:
        requirement, _, constraints = each["pip_url"].partition(" -c ")
        pins = (ROOT / constraints).read_text()
        assert requirement == "-e ." or requirement in pins.splitlines()


def test_env_example_has_every_setting_with_its_description() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    names = re.findall(r"^(?:# )?TAP_YONYOU_(\w+)=\S", text, re.MULTILINE)
    assert names == [name.upper() for name in OWN]
    prose = re.sub(r"\n# ", " ", text)
    for setting in OWN.values():
        assert f"{setting['title']}: {setting['description']}" in prose
    # A blank number or object would be an error.
    assert not re.search(r"=$", text, re.MULTILINE)


@pytest.mark.parametrize("readme", READMES)
def test_the_readmes_table_has_every_setting_with_its_default(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|", text, re.MULTILINE)
    table = {name: (kind.strip(), default.strip()) for name, kind, default in rows}
    for name, setting in OWN.items():
        kind, default = table[name]
        assert ("`" + next(k for k in setting["type"] if k != "null") + "`") in kind
        assert default == (f"`{setting['default']}`" if "default" in setting else "")


@pytest.mark.parametrize("readme", READMES)
def test_the_readmes_name_every_field_and_filter(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    for stream in STREAMS:
        about = stream.filters.to_dict()["properties"] | stream.schema["properties"]
        for name, field in about.items():
            assert f"`{name}`" in text
            chinese = re.search(r"\((.+)\)$", field["description"])
            assert chinese
            if readme == READMES[1] and name in stream.schema["properties"]:
                assert chinese[1] in text


def test_the_catalog_of_streams_is_the_vendors() -> None:
    stream = STREAMS[0]
    assert stream.path == f"/api/{stream.name}/batch_get"
    assert len(stream.filters.to_dict()["properties"]) == 21
    assert len(stream.schema["properties"]) == 21
