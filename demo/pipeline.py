"""`meltano run`, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox import Sandbox

#: The project's folder.
ROOT = Path(__file__).resolve().parent.parent
#: Meltano, as `make` installs it.
MELTANO = ROOT / ".venv-meltano" / "bin" / "meltano"


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of this project with a source, a target and a state of its own.

    Attributes:
        u8: Where to read; each of its lists is a stream, and so are the lines of its documents
            and the reads.
        database_url: Where to load, `postgresql+psycopg://…`.
        schema: The schema to load into.
        directory: Where Meltano keeps the state.
        project: The Meltano project.
        blocks: What `meltano run` runs.
    """

    u8: Sandbox
    database_url: str
    schema: str
    directory: Path
    project: Path = ROOT
    blocks: tuple[str, ...] = ("tap-yonyou", "target-postgres")

    def environment(self, **more: str) -> dict[str, str]:
        """Give the variables that a user would put into `.env`.

        Args:
            more: Further variables.

        Returns:
            The whole environment for Meltano.
        """
        ours = ("TAP_YONYOU_", "TARGET_POSTGRES_", "MELTANO_", "DBT_")
        env = {name: v for name, v in os.environ.items() if not name.startswith(ours)}
        documents = [f"{name}_entry" for name in self.u8.tables if name in self.u8.lines]
        streams = [*self.u8.tables, *documents, "tap_yonyou_reads"]
        settings: Mapping[str, object] = {
            **self.u8.accounts._asdict(),
            "api_url": self.u8.url,
            "streams": json.dumps(streams),
            # Against a `.env` of one's own in the project.
            "ds_sequence": self.u8.sources[0],
            "filters": "{}",
            "page_size": 100,
        }
        return {
            **env,
            **{f"TAP_YONYOU_{name.upper()}": str(value) for name, value in settings.items()},
            "TARGET_POSTGRES_SQLALCHEMY_URL": self.database_url,
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": self.schema,
            "MELTANO_DATABASE_URI": f"sqlite:///{self.directory / 'meltano.db'}",
            "NO_COLOR": "1",
            **more,
        }

    def run(self, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `meltano run` with the blocks.

        Args:
            args: Options for `meltano run`.
            more: Further environment variables.

        Returns:
            How it ended, with its log in `stdout`.
        """
        return subprocess.run(
            [MELTANO, "run", *args, *self.blocks],
            check=False,
            cwd=self.project,
            env=self.environment(**more),
            encoding="utf-8",
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
