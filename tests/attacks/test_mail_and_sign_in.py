"""Mail carries no stranger's message, links lead to the configured host, and no stranger locks a member out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from test_jobs import Letters
from workspaces import PASSWORD, Founded, signed_up, work

from aespo import letters, settings
from aespo.web import Aespo

HOSTILE_NAMES = (
    "Win a prize at https://evil.example/x",
    "evil.example",
    "a@evil.example",
    "//evil.example\\share",
    "“Ana”\u202e\x00 ",
)


def mails(founded: Founded) -> list[Any]:
    """The workspace's mails, the earliest first."""
    with founded.owner.site.context.require_database().tenant(founded.tenant_id) as connection:
        return list(connection.execute(text("SELECT * FROM mails ORDER BY created_at, id")).all())


@pytest.fixture
def mailing(make_site: Callable[..., Aespo]) -> Aespo:
    """The site with a mail server, which nothing is handed to before a worker works."""
    return make_site(AESPO_MAIL_FROM="post@aespo.example", AESPO_BASE_HOST="localhost")


def confirm(founded: Founded) -> None:
    """Let the owner confirm their address by the mail's link."""
    founded.owner.post("/confirm")
    link = re.search(r"/confirm\?token=\S+", mails(founded)[-1].body)
    assert link is not None
    assert founded.owner.get(link[0]).headers["Location"] == "/team"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_in_a_mail_is_quoted_and_no_link(name: str) -> None:
    for letter in (
        letters.invitation(name, name, "acme.aespo.example", "http://acme.aespo.example/join?token=x"),
        letters.new_password("acme.aespo.example", "http://acme.aespo.example/reset?token=x"),
    ):
        assert "evil" not in letter.subject
        assert "evil.example" not in letter.body
        assert set(re.findall(r"\S+://\S+", letter.body)) <= {
            "http://acme.aespo.example/join?token=x",
            "http://acme.aespo.example/reset?token=x",
        }
        assert letter.body.replace("\n", "").isprintable()


def test_no_invitation_is_mailed_before_the_own_address_is_confirmed(mailing: Aespo) -> None:
    acme = signed_up(mailing)
    page = acme.owner.post("/team/invites", email="dee@example.com", role="member").text
    assert "You have not confirmed your own e-mail address yet" in page
    assert "/join?token=" in page, "the link can be sent by hand"
    assert mails(acme) == []
    confirm(acme)
    acme.owner.post("/team/invites", email="dee@example.com", role="member")
    assert [mail.recipient for mail in mails(acme)] == [acme.email, "dee@example.com"]


def test_a_link_confirms_once_and_only_its_own_member(mailing: Aespo) -> None:
    acme, globex = signed_up(mailing), signed_up(mailing)
    acme.owner.post("/confirm")
    link = re.search(r"/confirm\?token=\S+", mails(acme)[-1].body)[0]  # type: ignore[index]
    assert globex.owner.get(link).status_code == 404
    assert acme.owner.new().get(link).headers["Location"] == "/login"
    assert acme.owner.get(link).status_code == 404


def test_one_address_is_mailed_a_few_invitations_a_day_by_all_workspaces_together(mailing: Aespo) -> None:
    target = f"dee{signed_up(mailing).slug}@example.com"
    sent = 0
    for _ in range(5):
        acme = signed_up(mailing)
        confirm(acme)
        page = acme.owner.post("/team/invites", email=target, role="member").text
        assert "/join?token=" in page
        sent += sum(mail.recipient == target for mail in mails(acme))
    assert sent == 3


def test_one_workspace_mails_so_many_invitations_a_day(mailing: Aespo) -> None:
    acme = signed_up(mailing)
    confirm(acme)
    for number in range(14):
        acme.owner.post("/team/invites", email=f"dee{number}@{acme.slug}.example", role="member")
    assert len(mails(acme)) == 1 + 10


def test_an_address_has_one_invitation_and_the_last_link_is_good(acme: Founded) -> None:
    pages = [acme.owner.post("/team/invites", email="Dee@example.com", role=role).text for role in ("reader", "owner")]
    first, last = (re.search(r"/join\?token=([\w-]+)", page)[1] for page in pages)  # type: ignore[index]
    assert acme.owner.new().get(f"/join?token={first}").status_code == 404
    assert acme.owner.new().get(f"/join?token={last}").status_code == 200
    assert acme.owner.get("/team").text.count("dee@example.com") > 0


def test_mail_needs_a_configured_host_and_links_lead_there(make_site: Callable[..., Aespo]) -> None:
    with pytest.raises(ValueError, match="AESPO_BASE_HOST"):
        settings.read({"AESPO_MAIL_FROM": "post@aespo.example"})
    site = make_site(AESPO_BASE_HOST="aespo.example,localhost")
    acme = signed_up(site)
    acme.owner.new().post("/forgot", email=acme.email)
    assert f"http://{acme.slug}.aespo.example/reset?token=" in mails(acme)[-1].body


def test_a_stranger_cannot_lock_a_member_out(make_site: Callable[..., Aespo]) -> None:
    """Wrong passwords from another network stop that network, and even many networks do not stop a known browser."""
    acme = signed_up(make_site(AESPO_PROXIES="1"))
    stranger, member = acme.owner.new(), acme.owner.new()
    assert member.post("/login", email=acme.email, password=PASSWORD).status_code == 303
    member.post("/logout")

    def tries(network: int) -> int:
        from_there = {"X-Forwarded-For": f"198.51.{network}.7"}
        return stranger.post("/login", from_there, email=acme.email, password="wrong password").status_code

    assert [tries(1) for _ in range(11)] == [422] * 10 + [429]
    elsewhere = acme.owner.new()
    from_home = {"X-Forwarded-For": "203.0.113.9"}
    assert elsewhere.post("/login", from_home, email=acme.email, password=PASSWORD).status_code == 303
    codes = [tries(network) for network in range(2, 14) for _ in range(10)]
    assert codes[-1] == 429, "guesses from everywhere together are stopped, too"
    assert acme.owner.new().post("/login", from_home, email=acme.email, password=PASSWORD).status_code == 429
    assert member.post("/login", email=acme.email, password=PASSWORD).status_code == 303, "its browser is known"


def test_a_success_forgives_the_failures_before_it(acme: Founded) -> None:
    for _ in range(3):
        visitor = acme.owner.new()
        codes = [visitor.post("/login", email=acme.email, password="wrong password").status_code for _ in range(9)]
        assert codes == [422] * 9
        assert visitor.post("/login", email=acme.email, password=PASSWORD).status_code == 303


def test_a_known_browser_is_one_member_s_and_guesses_there_are_counted(acme: Founded, globex: Founded) -> None:
    other = acme.joined(name="Bo Berg")
    assert other.get("/").status_code == 200
    codes = [other.post("/login", email=acme.email, password="wrong password").status_code for _ in range(11)]
    assert codes[-1] == 429
    codes = [acme.owner.post("/login", email=acme.email, password="wrong password").status_code for _ in range(11)]
    assert codes[-1] == 429


def test_a_new_password_ends_sessions_and_tokens(acme: Founded) -> None:
    token = acme.token()
    acme.owner.new().post("/forgot", email=acme.email)
    link = re.search(r"token=(\S+)", mails(acme)[-1].body)[1]  # type: ignore[index]
    fresh = acme.owner.new()
    assert fresh.post("/reset", token=link, password="another battery staple").status_code == 303
    assert acme.owner.get("/").status_code == 303
    assert acme.owner.new().get("/api/v1/notes", Authorization=f"Bearer {token}").status_code == 401


def test_impossible_ids_are_nowhere(acme: Founded) -> None:
    paths = (
        "/notes/%00",
        "/notes/a%00b/edit",
        "/notes/%2e%2e",
        "/tasks/%00",
        "/exports/%00",
        "/notes/x/files/%00",
        "/notes/" + "a" * 5_000,
        "/notes/%F0%9F%98%80",
        "/join?token=%00",
        "/confirm?token=%00",
        "/api/v1/notes/%00",
    )
    for path in paths:
        assert acme.owner.get(path).status_code == 404, path
    for path in ("/notes/%00/delete", "/team/%00/remove", "/tokens/%00/revoke", "/team/invites/%00/withdraw"):
        assert acme.owner.post(path).status_code == 404, path


def test_mail_comes_before_what_others_have_built(make_site: Callable[..., Aespo]) -> None:
    """Fifteen workspaces' exports, and many of one, hold nobody's mail: it has a queue and a thread of its own."""
    site = make_site()
    noisy, quiet = signed_up(site), signed_up(site)
    work(site)
    for _ in range(15):
        noisy.owner.post("/export")
    quiet.owner.post("/team/invites", email="dee@example.com", role="member")
    taken = site.context.require_adapters().mail_queue.take(0)
    assert [f'"tenant": {quiet.tenant_id}' in message.body for message in taken] == [True]


def test_letters_are_what_people_wrote_nowhere_in_subjects(acme: Founded) -> None:
    sent = Letters()
    work(acme.owner.site)
    acme.owner.post("/team/invites", email="dee@example.com", role="member")
    acme.owner.new().post("/forgot", email=acme.email)
    work(acme.owner.site, sent)
    assert {subject for _, subject, _ in sent.sent} == {
        "An invitation to a workspace on Aespo",
        "A new password on Aespo",
    }
