"""Once a day a worker takes away what nobody needs any more: workspace by workspace, each behind its own isolation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from aespo.adapters import objects
from aespo.adapters.objects import Objects
from aespo.db.engine import Database
from aespo.db.queries import jobs, site, upkeep
from aespo.db.tx import Tx

logger = logging.getLogger("aespo.upkeep")
ASK_EVERY = 900.0
"""Seconds between two questions whether the day's pass is to begin."""
AT_ONCE = 200
"""Workspaces that are seen to before the queue is looked into again."""


class Upkeep:
    """One worker's part of it. A pass whose worker ends is not gone on with: the next day's begins anew."""

    def __init__(
        self, database: Database, store: Objects, clock: Callable[[], float] = time.monotonic, at_once: int = AT_ONCE
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._at_once = at_once
        self._ask_at = clock()
        self._after: int | None = None
        """The last workspace that was seen to; None: no pass is under way."""

    def step(self) -> None:
        """Begin the day's pass where nobody has, or go on with it."""
        if self._after is None and not self._begins():
            return
        with self._database.without_tenant() as connection:
            page = site.page_of_directory(connection, self._after or 0, self._at_once)
        for tenant_id, _ in page:
            self._after = tenant_id
            try:
                self._see_to(tenant_id)
            except Exception:
                logger.exception("The workspace %d was not seen to", tenant_id)
        if len(page) < self._at_once:
            self._after = None

    def _begins(self) -> bool:
        if self._clock() < self._ask_at:
            return False
        self._ask_at = self._clock() + ASK_EVERY
        with self._database.without_tenant() as connection:
            if not upkeep.begins(connection):
                return False
        more = True
        while more:
            with self._database.without_tenant() as connection:
                more = upkeep.forget_attempts(connection)
        return True

    def _see_to(self, tenant_id: int) -> None:
        more = True
        while more:
            with self._database.tenant(tenant_id) as connection:
                tx = Tx(connection, tenant_id)
                more, exports = upkeep.forget(tx), upkeep.old_exports(tx)
            if exports:
                self._delete(tenant_id, exports)

    def _delete(self, tenant_id: int, exports: list[str]) -> None:
        """Files first: while a row is left, they are found again."""
        for job_id in exports:
            self._store.delete_below(objects.export_key(tenant_id, job_id))
        with self._database.tenant(tenant_id) as connection:
            jobs.forget_exports(Tx(connection, tenant_id), exports)
