"""Databases that are coupled to an environment, as `eb create --database` asks for them: a PostgreSQL server for each.
It goes with its environment unless DBDeletionPolicy says else.

{folder}/coupled/{environment}    one that is in use (the module `server` says what is in it)
{folder}/kept/{environment}-{…}   what Snapshot and Retain have left

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.db.html
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ebcd_local.database.installation import Installation
from ebcd_local.database.server import Server, end_orphan

NAMESPACE = "aws:rds:dbinstance"
NAME = "ebdb"
"""Of the database, in every environment."""
DEFAULT_ENGINE, DEFAULT_USER = "mysql", "ebroot"
_USER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_PASSWORD = re.compile(r"[!#-.0-?A-~]{8,128}")
"""Printable, without / \" @ and blanks."""
_SCRIPT = r"""
SET log_min_error_statement = 'panic';
SELECT format('CREATE ROLE %I LOGIN', '{user}') WHERE '{user}' NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE "{user}" NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{password}';
SELECT format('CREATE DATABASE %I OWNER %I', '{name}', '{user}')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \gexec
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an environment's option settings ask for."""

    engine: str
    version: str
    user: str
    password: str
    snapshot: str
    deletion: str
    """Delete, Snapshot or Retain."""

    @classmethod
    def of(cls, options: Mapping[tuple[str, str], str]) -> Wanted | None:
        """From option settings; None where they ask for no database."""
        found = {name: value for (space, name), value in options.items() if space == NAMESPACE}
        if found.get("HasCoupledDatabase", "").lower() != "true":
            return None
        return cls(
            engine=found.get("DBEngine") or DEFAULT_ENGINE,
            version=found.get("DBEngineVersion", ""),
            user=found.get("DBUser") or DEFAULT_USER,
            password=found.get("DBPassword", ""),
            snapshot=found.get("DBSnapshotIdentifier", ""),
            deletion=found.get("DBDeletionPolicy") or "Delete",
        )

    def refusal(self) -> str:
        """Why there cannot be such a database here; empty where there can."""
        if self.engine not in {"postgres", "postgresql"}:
            return (
                f"The local Beanstalk has PostgreSQL and no other database: DBEngine {self.engine} cannot be met. Set "
                "DBEngine to postgres (eb create --database.engine postgres)."
            )
        if self.snapshot:
            return f"The local Beanstalk has no snapshot {self.snapshot!r} to restore: leave DBSnapshotIdentifier out."
        if not _USER.fullmatch(self.user):
            return f"The DBUser {self.user!r} is invalid: 1 to 16 letters and digits, a letter first."
        if not _PASSWORD.fullmatch(self.password):
            return (
                "The DBPassword is missing or invalid: 8 to 128 printable characters, without a blank, slash, double "
                "quote or at sign."
            )
        return ""


class Coupled:
    """The coupled databases of all environments. Every method may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._servers: dict[str, Server] = {}

    def properties(self, environment_id: str, wanted: Wanted) -> dict[str, str]:
        """The environment properties of an environment's database, which is made if there is none. Raises
        DatabaseUnavailable.
        """
        with self._lock:
            server = self._servers.setdefault(environment_id, Server(self._place(environment_id), Installation.find()))
            port = server.start()
            password = wanted.password.replace("'", "''")
            server.execute(_SCRIPT.format(name=NAME, user=wanted.user, password=password))
        return {
            "RDS_HOSTNAME": "127.0.0.1",
            "RDS_PORT": str(port),
            "RDS_DB_NAME": NAME,
            "RDS_USERNAME": wanted.user,
            "RDS_PASSWORD": wanted.password,
        }

    def has(self, environment_id: str) -> bool:
        """Whether an environment has a database."""
        return self._place(environment_id).exists()

    def remove(self, environment_id: str, policy: str) -> Path | None:
        """End an environment's database, if it has one; where it is kept, None where it is deleted."""
        with self._lock:
            server, place = self._servers.pop(environment_id, None), self._place(environment_id)
            if server is not None:
                server.stop()
            if policy == "Delete":
                shutil.rmtree(place, ignore_errors=True)
            if not place.exists():
                return None
            kept = self._folder / "kept" / f"{environment_id}-{secrets.token_hex(4)}"
            kept.parent.mkdir(exist_ok=True, mode=0o700)
            place.rename(kept)
            return kept

    def stop(self) -> None:
        """End all servers; what they store stays."""
        with self._lock:
            for server in self._servers.values():
                server.stop()

    def _place(self, environment_id: str) -> Path:
        return self._folder / "coupled" / environment_id


def end_orphans(folder: Path) -> None:
    """End the servers that an earlier life left running: that of all applications, and the coupled ones."""
    for place in (folder, *(folder / "coupled").glob("*")):
        end_orphan(place)
