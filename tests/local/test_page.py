"""The page for people: its files, its JSON, who may read it, and what a browser makes of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from balancing import ask
from playwright.sync_api import sync_playwright
from running import ROOT, Local, bundle

from ebcd_local.balancer import LoadBalancer
from ebcd_local.page import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--virtual-time-budget=4000",
]
EVIL = "<img src=x onerror=alert(1)>"
BACK = "ebcd swap --rollback -a shop -s local"
LOGS = [{"instance": "i-1", "name": "web.stdout.log", "lines": ["first line", "second line", EVIL]}]


def told(**changes: Any) -> dict[str, Any]:
    return {
        "now": "2026-01-01T00:00:10.000+00:00",
        "endpoint_url": "http://127.0.0.1:8155",
        "proxy_url": "http://127.0.0.1:8156",
        "variables": 'eval "$(ebcd local env)"',
        "unjailed": "",
        "database": None,
        "applications": [],
        "events": [],
    } | changes


def running() -> dict[str, Any]:
    series = [[10, 1, 12.5]] * 60
    instance = {"id": "i-1", "port": 1, "health": "Green", "health_status": "Ok", "causes": []}
    environment = {
        "id": "e-1",
        "name": "shop-blue",
        "tier": "WebServer",
        "cname": "shop.x.localhost",
        "url": "http://shop.x.localhost:8156/",
        "stage": "local",
        "release": "r2",
        "role": "live",
        "logs": "ebcd local logs shop-blue",
        "status": "Updating",
        "health": "Red",
        "health_status": "Degraded",
        "causes": [EVIL],
        "version_label": "abc",
        "instances": [instance],
        "series": series,
    }
    version = {
        "label": "abc",
        "description": EVIL,
        "created": "2026-01-01T00:00:00.000+00:00",
        "runs_on": ["shop-blue"],
    }
    event = {
        "time": "2026-01-01T00:00:05.000+00:00",
        "severity": "WARN",
        "application": "shop",
        "environment": "shop-blue",
        "message": EVIL,
    }
    rollback = {"text": f"A rollback makes r1 live again, with {EVIL}.", "command": BACK}
    application = {
        "name": "shop",
        "region": "eu-central-1",
        "environments": [environment],
        "versions": [version],
        "version_count": 1,
        "stages": [{"name": "local", "rollback": rollback, "waiting": None}],
    }
    return told(applications=[application], events=[event])


@pytest.fixture
def shown() -> Iterator[tuple[LoadBalancer, dict[str, Any]]]:
    """A load balancer with a page, and what it tells, to be changed."""
    content, balancer = told(), LoadBalancer()
    balancer.start()
    balancer.set_bare(Page(lambda: content, lambda found: LOGS if found == "e-1" else None))
    yield balancer, content
    balancer.stop()


def render(url: str, folder: Path) -> str:
    """The page's DOM as Chromium has it after some seconds."""
    assert CHROMIUM
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'browser'}", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


browser = pytest.mark.needs("chromium", "chromium-browser", "google-chrome")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8156", "[::1]:8156"])
def test_the_page_and_its_files_are_served(shown: tuple[LoadBalancer, dict[str, Any]], host: str) -> None:
    port = shown[0].port
    for path, kind, text in [
        ("/", "text/html", b"/_page/page.js"),
        ("/_page/page.js", "text/javascript", b"fetch("),
        ("/_page/style.css", "text/css", b"prefers-color-scheme"),
    ]:
        status, headers, body = ask(port, path, host=host)
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)
        assert text in body
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
    assert json.loads(ask(port, "/_page/state", host=host)[2]) == told()
    assert ask(port, "/_page/site.py", host=host)[0] == 404
    assert ask(port, "/", host=host, method="POST", body=b"x")[0] == 405


def test_no_other_page_can_read_it(shown: tuple[LoadBalancer, dict[str, Any]]) -> None:
    balancer, content = shown
    content.update(running())
    assert not [name for name in ask(balancer.port, "/_page/state", host="localhost")[1] if "access-control" in name]
    for site in ("cross-site", "same-site"):
        for path in ("/_page/state", "/_page/logs?environment=e-1"):
            assert ask(balancer.port, path, host="localhost", **{"Sec-Fetch-Site": site})[0] == 403
    for host in ("rebound.example.com", "127.0.0.1.example.com", "localhost.example.com", ""):
        status, _, body = ask(balancer.port, "/_page/state", host=host, Accept="text/html")
        assert status == (404 if host else 400), "what names no host is refused before anybody answers"
        assert b"shop" not in body


def test_the_logs_of_an_environment_are_served(shown: tuple[LoadBalancer, dict[str, Any]]) -> None:
    status, headers, body = ask(shown[0].port, "/_page/logs?environment=e-1", host="localhost")
    assert (status, json.loads(body)) == (200, {"logs": LOGS})
    assert headers["cache-control"] == "no-store"
    for other in ("e-2", "", "../../etc"):
        assert ask(shown[0].port, f"/_page/logs?environment={other}", host="localhost")[0] == 404
    assert ask(shown[0].port, "/_page/logs?environment=e-1", host="rebound.example.com")[0] == 404


def luminance(color: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colors_have_the_contrast_that_the_stylesheet_promises() -> None:
    style = (ROOT / "ebcd_local/page/style.css").read_text()
    themes = [
        dict(re.findall(r"--(\w[\w-]*): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(themes) == 2
    assert all(theme.keys() == themes[0].keys() for theme in themes)
    for theme in themes:
        for ground in ("paper", "card", "code"):
            for text in ("ink", "quiet", "link", "green", "yellow", "red"):
                assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
        for ground in ("green", "link", "red"):
            assert contrast(theme["on-mark"], theme[ground]) >= 4.5, ground
        for graphic in ("bars", "grey", "edge"):
            assert contrast(theme[graphic], theme["card"]) >= 3, graphic


def test_an_unknown_cname_is_told_those_that_there_are(shown: tuple[LoadBalancer, dict[str, Any]]) -> None:
    balancer, content = shown
    assert b"None is." in ask(balancer.port, host="nope.x.localhost")[2]
    content.update(running())
    status, _, body = ask(balancer.port, "/", host="nope.x.localhost", Accept="text/html")
    assert status == 404
    assert b'<a href="http://shop.x.localhost:8156/">shop.x.localhost</a>' in body
    assert b"http://shop.x.localhost:8156/\n" in ask(balancer.port, host="nope.x.localhost")[2]
    assert b"<script" not in ask(balancer.port, host="<script>.localhost", Accept="text/html")[2]


def test_its_files_are_part_of_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    files = {path.name for path in (ROOT / "ebcd_local/page").iterdir() if path.suffix not in {".py", ""}}
    packed = {path.name for pattern in data["ebcd_local.page"] for path in (ROOT / "ebcd_local/page").glob(pattern)}
    assert files == packed == {"index.html", "style.css", "page.js"}


@browser
def test_a_browser_shows_what_runs_and_takes_no_text_for_markup(
    shown: tuple[LoadBalancer, dict[str, Any]], tmp_path: Path
) -> None:
    balancer, content = shown
    content.update(running())
    dom = render(f"http://127.0.0.1:{balancer.port}/", tmp_path)
    for text in (
        'href="http://shop.x.localhost:8156/"',
        "shop-blue",
        "Degraded",
        "Updating",
        "i-1",
        "on shop-blue",
        "13 ms",
        "<path",
        "WARN",
        "5 s ago",
        "<title>shop-blue Red · Local Beanstalk</title>",
    ):
        assert text in dom, text
    assert EVIL not in dom
    assert dom.count("&lt;img src=x") == 5, "a cause, a description, a rollback, an event and its title"
    assert BACK in dom
    assert '<span class="role live">live</span><b>r2</b>' in dom
    assert dom.count('data-key="i-1"') == 1  # shown again and again, and still once


@browser
def test_a_browser_tells_the_next_command_where_nothing_runs(
    shown: tuple[LoadBalancer, dict[str, Any]], tmp_path: Path
) -> None:
    dom = render(f"http://localhost:{shown[0].port}/", tmp_path)
    assert "ebcd ship" in dom
    assert 'eval "$(ebcd local env)" &amp;&amp; eb create' in dom


@browser
def test_somebody_reads_a_log_filters_and_copies_a_command(shown: tuple[LoadBalancer, dict[str, Any]]) -> None:
    balancer, content = shown
    content.update(running())
    with sync_playwright() as it:
        chromium = it.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = chromium.new_context()
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page, complaints = context.new_page(), []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"http://localhost:{balancer.port}/")
        page.click(f'[data-copy="{BACK}"]')
        page.wait_for_selector("text=Copied")
        assert page.evaluate("navigator.clipboard.readText()") == BACK
        page.focus("[data-log]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#lines:has-text('second line')")
        assert page.get_attribute("[data-log]", "aria-expanded") == "true"
        assert page.input_value("#log-file") == "web.stdout.log i-1"
        page.fill("#log-filter", "SECOND")
        assert page.inner_text("#lines") == "second line"
        page.fill("#event-filter", "no such event")
        assert page.locator(".events li").count() == 0
        page.fill("#event-filter", "warn shop-blue")
        assert page.locator(".events li").count() == 1
        content["applications"][0]["environments"][0]["health"] = "Green"
        page.wait_for_selector("#said:has-text('shop-blue: health Green')", state="attached")
        assert page.input_value("#log-filter") == "SECOND", "what was typed stays, whatever changes"
        assert complaints == []
        chromium.close()


@browser
def test_axe_finds_nothing_wrong_in_light_and_dark(shown: tuple[LoadBalancer, dict[str, Any]]) -> None:
    balancer, content = shown
    content.update(running())
    with sync_playwright() as it:
        chromium = it.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"http://localhost:{balancer.port}/")
        page.click("[data-log]")
        page.wait_for_selector("#lines:has-text('second line')")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page).response["violations"]
            assert [(item["id"], item["impact"], item["nodes"][0]["html"]) for item in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        chromium.close()


@browser
def test_a_browser_says_when_nobody_answers(tmp_path: Path) -> None:
    balancer = LoadBalancer()
    balancer.start()
    answers = [told()]
    balancer.set_bare(Page(answers.pop))  # the second question fails
    try:
        dom = render(f"http://127.0.0.1:{balancer.port}/", tmp_path)
    finally:
        balancer.stop()
    assert '<html lang="en" class="gone">' in dom
    assert '<div id="gone" role="alert">' in dom


def test_the_server_s_own_page_shows_a_running_environment(local: Local, tmp_path: Path) -> None:
    local.publish("page", "v1", bundle())
    local.launch("page", "page-env", "v1", "page-prefix")
    url = local.told["proxy_url"]
    port = urlsplit(url).port or 0
    cname = local.describe("page-env")["CNAME"]
    assert ask(port, host=cname)[0] == 200
    state = {}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = json.loads(ask(port, "/_page/state", host="127.0.0.1")[2])
        found = {item["name"]: item for app in state["applications"] for item in app["environments"]}["page-env"]
        if sum(second[0] for second in found["series"]) and found["instances"][0]["health"] == "Green":
            break
        time.sleep(0.1)
    assert (found["status"], found["health"], found["version_label"]) == ("Ready", "Green", "v1")
    assert sum(second[0] for second in found["series"]) >= 1
    assert found["instances"][0]["health"] == "Green"
    assert "Successfully launched environment: page-env" in {event["message"] for event in state["events"]}
    if CHROMIUM:
        dom = render(url, tmp_path)
        assert "page-env" in dom
        assert f'href="http://{cname}:{port}/"' in dom
