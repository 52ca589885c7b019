"""What other sites and hostile texts try in the browser: forms sent from elsewhere, scripts, SQL, NUL, cookies, links.

Routes and forms are taken from the URL map: a new page is tried as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from workspaces import Founded

from aespo.web import Aespo

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "[x](javascript:alert(1))",
    "{{7*7}}${7*7}",
    "\u2028</textarea><script>",
)
INJECTED = ("'", "' OR 1=1 --", "%' UNION SELECT 1 --", "\\", "%", "_", "\0", "a\0b", "\ud800", "%00", "(", "* & | !")


def routes(site: Aespo, method: str) -> Iterator[str]:
    """The paths of a workspace that take a method, with ids that are nobody's."""
    for rule in site.workspace.url_map.iter_rules():
        if method in (rule.methods or ()):
            yield re.sub(r"<[^>]+>", "nothing", rule.rule)


def test_no_form_is_taken_from_another_site(site: Aespo, acme: Founded, globex: Founded) -> None:
    tried = [path for path in routes(site, "POST") if not path.startswith("/api/")]
    assert len(tried) >= 20
    for path in tried:
        for origin in (
            "https://evil.example",
            f"http://{globex.host}",
            "http://localhost",
            "null",
            "",
            f"http://{acme.host}.evil.example",
            f"https://{acme.host}",
        ):
            answer = acme.owner.post(path, {"Origin": origin})
            assert answer.status_code == 403, (path, origin)
        answer = acme.owner.post(path, {"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path
        answer = acme.owner.post(path, {"Sec-Fetch-Site": "same-site"})
        assert answer.status_code == 403, path


def test_a_session_is_no_key_to_the_api(site: Aespo, acme: Founded) -> None:
    tried = [path for path in routes(site, "GET") if path.startswith("/api/") and "openapi" not in path]
    assert tried
    for path in tried:
        assert acme.owner.get(path).status_code == 401, path


def test_no_text_of_anybody_becomes_markup(site: Aespo, acme: Founded) -> None:
    for text in HOSTILE:
        note = acme.note(title=text, body=text)
        acme.owner.post("/tasks", title=text, body=text)
        acme.owner.post(f"/notes/{note}", title=text, body=text, version="1")
    pages = [
        *(path for path in routes(site, "GET") if not path.startswith("/api/")),
        f"/notes/{note}",
        f"/notes/{note}/edit",
        *(f"/notes?q={text}" for text in HOSTILE),
    ]
    for path in pages:
        text = acme.owner.get(path).text
        assert "<script" not in text, path
        assert "<img src=x" not in text, path
        assert 'href="javascript:' not in text, path
        assert "49$49" not in text, path


@pytest.mark.parametrize("text", INJECTED)
def test_no_text_is_read_as_sql_nor_fails(acme: Founded, globex: Founded, text: str) -> None:
    globex.note(title="A secret of Globex")
    sent = text.encode("utf-8", "surrogatepass")
    for path in ("/notes", "/api/v1/notes"):
        bearer = {"Authorization": f"Bearer {acme.token()}"} if "api" in path else {}
        answer = acme.owner.client.get(
            path, base_url=f"http://{acme.host}", query_string={"q": sent, "after": sent, "state": sent}, headers=bearer
        )
        assert answer.status_code in (200, 422), (path, answer.status_code)
        assert "A secret of Globex" not in answer.text
    for form in ({"title": sent, "body": sent}, {"title": "x", "body": sent}):
        assert acme.owner.post("/notes", **form).status_code in (303, 422)
    assert acme.owner.new().post("/login", email=sent, password=sent).status_code in (422, 429)


def test_a_cookie_is_of_one_host_and_no_script_reads_it(acme: Founded, globex: Founded) -> None:
    cookie = acme.owner.client.get_cookie("aespo", domain=acme.host)
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.origin_only) == (True, "Lax", True)
    for name, value in (("aespo", cookie.value), ("__Host-aespo", cookie.value)):
        browser = globex.owner.new()
        browser.client.set_cookie(name, value, domain=globex.host)
        assert browser.get("/notes").status_code == 303, "the session is a row of one workspace"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie: a=b",
        "/\r\nX: y",
        "/\tx",
    ],
)
def test_after_signing_in_nobody_is_led_elsewhere(acme: Founded, target: str) -> None:
    browser = acme.owner.new()
    answer = browser.post("/login", email=acme.email, password="correct horse battery", next=target)
    assert answer.status_code == 303
    location = answer.headers["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "\n" not in location
    assert "X" not in answer.headers
