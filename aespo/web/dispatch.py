"""The Host decides: the site's own pages, or a workspace's. The two are applications of their own, so that no page of
the one can be reached at the other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from aespo import adapters, hosts, logs, release, settings
from aespo.adapters import secrets
from aespo.admission import Admission
from aespo.db.engine import Database
from aespo.hosts import Address
from aespo.metrics import Metrics, writer
from aespo.web import admission, operations, site, workspace
from aespo.web.context import ADDRESS, Context

logger = logging.getLogger("aespo")


class Aespo:
    """The WSGI application of one process."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.site = site.create(context)
        self.workspace = workspace.create(context)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        environ[ADDRESS] = address = self._address(environ.get("HTTP_HOST"))
        at_workspace = isinstance(address, Address) and address.slug and environ["PATH_INFO"] not in operations.PATHS
        refusal = admission.refusal(self.context, environ) if at_workspace else None
        answer = (refusal or (self.workspace if at_workspace else self.site))(environ, start_response)
        admission.receive_rest(environ)
        return answer

    def close(self) -> None:
        """Write out the metrics, close the connections to the database."""
        self.context.metrics.flush()
        if self.context.database is not None:
            self.context.database.close()

    def _address(self, host: str | None) -> Address | Exception:
        """What the Host names; what is wrong with it, for the site to answer."""
        try:
            return hosts.parse(host, self.context.settings.bases)
        except (hosts.InvalidHost, hosts.UnknownHost) as error:
            return error


def create_application(environ: Mapping[str, str], root: Path) -> Aespo:
    """The WSGI application, from the environment properties and the files in `root`.

    Raises ValueError for a property or a manifest that is wrong, safety.Unsafe for a database that must not be served
    with. One that cannot be reached does not stop the start: /readyz says so, and it is verified before its first use.
    """
    logs.install()
    told = settings.read(secrets.resolve(environ, secrets.SERVING))
    database = Database(told.database_url, told.pool_size) if told.database_url else None
    if database is not None:
        try:
            database.verify()
        except psycopg.OperationalError as error:
            logger.error("The database cannot be reached yet: %s", logs.describe(error))
    around = adapters.connect(told, database) if database is not None else None
    admitting = Admission(told.requests_at_once, told.share)
    return Aespo(Context(release.read(root), told, database, Metrics(writer(told.metrics)), around, admitting))
