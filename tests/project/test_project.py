"""What the documents and Meltano's definition say of the tap is what it does."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from dotenv import dotenv_values
from jsonschema import Draft202012Validator

from bench.plan import FLOOR
from bench.plan import TAP as TAP_NAME
from bench.results import AccountSet, Results
from tap_yonyou.command.checks import problems
from tap_yonyou.settings import from_environment
from tap_yonyou.tap import TapYonyou
from tap_yonyou.u8.errcodes import ERRCODES, Action
from tap_yonyou.u8.resources import of
from tests.conftest import TAP
from tools.documents import (
    CHINESE,
    DEFINITION,
    ENGLISH,
    PROJECT,
    PYPROJECT,
    ROOT,
    files,
    metadata,
    own_settings,
    streams_page,
)

if TYPE_CHECKING:
    from pathlib import Path

OWN = own_settings()
MELTANO = yaml.safe_load(PROJECT.read_text("utf-8"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
#: Every text in the tap's code; one that holds values is in pieces.
SAID = [
    node.value
    for path in (ROOT / "tap_yonyou").rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
]
INVENTED: dict[str, Any] = {
    "title": "Invented things (虚构档案)",
    "key": ["a", "b"],
    "properties": {
        "a": {"type": "string", "description": "First part of the key (甲)", "$comment": "vendor"},
        "b": {"type": "integer", "description": "Second part (乙)", "$comment": "vendor"},
        "modified": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it was changed (修改时间)",
            "$comment": "assumed",
        },
    },
    "filters": {
        "modified_begin": {
            "type": "string",
            "format": "date",
            "description": "Changed since (起始修改时间)",
            "$comment": "seen",
        },
    },
}


def plugin(kind: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [p for p in MELTANO["plugins"][kind] if p["name"] == name]
    return found[0]


def test_what_is_generated_is_up_to_date() -> None:
    for path, text in files().items():
        assert path.read_text("utf-8") == text, "run `python -m tools.documents`"


def test_meltano_knows_every_setting_with_its_default() -> None:
    about = json.loads(subprocess.check_output([TAP, "--about", "--format=json"]))
    defaults = {name: s.get("default") for name, s in about["settings"]["properties"].items()}
    assert {"stream_maps", "flattening_enabled"} < defaults.keys()
    for definition in (
        plugin("extractors", "tap-yonyou"),
        yaml.safe_load(DEFINITION.read_text("utf-8")),
    ):
        assert {s["name"]: s.get("value") for s in definition["settings"]} == defaults
        assert definition["capabilities"] == about["capabilities"]
        required = about["settings"]["required"]
        groups = [[*required, "app_secret"], [*required, "token"]]
        assert definition["settings_group_validation"] == groups


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
    assert postgres["config"] == {"validate_records": False}


def test_meltano_has_no_deprecated_key() -> None:
    assert "version" not in MELTANO
    assert "requires_meltano" in MELTANO


@pytest.mark.parametrize("kind", ["extractors", "loaders"])
def test_every_plugin_is_pinned(kind: str) -> None:
    for each in MELTANO["plugins"][kind]:
        requirement, _, constraints = each["pip_url"].partition(" -c ")
        pins = (ROOT / constraints).read_text()
        assert requirement == "-e ." or requirement in pins.splitlines()


def test_dbt_is_installed_with_hashes() -> None:
    assert plugin("utilities", "dbt-postgres")["pip_url"].startswith("--require-hashes -r ")


def test_env_example_has_every_setting_with_its_description() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    names = re.findall(r"^(?:# )?TAP_YONYOU_(\w+)=\S", text, re.MULTILINE)
    assert names == [name.upper() for name in OWN]
    prose = re.sub(r"\n# ", " ", text)
    for setting in OWN.values():
        assert f"{setting['title']}: {setting['description']}" in prose
    # A blank number or object would be an error.
    assert not re.search(r"=$", text, re.MULTILINE)


def test_env_example_means_the_same_to_a_shell_and_to_meltano(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    file = tmp_path / ".env"
    file.write_text(re.sub(r"^# (?=\w+=)", "", text, flags=re.MULTILINE), "utf-8")
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    script = f'set -a; . ./.env; set +a; "{sys.executable}" -c "{show}"'
    shell = json.loads(subprocess.check_output(["/bin/sh", "-c", script], cwd=tmp_path))
    meltano = dotenv_values(file)  # which Meltano uses
    assert len(meltano) > len(OWN)
    assert {name: shell[name] for name in meltano} == meltano
    for name in meltano:
        monkeypatch.setenv(name, shell[name])
    schema = TapYonyou.config_jsonschema
    config = from_environment(schema)
    assert config.keys() >= OWN.keys()
    both = ["ds_sequence and ds_sequences are both set: set one of them"]
    assert problems(config, schema, needs_account=True) == both


def test_the_chinese_table_of_settings_says_what_the_english_one_says() -> None:
    tables = []
    for page in ("docs/settings.md", "docs/settings.zh-CN.md"):
        lines = re.findall(r"^\| (`.*) \|$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        # All but the last column, which is prose; the other tables have fewer columns.
        rows = [line.replace("yes", "是").split(" | ")[:-1] for line in lines]
        tables.append([row for row in rows if len(row) == 5])
    assert tables[0] == tables[1]
    assert [row[0] for row in tables[0]] == [f"`{name}`" for name in OWN]


def test_the_pages_about_streams_hold_any_number_of_resources() -> None:
    other = of("invented", INVENTED | {"incremental": ["modified"]})
    whole = of("whole", INVENTED | {"filters": {}})
    english = streams_page([other, whole], ENGLISH)
    chinese = streams_page([other, whole], CHINESE)
    assert "| [`invented`](#invented) | Invented things | 虚构档案 |" in english
    assert "Invented things (虚构档案). `GET /api/invented/batch_get`. Key: `a`, `b`." in english
    assert "INCREMENTAL on `modified`, sent as `modified_begin`." in english
    assert "| `a` | string | First part of the key | 甲 |" in english
    assert "| `modified` *assumed* | date-time | When it was changed | 修改时间 |" in english
    assert "| `modified_begin` *seen* | date | Changed since | 起始修改时间 |" in english
    assert english.index("No INCREMENTAL.") < english.index("No filters.")
    assert "虚构档案。`GET /api/invented/batch_get`，主键：`a`、`b`。" in chinese
    assert "| `modified`（*推测*） | date-time | 修改时间 |" in chinese


def test_the_picture_is_the_same_in_both_languages() -> None:
    english, chinese = (
        (ROOT / f"docs/request{lang}.svg").read_text("utf-8") for lang in ("", ".zh-CN")
    )
    without_words = re.compile(r'(?<=>)[^<>{}]+(?=<)|(?<=aria-label=")[^"]+')
    assert without_words.sub("", english) == without_words.sub("", chinese)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        assert not anchor or anchor in headings(linked), f"{target}#{anchor}"


def test_contributing_has_the_tree_of_the_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    tree = text[text.index("\ntap_yonyou/\n") : text.index("```\n\nHow a row travels")]
    folders: dict[int, str] = {}
    named = []
    for indent, name, about in re.findall(r"^( *)(\S+)(.*)$", tree, re.MULTILINE):
        path = folders.get(len(indent) - 2, "") + name
        if name.endswith("/"):
            folders[len(indent)] = path
        else:
            assert about.strip()
            named.append(path.replace("*.json", "customer.json"))
    package = ROOT / "tap_yonyou"
    there = [path for path in package.rglob("*.py") if len(path.read_text("utf-8")) > 100]
    there.append(package / "u8/resources/customer.json")
    assert sorted(named) == sorted(str(path.relative_to(ROOT)) for path in there)


#: What the modules of a folder may import, beside Python and libraries that are not named here.
ARROWS = {
    "check": r"tap_yonyou\.(check|u8|errors|redaction|compat)\b",
    "u8": r"tap_yonyou\.(u8|errors|redaction|compat)\b",
    "replication": r"tap_yonyou\.(replication|u8|errors|compat)\b|singer_sdk\.contrib\.msgspec\.",
}


@pytest.mark.parametrize("folder", ARROWS)
def test_a_wing_imports_only_what_it_may_know(folder: str) -> None:
    for path in (ROOT / "tap_yonyou" / folder).rglob("*.py"):
        allowed = ARROWS[folder]
        if path.name == "pages.py":  # Singer developers look for a class of pagination
            allowed += r"|singer_sdk\.pagination\."
        known = {name for name in imported(path) if re.match(r"tap_yonyou|singer_sdk", name)}
        assert {name for name in known if not re.match(allowed, name)} == set(), path
        if folder == "replication":
            http = {name.partition(".")[0] for name in imported(path)}
            assert http.isdisjoint({"requests", "urllib3", "http"}), path


def test_nobody_but_the_tap_imports_the_stream() -> None:
    package = ROOT / "tap_yonyou"
    importing = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(name.startswith("tap_yonyou.stream.") for name in imported(path))
    }
    # The command line only names its type.
    assert importing == {"tap.py", "command/cli.py"}


def test_the_tap_stays_small_enough_to_be_read() -> None:
    """The budget: what is added beyond it has to be taken away elsewhere."""
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / "tap_yonyou").rglob("*.py")
    }
    check = sum(count for path, count in lines.items() if path.startswith("tap_yonyou/check/"))
    assert sum(lines.values()) - check <= 5700
    assert check <= 600  # which nobody needs to read to understand a run
    assert {path: count for path, count in lines.items() if count > 350} == {}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ".zh-CN" in page.name], ids=lambda p: p.name
)
def test_a_page_in_chinese_has_the_sections_of_the_one_in_english(page: Path) -> None:
    english = page.with_name(page.name.replace(".zh-CN", ""))
    assert len(headings(page)) == len(headings(english))
    for blocks in zip(code_blocks(page), code_blocks(english), strict=True):
        assert blocks[0] == blocks[1]


@pytest.mark.parametrize("page", ["docs/errors.md", "docs/errors.zh-CN.md"])
def test_the_messages_told_are_the_taps(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    table = text[: text.rindex("\n## ")].rpartition("\n## ")[2]
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    messages = re.findall(r"`(.*?)`", " ".join(cells))
    assert len(messages) > 40
    for message in messages:
        for part in message.split("…"):
            words = re.sub(r"\d{5}$|[23]$|: $", "", part).strip()
            assert any(words in said for said in SAID), message


@pytest.mark.parametrize("page", ["docs/errors.md", "docs/errors.zh-CN.md"])
def test_every_errcode_and_action_is_explained(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for errcode in ERRCODES:
        assert f"| `errcode {errcode}` |" in text
    for action in Action:
        assert f"| `{action}` |" in text


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readmes_numbers_are_those_of_the_benchmark(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    results = Results(json.loads((ROOT / "docs/benchmark.json").read_bytes()))
    plan = results.plan
    tap, floor = results.speed(TAP_NAME, plan.rows), results.speed(FLOOR, plan.rows)
    one, eight = (results.of("latency", concurrency=number) for number in (1, 8))
    again = [results.of("loaded changes", method=m, changed=0) for m in ("FULL_TABLE", "LOG_BASED")]
    assert tap
    assert floor
    assert one
    assert eight
    for number in (
        f"{plan.rows:,} ",
        f"{tap.rate:,.0f} ",
        f"{tap.median / floor.median:.1f} ",
        f"{one.median:.1f} ",
        f"{eight.median:.1f} ",
        *(f"{one.median:.1f} " for one in again if one),
    ):
        assert number in text


@pytest.mark.parametrize("page", ["docs/production.md", "docs/production.zh-CN.md"])
def test_the_account_sets_of_a_night_are_those_of_the_benchmark(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    results, of = Results(json.loads((ROOT / "docs/benchmark.json").read_bytes())), AccountSet()
    assert f" {of.rows:,} " in text
    for runs in (1, of.lists):
        seconds = results.night(of, runs)
        assert seconds
        assert f" {seconds:.0f} " in text
        assert f" {of.hours * 3600 / seconds:,.0f} " in text


def test_the_settings_that_examples_name_exist() -> None:
    names = {f"TAP_YONYOU_{name.upper()}" for name in OWN}
    pages = [*ROOT.glob("examples/*/*"), *ROOT.glob("docs/production*.md")]
    found = {
        name
        for page in pages
        if page.is_file()
        for name in re.findall(r"TAP_YONYOU_[A-Z_]+", page.read_text("utf-8"))
        if not name.endswith("_")
    }
    assert len(found) > 3
    assert found <= names


def test_what_is_built_leads_to_the_repository_and_has_its_tests(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    project = metadata()
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as built:
        names = built.namelist()
        (about,) = (name for name in names if name.endswith("/METADATA"))
        text = built.read(about).decode()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"tap_yonyou"}
    assert f"Version: {project['version']}\n" in text
    for name, url in project["urls"].items():
        assert f"Project-URL: {name}, {url}\n" in text
        assert url.startswith(project["urls"]["Repository"])
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 20
    assert all(link.startswith(("https://", "#")) for link in links)
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert all(link.startswith(f"{project['urls']['Repository']}/raw/") for link in pictures)
    with tarfile.open(sdist) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    needed = [
        ROOT / name for name in ("Makefile", "meltano.yml", ".env.example", "README.zh-CN.md")
    ]
    for folder in (
        "bench",
        "dbt/macros",
        "dbt/models",
        "demo",
        "docs",
        "examples",
        "hub",
        "requirements",
        "sandbox",
        "tests",
    ):
        needed += [path for path in (ROOT / folder).rglob("*.*") if "__pycache__" not in path.parts]
    assert {str(path.relative_to(ROOT)) for path in needed} <= there


def test_the_changelog_begins_with_this_version_or_with_what_will_be_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    titles = re.findall(r"^## \[(.*?)\]", text, re.MULTILINE)
    unreleased = titles[0] == "Unreleased"
    this, newest, *older = (
        tuple(map(int, version.split(".")))
        for version in (metadata()["version"], *titles[unreleased:])
    )
    assert [newest, *older] == sorted({newest, *older}, reverse=True)
    assert this == newest or (unreleased and this > newest)


def test_one_command_sets_the_address_everywhere(tmp_path: Path) -> None:
    old = metadata()["urls"]["Repository"]
    new = "https://forge.test/Group/part/tap"
    tracked = subprocess.check_output(
        ["/usr/bin/env", "git", "ls-files", "-z"], cwd=ROOT, text=True
    )
    names = tracked.strip("\0").split("\0")
    assert sum(old in (ROOT / name).read_text("utf-8") for name in names) > 2
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    make = ["make", "-o", ".venv/.ready", "address"]
    refused = subprocess.run([*make, f"URL={new}/"], check=False, cwd=tmp_path, capture_output=True)
    assert refused.returncode == 2
    assert (tmp_path / "pyproject.toml").read_text("utf-8") == PYPROJECT.read_text("utf-8")
    subprocess.run([*make, f"URL={new}.git"], check=True, cwd=tmp_path, capture_output=True)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and ".venv" not in path.parts]
    assert [path for path in written if old.encode() in path.read_bytes()] == []
    (entry,) = (tmp_path / "hub").rglob("*.yml")
    hub = yaml.safe_load(entry.read_text("utf-8"))
    assert (entry.stem, hub["variant"], hub["repo"]) == ("part", "part", new)


def imported(path: Path) -> set[str]:
    """What a module imports, for types too: `tap_yonyou.u8.values.date`."""
    nodes = [*ast.walk(ast.parse(path.read_text("utf-8")))]
    names = {f"{one.name}." for node in nodes if isinstance(node, ast.Import) for one in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return names | {f"{node.module}.{one.name}." for node in froms for one in node.names}


def headings(page: Path) -> list[str]:
    """The anchors of a page, as forges make them of headings."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]


def code_blocks(page: Path) -> list[str]:
    """Commands and configuration on a page, without comments."""
    text = page.read_text("utf-8")
    blocks = re.findall(
        r"^ *```(?:sh|yaml|json|text)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL
    )
    return [re.sub(r" *# .*", "", block) for block in blocks]
