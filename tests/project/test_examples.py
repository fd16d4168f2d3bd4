"""What the examples do if a run fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from demo.pipeline import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ENTRYPOINT = ROOT / "examples/entrypoint.py"


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("[info     ] tap-yonyou   error_kind: access", 1, 78),
        ('{"event": "error_kind: bug, settings", "level": "info", "by": "target"}', 1, 78),
        ("[info     ] tap-yonyou   error_kind: access, server", 1, 1),
        ("[info     ] tap-yonyou   error_kind: target", 1, 1),
        ("[error    ] meltano      Loader failed", 3, 3),
        ("[info     ] meltano      Run completed", 0, 0),
    ],
)
def test_what_a_repetition_cannot_cure_has_an_exit_code_of_its_own(
    tmp_path: Path, said: str, code: int, wanted: int
) -> None:
    meltano = tmp_path / "meltano"
    meltano.write_text(f"#!/bin/sh\necho \"$@\"\necho '账套 {said}' >&2\nexit {code}\n", "utf-8")
    meltano.chmod(0o755)
    done = subprocess.run(
        [sys.executable, ENTRYPOINT, "run", "a job"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={"MELTANO": str(meltano), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stdout) == (wanted, "run a job\n")
    assert done.stderr == f"账套 {said}\n"


def test_a_signal_reaches_meltano(tmp_path: Path) -> None:
    meltano = tmp_path / "meltano"
    meltano.write_text(
        "#!/bin/sh\ntrap 'exit 143' TERM\necho up >&2\nwhile :; do sleep 0.1; done\n"
    )
    meltano.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, ENTRYPOINT],
        env={"MELTANO": str(meltano), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
    ) as run:
        assert run.stderr
        assert run.stderr.readline() == b"up\n"
        run.terminate()
        assert run.wait(10) == 143


def test_the_examples_and_the_pages_agree_on_what_is_repeated() -> None:
    line = re.compile(r"^FINAL = .*$", re.MULTILINE)
    ours = line.findall(ENTRYPOINT.read_text("utf-8"))
    assert len(ours) == 1
    assert line.findall((ROOT / "examples/dagster/definitions.py").read_text("utf-8")) == ours
    (repeated,) = re.findall(r"\((\w+(?:\|\w+)+)\)", ours[0])
    schema = json.loads((ROOT / "tap_yonyou/reads.json").read_bytes())
    told, _, may_pass = schema["properties"]["error_kind"]["description"].partition("; only ")
    kinds = {*re.findall(r"\w+", told)} - {"or"}
    assert may_pass.startswith(re.sub(r"\|(\w+)$", r" and \1", repeated).replace("|", ", "))
    for page, yes in (("docs/errors.md", "yes"), ("docs/errors.zh-CN.md", "要")):
        text = (ROOT / page).read_text("utf-8")
        rows = re.findall(r"^\| `(\w+)` \|.*\| (\w+).*\|$", text, re.MULTILINE)
        table = {kind: answer == yes for kind, answer in rows if kind in kinds}
        assert table.keys() == kinds
        assert {kind for kind, again in table.items() if again} == {*repeated.split("|")}
