"""What people are told of a run, and that nothing depends on whether they can be."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from stages import STAGE

from ebcd.errors import UsageError
from ebcd.model import Notify, Stage
from ebcd.release.commands.notify import notify, require_urls
from ebcd.report.notice import LONGEST, notice

DONE = [{"step": "SwapCnames", "status": "done"}]
SHIPPED: dict[str, Any] = {
    "command": "ship",
    "ok": True,
    "exit_code": 0,
    "application": "shop",
    "stage": "prod",
    "release": "r7",
    "version_label": "3f9c2d1a7b44",
    "live": {"release": "r7", "url": "https://shop.example.com"},
    "previous": {"release": "r6", "version_label": "aaaabbbbcccc"},
    "steps": DONE,
}


def stage(*urls: str) -> Stage:
    return replace(STAGE, notify=Notify(urls))


@contextmanager
def listener(status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """An address that takes messages, and what came."""
    came: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_release_that_went_live_tells_its_version_its_way_back_and_who() -> None:
    assert notice(SHIPPED, "ada", "https://ci.example.com/1").splitlines() == [
        "✅ shop prod: r7 is live, by ada",
        "3f9c2d1a7b44, before it r6 (aaaabbbbcccc)",
        "https://shop.example.com",
        "undo: ebcd swap --rollback -a shop -s prod",
        "https://ci.example.com/1",
    ]


def test_a_failure_tells_what_why_and_the_next_command_and_what_is_live() -> None:
    error = {"what": "r7 failed its smoke test.", "why": "line one\nline two " + "x" * 1000, "hint": "ebcd logs"}
    report = SHIPPED | {"ok": False, "exit_code": 6, "error": error, "live": {"release": "r6", "url": "https://x"}}
    lines = notice(report, "ada", "").splitlines()
    assert lines[0] == "❌ shop prod: r7 failed and no user has seen it, r6 is live, by ada"
    assert lines[2] == "r7 failed its smoke test."
    assert lines[3].startswith("line one line two xx")
    assert len(lines[3]) < LONGEST + 50
    assert lines[4:] == ["ebcd logs", "https://x"]


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": []},
        {"steps": [{"step": "SwapCnames", "status": "planned"}]},
        {"ok": False, "exit_code": 4, "steps": [], "error": {"what": "Another run holds the lock."}},
        {"steps": [{"step": "UploadBundle", "status": "skipped"}]},
    ],
)
def test_of_a_run_that_began_nothing_nobody_is_told(changes: dict[str, Any]) -> None:
    assert notice(SHIPPED | changes, "ada", "") == ""


def test_the_message_is_posted_to_every_address_as_a_chat_wants_it() -> None:
    with listener() as (one, first), listener() as (other, second):
        assert notify(stage(one, "env:HOOK"), {"HOOK": other}, "r7 is live") == ()
    assert first == second == [{"text": "r7 is live"}]


def test_who_cannot_be_told_is_told_by_place_and_the_others_are_told() -> None:
    with listener() as (good, came), listener(500) as (bad, _), listener(302) as (moved, hops):
        told = notify(stage(good, bad, moved, "env:NONE", "http://127.0.0.1:1/T0KEN"), {}, "hello")
    assert came == [{"text": "hello"}]
    assert len(hops) == 1, "no redirect is followed"
    assert told[:3] == (
        "notify.urls[1]: it answered 500",
        "notify.urls[2]: it answered 302",
        "notify.urls[3]: its variable holds no URL",
    )
    assert told[3].startswith("notify.urls[4]: ")
    assert "T0KEN" not in "".join(told)


def test_an_address_that_never_answers_is_given_up() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        told = notify(stage(f"http://127.0.0.1:{silent.getsockname()[1]}/"), {}, "hello", patience=0.2)
        assert time.monotonic() - start < 5
    assert told == ("notify.urls[0]: ReadTimeoutError",)


def test_a_variable_without_a_url_is_refused_before_anything_is_done() -> None:
    require_urls(stage("env:HOOK", "https://example.com/"), {"HOOK": "https://example.com/secret"})
    for value in ({}, {"HOOK": ""}, {"HOOK": "http://example.com/T0KEN"}, {"HOOK": "https://example.com/T0 KEN"}):
        with pytest.raises(UsageError, match="HOOK holds no URL") as error:
            require_urls(stage("env:HOOK"), value)
        assert "T0KEN" not in str(error.value)
