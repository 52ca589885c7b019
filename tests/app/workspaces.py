"""People at browsers, and the workspaces that they found."""

from __future__ import annotations

import io
import itertools
import os
import re
import zipfile
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text
from werkzeug.test import Client, TestResponse

from aespo.web import Aespo
from aespo.worker import Worker

APEX = "localhost"
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@dataclass
class Browser:
    """Somebody at one host of the application, with cookies, as a browser sends its forms."""

    site: Aespo
    host: str = APEX
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.site)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, base_url=f"http://{self.host}", headers=headers)

    def post(self, path: str, _headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        headers = {"Origin": f"http://{self.host}", **(_headers or {})}
        return self.client.post(path, base_url=f"http://{self.host}", data=form, headers=headers)

    def follow(self, answer: TestResponse) -> TestResponse:
        """The page that a redirect leads to; another host's is visited there."""
        assert answer.status_code == 303, answer.text
        target = urlsplit(answer.headers["Location"])
        self.host = target.netloc or self.host
        return self.get(f"{target.path}?{target.query}" if target.query else target.path)

    def new(self, host: str | None = None) -> Browser:
        """Another browser, without cookies."""
        return Browser(self.site, host or self.host)


@dataclass
class Founded:
    """A workspace, and its owner at a browser."""

    slug: str
    owner: Browser
    email: str

    @property
    def host(self) -> str:
        return f"{self.slug}.{APEX}"

    @property
    def tenant_id(self) -> int:
        database = self.owner.site.context.require_database()
        with database.without_tenant() as connection:
            return int(
                connection.exec_driver_sql("SELECT tenant_id FROM directory WHERE slug = %s", (self.slug,)).scalar()
            )

    def note(self, title: str = "A note", body: str = "Its text.") -> str:
        """Write a note; its id."""
        answer = self.owner.post("/notes", title=title, body=body)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def task(self, title: str = "A task", **more: str) -> str:
        """Add a task; its id."""
        assert self.owner.post("/tasks", title=title, **more).status_code == 303
        found = re.findall(r'href="/tasks/(\w+)">' + re.escape(title) + "<", self.owner.get("/tasks").text)
        return str(found[-1])

    def token(self, scope: str = "write") -> str:
        """Make an API token."""
        page = self.owner.post("/tokens", name=f"For {scope}", scope=scope).text
        return re.search(r"aespo_[\w-]+", page)[0]  # type: ignore[index]

    def joined(self, role: str = "member", name: str = "Bo Berg") -> Browser:
        """Somebody who was asked in and came."""
        page = self.owner.post("/team/invites", email=f"{role}-{next(_numbers)}@example.com", role=role).text
        token = re.search(r"/join\?token=([\w-]+)", page)[1]  # type: ignore[index]
        guest = self.owner.new()
        answer = guest.post("/join", token=token, name=name, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return guest


def signed_up(site: Aespo, slug: str = "", workspace: str = "Acme", **more: str) -> Founded:
    """A new workspace."""
    slug = slug or f"t{os.getpid()}-{next(_numbers)}"
    browser = Browser(site)
    email = more.pop("email", f"ana@{slug}.example")
    form = {"workspace": workspace, "slug": slug, "name": "Ana Lima", "email": email, "password": PASSWORD} | more
    arrival = browser.follow(browser.post("/signup", **form))
    assert browser.follow(arrival).status_code == 200
    return Founded(slug, browser, email)


def version_of(browser: Browser, path: str) -> str:
    """The version that a page's form carries."""
    return re.search(r'name="version" value="(\d+)"', browser.get(path).text)[1]  # type: ignore[index]


def give_plan(founded: Founded, plan: str) -> None:
    """Put a workspace on another plan, and end its trial."""
    change(founded, "UPDATE tenants SET plan = :plan, trial_ends_at = NULL", plan=plan)


def end_trial(founded: Founded) -> None:
    """Let a workspace's trial be over since yesterday."""
    change(founded, "UPDATE tenants SET trial_ends_at = now() - interval '1 day'")


def fill(founded: Founded, count: int) -> None:
    """Write many notes at once."""
    statement = """
        INSERT INTO notes (tenant_id, id, title, body, created_by, updated_by)
        SELECT tenant_id, 'filled' || n, 'Filled', '', id, id FROM members, generate_series(1, :count) n LIMIT :count
    """
    with founded.owner.site.context.require_database().tenant(founded.tenant_id) as connection:
        connection.execute(text(statement), {"count": count})


def change(founded: Founded, statement: str, **values: Any) -> None:
    """Change something of a workspace behind the application's back."""
    with founded.owner.site.context.require_database().tenant(founded.tenant_id) as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def work(site: Aespo, mail: Any = None) -> int:
    """Let a worker do what waits."""
    context = site.context
    around = context.require_adapters()
    if mail is not None:
        around = replace(around, mail=mail)
    worker, done = Worker(context.require_database(), around), 0
    while count := worker.step(around.mail_queue) + worker.step(around.queue):
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
