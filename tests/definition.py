"""What Meltano is told of the tap, here and in other projects.

`tap-yonyou.meltano.yml` and the extractor's part of `meltano.yml` follow from what the tap says
of itself; `python -m tests.definition` writes both anew.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Final

import yaml

from tap_yonyou.tap import TapYonyou

ROOT: Final = Path(__file__).parent.parent
DEFINITION: Final = ROOT / "tap-yonyou.meltano.yml"
PROJECT: Final = ROOT / "meltano.yml"
#: Between these two lines of `meltano.yml` stands what is written here.
MARKS: Final = (
    "    # Written by `python -m tests.definition` …\n",
    "      # … to here; what follows is this project's own.\n",
)

_HEADER: Final = """\
# Adds the tap to a Meltano project; docs/meltano.md tells how:
#
#   meltano add tap-yonyou --from-ref ../tap-yonyou/tap-yonyou.meltano.yml
#
# This repository has no public address yet. So `repo` is a placeholder, and there is no pip_url:
# add it in your own meltano.yml, with the address or path of your copy.
#
# Written by `python -m tests.definition`.
"""


def definition() -> dict[str, Any]:
    """Define the plugin.

    Returns:
        What `meltano add --from-ref` takes.
    """
    schema = copy.deepcopy(TapYonyou.config_jsonschema)
    TapYonyou.append_builtin_config(schema)
    return {
        "plugin_type": "extractors",
        "name": TapYonyou.name,
        "namespace": TapYonyou.name.replace("-", "_"),
        "variant": TapYonyou.name,
        "label": "Yonyou U8+ (用友 U8+)",
        "description": TapYonyou.__doc__,
        "repo": "https://git.example.com/tap-yonyou",
        "executable": TapYonyou.name,
        "capabilities": [capability.value for capability in TapYonyou.capabilities],
        "settings_group_validation": [
            [*schema["required"], name] for name in ("app_secret", "token")
        ],
        "settings": [
            {
                "name": name,
                "label": setting["title"],
                "description": setting["description"],
                "kind": next(kind for kind in setting["type"] if kind != "null"),
                **({"value": setting["default"]} if "default" in setting else {}),
                **({"sensitive": True} if setting.get("secret") else {}),
            }
            for name, setting in schema["properties"].items()
        ],
    }


def definition_file() -> str:
    """Give the text of `tap-yonyou.meltano.yml`."""
    return _HEADER + _yaml(definition())


def project_file(text: str) -> str:
    """Bring `meltano.yml` up to date.

    Args:
        text: The file as it is.

    Returns:
        The file with the extractor as the tap describes it.
    """
    extractor = {**definition(), "pip_url": "-e . -c requirements/tap-yonyou.txt"}
    del extractor["plugin_type"], extractor["repo"]
    lines = _yaml([extractor]).splitlines(keepends=True)
    begin, _, rest = text.partition(MARKS[0])
    _, _, end = rest.partition(MARKS[1])
    return "".join([begin, MARKS[0], *(f"    {line}" for line in lines), MARKS[1], end])


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=90)


if __name__ == "__main__":
    DEFINITION.write_text(definition_file(), "utf-8")
    PROJECT.write_text(project_file(PROJECT.read_text("utf-8")), "utf-8")
