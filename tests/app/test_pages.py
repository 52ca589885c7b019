"""Work in a workspace through its pages: notes, tasks, the team, and two who write at once."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from workspaces import Founded, version_of


def test_a_note_is_written_shown_changed_found_and_deleted(acme: Founded) -> None:
    note = acme.note("Harbour rules", "Boats **left** of the pier.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    page = acme.owner.get(f"/notes/{note}").text
    assert "<strong>left</strong>" in page
    assert "<td>1</td>" in page
    version = version_of(acme.owner, f"/notes/{note}/edit")
    assert (
        acme.owner.post(f"/notes/{note}", title="Harbour rules", body="Boats right.", version=version).status_code
        == 303
    )
    found = acme.owner.get("/notes?q=boat").text
    assert "<mark>Boats</mark> right" in found
    assert "Welcome" not in found
    assert acme.owner.post(f"/notes/{note}/delete").status_code == 303
    assert acme.owner.get(f"/notes/{note}").status_code == 404
    activity = acme.owner.get("/activity").text
    for action in ("wrote", "changed", "deleted"):
        assert f"{action} note “Harbour rules”" in activity


def test_what_a_search_finds_is_shown_without_its_marks(acme: Founded) -> None:
    acme.note("Tides", "## High water\n\n| day | tide |\n|---|---|\n| Monday | **high** <b> |\n")
    found = acme.owner.get("/notes?q=high").text
    assert "<mark>High</mark> water day tide Monday <mark>high</mark><" in found


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "<a href='javascript:1'>x</a>",
        "![x](https://tracker.example/x.png)",
        "<javascript:alert(1)>",
        '[x](https://a.example "onmouseover=alert(1)")',
        "<svg/onload=alert(1)>",
        "<style>*{display:none}</style>",
        "<form action=https://evil.example><input name=password></form>",
    ],
)
def test_a_note_shows_and_does_nothing_else(acme: Founded, body: str) -> None:
    article = (
        acme.owner.get(f"/notes/{acme.note('Bad', body)}").text.partition("<article")[2].partition("</article>")[0]
    )
    parser = Elements()
    parser.feed(f"<article{article}")
    assert {tag for tag, _ in parser.found} <= {"article", "p", "a"}
    for tag, attributes in parser.found:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attributes), tag
        assert attributes.get("href", "https://").startswith("https://")


class Elements(HTMLParser):
    """The elements of a page, as a browser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def test_whoever_saves_second_sees_both_and_decides(acme: Founded) -> None:
    note = acme.note("Plan", "First.")
    version = version_of(acme.owner, f"/notes/{note}/edit")
    bo = acme.joined()
    assert bo.post(f"/notes/{note}", title="Plan", body="From **Bo**.", version=version).status_code == 303
    conflict = acme.owner.post(f"/notes/{note}", title="Plan", body="From Ana.", version=version)
    assert conflict.status_code == 409
    assert "Bo Berg changed this note" in conflict.text
    assert "From Ana." in conflict.text
    assert "From <strong>Bo</strong>." in conflict.text
    assert "Bo" in acme.owner.get(f"/notes/{note}").text, "nothing was overwritten"
    assert acme.owner.post(f"/notes/{note}", title="Plan", body="From Ana.", version="2").status_code == 303
    assert "From Ana." in acme.owner.get(f"/notes/{note}").text


def test_a_task_is_added_given_moved_and_finished(acme: Founded) -> None:
    bo = acme.joined(name="Bo Berg")
    person = acme.owner.get("/tasks").text.split(">Bo Berg</option>")[0].rpartition('value="')[2].rstrip('"')
    task = acme.task("Paint the boat", assignee=person, due="2026-01-31")
    assert "Paint the boat" in bo.get("/").text, "it waits for Bo"
    assert "due 31 Jan" in bo.get("/tasks?mine=1").text
    assert "Paint the boat" not in acme.owner.get("/tasks?mine=1").text
    form = {"title": "Paint the boat", "state": "doing", "assignee": person, "due": "", "detail": "Blue."}
    assert bo.post(f"/tasks/{task}", **form, version="1").status_code == 303
    assert "under way" in acme.owner.get("/tasks").text
    assert bo.post(f"/tasks/{task}/state", state="done", version="2", back="/").headers["Location"] == "/"
    assert "Paint the boat" not in bo.get("/").text
    assert acme.owner.post(f"/tasks/{task}/delete").status_code == 303
    assert acme.owner.get(f"/tasks/{task}").status_code == 404


def test_a_task_that_somebody_else_changed_is_not_overwritten(acme: Founded) -> None:
    task = acme.task("Ring the bell")
    form = {"title": "Ring the bell", "state": "open", "assignee": "", "due": ""}
    assert acme.owner.post(f"/tasks/{task}", **form, detail="Once.", version="1").status_code == 303
    late = acme.owner.post(f"/tasks/{task}", **form, detail="Twice.", version="1")
    assert late.status_code == 409
    assert "Once." in late.text
    assert "Twice." in late.text
    assert acme.owner.post(f"/tasks/{task}/state", state="done", version="1").status_code == 409


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("/notes", {"title": "", "body": "Kept."}, "Please fill this in."),
        ("/notes", {"title": "x" * 201, "body": "Kept."}, "Use at most 200 characters."),
        ("/tasks", {"title": "Kept.", "due": "tomorrow"}, "This is not a date"),
        ("/tasks", {"title": "Kept.", "assignee": "nobody"}, "There is no such member."),
        ("/team/invites", {"email": "Kept."}, "does not look like an e-mail address"),
        ("/team/invites", {"email": "kept.@example.com", "role": "king"}, "Choose one of the values offered."),
    ],
)
def test_a_form_that_cannot_be_taken_comes_back_as_it_was(
    acme: Founded, path: str, form: dict[str, str], said: str
) -> None:
    answer = acme.owner.post(path, **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert "ept." in answer.text


def test_an_invitation_brings_one_person_in(acme: Founded) -> None:
    page = acme.owner.post("/team/invites", email="Cy@Example.com", role="reader").text
    link = page.partition("/join?token=")[2].partition("<")[0]
    assert link in acme.owner.get("/outbox").text
    guest = acme.owner.new()
    assert "asks you in, as cy@example.com" in guest.get(f"/join?token={link}").text
    assert guest.post("/join", token=link, name="Cy", password="too short").status_code == 422
    assert guest.post("/join", token=link, name="Cy", password="long enough").status_code == 303
    assert guest.get("/notes").status_code == 200
    assert guest.new().get(f"/join?token={link}").status_code == 404
    assert guest.new().post("/join", token=link, name="Eve", password="eves password").status_code == 404
    assert acme.owner.post("/team/invites", email="cy@example.com").status_code == 422


def test_a_reader_reads_and_a_member_does_not_run_the_workspace(acme: Founded) -> None:
    note = acme.note()
    reader, member = acme.joined("reader"), acme.joined("member")
    assert reader.get(f"/notes/{note}").status_code == 200
    assert "Delete this note" not in reader.get(f"/notes/{note}").text
    for path in ("/notes", f"/notes/{note}", f"/notes/{note}/delete", "/tasks"):
        assert reader.post(path, title="x", version="1").status_code == 403
    assert member.post("/notes", title="x").status_code == 303
    for path in ("/team/invites", "/tokens"):
        assert member.post(path, email="x@example.com", name="x").status_code == 403
    assert member.get("/outbox").status_code == 404


def test_whoever_is_removed_is_out_at_once_and_what_they_wrote_stays(acme: Founded) -> None:
    bo = acme.joined(name="Bo Berg")
    bo.post("/notes", title="From Bo")
    person = acme.owner.get("/team").text.partition("Bo Berg</strong>")[2].partition("/team/")[2].partition("/role")[0]
    assert acme.owner.post(f"/team/{person}/remove").status_code == 303
    assert bo.get("/notes").headers["Location"] == "/login?next=/notes"
    assert "From Bo" in acme.owner.get("/notes").text


def test_a_workspace_keeps_an_owner(acme: Founded) -> None:
    me = acme.owner.get("/team").text.partition("/team/")[2]
    me = acme.owner.get("/team").text.partition('tag">you')[2].partition("/team/")[2].partition("/role")[0] or me
    for path, form in ((f"/team/{me}/remove", {}), (f"/team/{me}/role", {"role": "reader"})):
        answer = acme.owner.post(path, **form)
        assert answer.status_code == 409
        assert "needs an owner" in answer.text


@pytest.mark.parametrize("path", ["/", "/notes", "/tasks", "/team", "/tokens", "/activity", "/outbox", "/notes/new"])
def test_nobody_gets_in_without_signing_in(acme: Founded, path: str) -> None:
    answer = acme.owner.new().get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")


def test_pages_go_on_where_the_one_before_ended(acme: Founded) -> None:
    for number in range(33):
        acme.note(f"Note {number:02}")
    first = acme.owner.get("/notes").text
    behind = first.partition("/notes?after=")[2].partition('"')[0]
    second = acme.owner.get(f"/notes?after={behind}").text
    for number in range(33):
        assert (f"Note {number:02}" in first) != (f"Note {number:02}" in second)
    assert acme.owner.get("/notes?after=nonsense").status_code == 422
