"""A walk through the pages in Chromium: sign up, write, invite, reach the limit, export, delete. No page runs a script.

With AESPO_PICTURES naming a folder, it leaves the pictures there that the documents show.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from sqlalchemy import text
from werkzeug.serving import make_server
from workspaces import PASSWORD, signed_up, work

from aespo.plans import PLANS
from aespo.web import Aespo

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
]

SHOWN = ("front", "home", "note", "usage", "phone")
"""The pictures that the documents show."""

pytestmark = pytest.mark.needs("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def server(make_site: Callable[..., Aespo]) -> Iterator[tuple[Aespo, str]]:
    site = make_site()
    running = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield site, f"http://localhost:{running.port}"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def chromium() -> Iterator[Any]:
    with sync_playwright() as it:
        browser = it.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def picture(page: Any, name: str) -> None:
    """Keep a picture, where the documents want it; see that nothing sticks out to the side in any case."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
    folder = os.environ.get("AESPO_PICTURES")
    if folder and name in SHOWN:
        page.screenshot(path=str(Path(folder, f"{name}.png")))


def fill_up(site: Aespo, slug: str) -> None:
    """Bring a workspace one note below its limit."""
    database = site.context.require_database()
    with database.without_tenant() as connection:
        tenant_id = connection.scalar(text("SELECT tenant_id FROM directory WHERE slug = :slug"), {"slug": slug})
    statement = """
        INSERT INTO notes (tenant_id, id, title, body, created_by, updated_by, updated_at)
        SELECT tenant_id, 'filled' || n, 'Log of day ' || n, 'Calm.', id, id, now() - n * interval '1 hour'
        FROM members, generate_series(1, :count) n LIMIT :count
    """
    with database.tenant(int(tenant_id)) as connection:
        held = connection.execute(text("SELECT notes + tasks + attachments FROM usage_totals")).scalar_one()
        connection.execute(text(statement), {"count": PLANS["trial"].rows - held - 1})


def test_from_the_sign_up_to_the_deletion(server: tuple[Aespo, str], chromium: Any) -> None:
    site, base = server
    page, complaints = chromium.new_context(viewport={"width": 1200, "height": 800}).new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)

    page.goto(base)
    picture(page, "front")
    page.click("text=Start a workspace")
    person = {"workspace": "Harbour", "name": "Ana Lima", "email": "ana@example.com", "password": PASSWORD}
    for field, value in person.items():
        page.fill(f"#{field}", value)
    page.click("text=Create the workspace")
    assert page.url == f"{base.replace('localhost', 'harbour.localhost')}/"
    picture(page, "home")
    home = page.url.rstrip("/")

    page.click("text=Notes")
    page.click("text=Write a note")
    page.fill("#title", "Tide table")
    page.fill("#body", "## High water\n\n| day | first | second |\n|---|---|---|\n| Monday | 03:12 | 15:40 |\n")
    page.click("text=Write it down")
    assert page.text_content("h1") == "Tide table"
    assert page.locator("article td").count() == 3
    picture(page, "note")
    assert not page.is_visible("text=Yes, delete")
    page.click("text=Delete this note")
    assert page.is_visible("text=The note is gone for good.")

    page.click("nav >> text=Tasks")
    page.click("summary")
    page.fill("#title", "Oil the lock")
    page.select_option("#assignee", label="Ana Lima")
    page.click("text=Add it")
    picture(page, "tasks")
    page.click("button[title=Done] >> nth=0")
    assert page.locator(".tick.on").count() == 2

    page.click("nav >> text=Team")
    page.fill("#email", "bo@example.com")
    page.click("text=Send the invitation")
    link = page.text_content(".secret")
    picture(page, "team")
    page.click("text=Leave")
    assert page.is_visible("text=You can no longer come in. What you wrote stays.")
    guest = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", is_mobile=True).new_page()
    guest.goto(link)
    guest.fill("#name", "Bo Berg")
    guest.fill("#password", PASSWORD)
    guest.click("main button")
    assert "Hello Bo" in guest.text_content("h1")
    picture(guest, "phone")
    for path in ("/notes", "/tasks", "/team", "/usage", "/settings", "/activity"):
        guest.goto(home + path)
        picture(guest, f"phone{path.replace('/', '-')}")

    fill_up(site, "harbour")
    for title in ("The last one", "One too many"):
        page.click("nav >> text=Notes")
        page.click("text=Write a note")
        page.fill("#title", title)
        page.click("text=Write it down")
    assert "Limit reached" in page.text_content("h1")
    page.click("nav >> text=Usage")
    picture(page, "usage")

    page.click("nav >> text=Settings")
    page.click("text=Build an export")
    work(site)
    page.reload()
    with page.expect_download() as download:
        page.click("text=Download the export")
    assert download.value.suggested_filename == "harbour-export.zip"
    page.fill("#slug", "harbour")
    page.fill("#password", PASSWORD)
    page.click("text=Delete Harbour")
    assert page.text_content("h1") == "Harbour is deleted"
    picture(page, "deleted")
    assert guest.goto(f"{home}/notes").status == 404
    assert complaints == []


def test_axe_finds_nothing_wrong_in_light_and_dark(server: tuple[Aespo, str], chromium: Any) -> None:
    axe = Axe()
    site, base = server
    owner = signed_up(site, workspace="Harbour")
    note = owner.note("Packing", "# Before the tide\n\n- [ ] rope\n- [x] anchor\n  - [ ] chain\n")
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page, home = context.new_page(), base.replace("localhost", owner.host)
    page.goto(f"{home}/login")
    page.fill("#email", owner.email)
    page.fill("#password", PASSWORD)
    page.click("main button")
    pages = [base + path for path in ("/", "/prices", "/signup")]
    pages += [
        home + path for path in ("/", "/notes", f"/notes/{note}", f"/notes/{note}/edit", "/tasks", "/team", "/usage")
    ]
    for url in pages:
        page.goto(url)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page).response["violations"]
            assert [(item["id"], item["impact"], item["nodes"][0]["html"]) for item in found] == [], (url, scheme)
        picture(page, url)
    page.goto(f"{home}/notes/{note}")
    page.focus("button.box >> nth=0")
    page.keyboard.press("Space")
    page.wait_for_url("**#line-2")
    assert page.get_attribute("#line-2", "aria-checked") == "true"
