"""The JSON API: reading, writing, versions, pages, problems, and schemathesis against its own description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from werkzeug.test import Client, TestResponse
from workspaces import Founded, change, give_plan

from aespo.web import Aespo


@dataclass
class Program:
    """A program with a token, at a host."""

    site: Aespo
    host: str
    token: str = ""

    def ask(self, method: str, path: str, json: Any = None, **headers: str) -> TestResponse:
        told = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.site).open(
            f"/api/v1{path}", base_url=f"http://{self.host}", method=method, json=json, headers=told
        )


@pytest.fixture
def program(acme: Founded) -> Program:
    return Program(acme.owner.site, acme.host, acme.token())


def test_a_note_s_way(program: Program) -> None:
    made = program.ask("POST", "/notes", {"title": "From afar", "body": "By *program*."})
    assert (made.status_code, made.headers["ETag"]) == (201, '"v1"')
    path = made.headers["Location"].removeprefix("/api/v1")
    read = program.ask("GET", path)
    assert read.json == made.json
    assert program.ask("GET", path, If_None_Match='"v1"').status_code == 304
    changed = program.ask("PUT", path, {"title": "From near"}, If_Match='"v1"')
    assert (changed.status_code, changed.headers["ETag"], changed.json["body"]) == (200, '"v2"', "")
    assert program.ask("PUT", path, {"title": "Late"}, If_Match='"v1"').status_code == 412
    assert program.ask("PUT", path, {"title": "Blind"}).status_code == 428
    assert program.ask("DELETE", path, If_Match='"v1"').status_code == 412
    assert program.ask("DELETE", path, If_Match='"v2"').status_code == 204
    assert program.ask("GET", path).status_code == 404


def test_a_task_s_way(program: Program) -> None:
    me = program.ask("GET", "/members").json["items"][0]["id"]
    made = program.ask("POST", "/tasks", {"title": "Sail", "assignee": me, "due": "2026-12-01"})
    assert (made.status_code, made.json["state"], made.json["due"]) == (201, "open", "2026-12-01")
    path = f"/tasks/{made.json['id']}"
    done = program.ask("PUT", path, {"title": "Sail", "state": "done"}, If_Match=made.headers["ETag"])
    assert (done.json["state"], done.json["assignee"]) == ("done", None)
    found = program.ask("GET", "/tasks?state=done").json["items"]
    assert made.json["id"] in [item["id"] for item in found]
    assert program.ask("DELETE", path, If_Match='"v2"').status_code == 204


def test_pages_have_everything_once(program: Program) -> None:
    written = {program.ask("POST", "/notes", {"title": f"{number}"}).json["id"] for number in range(12)}
    seen: list[str] = []
    after = ""
    while True:
        page = program.ask("GET", f"/notes?limit=5&after={after}").json
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 14, "the two of the sample are among them"
    assert written < set(seen)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "٣", "1.0", "000000001000000", "000000001" + "9" * 5000])
def test_no_page_is_larger_than_a_hundred(program: Program, limit: str) -> None:
    answer = program.ask("GET", f"/notes?limit={limit}")
    assert (answer.status_code, answer.json["fields"]) == (422, {"limit": "Between 1 and 100."})


def test_a_search_finds_words(program: Program) -> None:
    program.ask("POST", "/notes", {"title": "Anchors", "body": "They hold ships."})
    assert [item["title"] for item in program.ask("GET", "/notes?q=ship").json["items"]] == ["Anchors"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "title"),
        ({"title": 7}, "title"),
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"title": None}, "title"),
        ({"title": "x", "body": None}, "body"),
        ({"title": "a\0b"}, "title"),
        ({"title": "x", "colour": "red"}, "colour"),
        ([], "body"),
    ],
)
def test_input_that_cannot_be_taken_names_the_field(program: Program, content: Any, field: str) -> None:
    answer = program.ask("POST", "/notes", content)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert field in answer.json["fields"]


def test_what_is_no_json_is_said(program: Program) -> None:
    for data in (b"", b"{", b'"\\ud800"', b"[" * 100_000, b'{"title": "\xff"}'):
        answer = Client(program.site).post(
            "/api/v1/notes",
            base_url=f"http://{program.host}",
            data=data,
            headers={"Authorization": f"Bearer {program.token}"},
        )
        assert answer.status_code == 422, data[:20]


def test_a_token_that_reads_does_not_write(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token("read"))
    assert program.ask("GET", "/notes").status_code == 200
    assert program.ask("POST", "/notes", {"title": "x"}).status_code == 403


def test_without_a_token_nothing_is_told(acme: Founded) -> None:
    for token in ("", "aespo_wrong", "x" * 5000):
        answer = Program(acme.owner.site, acme.host, token).ask("GET", "/notes")
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert acme.owner.get("/api/v1/notes").status_code == 401, "a session is for pages"


def test_a_revoked_token_is_none(acme: Founded, program: Program) -> None:
    assert program.ask("GET", "/usage").status_code == 200
    token_id = acme.owner.get("/tokens").text.partition("/tokens/")[2].partition("/")[0]
    acme.owner.post(f"/tokens/{token_id}/revoke")
    assert program.ask("GET", "/usage").status_code == 401


def test_the_answers_are_those_of_the_description(acme: Founded) -> None:
    """schemathesis, with the plan's limits out of its way."""
    give_plan(acme, "company")
    token, site = acme.token(), acme.owner.site
    document = Client(site).get("/api/v1/openapi.json", base_url=f"http://{acme.host}").json

    def at_host(environ: dict[str, Any], start_response: Any) -> Any:
        return site(environ | {"HTTP_HOST": acme.host}, start_response)

    schema = schemathesis.openapi.from_dict(document)
    schema.app = at_host
    seen: set[int] = set()
    for operation in schema.get_all_operations():
        _try(operation.ok().as_strategy(), token, seen)
    assert {200, 201, 404, 422} <= seen
    assert not any(status >= 500 for status in seen)


def _try(strategy: Any, token: str, seen: set[int]) -> None:
    headers = {"Authorization": f"Bearer {token}"}

    @given(case=strategy)
    @settings(max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        # What fits the description may still be refused: a page that there is not, a title of spaces.
        answer = case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
        seen.add(answer.status_code)

    check()


def test_a_token_tells_when_it_was_used(acme: Founded) -> None:
    program = Program(acme.owner.site, acme.host, acme.token())
    assert "never used" in acme.owner.get("/tokens").text
    assert program.ask("GET", "/notes/000000000000").status_code == 404
    assert "never used" in acme.owner.get("/tokens").text
    for _ in range(2):
        program.ask("GET", "/notes")
        assert "used today" in acme.owner.get("/tokens").text
    change(acme, "UPDATE api_tokens SET used_on = current_date - 9")
    assert "used today" not in acme.owner.get("/tokens").text
    program.ask("GET", "/notes")
    assert "used today" in acme.owner.get("/tokens").text
