"""What repeats the tap's settings says the same as they do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_yonyou.tap import TapYonyou

ROOT = Path(__file__).parent.parent
SCHEMA = TapYonyou.config_jsonschema
#: The tap's own settings: what `config_jsonschema` had before the SDK added its own.
OWN: dict[str, dict[str, Any]] = {
    name: setting
    for name, setting in SCHEMA["properties"].items()
    if not name.startswith(("stream_map", "flattening", "faker"))
}
STREAMS: list[Any] = [*TapYonyou(validate_config=False).streams.values()]
MELTANO = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
READMES = ["README.md", "README.zh-CN.md"]


def plugin(kind: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [p for p in MELTANO["plugins"][kind] if p["name"] == name]
    return found[0]


def test_meltano_has_every_setting_as_the_tap_describes_it() -> None:
    assert plugin("extractors", "tap-yonyou")["settings"] == [
        {
            "name": name,
            "label": setting["title"],
            "description": setting["description"],
            "kind": next(kind for kind in setting["type"] if kind != "null"),
            **({"sensitive": True} if setting.get("secret") else {}),
        }
        for name, setting in OWN.items()
    ]


def test_meltano_declares_the_taps_capabilities() -> None:
    declared = plugin("extractors", "tap-yonyou")["capabilities"]
    assert declared == [capability.value for capability in TapYonyou.capabilities]


def test_meltano_asks_for_what_is_required() -> None:
    groups = plugin("extractors", "tap-yonyou")["settings_group_validation"]
    assert groups == [[*SCHEMA["required"], name] for name in ("app_secret", "token")]


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
