"""A workspace as a whole: files, mail and exports through the worker, and a deletion that leaves nothing."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest
from botocore.exceptions import ClientError
from flask import g
from sqlalchemy import text
from test_workspace_api import Program
from workspaces import PASSWORD, Browser, Founded, change, end_trial, fill, give_plan, signed_up

from aespo import adapters
from aespo.adapters.objects import FolderObjects
from aespo.adapters.queue import Message, TableQueue
from aespo.adapters.table_objects import TableObjects
from aespo.db.engine import Database
from aespo.db.safety import Unsafe
from aespo.db.schema import TENANT_TABLES
from aespo.development import Urls
from aespo.web import Aespo
from aespo.worker import Worker


def work(site: Aespo, mail: Any = None) -> int:
    """Let a worker do what waits."""
    context = site.context
    around = context.require_adapters()
    if mail is not None:
        around = adapters.Adapters(around.objects, mail, around.queue)
    worker, done = Worker(context.require_database(), around), 0
    while count := worker.step():
        done += count
    return done


def attach(founded: Founded, note: str, name: str, content: bytes) -> Any:
    answer = founded.owner.post(f"/notes/{note}/files", file=(io.BytesIO(content), name))
    answer.request.environ["wsgi.input"].close()  # werkzeug's client leaves the temporary file of a large form open
    return answer


def file_of(founded: Founded, note: str) -> str:
    return re.search(rf"/notes/{note}/files/(\w+)", founded.owner.get(f"/notes/{note}").text)[1]  # type: ignore[index]


def exported(founded: Founded) -> zipfile.ZipFile:
    assert founded.owner.post("/export").headers["Location"] == "/settings#export"
    assert "Being built" in founded.owner.get("/settings").text
    work(founded.owner.site)
    path = re.search(r"/exports/\w+", founded.owner.get("/settings").text)[0]  # type: ignore[index]
    answer = founded.owner.get(path)
    assert answer.headers["Content-Disposition"] == f"attachment; filename={founded.slug}-export.zip"
    return zipfile.ZipFile(io.BytesIO(answer.data))


def test_a_file_is_attached_kept_and_deleted(acme: Founded) -> None:
    note = acme.note()
    assert attach(acme, note, "chart <1>.svg", b"<svg onload=alert(1)>").status_code == 303
    answer = acme.owner.get(f"/notes/{note}/files/{file_of(acme, note)}")
    assert answer.data == b"<svg onload=alert(1)>"
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    path = f"/notes/{note}/files/{file_of(acme, note)}"
    assert acme.owner.post(f"{path}/delete").status_code == 303
    assert acme.owner.get(path).status_code == 404


def test_a_file_that_cannot_be_taken_is_refused(acme: Founded) -> None:
    note = acme.note()
    assert "Choose a file that is not empty." in attach(acme, note, "empty", b"").text
    assert "A file has at most 10 MB." in attach(acme, note, "large", b"x" * 10_000_001).text
    assert acme.owner.post(f"/notes/{note}/files").status_code == 422
    assert attach(acme, "000000000000", "x", b"x").status_code == 404


@pytest.mark.parametrize("way", ["page", "API", "file"])
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed after the commit"])
def test_files_go_with_their_note(acme: Founded, way: str, killed: bool) -> None:
    site, note = acme.owner.site, acme.note()
    attach(acme, note, "a.txt", b"a")
    file, store = file_of(acme, note), site.context.require_adapters().objects
    assert store.get(adapters.objects.note_key(acme.tenant_id, note, file)) == b"a"
    if killed:
        site.workspace.after_request_funcs[None].append(nothing_follows)
    try:
        if way == "API":
            program = Program(site, acme.host, acme.token())
            assert program.ask("DELETE", f"/notes/{note}", If_Match='"v1"').status_code == 204
        else:
            path = f"/notes/{note}" if way == "page" else f"/notes/{note}/files/{file}"
            assert acme.owner.post(f"{path}/delete").status_code == 303
    finally:
        if killed:
            site.workspace.after_request_funcs[None].remove(nothing_follows)
            work(site)
    with pytest.raises(FileNotFoundError):
        store.get(adapters.objects.note_key(acme.tenant_id, note, file))


def nothing_follows(answer: Any) -> Any:
    """The process is killed with the commit."""
    g.visit.after.clear()
    return answer


def test_a_file_is_there_for_every_release_and_instance(make_site: Callable[..., Aespo], acme: Founded) -> None:
    """Each has a folder of its own; what they share is the database."""
    note = acme.note()
    attach(acme, note, "a.txt", b"a")
    path = f"/notes/{note}/files/{file_of(acme, note)}"
    acme.owner.client.application = make_site()
    assert acme.owner.get(path).data == b"a"


def test_as_many_files_as_connections_are_kept_and_given_at_once(make_site: Callable[..., Aespo]) -> None:
    founded = signed_up(make_site(AESPO_POOL_SIZE="2"))
    note, cookie = founded.note(), founded.owner.client.get_cookie("aespo", domain=founded.host)
    assert cookie is not None

    def one(number: int) -> tuple[int, bytes]:
        browser = founded.owner.new()
        browser.client.set_cookie("aespo", cookie.value, domain=founded.host)
        own = Founded(founded.slug, browser, founded.email)
        status = attach(own, note, f"{number}.txt", b"%d" % number).status_code
        path = re.search(rf"/notes/{note}/files/\w+", browser.get(f"/notes/{note}").text)[0]  # type: ignore[index]
        return status, browser.get(path).data

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert [status for status, _ in found] == [303] * 8
    assert all(data.isdigit() for _, data in found)


def test_a_file_that_the_plan_refuses_is_not_kept(acme: Founded) -> None:
    note = acme.note()
    change(acme, "UPDATE usage_totals SET bytes = 20000000 - 5")
    assert attach(acme, note, "a.txt", b"123456").status_code == 402
    store = acme.owner.site.context.require_adapters().objects
    assert store.delete_below(adapters.objects.key(acme.tenant_id, "notes", note)) == 0


def test_a_file_that_storage_does_not_confirm_is_not_kept(acme: Founded) -> None:
    site = acme.owner.site
    around, note = site.context.require_adapters(), acme.note()

    class Silent(TableObjects):
        def put(self, key: str, content: BinaryIO) -> None:
            super().put(key, content)
            raise ConnectionError

    silent = adapters.Adapters(Silent(site.context.require_database()), around.mail, around.queue)
    acme.owner.client.application = Aespo(replace(site.context, adapters=silent))
    assert attach(acme, note, "a.txt", b"a").status_code == 500
    assert around.objects.delete_below(adapters.objects.note_key(acme.tenant_id, note)) == 0
    assert "a.txt" not in acme.owner.get(f"/notes/{note}").text


def test_an_export_has_everything_and_no_secret(acme: Founded) -> None:
    note = acme.note("Über/../etc", "# Deep\n\n*text*")
    attach(acme, note, "../../evil.txt", b"content")
    acme.task("Row", due="2026-12-24")
    token = acme.token()
    archive = exported(acme)
    names = archive.namelist()
    assert all(not name.startswith("/") and ".." not in name.split("/") for name in names)
    notes = json.loads(archive.read("data/notes.json"))
    assert {"Über/../etc", "Welcome to your island"} <= {item["title"] for item in notes}
    assert any(
        archive.read(name).decode().endswith("# Deep\n\n*text*\n") for name in names if name.startswith("notes/")
    )
    assert b"content" in [archive.read(name) for name in names if name.startswith("files/")]
    assert "- [ ] Row (until 2026-12-24)" in archive.read("tasks.md").decode()
    assert "- [x] Sign up (Ana Lima)" in archive.read("tasks.md").decode()
    everything = b"".join(archive.read(name) for name in names)
    for secret in (b"argon2", b"password_hash", b"token_hash", token.encode()):
        assert secret not in everything


def test_an_export_is_there_after_the_trial_and_for_nobody_else(acme: Founded, globex: Founded) -> None:
    end_trial(acme)
    exported(acme)
    path = re.search(r"/exports/\w+", acme.owner.get("/settings").text)[0]  # type: ignore[index]
    assert globex.owner.get(path).status_code == 404
    assert acme.owner.new().get(path).status_code == 303


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
    with site.context.require_database().nobody() as connection:
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
        ("dee@example.com", "Join Acme on Aespo")
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
        with site.context.require_database().nobody() as connection:
            queue.put(body, connection)
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
    return Worker(database, adapters.Adapters(store, around.mail, around.queue)), store


def queued(site: Aespo) -> int:
    with site.context.require_database().nobody() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM queue")))


def test_a_message_that_comes_twice_neither_doubles_nor_loses_a_job_that_somebody_is_at(acme: Founded) -> None:
    site = acme.owner.site
    worker, store = building(acme)
    seen: list[int] = []

    def comes_again() -> None:
        show_again(site)
        seen.append(work(site, Letters()))

    store.happens = comes_again
    assert worker.step() == 1
    assert seen == [1]
    assert "Download the export" in acme.owner.get("/settings").text
    assert acme.owner.get("/activity").text.count("built the export") == 1


def test_a_job_whose_worker_was_killed_is_done_by_another_one(acme: Founded) -> None:
    site = acme.owner.site
    worker, store = building(acme)

    def killed() -> None:
        raise KeyboardInterrupt

    store.happens = killed
    with pytest.raises(KeyboardInterrupt):
        worker.step()
    show_again(site)
    assert worker.step() == 1
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
    worker.step()
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
    Worker(site.context.require_database(), adapters.Adapters(store, around.mail, around.queue)).step()
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
    Worker(site.context.require_database(), adapters.Adapters(around.objects, around.mail, queue)).until(stop)
    assert queue.times == 3


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_no_worker_works_as_a_role_that_sees_everything(urls: Urls, site: Aespo, role: str) -> None:
    around, database = site.context.require_adapters(), Database(getattr(urls, role))
    queue = TableQueue(database)
    with pytest.raises(Unsafe):
        Worker(database, adapters.Adapters(around.objects, around.mail, queue)).until(threading.Event())
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
    Worker(site.context.require_database(), site.context.require_adapters())._handle(forged)
    assert "Being built" in acme.owner.get("/settings").text
    assert "/exports/" not in globex.owner.get("/settings").text


def test_a_deletion_needs_the_owner_the_address_and_the_password(acme: Founded) -> None:
    member = acme.joined()
    assert member.post("/settings/delete", slug=acme.slug, password=PASSWORD).status_code == 403
    assert "Type " in acme.owner.post("/settings/delete", slug="other", password=PASSWORD).text
    assert "This is not your password." in acme.owner.post("/settings/delete", slug=acme.slug, password="x").text
    assert acme.owner.get("/").status_code == 200


def test_a_deletion_leaves_nothing_and_proves_it(site: Aespo, globex: Founded) -> None:
    gone = signed_up(site)
    tenant_id, note = gone.tenant_id, gone.note()
    attach(gone, note, "a.txt", b"a")
    gone.joined()
    gone.token()
    gone.owner.post("/team/invites", email="x@example.com")
    gone.owner.post("/export")
    work(site)
    end_trial(gone)
    answer = gone.owner.post("/settings/delete", slug=gone.slug, password=PASSWORD)
    assert answer.status_code == 200
    assert "is deleted" in answer.text
    assert re.search(r"<td>notes</td><td>3</td><td>0</td>", answer.text)
    assert re.search(r"<td>attachments</td><td>1</td><td>0</td>", answer.text)
    database = site.context.require_database()
    with database.tenant(tenant_id) as connection:
        for table in TENANT_TABLES:
            assert connection.scalar(text(f"SELECT count(*) FROM {table.name}")) == 0, table.name
    with database.nobody() as connection:
        assert connection.scalar(text("SELECT count(*) FROM directory WHERE slug = :slug"), {"slug": gone.slug}) == 0
    assert site.context.require_adapters().objects.delete_below(adapters.objects.key(tenant_id)) == 0
    assert gone.owner.get("/").status_code == 404
    assert globex.owner.get("/").status_code == 200


class Storage(FolderObjects):
    """A folder that cannot be changed for a while."""

    fails = 0

    def delete_below(self, prefix: str) -> int:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("down")
        return super().delete_below(prefix)


def test_files_of_a_deleted_workspace_are_seen_to_until_none_is_left(
    make_site: Callable[..., Aespo], tmp_path: Path
) -> None:
    site = make_site(AESPO_FILES=str(tmp_path))
    database, queue, store = site.context.require_database(), site.context.require_adapters().queue, Storage(tmp_path)
    worker = Worker(database, adapters.Adapters(store, Letters(), queue))
    gone, there = signed_up(site), signed_up(site)
    work(site)
    prefix = adapters.objects.key(gone.tenant_id)
    gone.owner.post("/settings/delete", slug=gone.slug, password=PASSWORD)
    store.put(f"{prefix}/left", io.BytesIO(b"what could not be deleted at once"))
    store.put(adapters.objects.key(there.tenant_id, "kept"), io.BytesIO())
    with database.nobody() as connection:
        queue.put(json.dumps({"files_of": there.tenant_id}), connection)
    store.fails = 1
    assert worker.step()
    assert store.get(f"{prefix}/left"), "storage was down"
    show_again(site)
    assert worker.step(), "the message came again"
    assert store.delete_below(prefix) == 0
    assert store.get(adapters.objects.key(there.tenant_id, "kept")) == b"", "a workspace that is there keeps its files"


def test_the_address_of_a_deleted_workspace_is_nobody_s_for_a_while(site: Aespo) -> None:
    gone = signed_up(site, slug="short-lived")
    gone.owner.post("/settings/delete", slug=gone.slug, password=PASSWORD)
    form = {"workspace": "Taker", "slug": gone.slug, "name": "T", "email": "t@example.com", "password": PASSWORD}
    assert "This address is taken." in Browser(site).post("/signup", **form).text
