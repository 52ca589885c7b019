"""Lists that are ticked, and prices that an operator sets: escaped, and each workspace's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from workspaces import Browser, Founded, end_trial, give_plan

from aespo import markup, offers
from aespo.plans import PLANS
from aespo.settings import read
from aespo.web import Aespo

LIST = (
    "# Packing\n\n- [ ] rope\n- [x] anchor\n  - [ ] chain\n\n    - [ ] not code here\n\n"
    "```\n- [ ] code\n```\n- [x]no box\n"
)
EVIL = "<img src=x onerror=alert(1)>"


def boxes(html: str) -> list[tuple[str, str]]:
    box = (
        r'<button id="line-\d+" class="box(?: on)?" name="tick" value="([^"]*)" role="checkbox" aria-checked="[a-z]*" '
    )
    return re.findall(box + r'aria-label="([^"]*)">', html)


def test_boxes_are_what_github_shows_as_boxes() -> None:
    assert boxes(markup.to_html(LIST, True)) == [
        ("2:done", "rope"),
        ("3:open", "anchor"),
        ("4:done", "chain"),
        ("6:done", "not code here"),
    ]
    shown = markup.to_html(LIST)
    assert "<button" not in shown
    assert shown.count('<input type="checkbox" disabled') == 4
    assert shown.count("checked") == 1
    assert "<code>- [ ] code\n</code>" in shown


@pytest.mark.parametrize(
    ("text", "line", "ticked"),
    [
        ("- [ ] a", 0, "- [x] a"),
        ("* [ ]", 0, "* [x]"),
        ("1. [ ] a\n2. [ ] b", 1, "1. [ ] a\n2. [x] b"),
        ("> - [ ] a", 0, "> - [x] a"),
        ("- - [ ] a [ ] b", 0, "- - [x] a [ ] b"),
        ("- [ ] a\r\n- [ ] b\r\n", 1, "- [ ] a\r\n- [x] b\r\n"),
        ("-\t[ ] a  ", 0, "-\t[x] a  "),
        ("- [X] a", 0, "- [x] a"),
        ("[x]: https://example.com\n\n- [ ] a", 2, "[x]: https://example.com\n\n- [x] a"),
    ],
)
def test_a_tick_changes_one_letter_of_the_text(text: str, line: int, ticked: str) -> None:
    assert markup.ticked(text, line, done=True) == ticked
    again = markup.ticked(ticked, line, done=False)
    assert again is not None
    assert again.replace("[ ]", "[x]") == ticked.replace("[ ]", "[x]")


@pytest.mark.parametrize(
    ("text", "line"), [("- [ ] a", 1), ("[ ] a", 0), ("    - [ ] a", 0), ("", 0), ("- [ ] a", 99999)]
)
def test_where_there_is_no_box_nothing_is_ticked(text: str, line: int) -> None:
    assert markup.ticked(text, line, done=True) is None


def test_no_text_brings_markup_into_a_box() -> None:
    html = str(markup.to_html(f'- [ ] {EVIL} " onclick="x\n- [ ] <button name="tick" value="0:done">\n', True))
    assert html.count("<button") == 2
    assert "<img" not in html
    seen: list[tuple[str, set[str]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, found: seen.append((tag, {name for name, _ in found}))  # type: ignore[method-assign]
    parser.feed(html)
    known = {"id", "class", "name", "value", "role", "aria-checked", "aria-label"}
    assert [found for tag, found in seen if tag == "button"] == [known] * 2


def test_a_member_ticks_an_item_and_a_second_click_changes_nothing(acme: Founded) -> None:
    note = acme.note("Packing", LIST)
    page = acme.owner.get(f"/notes/{note}").text
    assert 'value="2:done"' in page
    for _ in range(2):
        answer = acme.owner.post(f"/notes/{note}/tick", version="1", tick="2:done")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/notes/{note}#line-2")
    page = acme.owner.get(f"/notes/{note}").text
    assert 'value="2:open"' in page
    assert 'name="version" value="2"' in page
    assert acme.owner.post(f"/notes/{note}/tick", version="2", tick="2:open").status_code == 303
    assert 'value="2:done"' in acme.owner.get(f"/notes/{note}").text


def test_a_tick_that_was_made_of_another_text_is_not_made(acme: Founded) -> None:
    note = acme.note("Packing", LIST)
    acme.owner.post(f"/notes/{note}", title="Packing", body="- [ ] sail\n\n- [ ] rope\n", version="1")
    answer = acme.owner.post(f"/notes/{note}/tick", version="1", tick="2:done")
    assert answer.status_code == 409
    assert "Somebody has changed this note meanwhile." in answer.text
    assert 'value="2:done"' in acme.owner.get(f"/notes/{note}").text
    for odd in ("", "x:done", "-1:done", "7:done", "9" * 30 + ":done"):
        assert acme.owner.post(f"/notes/{note}/tick", version="2", tick=odd).status_code == 409


def test_readers_and_strangers_tick_nothing(acme: Founded, globex: Founded) -> None:
    note = acme.note("Packing", LIST)
    reader = acme.joined("reader")
    page = reader.get(f"/notes/{note}").text
    assert 'class="box' not in page
    assert page.count('type="checkbox" disabled') == 4
    assert reader.post(f"/notes/{note}/tick", version="1", tick="2:done").status_code == 403
    assert globex.owner.post(f"/notes/{note}/tick", version="1", tick="2:done").status_code == 404
    end_trial(acme)
    assert acme.owner.post(f"/notes/{note}/tick", version="1", tick="2:done").status_code == 402
    assert 'value="2:done"' in acme.owner.get(f"/notes/{note}").text


def test_the_task_list_has_checkboxes_for_those_who_may_write(acme: Founded) -> None:
    acme.owner.post("/tasks", title="Oil the lock")
    page = acme.owner.get("/tasks").text
    assert re.search(
        r'role="checkbox" aria-checked="false" title="Done">.*?<span class="out">Oil the lock</span>', page
    )
    shown = acme.joined("reader").get("/tasks").text
    assert "Oil the lock" in shown
    assert 'role="checkbox"' not in shown
    assert "/state" not in shown


SHOP = "https://shop.example.com/buy?plan={plan}&w={workspace}&mail={email}"


def test_prices_show_what_plans_contain_and_what_the_operator_asks(make_site: Callable[..., Aespo]) -> None:
    page = Browser(make_site()).get("/prices").text
    for plan in PLANS.values():
        assert plan.name in page
        assert f"{plan.members:,} members" in page
        assert f"{plan.requests:,} requests a day" in page
    assert "Free for 14 days" in page
    assert "write to whoever runs this site" in page
    page = (
        Browser(make_site(AESPO_PRICES=f"team: 19 € a month; company: {EVIL}", AESPO_UPGRADE_URL=SHOP))
        .get("/prices")
        .text
    )
    assert "19 € a month" in page
    assert EVIL not in page
    assert "&lt;img src=x" in page
    assert "write to whoever" not in page
    assert 'href="/prices"' in Browser(make_site()).get("/").text


def test_an_owner_is_led_to_the_operator_s_shop(make_site: Callable[..., Aespo], acme: Founded) -> None:
    page = acme.owner.get("/usage").text
    assert "write to whoever runs this site" in page
    assert "Change to" not in page
    shop = make_site(AESPO_UPGRADE_URL=SHOP)
    acme.owner.client.application = shop
    page = acme.owner.get("/usage").text
    mail = acme.email.replace("@", "%40")
    assert f'href="https://shop.example.com/buy?plan=team&amp;w={acme.slug}&amp;mail={mail}"' in page
    assert page.count("Change to") == 2
    give_plan(acme, "team")
    page = acme.owner.get("/usage").text
    assert "Change to Company" in page
    assert "Change to Team" not in page
    member = acme.joined("member")
    member.client.application = shop
    page = member.get("/usage").text
    assert "Change to" not in page
    assert "An owner of this workspace can change the plan." in page


def test_values_in_an_address_are_no_part_of_it() -> None:
    url = offers.upgrade_url(SHOP, workspace="a&b", plan=PLANS["team"], email='x"+y@example.com')
    assert url == "https://shop.example.com/buy?plan=team&w=a%26b&mail=x%22%2By%40example.com"
    assert offers.upgrade_url("", workspace="a", plan=PLANS["team"], email="") == ""


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert(1)",
        "/buy",
        "ftp://x",
        "https://{workspace}.example.com/",
        "https://x/{nothing}",
        "https://x/{plan.key}",
        "https://x/{0}",
        "https://x/{plan!r}",
        "https://x/{plan:>9}",
        "https://x/{",
        "https:///x",
        "mailto:a b@example.com",
    ],
)
def test_an_address_that_is_none_stops_the_start(template: str) -> None:
    with pytest.raises(ValueError, match=r"^AESPO_UPGRADE_URL: "):
        read({"AESPO_UPGRADE_URL": template})


@pytest.mark.parametrize("text", ["team", "team:", "gold: 1 €", "team: " + "x" * 61])
def test_a_price_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"^AESPO_PRICES: "):
        read({"AESPO_PRICES": text})


def test_a_mail_address_will_do() -> None:
    assert read({"AESPO_UPGRADE_URL": "mailto:sales@example.com?subject={workspace}"}).upgrade_url.startswith("mailto:")
    assert read({"AESPO_PRICES": "team: 19 €;"}).prices == {"team": "19 €"}
    assert read({}).prices == {}
