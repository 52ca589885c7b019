"""The page for people: its files, its JSON, who may read it, and what a browser makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from balancing import ask
from running import ROOT, Local, bundle

from ebcd_local.balancer import LoadBalancer
from ebcd_local.page import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=4000"]  # fmt: skip
EVIL = "<img src=x onerror=alert(1)>"


def told(**changes: Any) -> dict[str, Any]:
    return {
        "now": "2026-01-01T00:00:10.000+00:00",
        "endpoint_url": "http://127.0.0.1:8155",
        "proxy_url": "http://127.0.0.1:8156",
        "unjailed": "",
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
    event = {"time": "2026-01-01T00:00:05.000+00:00", "severity": "WARN", "application": "shop",
             "environment": "shop-blue", "message": EVIL}  # fmt: skip
    application = {"name": "shop", "region": "eu-central-1", "environments": [environment], "versions": [version],
                   "version_count": 1}  # fmt: skip
    return told(applications=[application], events=[event])


@pytest.fixture
def shown() -> Iterator[tuple[LoadBalancer, dict[str, Any]]]:
    """A load balancer with a page, and what it tells, to be changed."""
    content, balancer = told(), LoadBalancer()
    balancer.start()
    balancer.set_bare(Page(lambda: content))
    yield balancer, content
    balancer.stop()


def render(url: str, folder: Path) -> str:
    """The page's DOM as Chromium has it after some seconds."""
    assert CHROMIUM
    done = subprocess.run([CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'browser'}", "--dump-dom", url],
                          capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
    return done.stdout


browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on PATH")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8156", "[::1]:8156"])
def test_the_page_and_its_files_are_served(shown: tuple[LoadBalancer, dict[str, Any]], host: str) -> None:
    port = shown[0].port
    for path, kind, text in [("/", "text/html", b"/_page/page.js"), ("/_page/page.js", "text/javascript", b"fetch("),
                             ("/_page/style.css", "text/css", b"prefers-color-scheme")]:  # fmt: skip
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
        assert ask(balancer.port, "/_page/state", host="localhost", **{"Sec-Fetch-Site": site})[0] == 403
    for host in ("rebound.example.com", "127.0.0.1.example.com", "localhost.example.com", ""):
        status, _, body = ask(balancer.port, "/_page/state", host=host, Accept="text/html")
        assert status == 404
        assert b"shop" not in body


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
    for text in ('href="http://shop.x.localhost:8156/"', "shop-blue", "Degraded", "Updating", "i-1", "on shop-blue",
                 "13 ms", "<path", "WARN", "5 s ago", "<title>shop-blue Red · Local Beanstalk</title>"):  # fmt: skip
        assert text in dom, text
    assert EVIL not in dom
    assert dom.count("&lt;img src=x") == 3
    assert dom.count('data-key="i-1"') == 1  # shown again and again, and still once


@browser
def test_a_browser_tells_the_next_command_where_nothing_runs(
    shown: tuple[LoadBalancer, dict[str, Any]], tmp_path: Path
) -> None:
    dom = render(f"http://localhost:{shown[0].port}/", tmp_path)
    assert "ebcd ship" in dom
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:8155 eb create" in dom


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
