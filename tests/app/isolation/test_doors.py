"""Who is let in where: Hosts that are not what they seem, cookies and tokens at other workspaces, forged forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from test_workspace_api import Program
from werkzeug.test import Client
from workspaces import PASSWORD, Browser, Founded, signed_up

from aespo.development import Urls
from aespo.tokens import digest, new_id
from aespo.web import Aespo

Middleware = Callable[[Any], Any]


def as_it_is(site: Any) -> Any:
    return site


def trusts_what_proxies_say(site: Any) -> Any:
    """The mutant that takes X-Forwarded-Host for the Host."""

    def call(environ: dict[str, Any], start: Any) -> Any:
        return site(environ | {"HTTP_HOST": environ.get("HTTP_X_FORWARDED_HOST") or environ["HTTP_HOST"]}, start)

    return call


def folds_letters_first(site: Any) -> Any:
    """The mutant that lowers the Host before it looks for letters that are none of ASCII."""

    def call(environ: dict[str, Any], start: Any) -> Any:
        told = environ["HTTP_HOST"].encode("latin-1", "replace").decode("utf-8", "replace")
        return site(environ | {"HTTP_HOST": told.lower()}, start)

    return call


def takes_the_last_of_many(site: Any) -> Any:
    """The mutant that takes one of the Hosts that are named."""

    def call(environ: dict[str, Any], start: Any) -> Any:
        return site(environ | {"HTTP_HOST": environ["HTTP_HOST"].rpartition(",")[2].strip()}, start)

    return call


def takes_the_innermost_name(site: Any) -> Any:
    """The mutant that takes the label next to the site's own name, whatever stands before it."""

    def call(environ: dict[str, Any], start: Any) -> Any:
        return site(environ | {"HTTP_HOST": ".".join(environ["HTTP_HOST"].split(".")[-2:])}, start)

    return call


KELVIN = "\u212a".encode().decode("latin-1")
# {slug} is the workspace "kelvin-…" whose owner is signed in; none of these is its Host.
ATTACKS = [
    ({"HTTP_HOST": "nobody.localhost", "HTTP_X_FORWARDED_HOST": "{slug}.localhost"}, trusts_what_proxies_say),
    ({"HTTP_HOST": f"{KELVIN}{{rest}}.localhost"}, folds_letters_first),
    ({"HTTP_HOST": "nobody.localhost,{slug}.localhost"}, takes_the_last_of_many),
    ({"HTTP_HOST": "nobody.localhost, {slug}.localhost"}, takes_the_last_of_many),
    ({"HTTP_HOST": "x.{slug}.localhost"}, takes_the_innermost_name),
]


@pytest.mark.parametrize(("headers", "mutant"), ATTACKS)
@pytest.mark.parametrize("defended", [True, False], ids=["as it is", "mutant"])
def test_a_host_that_is_not_the_workspace_s_does_not_open_it(
    site: Aespo, headers: dict[str, str], mutant: Middleware, defended: bool
) -> None:
    acme = signed_up(site, slug=f"k{new_id()}", workspace="Kelvin")
    cookie = acme.owner.client.get_cookie("aespo", domain=acme.host)
    assert cookie is not None
    told = {name: value.format(slug=acme.slug, rest=acme.slug[1:]) for name, value in headers.items()}
    served = as_it_is(site) if defended else mutant(site)
    environ = told | {"HTTP_COOKIE": f"aespo={cookie.value}"}
    answer = Client(served, use_cookies=False).get("/", environ_overrides=environ)
    assert ("Hello Ana" in answer.text) is not defended
    if defended:
        assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "host",
    [
        "{slug}.localhost.evil.example",
        "{slug}.evil.example",
        "evil.example",
        "{slug}",
        "127.0.0.1",
        "[::1]",
        "localhost:80@{slug}.localhost",
        "{slug}.localhost:99999",
        "{slug}.localhost..",
        "{slug}..localhost",
        ".{slug}.localhost",
        "%61{slug}.localhost",
        "{slug}\t.localhost",
        "{slug}.localhost/",
        "{slug}_.localhost",
        "{slug}.localhost#",
        "http://{slug}.localhost",
        "a" * 300 + ".localhost",
        "",
    ],
)
def test_nor_does_any_other(site: Aespo, acme: Founded, host: str) -> None:
    cookie = acme.owner.client.get_cookie("aespo", domain=acme.host)
    environ = {"HTTP_HOST": host.format(slug=acme.slug), "HTTP_COOKIE": f"aespo={cookie.value}"}  # type: ignore[union-attr]
    answer = Client(site, use_cookies=False).get("/notes", environ_overrides=environ)
    assert answer.status_code in (400, 404)
    assert "Welcome to your island" not in answer.text


@pytest.mark.parametrize("host", ["{slug}.localhost", "{SLUG}.LOCALHOST", "{slug}.localhost.", "{slug}.localhost:8000"])
def test_the_same_host_written_otherwise_is_the_same(site: Aespo, acme: Founded, host: str) -> None:
    cookie = acme.owner.client.get_cookie("aespo", domain=acme.host)
    told = host.format(slug=acme.slug, SLUG=acme.slug.upper())
    environ = {"HTTP_HOST": told, "HTTP_COOKIE": f"aespo={cookie.value}"}  # type: ignore[union-attr]
    assert "Hello Ana" in Client(site, use_cookies=False).get("/", environ_overrides=environ).text


def test_a_session_is_none_in_another_workspace(site: Aespo, acme: Founded, globex: Founded) -> None:
    cookie = acme.owner.client.get_cookie("aespo", domain=acme.host)
    assert cookie is not None
    client = Client(site, use_cookies=False)
    for host, status in ((acme.host, 200), (globex.host, 303)):
        answer = client.get("/notes", base_url=f"http://{host}", headers={"Cookie": f"aespo={cookie.value}"})
        assert answer.status_code == status


@pytest.mark.parametrize(("role", "found"), [("aespo_app", 0), ("postgres", 1)], ids=["as it is", "without policies"])
def test_it_is_the_policy_that_hides_a_session(
    urls: Urls, acme: Founded, globex: Founded, role: str, found: int
) -> None:
    """The same statement, without any filter, by a role that policies apply to and by one that they do not."""
    cookie = acme.owner.client.get_cookie("aespo", domain=acme.host)
    with psycopg.connect(urls.superuser) as connection:
        connection.execute(f"SET LOCAL ROLE {role}")
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (str(globex.tenant_id),))
        token = digest(cookie.value)  # type: ignore[union-attr]
        cursor = connection.execute("SELECT 1 FROM sessions WHERE token_hash = %s", (token,))
        assert len(cursor.fetchall()) == found


def test_a_token_is_none_in_another_workspace(site: Aespo, acme: Founded, globex: Founded) -> None:
    token = acme.token()
    assert Program(site, acme.host, token).ask("GET", "/notes").status_code == 200
    assert Program(site, globex.host, token).ask("GET", "/notes").status_code == 401


def test_a_password_opens_one_workspace(site: Aespo) -> None:
    """The same person with the same password in two workspaces is two members."""
    one = signed_up(site, email="both@example.com")
    two = signed_up(site, email="both@example.com", password="quite another one")
    assert Browser(site, one.host).post("/login", email="both@example.com", password=PASSWORD).status_code == 303
    assert Browser(site, two.host).post("/login", email="both@example.com", password=PASSWORD).status_code == 422


@pytest.mark.parametrize("path", ["/notes", "/settings/delete", "/logout", "/team/invites"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://{other}"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_sibling_s_page_sends_a_form_here(
    acme: Founded, globex: Founded, path: str, headers: dict[str, str]
) -> None:
    told = {name: value.format(other=globex.host) for name, value in headers.items()}
    assert acme.owner.post(path, told, title="Forged").status_code == 403
    assert acme.owner.get("/").status_code == 200
    assert "Forged" not in acme.owner.get("/notes").text


@pytest.mark.parametrize("name", ["Ana\nAdmin deleted everything", "Ana\r\nBcc: all@example.com", "Ana\x1b[2J"])
def test_nobody_forges_a_line(site: Aespo, name: str) -> None:
    form = {"workspace": "Acme", "slug": "", "name": "Ana", "email": "a@example.com", "password": PASSWORD}
    for field in ("workspace", "name"):
        assert Browser(site).post("/signup", **(form | {field: name})).status_code == 422


@pytest.mark.parametrize("slug", ["a.b", "a/b", "../etc", "a'--", "a\nb", "a b", "ä-b", "%2e", "a\u212ab", "x" * 41])
def test_no_slug_is_more_than_a_label(site: Aespo, slug: str) -> None:
    form = {"workspace": "Acme", "name": "Ana", "email": "a@example.com", "password": PASSWORD}
    assert Browser(site).post("/signup", **form, slug=slug).status_code == 422
    with site.context.require_database().without_tenant() as connection:
        assert connection.scalar(text("SELECT count(*) FROM directory WHERE slug = :slug"), {"slug": slug}) == 0
