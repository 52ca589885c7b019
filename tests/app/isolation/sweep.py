"""Everything that somebody in one workspace can try to see of another one."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from test_workspace_api import Program
from werkzeug.test import TestResponse
from workspaces import Browser, Founded, attach, file_of, signed_up, work

from aespo.web import Aespo

CANARY = "kanarienvogel"
"""A word that only the victim's rows have."""
UNKNOWN = "000000000000"
LISTS = ("/", "/notes", "/tasks", "/team", "/tokens", "/activity", "/outbox", "/usage", "/settings")
FORM = {
    "title": "Taken",
    "body": "Taken",
    "version": "1",
    "state": "done",
    "role": "reader",
    "slug": "x",
    "password": "x",
}


@dataclass
class Victim:
    """A workspace with a row of each kind, each with the canary, and the ids of them."""

    founded: Founded
    ids: dict[str, str]
    place: str
    """Where its second page of notes begins."""


def victim(site: Aespo) -> Victim:
    it = signed_up(site, workspace=f"The {CANARY}")
    note = it.note(f"{CANARY} note", f"A {CANARY} sings.")
    for number in range(3):
        it.note(f"{CANARY} {number}")
    attach(it, note, f"{CANARY}.txt", CANARY.encode())
    ids = {"note_id": note, "task_id": it.task(f"{CANARY} task"), "file_id": file_of(it, note)}
    it.owner.post("/team/invites", email=f"{CANARY}@example.com")
    it.owner.post("/tokens", name=CANARY)
    it.owner.post("/export")
    work(site)
    pages = {path: it.owner.get(path).text for path in ("/team", "/tokens", "/settings")}
    for name, pattern, path in (
        ("invite_id", r"/team/invites/(\w+)/withdraw", "/team"),
        ("member_id", r"/team/(\w{12})/role", "/team"),
        ("token_id", r"/tokens/(\w+)/revoke", "/tokens"),
        ("job_id", r"/exports/(\w+)", "/settings"),
    ):
        ids[name] = re.search(pattern, pages[path])[1]  # type: ignore[index]
    place = Program(site, it.host, it.token()).ask("GET", "/notes?limit=1").json["next"]
    return Victim(it, ids, place)


def routes(site: Aespo) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each verb and route of a workspace that takes an id, and the names of what it takes; first those that read."""
    found = [
        (verb, rule) for rule in site.workspace.url_map.iter_rules() for verb in rule.methods or () if rule.arguments
    ]
    for verb, rule in sorted(found, key=lambda item: (item[0] not in ("GET", "HEAD"), item[1].rule, item[0])):
        yield verb, re.sub(r"<([^>]+)>", r"{\1}", rule.rule), tuple(sorted(rule.arguments))


def seen(answer: TestResponse) -> tuple[object, ...]:
    """All that a client sees of an answer."""
    return answer.status_code, sorted((name, value) for name, value in answer.headers), answer.data


def leaks(site: Aespo, prey: Victim, intruder: Founded) -> set[str]:
    """By which ways the intruder sees that the victim's rows exist."""
    token = intruder.token()
    found = {f"list {path}" for path in LISTS if CANARY in intruder.owner.get(path).text}
    program = Program(site, intruder.host, token)
    if f"{CANARY} note" in intruder.owner.get(f"/notes?q={CANARY}").text:
        found.add("search")
    if CANARY in program.ask("GET", f"/notes?q={CANARY}").text:
        found.add("search of the API")
    if CANARY in program.ask("GET", f"/notes?limit=100&after={prey.place}").text:
        found.add("paging")
    if CANARY in program.ask("GET", "/members").text + program.ask("GET", "/tasks").text:
        found.add("lists of the API")
    for verb, route, names in routes(site):
        headers = {"If-Match": '"v1"', "If-None-Match": '"v1"'} if route.startswith("/api") else {}
        theirs = _ask(intruder, token, verb, route.format(**prey.ids, id=""), headers)
        nobodys = _ask(intruder, token, verb, route.format(**dict.fromkeys(names, UNKNOWN)), headers)
        if seen(theirs) != seen(nobodys) or CANARY.encode() in theirs.data:
            found.add(f"{verb} {route}")
    return found


def _ask(intruder: Founded, token: str, verb: str, path: str, headers: dict[str, str]) -> TestResponse:
    browser: Browser = intruder.owner
    told = {"Origin": f"http://{intruder.host}", **headers}
    json = {"title": "Taken"} if path.startswith("/api") else None
    if json:
        told["Authorization"] = f"Bearer {token}"
    return browser.client.open(
        path, base_url=f"http://{intruder.host}", method=verb, headers=told, json=json, data=None if json else FORM
    )


def exported(founded: Founded) -> bytes:
    """All that an export of a workspace has."""
    founded.owner.post("/export")
    work(founded.owner.site)
    path = re.search(r"/exports/\w+", founded.owner.get("/settings").text)[0]  # type: ignore[index]
    archive = zipfile.ZipFile(io.BytesIO(founded.owner.get(path).data))
    return b"".join(archive.read(name) for name in archive.namelist())
