"""`python -m aespo.worker`: sends mail, builds exports and deletes files. As many may run as there are instances.

What there is to do comes from two queues, each with a thread: no mail waits for an export. A message may come twice; a
job is one worker's for as long as that one holds it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from aespo import adapters, logs, settings
from aespo.adapters import Adapters, objects, secrets
from aespo.adapters.queue import Message, Queue
from aespo.db.engine import Database
from aespo.db.queries import jobs, site
from aespo.db.safety import Unsafe
from aespo.db.tx import Tx
from aespo.jobs import Jobs
from aespo.upkeep import Upkeep

logger = logging.getLogger("aespo.worker")
WAIT = 2.0
"""Seconds between two looks into an empty queue."""


class Worker:
    """Takes messages and does their jobs."""

    def __init__(self, database: Database, around: Adapters) -> None:
        self._database = database
        self._around = around
        self._errands = Jobs(database, around)
        self._upkeep = Upkeep(database, around.objects)

    def step(self, queue: Queue, wait: float = 0) -> int:
        """Do what a queue has now; how many messages it were."""
        messages = queue.take(wait)
        for message in messages:
            self._handle(queue, message)
        return len(messages)

    def until(self, stop: threading.Event) -> None:
        """Work until told to stop. Nothing that fails ends it, but for a database that is not safe to work with.

        Raises Unsafe.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="mail") as pool:
            mail = pool.submit(self._loop, stop, lambda: self.step(self._around.mail_queue, 20))
            try:
                self._loop(stop, self._slow_step)
            finally:
                stop.set()
            mail.result()

    def _slow_step(self) -> int:
        worked = self.step(self._around.queue, 20)
        self._upkeep.step()
        return worked

    def _loop(self, stop: threading.Event, step: Callable[[], int]) -> None:
        while not stop.is_set():
            try:
                if step() == 0:
                    stop.wait(WAIT)
            except Unsafe:
                stop.set()
                raise
            except Exception:
                logger.exception("Something does not answer")
                stop.wait(WAIT * 5)

    def _handle(self, queue: Queue, message: Message) -> None:
        try:
            told = json.loads(message.body)
            of, job = (told["files_of"], None) if "files_of" in told else (told["tenant"], str(told["job"]))
            tenant_id = int(of)
        except (ValueError, KeyError, TypeError):
            logger.error("A message that is none of ours was dropped")
            queue.done(message)
            return
        over = self._delete_files(tenant_id) if job is None else self._work(tenant_id, job)
        if over:
            queue.done(message)  # else it comes again

    def _delete_files(self, tenant_id: int) -> bool:
        """Delete what a deleted workspace has left in storage; whether it is all gone."""
        with self._database.without_tenant() as connection:
            if site.exists(connection, tenant_id):
                logger.error("The workspace %d is there: its files stay", tenant_id)
                return True
        try:
            self._around.objects.delete_below(objects.key(tenant_id))
        except Exception:
            logger.exception("Files of the deleted workspace %d are left", tenant_id)
            return False
        return True

    def _work(self, tenant_id: int, job_id: str) -> bool:
        """Do a job; whether it is over: done, given up, or there is none."""
        with self._database.tenant(tenant_id) as connection:
            tx = Tx(connection, tenant_id)
            job = jobs.take(tx, job_id)
            if job is None:
                return not jobs.waits(tx, job_id)  # somebody is at it, who may yet be killed
        try:
            size = self._errands.do(tenant_id, job)
        except Exception:
            logger.exception("The job %s of workspace %d failed", job_id, tenant_id)
            return self._gives_up(tenant_id, job_id)
        with self._database.tenant(tenant_id) as connection:
            jobs.finish(Tx(connection, tenant_id), job_id, size)
        return True

    def _gives_up(self, tenant_id: int, job_id: str) -> bool:
        with self._database.tenant(tenant_id) as connection:
            return jobs.failed(Tx(connection, tenant_id), job_id)


def run(environ: Mapping[str, str], stop: threading.Event) -> None:
    """Work until told to stop. Without a database there is nothing to do, and it waits."""
    told = settings.read(secrets.resolve(environ, secrets.SERVING))
    if not told.database_url:
        logger.warning("No database is configured (DATABASE_URL): there are no jobs.")
        stop.wait()
        return
    database = Database(told.database_url, pool_size=2)
    worker = Worker(database, adapters.connect(told, database))
    worker.until(stop)
    database.close()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.install(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(os.environ, stop)


if __name__ == "__main__":
    main()
