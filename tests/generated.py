"""What follows from the tap and its resources: files for Meltano, and pages of docs/.

`python -m tests.generated` writes them anew; a test says when that was forgotten.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from tap_yonyou import resources
from tap_yonyou.tap import TapYonyou

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_yonyou.resources import Resource

ROOT: Final = Path(__file__).parent.parent
DEFINITION: Final = ROOT / "tap-yonyou.meltano.yml"
PROJECT: Final = ROOT / "meltano.yml"
SETTINGS: Final = ROOT / "docs/settings.md"
#: Beginnings of the names of the SDK's settings.
_SDK: Final = ("stream_map", "flattening", "faker")

_HEADER: Final = """\
# Adds the tap to a Meltano project; docs/meltano.md tells how:
#
#   meltano add tap-yonyou --from-ref ../tap-yonyou/tap-yonyou.meltano.yml
#
# This repository has no public address yet. So `repo` is a placeholder, and there is no pip_url:
# add it in your own meltano.yml, with the address or path of your copy.
#
# Written by `python -m tests.generated`.
"""


class Part(NamedTuple):
    """A part of a file that is written here, between two lines that stay."""

    begin: str
    end: str

    def put(self, file: str, content: str) -> str:
        """Bring a file up to date.

        Args:
            file: Its text.
            content: What belongs between the two lines.

        Returns:
            The new text.
        """
        before, begin, rest = file.partition(self.begin)
        _, end, after = rest.partition(self.end)
        return f"{before}{begin}{content}{end}{after}"


_PROJECT_PART: Final = Part(
    "    # Written by `python -m tests.generated` …\n",
    "      # … to here; what follows is this project's own.\n",
)
_SETTINGS_PART: Final = Part(
    "<!-- Written by `python -m tests.generated` … -->\n\n", "\n<!-- … to here. -->\n"
)


class Words(NamedTuple):
    """One language of `docs/streams.md`.

    Attributes:
        file: The page.
        intro: What stands before the table of contents.
        contents: Heading and columns of the table of contents.
        fields: Heading and columns of a table of fields.
        filters: Heading and columns of a table of filters.
        no_filters: Stands for a table of filters.
        facts: A template of title, path and key.
        incremental: A template of the bookmark's field and filter.
        full_table: Stands where nothing serves INCREMENTAL.
        attested: What is said of a field that the vendor's page does not have.
        about: Takes meaning and Chinese term to the cells that stand in a row.
    """

    file: Path
    intro: str
    contents: tuple[str, ...]
    fields: tuple[str, ...]
    filters: tuple[str, ...]
    no_filters: str
    facts: str
    incremental: str
    full_table: str
    attested: Mapping[str, str]
    about: Callable[[str, str], tuple[str, ...]]


ENGLISH: Final = Words(
    file=ROOT / "docs/streams.md",
    intro="""\
# Streams

English · [简体中文](streams.zh-CN.md)

Fields and filters of every stream. Written by `python -m tests.generated` from
[tap_yonyou/resources](../tap_yonyou/resources); do not edit.

- Every record has all selected fields. A missing key and an empty text both become null; only key fields
  are never null.
- U8 sends almost everything as text. The tap turns `"1"`/`"0"`, `-1` and `"true"`/`"false"` into booleans,
  and `yyyy-MM-dd` and `yyyy/M/d`, with or without a time, into dates. A `date-time` without a zone is
  taken as China's, +08:00. A value that cannot be converted becomes null; the last log line counts these by
  field. NUL characters are removed from text.
- U8+ is the vendor's own term. Names come from the vendor's pages, unless marked *seen* (in replies) or
  *assumed* (by analogy with other lists).
- How to set filters, keep fields of your own and leave fields out: [Settings](settings.md#filters). What
  INCREMENTAL does: [Replication](replication.md#incremental).
""",
    contents=("Contents", "Stream", "What it holds", "U8+"),
    fields=("Fields", "Field", "Type", "Meaning", "U8+"),
    filters=("Filters", "Filter", "Type", "Matches", "U8+"),
    no_filters="No filters.",
    facts="{meaning} ({chinese}). `GET {path}`. Key: {key}. ",
    incremental="INCREMENTAL on `{field}`, sent as `{filter}`.",
    full_table="FULL_TABLE only.",
    attested={"vendor": "", "seen": " *seen*", "assumed": " *assumed*"},
    about=lambda meaning, chinese: (meaning, chinese),
)
CHINESE: Final = Words(
    file=ROOT / "docs/streams.zh-CN.md",
    intro="""\
# 数据流

[English](streams.md) · 简体中文

各数据流的字段与过滤条件。本页由 `python -m tests.generated` 根据
[tap_yonyou/resources](../tap_yonyou/resources) 生成，请勿手工修改。

- 每条记录都包含全部选中的字段。缺失的键和空字符串都输出为 null；只有主键字段不会为 null。
- U8 的值几乎都是文本。tap 把 `"1"`/`"0"`、`-1`、`"true"`/`"false"` 转为布尔值，把 `yyyy-MM-dd` 和 `yyyy/M/d`
  （带或不带时间）转为日期；不带时区的 `date-time` 按北京时间（+08:00）处理。无法转换的值输出为 null，
  并在最后一行日志中按字段计数。文本中的 NUL 字符会被去掉。
- “含义”一栏是用友的原始用语。名称均出自用友接口文档；标有*实测*的见于实际返回，标有*推测*的由其他接口类推。
- 过滤条件怎么写、怎么保留自定义项、怎么去掉字段，见[配置项](settings.zh-CN.md#过滤条件)；INCREMENTAL
  的含义见[同步方式](replication.zh-CN.md#incremental增量)。
""",
    contents=("目录", "数据流", "内容"),
    fields=("字段", "字段", "类型", "含义"),
    filters=("过滤条件", "过滤条件", "类型", "含义"),
    no_filters="没有过滤条件。",
    facts="{chinese}。`GET {path}`，主键：{key}。",
    incremental="可按 `{field}` 增量同步，书签作为 `{filter}` 发送。",
    full_table="只支持 FULL_TABLE。",
    attested={"vendor": "", "seen": "（*实测*）", "assumed": "（*推测*）"},
    about=lambda _, chinese: (chinese,),
)


def definition() -> dict[str, Any]:
    """Define the plugin.

    Returns:
        What `meltano add --from-ref` takes.
    """
    schema = _schema()
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
                "kind": kind(setting),
                **({"value": setting["default"]} if "default" in setting else {}),
                **({"sensitive": True} if setting.get("secret") else {}),
            }
            for name, setting in schema["properties"].items()
        ],
    }


def own_settings() -> dict[str, Any]:
    """Give the settings that are the tap's own.

    Returns:
        The JSON Schema of each by name, without those of the SDK.
    """
    settings = _schema()["properties"].items()
    return {name: setting for name, setting in settings if not name.startswith(_SDK)}


def kind(schema: Mapping[str, Any]) -> str:
    """Name the type of a setting, a field or a filter.

    Args:
        schema: Its JSON Schema.

    Returns:
        The type, or the format of a text that has one.
    """
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    (only,) = (kind for kind in types if kind != "null")
    return str(schema.get("format", only))


def files() -> dict[Path, str]:
    """Write all that is written here.

    Returns:
        The text of each file, or all of a file of which only a part is written here.
    """
    extractor = {**definition(), "pip_url": "-e . -c requirements/tap-yonyou.txt"}
    del extractor["plugin_type"], extractor["repo"]
    indented = "".join(f"    {line}" for line in _yaml([extractor]).splitlines(keepends=True))
    streams = [resources.load(name) for name in resources.names()]
    return {
        DEFINITION: _HEADER + _yaml(definition()),
        PROJECT: _PROJECT_PART.put(PROJECT.read_text("utf-8"), indented),
        SETTINGS: _SETTINGS_PART.put(SETTINGS.read_text("utf-8"), _settings_table()),
        **{words.file: streams_page(streams, words) for words in (ENGLISH, CHINESE)},
    }


def streams_page(streams: Iterable[Resource], words: Words) -> str:
    """Write the page about streams.

    Args:
        streams: Which streams.
        words: Its language.

    Returns:
        Markdown.
    """
    streams = list(streams)
    heading, *columns = words.contents
    contents = (
        (f"[`{stream.name}`](#{stream.name})", *words.about(*_split(stream.title)))
        for stream in streams
    )
    parts = [words.intro, f"## {heading}\n", _table(columns, contents)]
    for stream in streams:
        parts += _stream(stream, words)
    return "\n".join(parts)


def _stream(stream: Resource, words: Words) -> Iterator[str]:
    key = ", ".join(f"`{name}`" for name in stream.key)
    meaning, chinese = _split(stream.title)
    facts = words.facts.format(meaning=meaning, chinese=chinese, path=stream.path, key=key)
    if marker := stream.incremental:
        facts += words.incremental.format(field=marker.field, filter=marker.filter)
    else:
        facts += words.full_table
    yield f"## {stream.name}\n\n{facts}\n"
    for section, (heading, *columns), properties in (
        ("field", words.fields, stream.schema["properties"]),
        ("filter", words.filters, stream.filters["properties"]),
    ):
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


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=90)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
