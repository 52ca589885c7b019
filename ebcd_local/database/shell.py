"""psql for an application's database, so that nobody has to look up a password."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ebcd_local.database.databases import Database, known
from ebcd_local.database.installation import Installation
from ebcd_local.database.server import postmaster
from ebcd_local.database.unavailable import DatabaseUnavailable


def psql(folder: Path, application: str, role: str, words: Sequence[str]) -> int:
    """Run psql as a role (owner, app) of an application's database, or of the only one; its exit code.
    Raises DatabaseUnavailable.
    """
    database, told = _chosen(folder, application), postmaster(folder)
    if not told:
        raise DatabaseUnavailable(
            "PostgreSQL does not run: ebcd local up starts it where an environment has a database"
        )
    url = database.url(role, int(json.loads((folder / "server.json").read_text())["port"]), password=False)
    environ = os.environ | {"PGPASSWORD": database.password(role)}
    return subprocess.run(
        [str(Installation.find().programs / "psql"), url, *words], env=environ, check=False
    ).returncode


def _chosen(folder: Path, application: str) -> Database:
    found = [item for item in known(folder).values() if application in ("", item.application)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted({item.application for item in known(folder).values()}))
    if not names:
        raise DatabaseUnavailable("No application has a database: write database = true in its stage, and ship it")
    raise DatabaseUnavailable(f"There is no database of the application {application!r}: choose one of {names}"
                              if application else f"There are several databases: choose one of {names}")  # fmt: skip
