"""The worker: what it does, what comes twice, fails or is killed on the way, and for whom it does nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import psycopg
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text
from workspaces import PASSWORD, Founded, attach, change, exported, fill, give_plan, signed_up, work

from aespo import adapters
from aespo.adapters.objects import FolderObjects
from aespo.adapters.queue import Message, TableQueue
from aespo.adapters.table_objects import TableObjects
from aespo.db.engine import Database
from aespo.db.safety import Unsafe
from aespo.development import Urls
from aespo.web import Aespo
from aespo.worker import Worker


class Letters:
    """A mail server that may be down for a while."""

    stays = False

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.sent: list[tuple[str, str, str]] = []

    def send(self, recipient: str, subject: str, body: str) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("down")
        self.sent.append((recipient, subject, body))


def show_again(site: Aespo) -> None:
    """Let hidden messages be seen at once: their time has come."""
    with site.context.require_database().without_tenant() as connection:
        connection.execute(text("UPDATE queue SET visible_at = now()"))


def test_mail_is_sent_once_the_invitation_is_committed_and_only_once(acme: Founded) -> None:
    site, letters = acme.owner.site, Letters()
    work(site)
    acme.owner.post("/team/invites", email="dee@example.com", role="member")
    acme.owner.post("/team/invites", email="no address", role="member")
    work(site, letters)
    show_again(site)
    work(site, letters)
    assert [(recipient, subject) for recipient, subject, _ in letters.sent] == [
        ("dee@example.com", "An invitation to a workspace on Aespo")
    ]
    assert f"http://{acme.host}/join?token=" in letters.sent[0][2]


def test_mail_waits_while_the_server_is_down_and_is_given_up_in_the_end(acme: Founded) -> None:
    site, letters = acme.owner.site, Letters(fails=2)
    work(site)
    acme.owner.post("/team/invites", email="dee@example.com", role="member")
    for _ in range(3):
        work(site, letters)
        show_again(site)
    assert len(letters.sent) == 1
    down = Letters(fails=100)
    acme.owner.post("/team/invites", email="eve@example.com", role="member")
    for _ in range(8):
        work(site, down)
        show_again(site)
    assert 100 - down.fails == 5


def test_a_message_that_is_none_is_dropped(acme: Founded) -> None:
    site = acme.owner.site
    queue = site.context.require_adapters().queue
    for body in ("", "[]", '{"tenant": "x", "job": 1}', '{"tenant": 1}', '{"tenant": 999999999, "job": "x"}'):
        with site.context.require_database().without_tenant() as connection:
            queue.put(body, connection, 1)
    work(site)
    assert queue.take(0) == []


class Watched(TableObjects):
    """Objects that something happens at, the first time that one is read."""

    happens: Callable[[], None] | None = None

    def get(self, key: str) -> bytes:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return super().get(key)


def building(founded: Founded) -> tuple[Worker, Watched]:
    """A worker that is to build an export with a file in it, and the objects that it reads."""
    site = founded.owner.site
    work(site)
    attach(founded, founded.note(), "a.txt", b"content")
    founded.owner.post("/export")
    database, around = site.context.require_database(), site.context.require_adapters()
    store = Watched(database)
    return Worker(database, replace(around, objects=store)), store


def queued(site: Aespo) -> int:
    with site.context.require_database().without_tenant() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM queue")))


def test_a_message_that_comes_twice_neither_doubles_nor_loses_a_job_that_somebody_is_at(acme: Founded) -> None:
    site = acme.owner.site
    worker, store = building(acme)
    seen: list[int] = []

    def comes_again() -> None:
        show_again(site)
        seen.extend((work(site, Letters()), queued(site)))

    store.happens = comes_again
    assert worker.step(worker._around.queue) == 1
    assert seen == [1, 1], "it came, and is still there"
    assert "Download the export" in acme.owner.get("/settings").text
    assert acme.owner.get("/activity").text.count("built the export") == 1


def test_a_job_whose_worker_was_killed_is_done_by_another_one(acme: Founded) -> None:
    site = acme.owner.site
    worker, store = building(acme)

    def killed() -> None:
        raise KeyboardInterrupt

    store.happens = killed
    with pytest.raises(KeyboardInterrupt):
        worker.step(worker._around.queue)
    show_again(site)
    assert worker.step(worker._around.queue) == 1
    assert queued(site) == 1, "it is held by the one that was killed, for a while"
    change(acme, "UPDATE jobs SET taken_until = now() WHERE state = 'waiting'")
    show_again(site)
    work(site)
    assert queued(site) == 0
    assert "Download the export" in acme.owner.get("/settings").text


def test_an_export_reads_files_outside_of_its_transaction(urls: Urls, acme: Founded) -> None:
    worker, store = building(acme)
    idle: list[int] = []

    def look() -> None:
        with psycopg.connect(urls.superuser) as connection:
            statement = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE %s AND application_name = 'aespo'"
            idle.append(connection.execute(statement, ("idle in transaction%",)).fetchone()[0])  # type: ignore[index]

    store.happens = look
    worker.step(worker._around.queue)
    assert idle == [0]


def test_an_export_of_a_workspace_that_is_deleted_meanwhile_is_not_kept(
    make_site: Callable[..., Aespo], tmp_path: Path
) -> None:
    site = make_site(AESPO_FILES=str(tmp_path))
    gone = signed_up(site)
    prefix = adapters.objects.key(gone.tenant_id)

    class Deleting(FolderObjects):
        def put(self, key: str, content: BinaryIO) -> None:
            assert gone.owner.post("/settings/delete", slug=gone.slug, password=PASSWORD).status_code == 200
            super().put(key, content)

    gone.owner.post("/export")
    around, store = site.context.require_adapters(), Deleting(tmp_path)
    Worker(site.context.require_database(), replace(around, objects=store)).step(around.queue)
    assert gone.owner.get("/").status_code == 404
    assert store.delete_below(prefix) == 0


def test_an_export_has_every_row_however_many(acme: Founded) -> None:
    give_plan(acme, "team")
    fill(acme, 250)
    told = json.loads(exported(acme).read("data/notes.json"))
    assert len({item["id"] for item in told} & {f"filled{number}" for number in range(1, 251)}) == 250
    assert len(told) == len({item["id"] for item in told})


def test_no_error_ends_the_worker(site: Aespo) -> None:
    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return True

    class Throttled:
        times = 0

        def take(self, wait: float) -> list[Message]:
            self.times += 1
            if self.times == 3:
                stop.set()
            if self.times == 1:
                raise ClientError({"Error": {"Code": "RequestThrottled"}}, "ReceiveMessage")
            return []

    stop, queue = Stop(), Throttled()
    around = site.context.require_adapters()
    Worker(site.context.require_database(), replace(around, queue=queue)).until(stop)
    assert queue.times == 3


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_no_worker_works_as_a_role_that_sees_everything(urls: Urls, site: Aespo, role: str) -> None:
    around, database = site.context.require_adapters(), Database(getattr(urls, role))
    queue = TableQueue(database)
    with pytest.raises(Unsafe):
        Worker(database, replace(around, queue=queue)).until(threading.Event())
    database.close()


def test_what_a_mail_said_is_forgotten_once_it_was_sent(acme: Founded) -> None:
    site = acme.owner.site
    work(site)
    acme.owner.post("/team/invites", email="dee@example.com", role="member")
    work(site, Letters())
    acme.owner.post("/team/invites", email="eve@example.com", role="member")
    work(site)
    page = acme.owner.get("/outbox").text
    assert page.count("/join?token=") == 2, "one link, and its text: that one is read in the outbox alone"


def test_a_job_of_one_workspace_cannot_be_done_in_another(acme: Founded, globex: Founded) -> None:
    site = acme.owner.site
    work(site)
    acme.owner.post("/export")
    message = site.context.require_adapters().queue.take(0)[0]
    told = json.loads(message.body)
    forged = Message(json.dumps({"tenant": globex.tenant_id, "job": told["job"]}), message.receipt)
    around = site.context.require_adapters()
    Worker(site.context.require_database(), around)._handle(around.queue, forged)
    assert "Being built" in acme.owner.get("/settings").text
    assert "/exports/" not in globex.owner.get("/settings").text
