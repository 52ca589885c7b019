"""Takes pictures of web pages in Chromium: on a phone and on a desk, in light and in dark."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from recording.story import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
Scheme = Literal["light", "dark"]
SIZES = ((390, 844), (1280, 900))
"""Width and height of a phone's and of a desk's window."""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PERSON = {"workspace": "Harbour", "name": "Ana Lima", "email": "ana@example.com", "password": "tides come twice a day"}
NOTE = (
    "## High water\n\n| day | first | second |\n|---|---|---|\n| Monday | 03:12 | 15:40 |\n\n- [x] rope\n- [ ] paint\n"
)


@contextmanager
def windows() -> Iterator[Callable[[int, int, Scheme], Any]]:
    """Opens windows of a width, a height and a colour scheme. Raises RuntimeError where there is no Chromium."""
    from playwright.sync_api import sync_playwright

    if not CHROMIUM:
        raise RuntimeError("Pictures of pages need Chromium on PATH.")
    options = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.localhost 127.0.0.1"]
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=options)

        def opened(width: int, height: int, scheme: Scheme) -> Any:
            return browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()

        yield opened
        browser.close()


def console(address: str, folder: Path) -> None:
    """Pictures of the local Beanstalk's console, `console-390-dark.png` and the others."""
    with windows() as opened:
        for (width, height), scheme in product(SIZES, SCHEMES):
            page = opened(width, height, scheme)
            page.goto(address)
            page.wait_for_selector("text=shop-local-r1")
            page.screenshot(path=folder / f"console-{width}-{scheme}.png")


def application(folder: Path) -> None:
    """Pictures of the application's pages: its front page, a workspace's home and a note."""
    with served() as address, windows() as opened:
        page = opened(1280, 900, "light")
        page.goto(f"{address}/signup")
        for field, value in PERSON.items():
            page.fill(f"#{field}", value)
        page.click("text=Create the workspace")
        home = page.url.rstrip("/")
        page.goto(f"{home}/notes/new")
        page.fill("#title", "Tide table")
        page.fill("#body", NOTE)
        page.click("text=Write it down")
        state = page.context.storage_state()
        shown = {"front": address, "home": home, "note": page.url}
        for (width, height), scheme, (name, url) in product(SIZES, SCHEMES, shown.items()):
            page = opened(width, height, scheme)
            page.context.add_cookies(state["cookies"])
            page.goto(url)
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")


@contextmanager
def served() -> Iterator[str]:
    """The application with a database of its own, for a block; its address."""
    with TemporaryDirectory(prefix="ebcd-", dir="/tmp") as data, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "AESPO_"))}
        environ = {**kept, "PORT": str(port), "XDG_STATE_HOME": data, "HOME": data, "TMPDIR": data}
        process = subprocess.Popen([sys.executable, "application.py"], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        try:
            _wait(process, port)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait until the application has ended. Its database has by then; threads that still wait for it may keep it."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the application answers. Raises RuntimeError where it ends before."""
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("The application has ended.")
