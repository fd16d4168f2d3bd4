"""What follows from the tap, its resources and pyproject.toml: Meltano, dbt, and pages of docs/.

`python -m tools.documents` writes them; a test fails if they are out of date.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import yaml

from tap_yonyou.tap import TapYonyou
from tap_yonyou.u8 import resources
from tools import models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_yonyou.u8.resources import Resource

ROOT: Final = Path(__file__).parent.parent
PYPROJECT: Final = ROOT / "pyproject.toml"
DEFINITION: Final = ROOT / "tap-yonyou.meltano.yml"
PROJECT: Final = ROOT / "meltano.yml"
SETTINGS: Final = ROOT / "docs/settings.md"
CRONJOB: Final = ROOT / "examples/kubernetes/cronjob.yaml"
HUB: Final = ROOT / "hub"
#: Beginnings of the names of the SDK's settings.
_SDK: Final = ("stream_map", "flattening", "faker")

_HEADER: Final = """\
# Adds the tap to a Meltano project; docs/meltano.md tells how:
#
#   meltano add tap-yonyou --from-ref ../tap-yonyou/tap-yonyou.meltano.yml
#
# There is no pip_url: add it in your own meltano.yml, with the address or path of your copy.
#
# Written by `python -m tools.documents`.
"""


class Part(NamedTuple):
    """A part of a file that is written here, between two lines that stay.

    Attributes:
        begin: The line before it.
        end: The line after it.
    """

    begin: str
    end: str

    def put(self, file: str, content: str) -> str:
        """Replace what stands between the two lines in the text of a file."""
        before, rest = file.split(self.begin)
        _, after = rest.split(self.end)
        return f"{before}{self.begin}{content}{self.end}{after}"


_PROJECT_PART: Final = Part(
    "    # Written by `python -m tools.documents` …\n",
    "      # … to here; what follows is this project's own.\n",
)
_PAGE_PART: Final = Part(
    "<!-- Written by `python -m tools.documents` … -->\n", "<!-- … to here. -->\n"
)


class Words(NamedTuple):
    """One language of `docs/streams.md`.

    Attributes:
        file: The page.
        contents: Heading and columns of the table of contents.
        fields: Heading and columns of a table of fields.
        filters: Heading and columns of a table of filters.
        no_filters: Stands for a table of filters.
        facts: A template of title, path, how well that is attested, and key.
        comma: What stands between two names.
        incremental: A template of the bookmark's field and filter.
        lines: What is said of the filters of lines, a template of the stream of their heads.
        space: What stands between two sentences.
        no_incremental: Stands where nothing serves INCREMENTAL.
        attested: What is said of a field that the vendor's page does not have.
        about: Takes meaning and Chinese term to the cells that stand in a row.
    """

    file: Path
    contents: tuple[str, ...]
    fields: tuple[str, ...]
    filters: tuple[str, ...]
    no_filters: str
    facts: str
    comma: str
    incremental: str
    lines: str
    space: str
    no_incremental: str
    attested: Mapping[str, str]
    about: Callable[[str, str], tuple[str, ...]]


ENGLISH: Final = Words(
    file=ROOT / "docs/streams.md",
    contents=("Contents", "Stream", "What it holds", "U8+"),
    fields=("Fields", "Field", "Type", "Meaning", "U8+"),
    filters=("Filters", "Filter", "Type", "Matches", "U8+"),
    no_filters="No filters.",
    facts="{meaning} ({chinese}). `GET {path}`{mark}. Key: {key}. ",
    comma=", ",
    incremental="INCREMENTAL on `{field}`, sent as `{filter}`.",
    lines="Filters and INCREMENTAL as for [`{head}`](#{head}).",
    space=" ",
    no_incremental="No INCREMENTAL.",
    attested={"vendor": "", "seen": " *seen*", "assumed": " *assumed*"},
    about=lambda meaning, chinese: (meaning, chinese),
)
CHINESE: Final = Words(
    file=ROOT / "docs/streams.zh-CN.md",
    contents=("目录", "数据流", "内容"),
    fields=("字段", "字段", "类型", "含义"),
    filters=("过滤条件", "过滤条件", "类型", "含义"),
    no_filters="没有过滤条件。",
    facts="{chinese}。`GET {path}`{mark}，主键：{key}。",
    comma="、",
    incremental="可按 `{field}` 增量同步，书签作为 `{filter}` 发送。",
    lines="过滤条件和增量同步与 [`{head}`](#{head}) 相同。",
    space="",
    no_incremental="不支持 INCREMENTAL。",
    attested={"vendor": "", "seen": "（*实测*）", "assumed": "（*推测*）"},
    about=lambda _, chinese: (chinese,),
)


def definition() -> dict[str, Any]:
    """Define the plugin for `meltano add --from-ref`."""
    schema = _schema()
    return {
        "plugin_type": "extractors",
        "name": TapYonyou.name,
        "namespace": TapYonyou.name.replace("-", "_"),
        "variant": TapYonyou.name,
        "label": "Yonyou U8+ (用友 U8+)",
        "description": TapYonyou.__doc__,
        "repo": metadata()["urls"]["Repository"],
        "executable": TapYonyou.name,
        "commands": {
            "check": {
                # Meltano passes settings in the environment.
                "args": "--config=ENV --check",
                "description": "Writes what this U8 does, compared with what the tap expects",
            }
        },
        "capabilities": [capability.value for capability in TapYonyou.capabilities],
        "settings_group_validation": [
            [*schema["required"], name] for name in ("app_secret", "token")
        ],
        "settings": [
            {
                "name": name,
                "label": setting["title"],
                "description": setting["description"],
                "kind": kind(setting),
                **({"value": setting["default"]} if "default" in setting else {}),
                **({"sensitive": True} if setting.get("secret") else {}),
            }
            for name, setting in schema["properties"].items()
        ],
    }


def hub_definition() -> dict[str, Any]:
    """Define the plugin for Meltano Hub, which has an entry for each variant: for each owner."""
    about = metadata()
    entry = definition()
    del entry["plugin_type"]
    versions = (re.fullmatch(r".* :: (3\.\d+)", line) for line in about["classifiers"])
    return entry | {
        "variant": PurePosixPath(urlsplit(entry["repo"]).path).parent.name.lower(),
        "pip_url": about["name"],
        "docs": f"{entry['repo']}/blob/main/docs/meltano.md",
        "domain_url": "https://open.yonyouup.com",
        "logo_url": "/assets/logos/extractors/yonyou.svg",
        "keywords": ["api", "erp", "meltano_sdk", "yonyou"],
        "maintenance_status": "beta",
        "quality": "unknown",
        "supported_python_versions": [version[1] for version in versions if version],
    }


def metadata() -> dict[str, Any]:
    """Read what pyproject.toml says of the project."""
    about: dict[str, Any] = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    return about


def own_settings() -> dict[str, Any]:
    """Give the JSON Schema of each setting of the tap, without those of the SDK."""
    settings = _schema()["properties"].items()
    return {name: setting for name, setting in settings if not name.startswith(_SDK)}


def kind(schema: Mapping[str, Any]) -> str:
    """Name the type of a setting, a field or a filter, or the format of a text that has one."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    (only,) = (kind for kind in types if kind != "null")
    return str(schema.get("format", only))


def files() -> dict[Path, str]:
    """Give the text of each file, whole even if only a part of it is written here."""
    extractor = {**definition(), "pip_url": "-e . -c requirements/tap-yonyou.txt"}
    del extractor["plugin_type"], extractor["repo"]
    indented = "".join(f"    {line}" for line in _yaml([extractor]).splitlines(keepends=True))
    streams = [resources.load(name) for name in resources.names()]
    hub = hub_definition()
    address = re.compile(r'https://[^"(]+(?=/(?:blob|raw)/main/)')
    return {
        PYPROJECT: address.sub(hub["repo"], PYPROJECT.read_text("utf-8")),
        CRONJOB: re.sub(r"(?<=/tap-yonyou:)\S+", metadata()["version"], CRONJOB.read_text("utf-8")),
        DEFINITION: _HEADER + _yaml(definition()),
        HUB / f"_data/meltano/extractors/{hub['name']}/{hub['variant']}.yml": _yaml(
            # The Hub wants the keys in the order of the alphabet.
            hub,
            sort_keys=True,
        ),
        PROJECT: _PROJECT_PART.put(PROJECT.read_text("utf-8"), indented),
        SETTINGS: _PAGE_PART.put(SETTINGS.read_text("utf-8"), f"\n{_settings_table()}\n"),
        **{
            words.file: _PAGE_PART.put(words.file.read_text("utf-8"), streams_page(streams, words))
            for words in (ENGLISH, CHINESE)
        },
        **models.files(),
    }


def streams_page(streams: Iterable[Resource], words: Words) -> str:
    """Write the generated part of the page about streams."""
    streams = list(streams)
    heading, *columns = words.contents
    contents = (
        (f"[`{stream.name}`](#{stream.name})", *words.about(*_split(stream.title)))
        for stream in streams
    )
    parts = [f"## {heading}\n", _table(columns, contents)]
    for stream in streams:
        parts += _stream(stream, words)
    return "\n" + "\n".join(parts) + "\n"


def _stream(stream: Resource, words: Words) -> Iterator[str]:
    key = words.comma.join(f"`{name}`" for name in stream.key)
    meaning, chinese = _split(stream.title)
    mark = words.attested[stream.attested.get(("path", stream.path), "vendor")]
    facts = words.facts.format(
        meaning=meaning, chinese=chinese, path=stream.path, mark=mark, key=key
    )
    markers = [
        words.incremental.format(field=marker.field, filter=marker.filter)
        for marker in stream.incremental.values()
    ]
    tables = [
        ("field", words.fields, stream.schema["properties"]),
        ("filter", words.filters, stream.filters["properties"]),
    ]
    if stream.head:
        facts += words.lines.format(head=stream.head.name)
        del tables[1]
    else:
        facts += words.space.join(markers) or words.no_incremental
    yield f"## {stream.name}\n\n{facts}\n"
    for section, (heading, *columns), properties in tables:
        if not properties:
            yield f"{words.no_filters}\n"
            continue
        rows = [
            (
                f"`{name}`{words.attested[stream.attested[section, name]]}",
                kind(about),
                *words.about(*_split(about["description"])),
            )
            for name, about in properties.items()
        ]
        yield f"**{heading}**\n"
        yield _table(columns, rows)


def _settings_table() -> str:
    required = _schema()["required"]
    rows = [
        (
            f"`{name}`",
            f"`{kind(setting)}`",
            f"`{json.dumps(setting['default']).strip(chr(34))}`" if "default" in setting else "",
            "yes" if name in required else "",
            "yes" if setting.get("secret") else "",
            setting["description"],
        )
        for name, setting in own_settings().items()
    ]
    return _table(("Setting", "Kind", "Default", "Required", "Secret", "Meaning"), rows)


def _split(description: str) -> tuple[str, str]:
    """Split `Contact code (联系人编码)`."""
    meaning, _, chinese = description.removesuffix(")").rpartition(" (")
    return meaning, chinese


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    escaped = ([cell.replace("|", r"\|").replace("<", "&lt;") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


def _schema() -> dict[str, Any]:
    schema = copy.deepcopy(TapYonyou.config_jsonschema)
    TapYonyou.append_builtin_config(schema)
    return schema


def _yaml(content: object, *, sort_keys: bool = False) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=sort_keys, width=90)


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
