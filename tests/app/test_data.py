"""A workspace as a whole: its files, exports, and a deletion that leaves nothing."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from flask import g
from sqlalchemy import text
from test_jobs import Letters, show_again
from test_workspace_api import Program
from workspaces import PASSWORD, Browser, Founded, attach, change, end_trial, exported, file_of, signed_up, work

from aespo import adapters
from aespo.adapters.objects import FolderObjects, Objects
from aespo.adapters.table_objects import TableObjects
from aespo.db.schema import TENANT_TABLES
from aespo.web import Aespo
from aespo.worker import Worker


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
    g.request_context.after.clear()
    return answer


def test_a_file_is_there_for_every_release_and_instance(make_site: Callable[..., Aespo], acme: Founded) -> None:
    """Each has a folder of its own; what they share is the database."""
    assert isinstance(acme.owner.site.context.require_adapters().objects, TableObjects)
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


def keeping(site: Aespo, store: Objects) -> Aespo:
    """The same application with another storage."""
    around = site.context.require_adapters()
    return Aespo(replace(site.context, adapters=replace(around, objects=store)))


def test_others_write_while_storage_is_slow(acme: Founded) -> None:
    site, note = acme.owner.site, acme.note()
    colleague = Founded(acme.slug, acme.joined(), "")

    class Slow(TableObjects):
        def put(self, key: str, content: BinaryIO) -> None:
            colleague.note("Meanwhile")
            super().put(key, content)

    acme.owner.client.application = keeping(site, Slow(site.context.require_database()))
    assert attach(acme, note, "a.txt", b"a").status_code == 303


def test_a_file_that_storage_does_not_confirm_is_not_kept(acme: Founded) -> None:
    site = acme.owner.site
    around, note = site.context.require_adapters(), acme.note()

    class Silent(TableObjects):
        def put(self, key: str, content: BinaryIO) -> None:
            super().put(key, content)
            raise ConnectionError

    acme.owner.client.application = keeping(site, Silent(site.context.require_database()))
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
    with database.without_tenant() as connection:
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
    worker = Worker(database, adapters.Adapters(store, Letters(), queue, queue))
    gone, there = signed_up(site), signed_up(site)
    work(site)
    prefix = adapters.objects.key(gone.tenant_id)
    gone.owner.post("/settings/delete", slug=gone.slug, password=PASSWORD)
    store.put(f"{prefix}/left", io.BytesIO(b"what could not be deleted at once"))
    store.put(adapters.objects.key(there.tenant_id, "kept"), io.BytesIO())
    with database.without_tenant() as connection:
        queue.put(json.dumps({"files_of": there.tenant_id}), connection, there.tenant_id)
    store.fails = 1
    while worker.step(queue):  # whatever other tests have left, too
        pass
    assert store.get(f"{prefix}/left"), "storage was down"
    show_again(site)
    while worker.step(queue):  # the message comes again
        pass
    assert store.delete_below(prefix) == 0
    assert store.get(adapters.objects.key(there.tenant_id, "kept")) == b"", "a workspace that is there keeps its files"


def test_the_address_of_a_deleted_workspace_is_nobody_s_for_a_while(site: Aespo) -> None:
    gone = signed_up(site, slug="short-lived")
    gone.owner.post("/settings/delete", slug=gone.slug, password=PASSWORD)
    form = {"workspace": "Taker", "slug": gone.slug, "name": "T", "email": "t@example.com", "password": PASSWORD}
    assert "This address is taken." in Browser(site).post("/signup", **form).text
