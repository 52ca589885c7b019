"""One database an application, with a role that owns it and one that serves, which may make tables unless it is told
not to.

{folder}/databases.json    their names and passwords, for the user alone
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ebcd_local import home
from ebcd_local.database import accounts
from ebcd_local.database.coupled import Coupled, end_orphans
from ebcd_local.database.installation import Installation
from ebcd_local.database.server import Server
from ebcd_local.database.unavailable import DatabaseUnavailable

OWNER_URL, APP_URL = "DATABASE_OWNER_URL", "DATABASE_URL"
"""The environment properties: of the role that owns the database, and of the role that serves."""
_SCRIPT = r"""
\set name '{name}'
\set owner '{name}_owner'
\set app '{name}_app'
SET log_min_error_statement = 'panic';
SELECT format('CREATE ROLE %I LOGIN', role) FROM unnest(ARRAY[:'owner', :'app']) AS role
 WHERE role NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE :"owner" NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{owner_password}';
ALTER ROLE :"app" NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{app_password}';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'owner')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"app";
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
"""
"""psql's, as the superuser: what is there already stays. Names and passwords have no character that it would read."""
_ONE_ROLE = """
GRANT CREATE ON DATABASE "{name}" TO "{name}_app";
GRANT CREATE ON SCHEMA public TO "{name}_app";
GRANT "{name}_app" TO "{name}_owner";
"""
"""The role that serves migrates, too: what it makes is its own. The owner may use that, for `ebcd local psql`."""
_TWO_ROLES = """
SET client_min_messages = 'error';
REVOKE CREATE ON DATABASE "{name}" FROM "{name}_app";
REVOKE CREATE ON SCHEMA public FROM "{name}_app";
REVOKE "{name}_app" FROM "{name}_owner";
"""
"""The role that serves makes nothing."""


@dataclass(frozen=True, slots=True)
class Database:
    """An application's database."""

    region: str
    application: str
    name: str
    owner_password: str
    app_password: str

    def password(self, role: str) -> str:
        """A role's (owner, app)."""
        return self.owner_password if role == "owner" else self.app_password

    def url(self, role: str, port: int, *, password: bool = True) -> str:
        """How a role reaches it."""
        word = f":{self.password(role)}" if password else ""
        return f"postgresql://{self.name}_{role}{word}@127.0.0.1:{port}/{self.name}"


class Databases:
    """The databases of all applications. Every method may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.coupled = Coupled(folder)
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._ready: dict[str, bool] = {}
        """Names of those that were looked after since the start, and whether with two roles."""

    def unavailable(self) -> str:
        """Why no application can have a database; empty when each can."""
        try:
            accounts.demotion(accounts.maker())
            Installation.find()
        except DatabaseUnavailable as error:
            return str(error)
        return ""

    def properties(self, region: str, application: str, *, two_roles: bool) -> dict[str, str]:
        """The environment properties by which an application reaches its database, which is made if there is none.
        Raises DatabaseUnavailable.

        two_roles: whether the role that serves may not make tables; else it migrates as well.
        """
        with self._lock:
            self._server = self._server or Server(self._folder, Installation.find())
            port = self._server.start()
            database = self._database(region, application)
            if self._ready.get(database.name) is not two_roles:
                self._server.execute(_SCRIPT.format(**asdict(database)))
                rights = _TWO_ROLES if two_roles else _ONE_ROLE
                self._server.execute(rights.format(name=database.name), database.name)
                self._ready[database.name] = two_roles
        return {APP_URL: database.url("app", port), OWNER_URL: database.url("owner", port)}

    def status(self) -> dict[str, Any] | None:
        """What runs, without a secret; None where no server does."""
        server = self._server
        if server is None or not server.port:
            return None
        databases: dict[str, Database] = {}
        with suppress(DatabaseUnavailable):
            databases = known(self._folder)
        found = [
            {"region": item.region, "application": item.application, "name": item.name} for item in databases.values()
        ]
        return {"engine": f"PostgreSQL {server.version}", "address": f"127.0.0.1:{server.port}", "databases": found}

    def recover(self) -> None:
        """End the servers that an earlier life left running."""
        end_orphans(self._folder)

    def stop(self) -> None:
        """End all servers; what they store stays."""
        with self._lock:
            if self._server is not None:
                self._server.stop()
        self.coupled.stop()

    def _database(self, region: str, application: str) -> Database:
        """An application's database, its passwords on disk before they are used."""
        databases, key = known(self._folder), f"{region}/{application}"
        if key not in databases:
            passwords = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
            databases[key] = Database(region, application, name_of(region, application), *passwords)
            content = {name: asdict(item) for name, item in databases.items()}
            home.write_private(self._folder / "databases.json", {"schema": 1, "databases": content})
        return databases[key]


def known(folder: Path) -> dict[str, Database]:
    """The databases that there are, by region and application. Raises DatabaseUnavailable."""
    try:
        content: Mapping[str, Any] = json.loads((folder / "databases.json").read_text())["databases"]
        return {name: Database(**item) for name, item in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseUnavailable(f"{folder / 'databases.json'} cannot be read: {error}") from error


def name_of(region: str, application: str) -> str:
    """A database's name: what can be read of the application's, and a digest that makes it the only one."""
    legible = re.sub(r"[^a-z0-9]+", "_", application.lower()).strip("_")[:30] or "application"
    return f"{legible}_{hashlib.sha256(f'{region}/{application}'.encode()).hexdigest()[:8]}"
