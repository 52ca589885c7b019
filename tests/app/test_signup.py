"""Signing up: the workspace is there when the answer is, and nobody else gets in by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from workspaces import PASSWORD, Browser, Founded, signed_up

from aespo.web import Aespo

FORM = {"workspace": "Acme", "name": "Ana Lima", "email": "ana@example.com", "password": PASSWORD}


def test_the_workspace_is_there_with_something_in_it(acme: Founded) -> None:
    home = acme.owner.get("/").text
    assert "Hello Ana" in home
    assert "Welcome to your island" in home
    assert "Look around, and change the welcome note" in home
    assert "You are alone here so far" in home
    assert "<strong>14 days</strong>" in home


def test_the_link_into_it_is_good_once(site: Aespo) -> None:
    first = Browser(site)
    location = first.post("/signup", **FORM, slug="once-only").headers["Location"]
    assert re.fullmatch(r"http://once-only\.localhost/arrive\?token=[\w-]{43}", location)
    path = location.removeprefix("http://once-only.localhost")
    inside = first.new("once-only.localhost")
    assert inside.get(path).headers["Location"] == "/"
    assert inside.get("/").status_code == 200
    other = first.new("once-only.localhost")
    assert other.get(path).headers["Location"] == "/login?used=1"
    assert other.get("/").headers["Location"] == "/login"


def test_the_link_opens_no_other_workspace(site: Aespo, acme: Founded) -> None:
    location = Browser(site).post("/signup", **FORM, slug="link-of-mine").headers["Location"]
    path = location.partition("localhost")[2]
    stranger = Browser(site, acme.host)
    assert stranger.get(path).headers["Location"] == "/login?used=1"
    assert Browser(site, "link-of-mine.localhost").get(path).headers["Location"] == "/"


def test_of_sixteen_sign_ups_at_once_exactly_one_gets_the_address(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_POOL_SIZE="16")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: Browser(site).post("/signup", **FORM, slug="contested"), range(16)))
    assert sorted(answer.status_code for answer in answers) == [303] + [422] * 15
    assert all("This address is taken." in answer.text for answer in answers if answer.status_code == 422)
    with site.context.require_database().without_tenant() as connection:
        assert connection.scalar(text("SELECT count(*) FROM directory WHERE slug = 'contested'")) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"workspace": " "}, "Please fill this in."),
        ({"workspace": "x" * 81}, "Use at most 80 characters."),
        ({"email": "nobody"}, "does not look like an e-mail address"),
        ({"email": "a@b"}, "does not look like an e-mail address"),
        ({"password": "short"}, "Use at least 10 characters."),
        ({"slug": "www"}, "This address is reserved."),
        ({"slug": "-x-"}, "small letters, digits and hyphens"),
        ({"name": "a\0b"}, "a character that cannot be kept"),
        ({"workspace": "☃"}, "An address has 3 to 40 characters."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(site: Aespo, wrong: dict[str, str], said: str) -> None:
    answer = Browser(site).post("/signup", **({**FORM, "slug": ""} | wrong))
    assert answer.status_code == 422
    assert said in answer.text
    assert PASSWORD not in answer.text
    assert 'value="ana@example.com"' in answer.text or "email" in wrong


def test_names_are_shown_as_they_are_typed(site: Aespo) -> None:
    page = signed_up(site, workspace="<b>Wayne & Sons</b>").owner.get("/").text
    assert "&lt;b&gt;Wayne &amp; Sons&lt;/b&gt;" in page
    assert "<b>Wayne" not in page


def test_one_client_cannot_sign_up_for_ever(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_SIGNUPS_PER_HOUR="2", AESPO_PROXIES="1")

    def sign_up(number: int, forwarded: str) -> int:
        answer = Browser(site).post("/signup", {"X-Forwarded-For": forwarded}, **FORM, slug=f"many-{number}")
        if answer.status_code == 429:
            assert 0 < int(answer.headers["Retry-After"]) <= 3601
        return answer.status_code

    assert [sign_up(number, "203.0.113.7") for number in range(3)] == [303, 303, 429]
    # What a client writes into the header itself comes before what our own proxy adds.
    assert sign_up(3, "198.51.100.1, 203.0.113.7") == 429
    assert sign_up(4, "203.0.113.8") == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.localhost"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_site_signs_anybody_up(site: Aespo, headers: dict[str, str]) -> None:
    assert Browser(site).post("/signup", headers, **FORM, slug="forged").status_code == 403


def test_a_password_opens_it_again_and_a_wrong_one_does_not(acme: Founded) -> None:
    visitor = acme.owner.new()
    assert visitor.post("/login", email=acme.email, password="not the password").status_code == 422
    assert visitor.post("/login", email="nobody@example.com", password=PASSWORD).status_code == 422
    assert visitor.post("/login", email=f" {acme.email.upper()} ", password=PASSWORD).headers["Location"] == "/"
    assert visitor.get("/").status_code == 200
    visitor.post("/logout")
    assert visitor.get("/").headers["Location"] == "/login"
    assert acme.owner.get("/").status_code == 200


def test_guessing_passwords_is_stopped_for_a_while(acme: Founded) -> None:
    visitor = acme.owner.new()
    codes = [visitor.post("/login", email=acme.email, password="wrong password").status_code for _ in range(11)]
    assert codes == [422] * 10 + [429]
    assert visitor.post("/login", email=acme.email, password=PASSWORD).status_code == 429


def test_signing_in_leads_to_the_page_that_was_wanted_and_to_no_other_site(acme: Founded) -> None:
    visitor = acme.owner.new()
    assert visitor.get("/notes").headers["Location"] == "/login?next=/notes"
    for wanted, led in [
        ("/notes", "/notes"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("http://evil.example", "/"),
    ]:
        answer = visitor.new().post("/login", email=acme.email, password=PASSWORD, next=wanted)
        assert answer.headers["Location"] == led


def test_a_forgotten_password_is_set_anew_by_a_link_in_the_mail(acme: Founded) -> None:
    visitor = acme.owner.new()
    assert visitor.post("/forgot", email="nobody@example.com").text == visitor.post("/forgot", email=acme.email).text
    token = re.search(r"/reset\?token=([\w-]+)", acme.owner.get("/outbox").text)[1]  # type: ignore[index]
    assert visitor.post("/reset", token=token, password="short").status_code == 422
    assert visitor.post("/reset", token=token, password="another long one").status_code == 303
    assert visitor.get("/").status_code == 200
    assert acme.owner.get("/").status_code == 303, "earlier sessions end"
    assert visitor.new().post("/reset", token=token, password="a third long one").status_code == 404
    assert visitor.new().post("/login", email=acme.email, password=PASSWORD).status_code == 422


def test_the_cookie_belongs_to_one_host_and_to_no_script(acme: Founded) -> None:
    answer = acme.owner.new().post("/login", email=acme.email, password=PASSWORD)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_over_https_the_cookie_has_the_host_prefix(make_site: Callable[..., Aespo], acme: Founded) -> None:
    secure = Browser(make_site(AESPO_SCHEME="https"), acme.host)
    answer = secure.post("/login", {"Origin": f"https://{acme.host}"}, email=acme.email, password=PASSWORD)
    cookies = answer.headers.getlist("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-aespo-device", "__Host-aespo"]
    assert all("; Secure" in cookie for cookie in cookies)


def test_nobody_keeps_others_from_setting_a_new_password(acme: Founded) -> None:
    stranger = acme.owner.new()
    answers = [stranger.post("/forgot", email=f"{number}@example.com").status_code for number in range(12)]
    assert answers == [200] * 12
    assert acme.owner.new().post("/forgot", email=acme.email).status_code == 200
    for _ in range(9):
        stranger.post("/forgot", email=acme.email)
    assert stranger.post("/forgot", email=f" {acme.email.upper()}").status_code == 429, "nor fills their mailbox"
