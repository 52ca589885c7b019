"""psql for an application's database, so that nobody has to look up a password."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ebcd_local.database.databases import Database, known
from ebcd_local.database.installation import Installation
from ebcd_local.database.server import postmaster
from ebcd_local.database.unavailable import DatabaseUnavailable

_NULL = "\x1fNULL"
"""How psql writes NULL among values of any text."""


class StatementFailed(Exception):
    """PostgreSQL refused a statement; the message is its own."""


def psql(folder: Path, application: str, role: str, words: Sequence[str]) -> int:
    """Run psql as a role (owner, app) of an application's database, or of the only one; its exit code.
    Raises DatabaseUnavailable.
    """
    command, environ = _command(folder, application, role)
    return subprocess.run([*command, *words], env=environ, check=False).returncode


def rows(folder: Path, application: str, role: str, statement: str) -> dict[str, Any]:
    """What one statement answers: its columns and rows, values as PostgreSQL writes them, None for NULL.
    Raises DatabaseUnavailable and StatementFailed.
    """
    command, environ = _command(folder, application, role)
    options = ["--no-psqlrc", "--quiet", "--csv", "--pset", f"null={_NULL}", "-v", "ON_ERROR_STOP=1", "-c", statement]
    done = subprocess.run([*command, *options], env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        raise StatementFailed(done.stderr.strip())
    head, *found = list(csv.reader(io.StringIO(done.stdout))) or [[]]
    return {"columns": head, "rows": [[None if value == _NULL else value for value in row] for row in found]}


def _command(folder: Path, application: str, role: str) -> tuple[list[str], dict[str, str]]:
    """psql on a database, and the environment with its password. Raises DatabaseUnavailable."""
    database, told = _chosen(folder, application), postmaster(folder)
    if not told:
        raise DatabaseUnavailable(
            "PostgreSQL does not run: ebcd local up starts it where an environment has a database"
        )
    url = database.url(role, int(json.loads((folder / "server.json").read_text())["port"]), password=False)
    return [str(Installation.find().programs / "psql"), url], os.environ | {"PGPASSWORD": database.password(role)}


def _chosen(folder: Path, application: str) -> Database:
    found = [item for item in known(folder).values() if application in ("", item.application)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted({item.application for item in known(folder).values()}))
    if not names:
        raise DatabaseUnavailable("No application has a database: write database = true in its stage, and ship it")
    raise DatabaseUnavailable(
        f"There is no database of the application {application!r}: choose one of {names}"
        if application
        else f"There are several databases: choose one of {names}"
    )
